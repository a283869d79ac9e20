// What the tests of websockets share: a server whose sessions are chosen by path.
#pragma once

#include "berth/base/http/server.hpp"
#include "berth/base/http/websocket.hpp"

#include "loop.hpp"

namespace berth::http {

using std::chrono::milliseconds;
using test::kTuple;
using test::Loop;
using test::RawServer;
using test::soon;
using test::tcp;
using Socket = std::shared_ptr<WebSocket>;

// What the server's sessions do, chosen by path; what they saw at their end.
struct Sessions {
    Socket last;
    std::string received;
    std::optional<Error> ended;
    std::uint16_t close_code = 0;

    static Async<void> echo(Sessions& self, Socket socket) {
        self.last = socket;
        while (true) {
            auto message = co_await socket->read(soon());
            if (!message) {
                self.ended = message.error();
                self.close_code = socket->close_code();
                co_return;
            }
            self.received = *message;
            (void)co_await socket->write(std::move(*message), soon());
        }
    }
    static Async<void> close(Sessions& self, Socket socket, std::uint16_t code, std::string reason) {
        co_await socket->close(code, std::move(reason), soon());
        self.close_code = socket->close_code();
    }
    static Async<std::expected<WebSocketSession, Response>> decide(Sessions& self, Request request) {
        if (request.path() == "/refuse") {
            Response refusal(403, "application/json", R"({"InactiveInstanceException":"gone"})");
            co_return std::unexpected(std::move(refusal));
        }
        if (request.path() == "/throw") throw std::runtime_error("the decision broke");
        if (request.path() == "/close")
            co_return [&self](Socket socket) { return close(self, std::move(socket), 4001, "enough"); };
        if (request.path() == "/long-reason")
            co_return [&self](Socket socket) {
                return close(self, std::move(socket), 1001, std::string(300, 'x'));
            };
        if (request.path() == "/drop") co_return [](Socket) -> Async<void> { co_return; };
        co_return [&self](Socket socket) { return echo(self, std::move(socket)); };
    }
};

class WebSocketTest : public testing::Test {
  protected:
    WebSocketTest() {
        auto plain = [](Request request, Peer) -> Async<Response> {
            co_return Response(200, "text/plain", "plain " + request.target);
        };
        auto upgrade = [this](Request request, Peer) {
            return Sessions::decide(sessions, std::move(request));
        };
        ServerOptions options;
        options.max_message_bytes = 1 << 20;
        options.request_timeout = milliseconds(2000);
        server = Server::listen(loop.executor(), "127.0.0.1", 0, plain, options, upgrade).value();
    }
    Result<std::unique_ptr<WebSocket>> connect(const std::string& path, std::size_t max_message = 1 << 20) {
        return connect_to(server->port(), path, max_message);
    }
    Result<std::unique_ptr<WebSocket>> connect_to(std::uint16_t port, const std::string& path,
                                                  std::size_t max_message = 1 << 20,
                                                  Deadline deadline = soon()) {
        const auto url = parse_url(fmt::format("ws://127.0.0.1:{}{}", port, path)).value();
        return loop.run(connect_websocket(url, {}, {}, max_message, deadline));
    }
    Result<std::string> read(WebSocket& socket) { return loop.run(socket.read(soon())); }
    Status write(WebSocket& socket, std::string text) {
        return loop.run(socket.write(std::move(text), soon()));
    }

    Loop loop;
    Sessions sessions;
    std::unique_ptr<Server> server;
};

} // namespace berth::http
