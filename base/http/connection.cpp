// Connection: non-blocking socket calls first, the reactor only when the kernel has nothing.
#include "base/http/connection.hpp"

#include "base/http/resolve.hpp"
#include "base/http/sockets.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <vector>

namespace berth::http {
namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

Step from_call(ssize_t result, Want direction, bool reading) {
    if (result > 0 || (result == 0 && !reading)) return {.bytes = static_cast<std::size_t>(result)};
    if (result == 0) return {.error = asio::error::eof};
    if (errno == EAGAIN || errno == EINTR) return {.want = direction};
    return {.error = {errno, boost::system::system_category()}};
}

} // namespace

Error to_error(const SystemError& error) {
    if (error == asio::error::timed_out) return {ErrorCode::timeout, "timed out"};
    if (error == asio::error::operation_aborted) return {ErrorCode::cancelled, "cancelled"};
    if (error == asio::error::eof || error == asio::ssl::error::stream_truncated)
        return {ErrorCode::io, "the peer closed the connection"};
    const int sys = error.category() == boost::system::system_category() ? error.value() : 0;
    return Error(ErrorCode::io, error.message()).with_errno(sys);
}

Connection::Connection(tcp::socket socket)
    : executor_(socket.get_executor()), socket_(std::move(socket)),
      read_alarm_(executor_, [this] { read_late_ = true, socket_.cancel(); }),
      write_alarm_(executor_, [this] { write_late_ = true, socket_.cancel(); }) {
    SystemError ignored;
    if (socket_.is_open()) {
        socket_.native_non_blocking(true, ignored);
        socket_.set_option(tcp::no_delay(true), ignored);
    }
}

Step Connection::try_read(std::span<std::byte> buffer) {
    if (tls_) return tls_->read(buffer);
    return from_call(::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0), Want::read, true);
}

Step Connection::try_write(std::span<const std::byte> bytes) {
    if (tls_) return tls_->write(bytes);
    const ssize_t sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return from_call(sent, Want::write, false);
}

Async<SystemError> Connection::wait(Want want, Alarm& alarm, bool& late, Deadline deadline) {
    busy_turns_ = 0;
    if (std::chrono::steady_clock::now() >= deadline) co_return asio::error::timed_out;
    late = false;
    alarm.set(deadline);
    const auto type = want == Want::read ? tcp::socket::wait_read : tcp::socket::wait_write;
    auto [error] = co_await socket_.async_wait(type, kTuple);
    alarm.clear();
    if (error == asio::error::operation_aborted && std::exchange(late, false))
        co_return asio::error::timed_out;
    co_return error;
}

// A peer that is faster than we are must not keep the event loop from everybody else.
bool Connection::must_yield() {
    constexpr unsigned kTurns = 16;
    return ++busy_turns_ % kTurns == 0;
}

Async<IoResult> Connection::read_some(std::span<std::byte> buffer, Deadline deadline) {
    if (must_yield()) co_await asio::post(executor_, asio::use_awaitable);
    while (true) {
        if (!socket_.is_open()) co_return IoResult{asio::error::operation_aborted};
        const Step step = try_read(buffer);
        if (step.want == Want::nothing) co_return IoResult{step.error, step.bytes};
        if (auto error = co_await wait(step.want, read_alarm_, read_late_, deadline))
            co_return IoResult{error};
    }
}

Async<IoResult> Connection::write_some(std::span<const std::byte> bytes, Deadline deadline) {
    if (must_yield()) co_await asio::post(executor_, asio::use_awaitable);
    while (true) {
        if (!socket_.is_open()) co_return IoResult{asio::error::operation_aborted};
        const Step step = try_write(bytes);
        if (step.want == Want::nothing) co_return IoResult{step.error, step.bytes};
        if (auto error = co_await wait(step.want, write_alarm_, write_late_, deadline))
            co_return IoResult{error};
    }
}

Async<SystemError> Connection::write(std::string_view text, Deadline deadline) {
    auto rest = std::as_bytes(std::span(text));
    while (!rest.empty()) {
        const IoResult sent = co_await write_some(rest, deadline);
        if (sent.error) co_return sent.error;
        rest = rest.subspan(sent.bytes);
    }
    co_return SystemError{};
}

bool Connection::quiet() {
    if (!socket_.is_open()) return false;
    if (tls_) return tls_->quiet();
    std::byte byte{};
    return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void Connection::rest() {
    read_alarm_.disarm();
    write_alarm_.disarm();
}

void Connection::shut_down_sending() {
    if (tls_) tls_->shut_down();
    SystemError ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

Async<void> Connection::linger() {
    shut_down_sending();
    const Deadline deadline = deadline_in(std::chrono::seconds(1));
    constexpr std::size_t kMost = 4 << 20;
    std::vector<std::byte> scrap(16 << 10);
    for (std::size_t total = 0; total < kMost;) {
        const IoResult got = co_await read_some(scrap, deadline);
        if (got.error) co_return;
        total += got.bytes;
    }
}

void Connection::close() {
    rest();
    SystemError ignored;
    socket_.close(ignored);
}

Async<Status> Connection::start_tls(SSL_CTX* context, std::string host, Deadline deadline) {
    auto session = TlsSession::connect(context, socket_.native_handle(), host);
    if (!session) co_return fail(std::move(session.error()));
    tls_ = std::move(*session);
    while (true) {
        const Step step = tls_->handshake();
        if (step.error)
            co_return fail(ErrorCode::io, "TLS handshake with {}: {}", host,
                           tls_->handshake_problem(step.error));
        if (step.want == Want::nothing) co_return Status{};
        if (auto error = co_await wait(step.want, read_alarm_, read_late_, deadline))
            co_return fail(to_error(error), "TLS handshake with {}", host);
    }
}

Async<Result<std::shared_ptr<Connection>>> Connection::open(Executor executor, Url url, SSL_CTX* context,
                                                            Deadline deadline) {
    auto addresses = co_await resolve(executor, url.host, url.port, deadline);
    if (!addresses) co_return fail(std::move(addresses.error()));
    Error last(ErrorCode::io, "no address");
    for (std::size_t i = 0; i < addresses->size(); ++i) {
        const tcp::endpoint& address = (*addresses)[i];
        tcp::socket socket(executor);
        if (const SystemError failed = open_private(socket, address.protocol())) {
            last = to_error(failed);
            continue;
        }
        auto connection = std::make_shared<Connection>(std::move(socket));
        // An address that swallows packets must not use up the time of those behind it.
        Deadline turn = deadline;
        if (const auto left = addresses->size() - i; deadline != Deadline::max() && left > 1) {
            const auto now = std::chrono::steady_clock::now();
            turn = now + (deadline - now) / static_cast<int>(left);
        }
        connection->write_alarm_.set(turn);
        auto [error] = co_await connection->socket_.async_connect(address, kTuple);
        connection->write_alarm_.clear();
        if (error == asio::error::operation_aborted && connection->write_late_)
            error = asio::error::timed_out;
        if (!error) {
            connection->socket_.set_option(asio::socket_base::keep_alive(true), error);
            if (context != nullptr)
                if (Status secured = co_await connection->start_tls(context, url.host, deadline); !secured)
                    co_return fail(std::move(secured.error()));
            co_return connection;
        }
        last = to_error(error).while_doing(
            fmt::format("connecting to {} port {}", address.address().to_string(), address.port()));
        if (last.code() == ErrorCode::cancelled) break;
    }
    co_return fail(std::move(last));
}

} // namespace berth::http
