// WebSockets between our client and our server: messages, ends, limits, refusals.
#include "websocket_fixture.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>

namespace berth::http {
namespace {

Async<void> answer_once(tcp::socket& socket, std::string bytes) {
    co_await test::read_head(socket);
    co_await test::send(socket, std::move(bytes));
}

Async<void> take_head(std::string& head, tcp::socket& socket) { head = co_await test::read_head(socket); }

TEST_F(WebSocketTest, MessagesGoBothWays) {
    auto socket = connect("/echo").value();
    for (const std::size_t size : {0UL, 1UL, 125UL, 126UL, 65'535UL, 65'536UL, 1UL << 20}) {
        ASSERT_TRUE(write(*socket, std::string(size, 'm')));
        const auto message = read(*socket);
        ASSERT_TRUE(message) << message.error().message();
        EXPECT_EQ(*message, std::string(size, 'm'));
    }
    EXPECT_EQ(socket->close_code(), 0);
}

TEST_F(WebSocketTest, ConcurrentWritesStayInOrder) {
    auto socket = connect("/echo").value();
    constexpr int kMany = 100;
    int written = 0;
    for (int i = 0; i < kMany; ++i)
        asio::co_spawn(loop.io, socket->write(std::to_string(i) + std::string(10'000, '.'), soon()),
                       [&](const std::exception_ptr&, const Status& status) { written += status ? 1 : 0; });
    for (int i = 0; i < kMany; ++i)
        EXPECT_EQ(read(*socket).value().substr(0, std::to_string(i).size() + 1), std::to_string(i) + ".");
    EXPECT_EQ(written, kMany);
}

TEST_F(WebSocketTest, TheCloseCodeIsSeen) {
    auto socket = connect("/close").value();
    const auto message = read(*socket);
    ASSERT_FALSE(message);
    EXPECT_EQ(message.error().code(), ErrorCode::closed);
    EXPECT_EQ(message.error().message(), "websocket: the peer closed it with code 4001: enough");
    EXPECT_EQ(socket->close_code(), 4001);
    loop.drive([&] { return sessions.close_code == 4001; }); // the answer to the close frame
    EXPECT_FALSE(write(*socket, "late"));
    EXPECT_EQ(read(*socket).error().code(), ErrorCode::closed);
    EXPECT_EQ(socket->close_code(), 4001);
}

TEST_F(WebSocketTest, ALongReasonIsCutToFitAControlFrame) {
    auto socket = connect("/long-reason").value();
    EXPECT_FALSE(read(*socket));
    EXPECT_EQ(socket->close_code(), 1001);
}

TEST_F(WebSocketTest, TheClientCloses) {
    auto socket = connect("/echo").value();
    loop.run(socket->close(1000, "done", soon()));
    loop.drive([&] { return sessions.ended.has_value(); });
    EXPECT_EQ(sessions.ended->code(), ErrorCode::closed);
    EXPECT_EQ(sessions.close_code, 1000);
    loop.run(socket->close(1000, "again", soon()));
}

TEST_F(WebSocketTest, ClosingEndsAPendingRead) {
    auto socket = connect("/echo").value();
    std::optional<Result<std::string>> message;
    asio::co_spawn(loop.io, socket->read(soon()),
                   [&](const std::exception_ptr&, Result<std::string> m) { message = std::move(m); });
    loop.run(socket->close(1000, "", soon()));
    loop.drive([&] { return message.has_value(); });
    EXPECT_FALSE(*message);
    EXPECT_EQ(message->error().code(), ErrorCode::closed);
}

TEST_F(WebSocketTest, ALostConnectionIs1006) {
    auto socket = connect("/drop").value();
    const auto message = read(*socket);
    ASSERT_FALSE(message);
    EXPECT_EQ(message.error().code(), ErrorCode::closed);
    EXPECT_EQ(socket->close_code(), 1006);
}

TEST_F(WebSocketTest, AbortEndsPendingOperations) {
    auto socket = connect("/echo").value();
    std::optional<Result<std::string>> message;
    asio::co_spawn(loop.io, socket->read(soon()),
                   [&](const std::exception_ptr&, Result<std::string> m) { message = std::move(m); });
    loop.drive([&] { return sessions.last != nullptr; });
    socket->abort();
    loop.drive([&] { return message.has_value() && sessions.ended.has_value(); });
    EXPECT_FALSE(*message);
    EXPECT_EQ(sessions.close_code, 1006);
    EXPECT_FALSE(write(*socket, "late"));
}

TEST_F(WebSocketTest, TheObjectMayGoUnderItsPendingRead) {
    auto socket = connect("/echo").value();
    std::optional<Result<std::string>> message;
    asio::co_spawn(loop.io, socket->read(soon()),
                   [&](const std::exception_ptr&, Result<std::string> m) { message = std::move(m); });
    loop.drive([&] { return sessions.last != nullptr; });
    socket.reset();
    loop.drive([&] { return message.has_value(); });
    EXPECT_FALSE(*message);
}

TEST_F(WebSocketTest, AReadPastItsDeadlineEndsTheConnection) {
    auto socket = connect("/echo").value();
    const auto message = loop.run(socket->read(deadline_in(milliseconds(30))));
    ASSERT_FALSE(message);
    EXPECT_EQ(message.error().code(), ErrorCode::timeout);
    loop.drive([&] { return sessions.ended.has_value(); });
    EXPECT_EQ(read(*socket).error().code(), ErrorCode::closed);
}

TEST_F(WebSocketTest, ACancelledReadEndsTheConnection) {
    using namespace asio::experimental::awaitable_operators;
    auto socket = connect("/echo").value();
    auto work = [](WebSocket& waiting) -> Async<bool> {
        asio::steady_timer timer(co_await asio::this_coro::executor, milliseconds(30));
        const auto first = co_await (waiting.read(soon()) || timer.async_wait(asio::use_awaitable));
        co_return first.index() == 1;
    };
    EXPECT_TRUE(loop.run(work(*socket)));
    loop.drive([&] { return sessions.ended.has_value(); });
}

TEST_F(WebSocketTest, ALongMessageIsRefusedWith1009) {
    auto socket = connect("/echo").value();
    const Status written = write(*socket, std::string((1 << 20) + 1, 'x'));
    ASSERT_TRUE(written) << written.error().message();
    const auto message = read(*socket);
    EXPECT_EQ(message.error().code(), ErrorCode::closed);
    EXPECT_EQ(socket->close_code(), 1009);
    ASSERT_TRUE(sessions.ended.has_value());
    EXPECT_EQ(sessions.ended->code(), ErrorCode::limit);
    EXPECT_EQ(sessions.ended->message(), "websocket: the message is over the limit of 1048576 bytes");
}

TEST_F(WebSocketTest, ARefusedUpgradeTellsStatusAndBody) {
    const auto refused = connect("/refuse?secret=1");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().http_status(), 403U);
    EXPECT_EQ(refused.error().message(),
              fmt::format("GET ws://127.0.0.1:{}/refuse: the server refused the upgrade with "
                          "status 403\n{{\"InactiveInstanceException\":\"gone\"}}",
                          server->port()));
    EXPECT_EQ(connect("/throw").error().http_status(), 500U);
}

TEST_F(WebSocketTest, TheRefusalsBodyIsLimited) {
    auto script = [](tcp::socket& socket, unsigned) -> Async<void> {
        co_await test::read_head(socket);
        co_await test::send(socket,
                            "HTTP/1.1 400 Bad\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'));
    };
    RawServer raw(loop, script);
    const auto refused = connect_to(raw.port(), "/");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().http_status(), 400U);
    const std::string& message = refused.error().message();
    EXPECT_EQ(message.size() - message.find('\n') - 1, 65'536U);
}

TEST_F(WebSocketTest, OddAnswersToAnUpgradeAreErrors) {
    struct Case {
        const char* answer;
        ErrorCode code;
    };
    for (const Case& c :
         std::initializer_list<Case>{{"SSH-2.0\r\n\r\n", ErrorCode::protocol},
                                     {"", ErrorCode::closed},
                                     {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ErrorCode::protocol},
                                     {"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: "
                                      "upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
                                      ErrorCode::protocol}}) {
        auto script = [answer = std::string(c.answer)](tcp::socket& socket, unsigned) {
            return answer_once(socket, answer);
        };
        RawServer raw(loop, script);
        const auto refused = connect_to(raw.port(), "/");
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code(), c.code) << refused.error().message();
    }
}

TEST_F(WebSocketTest, TheUpgradeHasADeadline) {
    auto script = [](tcp::socket& socket, unsigned) -> Async<void> { co_await test::read_all(socket); };
    RawServer raw(loop, script);
    const auto late = connect_to(raw.port(), "/", 1000, deadline_in(milliseconds(50)));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), ErrorCode::timeout);
    loop.drive([&] { return raw.open() == 0; });
}

TEST_F(WebSocketTest, TheUpgradeSendsTheGivenHeadersAndNoOthersOfItsOwn) {
    std::string head;
    auto script = [&head](tcp::socket& socket, unsigned) { return take_head(head, socket); };
    RawServer raw(loop, script);
    const auto url = parse_url(fmt::format("ws://127.0.0.1:{}/ws?a=b+c", raw.port())).value();
    Headers headers{{"Host", "signed.example"}, {"Authorization", "AWS4 x"}};
    (void)loop.run(connect_websocket(url, headers, {}, 1000, soon()));
    EXPECT_TRUE(head.starts_with("GET /ws?a=b+c HTTP/1.1\r\n")) << head;
    EXPECT_NE(head.find("\r\nHost: signed.example\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("\r\nAuthorization: AWS4 x\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("\r\nSec-WebSocket-Version: 13\r\n"), std::string::npos) << head;
    EXPECT_EQ(head.find("User-Agent"), std::string::npos) << head;
    EXPECT_EQ(head.find("Extensions"), std::string::npos) << head;
    Headers broken{{"X", "a\r\nb"}};
    EXPECT_EQ(loop.run(connect_websocket(url, broken, {}, 1000, soon())).error().code(), ErrorCode::invalid);
}

TEST_F(WebSocketTest, OrdinaryRequestsGoToTheHandler) {
    auto work = [](std::uint16_t port, std::string bytes) -> Async<std::string> {
        tcp::socket socket = co_await test::dial(port);
        co_await test::send(socket, std::move(bytes));
        co_return co_await test::read_all(socket);
    };
    const std::string plain =
        loop.run(work(server->port(), "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    EXPECT_TRUE(plain.ends_with("plain /a")) << plain;
    // Half an upgrade is none; a wrong version or a missing key is refused.
    const std::string upgrade = "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    EXPECT_TRUE(loop.run(work(server->port(), "GET / HTTP/1.1\r\n" + upgrade +
                                                  "Sec-WebSocket-Key: x\r\n"
                                                  "Sec-WebSocket-Version: 8\r\n\r\n"))
                    .starts_with("HTTP/1.1 426 Upgrade Required\r\n"));
    EXPECT_TRUE(
        loop.run(work(server->port(), "GET / HTTP/1.1\r\n" + upgrade + "\r\n")).starts_with("HTTP/1.1 400 "));
    EXPECT_TRUE(loop.run(work(server->port(), "POST / HTTP/1.1\r\n" + upgrade +
                                                  "Sec-WebSocket-Key: x\r\n"
                                                  "Sec-WebSocket-Version: 13\r\n\r\n"))
                    .starts_with("HTTP/1.1 400 "));
}

TEST_F(WebSocketTest, StoppingTheServerEndsItsWebSockets) {
    auto socket = connect("/echo").value();
    loop.drive([&] { return sessions.last != nullptr; });
    server->stop();
    EXPECT_EQ(read(*socket).error().code(), ErrorCode::closed);
    loop.drive([&] { return sessions.ended.has_value(); });
}

} // namespace
} // namespace berth::http
