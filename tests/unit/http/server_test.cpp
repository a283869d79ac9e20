// The server against well-behaved clients: bytes by hand, our client, curl, and the stock AWS client.
#include "berth/base/http/client.hpp"
#include "berth/base/sigv4.hpp"

#include "process.hpp"
#include "server_fixture.hpp"

#include <fcntl.h>

#include <filesystem>

namespace berth::http {
namespace {

Async<Response> verify_all(std::vector<std::string>& seen, Request request) {
    auto secret_of = [](const std::string&) -> std::optional<std::string> { return "sec/ret+key"; };
    const auto identity = verify_request(request, secret_of, now());
    seen.push_back(identity ? identity->region + "/" + identity->service
                            : request.target + ": " + identity.error().message());
    co_return Response(200, "application/json", "{}");
}

TEST_F(ServerTest, AnswersARequest) {
    listen();
    const std::string answer = talk(std::string("GET /a?b=c HTTP/1.1\r\n") + kClose);
    EXPECT_EQ(status_line(answer), "HTTP/1.1 200 OK");
    EXPECT_NE(answer.find("\r\nX-Peer: 127.0.0.1\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("\r\nContent-Length: 11\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
    EXPECT_EQ(body(answer), "GET /a?b=c ");
}

TEST_F(ServerTest, ReadsBodies) {
    listen();
    EXPECT_EQ(body(talk(std::string("POST / HTTP/1.1\r\nContent-Length: 3\r\n") + kClose + "abc")),
              "POST / abc");
    EXPECT_EQ(body(talk(std::string("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n") + kClose +
                        "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: 1\r\n\r\n")),
              "POST / abcde");
    EXPECT_EQ(body(talk("POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc")), "POST / abc");
}

TEST_F(ServerTest, ReadsARequestThatComesByteByByte) {
    listen();
    EXPECT_EQ(body(loop.run(
                  dribble(server->port(), std::string("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n") +
                                              kClose + "3\r\nabc\r\n0\r\n\r\n"))),
              "POST / abc");
}

TEST_F(ServerTest, AcceptsTheAbsoluteForm) {
    listen();
    EXPECT_EQ(body(talk(std::string("GET http://h/a?b HTTP/1.1\r\n") + kClose)), "GET /a?b ");
    EXPECT_EQ(body(talk(std::string("GET HTTP://h HTTP/1.1\r\n") + kClose)), "GET / ");
    EXPECT_EQ(body(talk(std::string("GET http://h?b HTTP/1.1\r\n") + kClose)), "GET /?b ");
    EXPECT_EQ(body(talk(std::string("OPTIONS * HTTP/1.1\r\n") + kClose)), "OPTIONS * ");
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
    listen();
    const std::string answer =
        talk(std::string("\r\nGET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                         "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab\r\n"
                         "GET /3 HTTP/1.1\r\n") +
             kClose);
    const auto first = answer.find("GET /1 ");
    const auto second = answer.find("POST /2 ab");
    const auto third = answer.find("GET /3 ");
    EXPECT_NE(third, std::string::npos) << answer;
    EXPECT_LT(first, second);
    EXPECT_LT(second, third);
}

TEST_F(ServerTest, AHeadRequestIsAnsweredWithoutBody) {
    listen();
    const std::string answer = talk(std::string("HEAD /a HTTP/1.1\r\n") + kClose);
    EXPECT_NE(answer.find("\r\nContent-Length: 8\r\n"), std::string::npos) << answer;
    EXPECT_EQ(body(answer), "");
}

TEST_F(ServerTest, ConnectionsCloseWhenEitherSideSaysSo) {
    listen();
    const std::string two = "GET /close HTTP/1.1\r\nHost: h\r\n\r\nGET /never HTTP/1.1\r\nHost: h\r\n\r\n";
    EXPECT_EQ(body(talk(two)), "bye");
    for (const char* keep : {"", "Connection: keep-alive\r\n"}) // which HTTP/1.0 has only by agreement
        EXPECT_EQ(body(talk(fmt::format("GET /old HTTP/1.0\r\n{}\r\nGET /never HTTP/1.0\r\n\r\n", keep))),
                  "GET /old ");
}

TEST_F(ServerTest, AnEmptyAnswerHasNoLength) {
    listen();
    const std::string answer = talk(std::string("GET /empty HTTP/1.1\r\n") + kClose);
    EXPECT_EQ(status_line(answer), "HTTP/1.1 204 No Content");
    EXPECT_EQ(answer.find("Content-Length"), std::string::npos) << answer;
}

TEST_F(ServerTest, AnExceptionBecomesA500AndTheConnectionGoesOn) {
    listen();
    const std::string answer =
        talk(std::string("GET /throw HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\n") + kClose);
    EXPECT_EQ(status_line(answer), "HTTP/1.1 500 Internal Server Error");
    EXPECT_NE(answer.find("the handler broke"), std::string::npos) << answer;
    EXPECT_NE(answer.find("GET /next "), std::string::npos) << answer;
}

TEST_F(ServerTest, AHandlerCannotSplitItsAnswer) {
    listen();
    const std::string answer = talk(std::string("GET /split HTTP/1.1\r\n") + kClose);
    EXPECT_EQ(status_line(answer), "HTTP/1.1 500 Internal Server Error");
    EXPECT_EQ(answer.find("Set-Cookie"), std::string::npos) << answer;
}

TEST_F(ServerTest, ItSaysContinueWhenAsked) {
    listen();
    auto work = [](std::uint16_t port) -> Async<std::string> {
        tcp::socket socket = co_await test::dial(port);
        co_await test::send(
            socket, std::string("POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n") + kClose);
        const std::string go_on = co_await test::read_head(socket);
        co_await test::send(socket, "ab");
        co_return go_on + co_await test::read_all(socket);
    };
    const std::string answer = loop.run(work(server->port()));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_TRUE(answer.ends_with("POST / ab")) << answer;
}

TEST_F(ServerTest, ListeningSaysWhatIsWrong) {
    listen();
    const auto taken = Server::listen(loop.executor(), "127.0.0.1", server->port(), echo);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().message(),
              fmt::format("listening on 127.0.0.1 port {}: Address already in use", server->port()));
    EXPECT_EQ(Server::listen(loop.executor(), "localhost", 0, echo).error().code(), ErrorCode::invalid);
}

TEST_F(ServerTest, NoChildInheritsASocket) {
    listen();
    Client client(loop.executor(), {});
    const auto url = parse_url(fmt::format("http://127.0.0.1:{}/", server->port())).value();
    ASSERT_TRUE(loop.run(client.send(url, Request(), soon())));
    int sockets = 0; // one listens, two are the ends of the kept connection
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        if (!std::filesystem::read_symlink(entry, gone).string().starts_with("socket:")) continue;
        ++sockets;
        EXPECT_EQ(fcntl(std::stoi(entry.path().filename()), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    }
    EXPECT_GE(sockets, 3);
}

TEST_F(ServerTest, WorksWithOurClient) {
    listen();
    Client client(loop.executor(), {});
    for (const std::size_t size : {0UL, 1UL, 20'000UL, 1'000'000UL}) {
        Request request("POST", "/");
        request.body.assign(size, 'b');
        const auto url = parse_url(fmt::format("http://127.0.0.1:{}/up", server->port())).value();
        const auto response = loop.run(client.send(url, std::move(request), soon()));
        ASSERT_TRUE(response) << response.error().message();
        EXPECT_EQ(response->body, "POST /up " + std::string(size, 'b'));
    }
}

TEST_F(ServerTest, WorksWithCurl) {
    listen({.max_body_bytes = 4 << 20});
    const std::string url = fmt::format("http://127.0.0.1:{}/x", server->port());
    test::Process curl({"curl", "-sS", "--max-time", "30", "-d", "body", url, url, "-d", "more"});
    EXPECT_EQ(loop.run(curl.output()), "POST /x body&morePOST /x body&more");
    test::Process upload({"curl", "-sS", "--max-time", "30", "-o", "/dev/null", "-w",
                          "%{http_code} %{size_upload}", "-T", test::program_path(), "-H",
                          "Expect: 100-continue", url + "/"});
    EXPECT_EQ(loop.run(upload.output()).substr(0, 3), "413") << "this program is longer than the limit";
}

// Signatures of the stock AWS client: JSON, REST with an encoded path, and S3 with a query.
TEST_F(ServerTest, VerifiesWhatTheAwsClientSigns) {
    std::vector<std::string> seen;
    auto verify = [&seen](Request request, Peer) { return verify_all(seen, std::move(request)); };
    listen({}, verify);
    const std::string endpoint = fmt::format("http://127.0.0.1:{}", server->port());
    const std::vector<std::vector<std::string>> calls = {
        {"ecs", "create-cluster", "--cluster-name", "a b+c"},
        {"lambda", "get-function", "--function-name", "arn:aws:lambda:us-east-1:123456789012:function:f"},
        {"s3api", "list-objects-v2", "--bucket", "my-bucket", "--prefix", "a b+c/ü~*", "--delimiter", "/"}};
    for (const auto& call : calls) {
        std::vector<std::string> words{"sh",
                                       "-c",
                                       "exec 2>/dev/null; unset AWS_PROFILE; exec env \"$@\"",
                                       "sh",
                                       "AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
                                       "AWS_SECRET_ACCESS_KEY=sec/ret+key",
                                       "AWS_SESSION_TOKEN=to/ken==",
                                       "AWS_DEFAULT_REGION=eu-central-1",
                                       "AWS_CONFIG_FILE=/dev/null",
                                       "AWS_MAX_ATTEMPTS=1",
                                       "aws",
                                       "--endpoint-url",
                                       endpoint};
        words.insert(words.end(), call.begin(), call.end());
        test::Process aws(std::move(words));
        (void)loop.run(aws.output());
    }
    EXPECT_EQ(seen, (std::vector<std::string>{"eu-central-1/ecs", "eu-central-1/lambda", "eu-central-1/s3"}));
}

} // namespace
} // namespace berth::http
