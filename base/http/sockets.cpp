// Accepting with accept4, which can set close-on-exec at once.
#include "base/http/sockets.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace berth::http {

using asio::ip::tcp;

Async<Accepted> accept_private(tcp::acceptor& acceptor) {
    Accepted accepted{{}, tcp::socket(acceptor.get_executor()), {}};
    while (true) {
        auto [error] =
            co_await acceptor.async_wait(tcp::acceptor::wait_read, asio::as_tuple(asio::use_awaitable));
        if (error) {
            accepted.error = error;
            co_return accepted;
        }
        tcp::endpoint from;
        auto length = static_cast<socklen_t>(from.capacity());
        UniqueFd fd(::accept4(acceptor.native_handle(), from.data(), &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)) continue; // it is gone again
        if (!fd) {
            accepted.error = {errno, boost::system::system_category()};
            co_return accepted;
        }
        from.resize(length);
        accepted.from = from;
        accepted.socket.assign(from.protocol(), fd.get(), accepted.error);
        if (!accepted.error) (void)fd.release();
        co_return accepted;
    }
}

} // namespace berth::http
