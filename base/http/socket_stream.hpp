// SocketStream: a Connection as the AsyncStream that Beast's templates want. Handlers are type-erased here,
// so that no I/O code is instantiated anew for each of Beast's many operations.
#pragma once

#include "base/http/connection.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/role.hpp>

#include <string>

namespace berth::http {

class SocketStream {
  public:
    using executor_type = Executor;
    using IoHandler = asio::any_completion_handler<void(SystemError, std::size_t)>;
    using Done = asio::any_completion_handler<void(SystemError)>;

    // `unread` was read together with what came before and is read again first.
    SocketStream(std::shared_ptr<Connection> connection, std::string unread)
        : connection_(std::move(connection)), unread_(std::move(unread)) {}

    executor_type get_executor() const { return connection_->executor(); }
    Connection& connection() { return *connection_; }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        auto start = [this](auto handler, const Buffers& into) {
            begin_read(first(asio::buffer_sequence_begin(into), asio::buffer_sequence_end(into)),
                       std::move(handler));
        };
        return asio::async_initiate<Token, void(SystemError, std::size_t)>(start, token, buffers);
    }

    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        auto start = [this](auto handler, const Buffers& from) {
            // Frame header and payload leave in one packet.
            std::string joined(std::min(asio::buffer_size(from), kJoined), '\0');
            asio::buffer_copy(asio::buffer(joined), from);
            begin_write(std::move(joined), std::move(handler));
        };
        return asio::async_initiate<Token, void(SystemError, std::size_t)>(start, token, buffers);
    }

    void begin_teardown(Done done);

  private:
    static constexpr std::size_t kJoined = 64 << 10;
    template <class Iterator>
    static asio::mutable_buffer first(Iterator it, Iterator end) {
        while (it != end && asio::mutable_buffer(*it).size() == 0) ++it;
        return it == end ? asio::mutable_buffer{} : asio::mutable_buffer(*it);
    }
    void begin_read(asio::mutable_buffer buffer, IoHandler handler);
    void begin_write(std::string bytes, IoHandler handler);

    std::shared_ptr<Connection> connection_;
    std::string unread_;
};

// Found by Beast through argument-dependent look-up.
template <class Handler>
void async_teardown(boost::beast::role_type /*role*/, SocketStream& stream, Handler&& handler) {
    stream.begin_teardown(std::forward<Handler>(handler));
}
inline void beast_close_socket(SocketStream& stream) { stream.connection().close(); }

} // namespace berth::http
