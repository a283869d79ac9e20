// The client against peers that answer what real servers, and broken ones, answer.
#include "client_fixture.hpp"

namespace berth::http {
namespace {

TEST_F(ClientTest, SendsWhatTheCallerSaidAndWhatHttpNeeds) {
    Recorder recorder;
    RawServer server(loop, [&](tcp::socket& socket, unsigned) { return Recorder::serve(recorder, socket); });
    Request request("POST", "/ignored");
    request.headers = {{"X-One", "1"}, {"Content-Length", "99"}, {"Transfer-Encoding", "chunked"}};
    request.body = "abc";
    const auto response =
        loop.run(client.send(parse_url(server.url("/a%20b?x=1+2")).value(), std::move(request), soon()));
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(
        recorder.heads.at(0).substr(0, recorder.heads.at(0).find("\r\n\r\n")),
        fmt::format("POST /a%20b?x=1+2 HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nX-One: 1\r\nUser-Agent: berth\r\n"
                    "Content-Length: 3",
                    server.port()));
}

TEST_F(ClientTest, KeepsTheCallersHostAndAgent) {
    Recorder recorder;
    RawServer server(loop, [&](tcp::socket& socket, unsigned) { return Recorder::serve(recorder, socket); });
    Request request;
    request.headers = {{"host", "signed.example"}, {"user-agent", "other"}};
    ASSERT_TRUE(loop.run(client.send(parse_url(server.url()).value(), std::move(request), soon())));
    EXPECT_EQ(recorder.heads.at(0), "GET / HTTP/1.1\r\nHost: signed.example\r\nuser-agent: other\r\n\r\n");
}

TEST_F(ClientTest, KeepsAConnectionForTheNextRequest) {
    Recorder recorder;
    RawServer server(loop, [&](tcp::socket& socket, unsigned) { return Recorder::serve(recorder, socket); });
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(get(server.url()));
    EXPECT_EQ(recorder.heads.size(), 3U);
    EXPECT_EQ(server.connections(), 1U);
}

TEST_F(ClientTest, DoesNotKeepAConnectionThatIsToBeClosed) {
    for (const char* head : {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                             "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
                             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n"}) {
        auto script = [head](tcp::socket& socket, unsigned) -> Async<void> {
            return answer_once(socket, head);
        };
        RawServer server(loop, script);
        for (int i = 0; i < 2; ++i) EXPECT_EQ(get(server.url())->body, "ok");
        EXPECT_EQ(server.connections(), 2U) << head;
    }
}

// The server closes the kept connection: either we see it before we send, or the request goes out again.
TEST_F(ClientTest, AStaleConnectionIsReplaced) {
    auto server = answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    for (int i = 0; i < 3; ++i) {
        const auto response = get(server->url());
        ASSERT_TRUE(response) << response.error().message();
    }
    EXPECT_EQ(server->connections(), 3U);
}

TEST_F(ClientTest, ARequestIsSentAgainWhenTheServerHangsUpOnAKeptConnection) {
    // The first connection takes a second request and hangs up without a byte.
    auto script = [](tcp::socket& socket, unsigned nth) -> Async<void> {
        co_await test::read_head(socket);
        co_await test::send(socket, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(nth));
        co_await test::read_head(socket);
    };
    RawServer server(loop, script);
    EXPECT_EQ(get(server.url())->body, "0");
    EXPECT_EQ(get(server.url())->body, "1");
    EXPECT_EQ(server.connections(), 2U);
}

TEST_F(ClientTest, ARequestIsNotSentAgainOnceAnAnswerHasBegun) {
    auto script = [](tcp::socket& socket, unsigned) -> Async<void> {
        co_await test::read_head(socket);
        co_await test::send(socket, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
        co_await test::read_head(socket);
        co_await test::send(socket, "HTTP/1.1 200");
    };
    RawServer server(loop, script);
    ASSERT_TRUE(get(server.url()));
    const auto second = get(server.url());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), ErrorCode::io);
    EXPECT_EQ(server.connections(), 1U);
}

TEST_F(ClientTest, AFreshConnectionThatIsHungUpOnIsAnError) {
    auto server = answer("");
    const auto response = get(server->url("/x?secret=1"));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().message(),
              fmt::format("GET http://127.0.0.1:{}/x: the server closed the connection "
                          "before it answered",
                          server->port()));
    EXPECT_EQ(server->connections(), 1U);
}

TEST_F(ClientTest, ReadsAllKindsOfBodies) {
    EXPECT_EQ(get_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")->body, "hello");
    EXPECT_EQ(get_answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")->body, "");
    EXPECT_EQ(get_answer("HTTP/1.0 200 OK\r\n\r\nuntil the end")->body, "until the end");
    EXPECT_EQ(get_answer("HTTP/1.1 204 No Content\r\n\r\n")->status, 204U);
    EXPECT_EQ(get_answer("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")->body, "");
    EXPECT_EQ(get_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "5;ext=1\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nTrailer: x\r\n\r\n")
                  ->body,
              "hello world");
    EXPECT_EQ(get_answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                         "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")
                  ->status,
              404U);
}

TEST_F(ClientTest, KeepsAConnectionAfterAChunkedBody) {
    auto script = [](tcp::socket& socket, unsigned) -> Async<void> {
        while (!(co_await test::read_head(socket)).empty())
            co_await test::send(socket,
                                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    };
    RawServer server(loop, script);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(get(server.url())->body, "ok");
    EXPECT_EQ(server.connections(), 1U);
}

TEST_F(ClientTest, ReadsAnAnswerThatComesByteByByte) {
    const std::string bytes =
        "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    auto script = [bytes](tcp::socket& socket, unsigned) { return answer_slowly(socket, bytes); };
    RawServer server(loop, script);
    const auto response = get(server.url());
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, "abc");
    EXPECT_EQ(*response->headers.find("x-a"), "b");
}

TEST_F(ClientTest, AHeadRequestHasNoBody) {
    auto server = answer("HTTP/1.1 200 OK\r\nContent-Length: 1234567890\r\n\r\n");
    const auto response =
        loop.run(client.send(parse_url(server->url()).value(), Request("HEAD", "/"), soon(), 10));
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, "");
    EXPECT_EQ(*response->headers.find("Content-Length"), "1234567890");
}

struct BadAnswer {
    const char* bytes;
    ErrorCode code;
    const char* message;
};

TEST_F(ClientTest, BadAnswersAreErrors) {
    const std::string long_header = "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n";
    for (const BadAnswer& bad : std::initializer_list<BadAnswer>{
             {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", ErrorCode::io, "2 of 5 bytes are missing"},
             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", ErrorCode::io, "cut short"},
             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", ErrorCode::io, "cut short"},
             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ErrorCode::protocol,
              "bad chunk"},
             {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", ErrorCode::protocol, "not an HTTP/1 response"},
             {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", ErrorCode::protocol,
              "not an"},
             {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
              ErrorCode::protocol, ""},
             {"SSH-2.0-OpenSSH_9.2\r\n\r\n", ErrorCode::protocol, "not an HTTP/1 response"},
             {"HTTP/1.1 200 OK\r\nContent-Le", ErrorCode::io, "before it answered"},
             {"HTTP/1.1 101 Switching Protocols\r\n\r\n", ErrorCode::protocol, "unasked"},
             {long_header.c_str(), ErrorCode::limit, "longer than 65536 bytes"},
             {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", ErrorCode::limit, "over the limit of 1000"},
         }) {
        const auto response = get_answer(bad.bytes, 1000);
        ASSERT_FALSE(response) << std::string_view(bad.bytes).substr(0, 100);
        EXPECT_EQ(response.error().code(), bad.code) << response.error().message();
        EXPECT_NE(response.error().message().find(bad.message), std::string::npos)
            << response.error().message();
    }
}

TEST_F(ClientTest, ABodyOverTheLimitIsAnErrorHoweverItIsFramed) {
    const std::string body(1001, 'x');
    EXPECT_EQ(get_answer("HTTP/1.0 200 OK\r\n\r\n" + body, 1000).error().code(), ErrorCode::limit);
    EXPECT_EQ(
        get_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + body + "\r\n0\r\n\r\n",
                   1000)
            .error()
            .code(),
        ErrorCode::limit);
    EXPECT_EQ(get_answer("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + body, 1001)->body, body);
}

TEST_F(ClientTest, RequestsThatWouldBreakTheirMessageAreRefused) {
    auto server = answer("");
    const Url url = parse_url(server->url()).value();
    Request method("GET /\r\n", "/");
    EXPECT_EQ(loop.run(client.send(url, method, soon())).error().code(), ErrorCode::invalid);
    Request value;
    value.headers = {{"X", "a\r\nY: b"}};
    EXPECT_EQ(loop.run(client.send(url, value, soon())).error().code(), ErrorCode::invalid);
    Request name;
    name.headers = {{"X y", "a"}};
    EXPECT_EQ(loop.run(client.send(url, name, soon())).error().code(), ErrorCode::invalid);
    Url target = url;
    target.target = "/a b";
    EXPECT_EQ(loop.run(client.send(target, Request(), soon())).error().code(), ErrorCode::invalid);
    EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ClientTest, ARefusedConnectionSaysSo) {
    std::uint16_t port = 0;
    {
        const tcp::acceptor gone(loop.io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        port = gone.local_endpoint().port();
    }
    const auto response = get(fmt::format("http://127.0.0.1:{}/p?q", port));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), ErrorCode::io);
    EXPECT_EQ(response.error().message(),
              fmt::format("GET http://127.0.0.1:{}/p: connecting to 127.0.0.1 port {}: "
                          "Connection refused",
                          port, port));
}

TEST_F(ClientTest, NamesAreLookedUp) {
    auto server = answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    const auto found = get(fmt::format("http://localhost:{}/", server->port()));
    ASSERT_TRUE(found) << found.error().message();
    const auto missing = get("http://no-such-host.invalid/");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code(), ErrorCode::io);
    EXPECT_NE(missing.error().message().find("looking up no-such-host.invalid: "), std::string::npos)
        << missing.error().message();
}

TEST_F(ClientTest, AnAnswerBeforeTheWholeRequestWasReadIsSeen) {
    auto script = [](tcp::socket& socket, unsigned) -> Async<void> {
        co_await test::read_head(socket);
        co_await test::send(socket,
                            "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
        socket.shutdown(tcp::socket::shutdown_send);
        co_await test::read_all(socket);
    };
    RawServer server(loop, script);
    Request request("PUT", "/");
    request.body.resize(32 << 20);
    const auto response = loop.run(client.send(parse_url(server.url()).value(), std::move(request), soon()));
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->status, 413U);
    EXPECT_EQ(response->body, "big");
}

TEST_F(ClientTest, ManyRequestsRunAtOnce) {
    Recorder recorder;
    RawServer server(loop, [&](tcp::socket& socket, unsigned) { return Recorder::serve(recorder, socket); });
    constexpr int kMany = 50;
    int done = 0;
    for (int i = 0; i < kMany; ++i)
        asio::co_spawn(
            loop.io, client.send(parse_url(server.url()).value(), Request(), soon()),
            [&](const std::exception_ptr&, const Result<Response>& r) { done += r && r->body == "ok"; });
    loop.drive([&] { return done == kMany; });
    loop.drive([&] { return server.open() == ClientOptions{}.max_idle_per_origin; });
}

} // namespace
} // namespace berth::http
