// One TCP connection, plain or TLS, as coroutines with deadlines.
//
// Held by shared_ptr: whoever awaits an operation keeps the object. At most one read and one write at a time.
// A deadline that passes ends the operation with asio::error::timed_out and leaves the connection open.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/http/message.hpp"

#include "base/http/alarm.hpp"
#include "base/http/tls.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <span>
#include <string_view>

namespace berth::http {

using SystemError = boost::system::error_code;
using asio::ip::tcp;

struct IoResult {
    SystemError error; // asio::error::eof at the end
    std::size_t bytes = 0;
};

class Connection {
  public:
    explicit Connection(tcp::socket socket);

    // The first address that answers; the TLS handshake when `context` is given.
    static Async<Result<std::shared_ptr<Connection>>> open(Executor executor, Url url, SSL_CTX* context,
                                                           Deadline deadline);

    // At least one byte unless there is an error.
    Async<IoResult> read_some(std::span<std::byte> buffer, Deadline deadline);
    Async<IoResult> write_some(std::span<const std::byte> bytes, Deadline deadline);
    // All of it; the deadline is for the whole.
    Async<SystemError> write(std::string_view text, Deadline deadline);

    // Whether an unused connection can still be used: the peer has neither closed nor said anything.
    bool quiet();
    // The timers of a connection that waits for nobody would keep the event loop running.
    void rest();
    // Says goodbye to the peer's reading side.
    void shut_down_sending();
    // Says goodbye and takes what still comes, for a while: closing with bytes unread would reset the
    // connection, which may destroy our last words on their way.
    Async<void> linger();
    // Ends everything; what is pending ends with operation_aborted.
    void close();
    bool is_open() const { return socket_.is_open(); }
    const Executor& executor() const { return executor_; }

  private:
    Async<Status> start_tls(SSL_CTX* context, std::string host, Deadline deadline);
    Async<SystemError> wait(Want want, Alarm& alarm, bool& late, Deadline deadline);
    bool must_yield();
    Step try_read(std::span<std::byte> buffer);
    Step try_write(std::span<const std::byte> bytes);

    Executor executor_;
    tcp::socket socket_;
    std::optional<TlsSession> tls_;
    // Which of the two directions a passed deadline was for.
    bool read_late_ = false;
    bool write_late_ = false;
    unsigned busy_turns_ = 0;
    Alarm read_alarm_;
    Alarm write_alarm_;
};

// An I/O error as callers of the client see it.
Error to_error(const SystemError& error);

} // namespace berth::http
