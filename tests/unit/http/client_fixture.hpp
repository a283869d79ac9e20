// What the tests of the client share: scripted answers, and a server that remembers what it was asked.
#pragma once

#include "berth/base/http/client.hpp"

#include "loop.hpp"

#include <boost/asio/post.hpp>

namespace berth::http {

using test::kTuple;
using test::Loop;
using test::RawServer;
using test::soon;
using test::tcp;

class ClientTest : public testing::Test {
  protected:
    // Answers every request with these bytes, then hangs up.
    std::unique_ptr<RawServer> answer(std::string bytes) {
        auto script = [bytes = std::move(bytes)](tcp::socket& socket, unsigned) {
            return answer_once(socket, bytes);
        };
        return std::make_unique<RawServer>(loop, script);
    }
    static Async<void> answer_once(tcp::socket& socket, std::string bytes) {
        co_await test::read_head(socket);
        co_await test::send(socket, std::move(bytes));
    }
    static Async<void> answer_slowly(tcp::socket& socket, std::string bytes) {
        co_await test::read_head(socket);
        for (const char byte : bytes) {
            co_await test::send(socket, std::string(1, byte));
            co_await asio::post(socket.get_executor(), asio::use_awaitable);
        }
    }
    Result<Response> get(const std::string& url, std::size_t max_body = 1 << 20) {
        return loop.run(client.send(parse_url(url).value(), Request(), soon(), max_body));
    }
    Result<Response> get_answer(std::string bytes, std::size_t max_body = 1 << 20) {
        auto server = answer(std::move(bytes));
        return get(server->url(), max_body);
    }

    Loop loop;
    Client client{loop.executor(), ClientOptions{}};
};

// Keeps answering "ok" on one connection, and remembers what it was asked.
struct Recorder {
    std::vector<std::string> heads;
    static Async<void> serve(Recorder& self, tcp::socket& socket) {
        while (true) {
            std::string head = co_await test::read_head(socket);
            if (head.empty()) co_return;
            self.heads.push_back(std::move(head));
            co_await test::send(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    }
};

} // namespace berth::http
