// SocketStream: each Beast operation is a small coroutine on the Connection. Deadlines are the websocket's.
#include "base/http/socket_stream.hpp"

#include <boost/asio/append.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <cstring>

namespace berth::http {
namespace {

Async<IoResult> read_now(std::shared_ptr<Connection> connection, asio::mutable_buffer buffer) {
    const std::span<std::byte> span(static_cast<std::byte*>(buffer.data()), buffer.size());
    co_return co_await connection->read_some(span, Deadline::max());
}

Async<IoResult> write_now(std::shared_ptr<Connection> connection, std::string bytes) {
    co_return co_await connection->write_some(std::as_bytes(std::span(bytes)), Deadline::max());
}

void run(const Executor& executor, Async<IoResult> work, SocketStream::IoHandler handler) {
    const auto slot = asio::get_associated_cancellation_slot(handler);
    auto finish = [handler = std::move(handler)](const std::exception_ptr& problem, IoResult result) mutable {
        if (problem) // only cancellation throws in there
            result = {asio::error::operation_aborted};
        std::move(handler)(result.error, result.bytes);
    };
    asio::co_spawn(executor, std::move(work), asio::bind_cancellation_slot(slot, std::move(finish)));
}

} // namespace

void SocketStream::begin_read(asio::mutable_buffer buffer, IoHandler handler) {
    if (buffer.size() == 0 || !unread_.empty()) {
        const std::size_t bytes = std::min(buffer.size(), unread_.size());
        if (bytes > 0) std::memcpy(buffer.data(), unread_.data(), bytes);
        unread_.erase(0, bytes);
        asio::post(connection_->executor(), asio::append(std::move(handler), SystemError{}, bytes));
        return;
    }
    run(connection_->executor(), read_now(connection_, buffer), std::move(handler));
}

void SocketStream::begin_write(std::string bytes, IoHandler handler) {
    run(connection_->executor(), write_now(connection_, std::move(bytes)), std::move(handler));
}

void SocketStream::begin_teardown(Done done) {
    connection_->shut_down_sending();
    asio::post(connection_->executor(), asio::append(std::move(done), SystemError{}));
}

} // namespace berth::http
