// Sockets that no child process inherits: those that Asio opens and accepts lack close-on-exec.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/unique_fd.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <sys/socket.h>

#include <cerrno>

namespace berth::http {

// For asio::ip::tcp::socket and acceptor alike.
template <class Socket>
boost::system::error_code open_private(Socket& socket, const asio::ip::tcp& protocol) {
    UniqueFd fd(::socket(protocol.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return {errno, boost::system::system_category()};
    boost::system::error_code error;
    socket.assign(protocol, fd.get(), error);
    if (!error) (void)fd.release();
    return error;
}

struct Accepted {
    boost::system::error_code error;
    asio::ip::tcp::socket socket;
    asio::ip::tcp::endpoint from;
};
// The acceptor outlives the wait.
Async<Accepted> accept_private(asio::ip::tcp::acceptor& acceptor);

} // namespace berth::http
