// What the tests of the server share: a handler that echoes, and a client that speaks bytes.
#pragma once

#include "berth/base/http/server.hpp"

#include "loop.hpp"

namespace berth::http {

using std::chrono::milliseconds;
using test::kTuple;
using test::Loop;
using test::soon;
using test::tcp;

// Tells the client what the handler saw.
inline Async<Response> echo(Request request, Peer peer) {
    if (request.path() == "/throw") throw std::runtime_error("the handler broke");
    if (request.path() == "/empty") co_return Response(204, "text/plain", "");
    if (request.path() == "/close") {
        Response last(200, "text/plain", "bye");
        last.headers.add("Connection", "close");
        co_return last;
    }
    if (request.path() == "/split") {
        Response split(200, "text/plain", "x");
        split.headers.add("X", "a\r\nSet-Cookie: b");
        co_return split;
    }
    if (request.path() == "/long") co_return Response(200, "text/plain", std::string(16 << 20, 'x'));
    Response response(200, "text/plain",
                      fmt::format("{} {} {}", request.method, request.target, request.body));
    response.headers.add("X-Peer", peer.address);
    co_return response;
}

class ServerTest : public testing::Test {
  protected:
    void listen(ServerOptions options = {}, Handler handler = echo) {
        server = Server::listen(loop.executor(), "127.0.0.1", 0, std::move(handler), options).value();
    }
    // Sends bytes as they are, and returns everything that comes until the server closes.
    std::string talk(std::string bytes) { return loop.run(exchange(server->port(), std::move(bytes))); }
    static Async<std::string> exchange(std::uint16_t port, std::string bytes) {
        tcp::socket socket = co_await test::dial(port);
        co_await test::send(socket, std::move(bytes));
        co_return co_await test::read_all(socket);
    }
    // The answer to bytes sent one by one.
    static Async<std::string> dribble(std::uint16_t port, std::string bytes) {
        tcp::socket socket = co_await test::dial(port);
        socket.set_option(tcp::no_delay(true));
        for (const char byte : bytes) co_await test::send(socket, std::string(1, byte));
        co_return co_await test::read_all(socket);
    }
    static std::string status_line(const std::string& answer) {
        return answer.substr(0, answer.find("\r\n"));
    }
    static std::string body(const std::string& answer) {
        const std::size_t end = answer.find("\r\n\r\n");
        return end == std::string::npos ? "" : answer.substr(end + 4);
    }

    Loop loop;
    std::unique_ptr<Server> server;
};

inline constexpr const char* kClose = "Host: h\r\nConnection: close\r\n\r\n";

} // namespace berth::http
