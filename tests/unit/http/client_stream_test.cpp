// Deadlines of the client, and bodies that are read piece by piece.
#include "client_fixture.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>

namespace berth::http {
namespace {

// A peer that takes the connection and says nothing; it ends when the client goes away.
Async<void> silence(tcp::socket& socket, unsigned) { co_await test::read_all(socket); }

TEST_F(ClientTest, TheDeadlineHolds) {
    RawServer server(loop, silence);
    const auto response = loop.run(
        client.send(parse_url(server.url()).value(), Request(), deadline_in(std::chrono::milliseconds(50))));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), ErrorCode::timeout);
    EXPECT_EQ(response.error().message(), fmt::format("GET {}: timed out", server.url()));
    loop.drive([&] { return server.connections() == 1 && server.open() == 0; }); // and the connection is gone
}

TEST_F(ClientTest, TheDeadlineHoldsWhileSending) {
    Loop other; // nobody reads: the server's loop does not run
    RawServer server(other, silence);
    Request request("PUT", "/");
    request.body.resize(64 << 20);
    const auto response = loop.run(client.send(parse_url(server.url()).value(), std::move(request),
                                               deadline_in(std::chrono::milliseconds(100))));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), ErrorCode::timeout);
}

TEST_F(ClientTest, TheDeadlineHoldsWithinABody) {
    auto script = [](tcp::socket& socket, unsigned) -> Async<void> {
        co_await answer_once(socket, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
        co_await silence(socket, 0);
    };
    RawServer server(loop, script);
    const auto response = loop.run(
        client.send(parse_url(server.url()).value(), Request(), deadline_in(std::chrono::milliseconds(100))));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), ErrorCode::timeout);
}

TEST_F(ClientTest, ACallerThatGivesUpLeavesNothingOpen) {
    using namespace asio::experimental::awaitable_operators;
    RawServer server(loop, silence);
    auto work = [](Client& http, RawServer& peer) -> Async<bool> {
        asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(50));
        auto request = http.send(parse_url(peer.url()).value(), Request(), soon());
        const auto first = co_await (std::move(request) || timer.async_wait(asio::use_awaitable));
        co_return first.index() == 1;
    };
    EXPECT_TRUE(loop.run(work(client, server)));
    loop.drive([&] { return server.open() == 0; });
}

// Body streams.

Async<Result<std::string>> drain(std::unique_ptr<BodyStream>& body, std::size_t piece) {
    std::string all;
    std::vector<std::byte> buffer(piece);
    while (true) {
        auto got = co_await body->read(buffer, soon());
        if (!got) co_return fail(std::move(got.error()));
        if (*got == 0) co_return all;
        all.append(reinterpret_cast<const char*>(buffer.data()), *got);
    }
}

TEST_F(ClientTest, BodiesAreReadPieceByPiece) {
    const std::string chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    const std::string sized = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
    for (const std::string& bytes : {chunked, sized})
        for (const std::size_t piece : {1UL, 3UL, 100UL}) {
            auto server = answer(bytes);
            auto body = loop.run(client.open(parse_url(server->url()).value(), Request(), soon()));
            ASSERT_TRUE(body) << body.error().message();
            EXPECT_EQ((*body)->status(), 200U);
            EXPECT_EQ((*body)->content_length().has_value(), bytes == sized);
            EXPECT_EQ(loop.run(drain(*body, piece)).value(), "hello world");
            EXPECT_EQ(loop.run(drain(*body, piece)).value(), "") << "the end stays the end";
        }
}

TEST_F(ClientTest, ACutBodyIsAnErrorAndStaysOne) {
    auto server = answer("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello");
    auto body = loop.run(client.open(parse_url(server->url()).value(), Request(), soon())).value();
    for (int i = 0; i < 2; ++i) EXPECT_FALSE(loop.run(drain(body, 100)));
}

TEST_F(ClientTest, AConnectionIsKeptOnlyAfterTheWholeBody) {
    auto script = [](tcp::socket& socket, unsigned) -> Async<void> {
        while (!(co_await test::read_head(socket)).empty())
            co_await test::send(socket, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    };
    RawServer server(loop, script);
    const Url url = parse_url(server.url()).value();
    {
        auto whole = loop.run(client.open(url, Request(), soon())).value();
        EXPECT_EQ(loop.run(drain(whole, 2)).value(), "hello");
    }
    {
        auto half = loop.run(client.open(url, Request(), soon())).value();
        EXPECT_EQ(server.connections(), 1U);
        std::byte byte{};
        EXPECT_EQ(loop.run(half->read(std::span(&byte, 1), soon())).value(), 1U);
    }
    ASSERT_TRUE(get(server.url()));
    EXPECT_EQ(server.connections(), 2U);
}

TEST_F(ClientTest, ABodyOutlivesItsClient) {
    auto server = answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    auto brief = std::make_unique<Client>(loop.executor(), ClientOptions{});
    auto body = loop.run(brief->open(parse_url(server->url()).value(), Request(), soon())).value();
    brief.reset();
    EXPECT_EQ(loop.run(drain(body, 2)).value(), "hello");
}

} // namespace
} // namespace berth::http
