// The server against slow and many clients, and its end with clients connected.
#include "server_fixture.hpp"

#include <boost/asio/steady_timer.hpp>

namespace berth::http {
namespace {

TEST_F(ServerTest, ASlowRequestGets408) {
    listen({.request_timeout = milliseconds(50)});
    EXPECT_EQ(status_line(talk("GET / HTTP/1.1\r\nHos")), "HTTP/1.1 408 Request Timeout");
    EXPECT_EQ(status_line(talk("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")),
              "HTTP/1.1 408 Request Timeout");
}

TEST_F(ServerTest, ATrickleDoesNotMoveTheDeadline) {
    listen({.request_timeout = milliseconds(100)});
    auto work = [](std::uint16_t port) -> Async<std::string> {
        tcp::socket socket = co_await test::dial(port);
        asio::steady_timer timer(socket.get_executor());
        co_await test::send(socket, "GET / HTTP/1.1\r\nX: ");
        while (socket.available() == 0) { // a byte now and then, until there is an answer
            co_await test::send(socket, "x");
            timer.expires_after(milliseconds(5));
            co_await timer.async_wait(asio::use_awaitable);
        }
        co_return co_await test::read_head(socket);
    };
    EXPECT_EQ(status_line(loop.run(work(server->port()))), "HTTP/1.1 408 Request Timeout");
}

TEST_F(ServerTest, AnIdleConnectionIsClosedInSilence) {
    listen({.idle_timeout = milliseconds(50)});
    EXPECT_EQ(talk(""), "");
    EXPECT_EQ(body(talk("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")), "GET /a ");
}

TEST_F(ServerTest, AClientThatDoesNotReadIsDropped) {
    listen({.max_connections = 1, .request_timeout = milliseconds(100)});
    auto work = [](std::uint16_t port) -> Async<std::string> {
        tcp::socket socket = co_await test::dial(port);
        co_await test::send(socket, "GET /long HTTP/1.1\r\nHost: h\r\n\r\n");
        std::string answer; // another client has no chance before the first is gone
        while (answer.empty())
            answer = co_await exchange(port, std::string("GET /next HTTP/1.1\r\n") + kClose);
        co_return answer;
    };
    EXPECT_EQ(body(loop.run(work(server->port()))), "GET /next ");
}

TEST_F(ServerTest, TheRefusalArrivesAlthoughTheClientIsStillSending) {
    listen({.max_body_bytes = 100});
    const std::string body(2 << 20, 'x');
    const std::string answer =
        talk(fmt::format("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.size()) + body);
    EXPECT_EQ(status_line(answer), "HTTP/1.1 413 Payload Too Large");
}

TEST_F(ServerTest, AnIdleConnectionMakesRoomForANewOne) {
    listen({.max_connections = 2});
    auto work = [](std::uint16_t port) -> Async<int> {
        std::vector<tcp::socket> sockets;
        int answered = 0;
        for (int i = 0; i < 5; ++i) {
            sockets.push_back(co_await test::dial(port));
            co_await test::send(sockets.back(), "GET /empty HTTP/1.1\r\nHost: h\r\n\r\n");
            answered += (co_await test::read_head(sockets.back())).starts_with("HTTP/1.1 204") ? 1 : 0;
        }
        co_return answered;
    };
    EXPECT_EQ(loop.run(work(server->port())), 5);
}

// Answers when told to.
struct Gate {
    explicit Gate(Loop& loop) : timer(loop.io, Deadline::max()) {}
    asio::steady_timer timer;
    int waiting = 0;
    int left = 0;
    static Async<Response> wait(Gate& self) {
        ++self.waiting;
        (void)co_await self.timer.async_wait(kTuple);
        ++self.left;
        co_return Response(200, "text/plain", "open");
    }
    Handler handler() {
        return [this](Request, Peer) { return wait(*this); };
    }
};

TEST_F(ServerTest, BusyConnectionsAreNotClosedForNewOnes) {
    Gate gate(loop);
    listen({.max_connections = 1}, gate.handler());
    std::string first;
    asio::co_spawn(loop.io, exchange(server->port(), std::string("GET / HTTP/1.1\r\n") + kClose),
                   [&](const std::exception_ptr&, std::string answer) { first = std::move(answer); });
    loop.drive([&] { return gate.waiting == 1; });
    EXPECT_EQ(talk(std::string("GET / HTTP/1.1\r\n") + kClose), "") << "there is no room for a second";
    gate.timer.cancel();
    loop.drive([&] { return !first.empty(); });
    EXPECT_EQ(body(first), "open");
}

TEST_F(ServerTest, RequestsOfDifferentConnectionsRunAtOnce) {
    Gate gate(loop);
    listen({}, gate.handler());
    int answered = 0;
    constexpr int kMany = 50;
    for (int i = 0; i < kMany; ++i)
        asio::co_spawn(loop.io, exchange(server->port(), std::string("GET / HTTP/1.1\r\n") + kClose),
                       [&](const std::exception_ptr&, const std::string& answer) {
                           answered += body(answer) == "open";
                       });
    loop.drive([&] { return gate.waiting == kMany; });
    gate.timer.cancel();
    loop.drive([&] { return answered == kMany; });
}

TEST_F(ServerTest, StoppingEndsIdleAndBusyConnections) {
    Gate gate(loop);
    auto mixed = [&gate](Request request, Peer peer) {
        return request.path() == "/wait" ? Gate::wait(gate) : echo(std::move(request), std::move(peer));
    };
    listen({}, mixed);
    int ended = 0;
    for (const char* bytes :
         {"", "GET / HT", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"})
        asio::co_spawn(loop.io, exchange(server->port(), bytes),
                       [&](const std::exception_ptr&, const std::string&) { ++ended; });
    loop.drive([&] { return gate.waiting == 1; });
    const std::uint16_t port = server->port();
    server->stop();
    loop.drive([&] { return ended == 4 && gate.left == 1; }); // a suspended handler is cancelled
    server.reset();
    const tcp::acceptor again(loop.io,
                              tcp::endpoint(asio::ip::address_v4::loopback(), port)); // the port is free
}

TEST_F(ServerTest, AServerMayGoWhileItsHandlersAreSuspended) {
    Gate gate(loop);
    listen({}, gate.handler());
    asio::co_spawn(loop.io, exchange(server->port(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), asio::detached);
    loop.drive([&] { return gate.waiting == 1; });
    server.reset();
    loop.drive([&] { return gate.left == 1; });
}

TEST_F(ServerTest, TheLoopMayGoWhileHandlersAreSuspended) {
    auto other = std::make_unique<Loop>();
    auto forever = [](Request, Peer) -> Async<Response> {
        (void)co_await sleep_until(Deadline::max());
        co_return Response();
    };
    auto brief = Server::listen(other->executor(), "127.0.0.1", 0, forever).value();
    asio::co_spawn(other->io, exchange(brief->port(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), asio::detached);
    other->io.run_for(milliseconds(20));
    brief.reset();
    other.reset();
}

} // namespace
} // namespace berth::http
