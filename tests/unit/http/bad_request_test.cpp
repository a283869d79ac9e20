// Requests that must be refused, each with its status.
#include "server_fixture.hpp"

namespace berth::http {
namespace {

struct Bad {
    const char* name;
    std::string bytes;
    const char* status;
};

class BadRequests : public testing::TestWithParam<Bad> {};

TEST_P(BadRequests, AreAnsweredOnceAndEndTheConnection) {
    Loop loop;
    ServerOptions options;
    options.max_header_bytes = 1000;
    options.max_body_bytes = 100;
    auto handler = [](Request, Peer) -> Async<Response> {
        ADD_FAILURE() << "the handler was called";
        co_return Response();
    };
    auto server = Server::listen(loop.executor(), "127.0.0.1", 0, handler, options).value();
    auto work = [](std::uint16_t port, std::string bytes) -> Async<std::string> {
        tcp::socket socket = co_await test::dial(port);
        co_await test::send(socket, std::move(bytes));
        co_return co_await test::read_all(socket);
    };
    const std::string answer =
        loop.run(work(server->port(), GetParam().bytes + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_EQ(answer.substr(0, answer.find("\r\n")), std::string("HTTP/1.1 ") + GetParam().status);
    EXPECT_EQ(answer.find("HTTP/1.1", 5), std::string::npos) << "more than one answer: " << answer;
}

std::string post(const std::string& headers) { return "POST / HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n"; }

INSTANTIATE_TEST_SUITE_P(
    Table, BadRequests,
    testing::Values(
        Bad{"tls", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + "\r\n\r\n",
            "400 Bad Request"},
        Bad{"no_version", "GET /\r\n\r\n", "400 Bad Request"},
        Bad{"http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 Bad Request"},
        Bad{"http09", "GET / HTTP/0.9\r\nHost: h\r\n\r\n", "400 Bad Request"},
        Bad{"no_host", "GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
        Bad{"two_hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 Bad Request"},
        Bad{"bad_method", "G(T / HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request"},
        Bad{"no_path", "GET h HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request"},
        Bad{"other_scheme", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request"},
        Bad{"connect", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request"},
        Bad{"space_in_target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request"},
        Bad{"raw_byte_in_target", "GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request"},
        Bad{"space_before_colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", "400 Bad Request"},
        Bad{"bare_newlines", "GET / HTTP/1.1\nHost: h\n\n", "400 Bad Request"},
        Bad{"nul_in_header", std::string("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 35),
            "400 Bad Request"},
        Bad{"both_framings", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
            "400 Bad Request"},
        Bad{"both_framings_turned", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n") + "0\r\n\r\n",
            "400 Bad Request"},
        Bad{"two_lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n") + "abcd", "400 Bad Request"},
        Bad{"signed_length", post("Content-Length: +3\r\n") + "abc", "400 Bad Request"},
        Bad{"negative_length", post("Content-Length: -1\r\n"), "400 Bad Request"},
        Bad{"huge_length", post("Content-Length: 99999999999999999999999\r\n"), "400 Bad Request"},
        Bad{"unknown_coding", post("Transfer-Encoding: gzip\r\n"), "400 Bad Request"},
        Bad{"chunked_not_last", post("Transfer-Encoding: chunked, gzip\r\n"), "400 Bad Request"},
        Bad{"two_codings", post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
            "400 Bad Request"},
        Bad{"chunked_look_alike", post("Transfer-Encoding: xchunked\r\n") + "0\r\n\r\n", "400 Bad Request"},
        Bad{"chunked_in_http10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "400 Bad Request"},
        Bad{"bad_chunk_size", post("Transfer-Encoding: chunked\r\n") + "x\r\n", "400 Bad Request"},
        Bad{"negative_chunk", post("Transfer-Encoding: chunked\r\n") + "-1\r\n", "400 Bad Request"},
        Bad{"huge_chunk", post("Transfer-Encoding: chunked\r\n") + "ffffffffffffffffff\r\n",
            "400 Bad Request"},
        Bad{"chunk_without_end", post("Transfer-Encoding: chunked\r\n") + "3\r\nabcd\r\n0\r\n\r\n",
            "400 Bad Request"},
        Bad{"unknown_expectation", post("Expect: coffee\r\n"), "417 Expectation Failed"},
        Bad{"long_body", post("Content-Length: 101\r\n"), "413 Payload Too Large"},
        Bad{"long_body_expected", post("Content-Length: 101\r\nExpect: 100-continue\r\n"),
            "413 Payload Too Large"},
        Bad{"long_chunks",
            post("Transfer-Encoding: chunked\r\n") + "65\r\n" + std::string(101, 'x') + "\r\n0\r\n\r\n",
            "413 Payload Too Large"},
        Bad{"long_header", "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(1000, 'x') + "\r\n\r\n",
            "431 Request Header Fields Too Large"},
        Bad{"long_target", "GET /" + std::string(2000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n",
            "431 Request Header Fields Too Large"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(ServerTest, AChunkHeaderWithoutEndIsRefused) {
    listen({.max_header_bytes = 1000});
    EXPECT_EQ(status_line(talk(post("Transfer-Encoding: chunked\r\n") + "3;" + std::string(20'000, 'x'))),
              "HTTP/1.1 400 Bad Request");
}

} // namespace
} // namespace berth::http
