// A real HTTP server that plays a service from a script.
#pragma once

#include "berth/base/http/server.hpp"

#include "tests/unit/http/loop.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace berth::tests {

using test::Loop;

inline http::Response json_response(unsigned status, std::string body) {
    return {status, "application/x-amz-json-1.1", std::move(body)};
}

// Answers come from `answers` one after the other, then from `always`. Keeps the requests.
class ScriptedServer {
  public:
    using Answer = std::function<http::Response(const http::Request&)>;

    explicit ScriptedServer(Loop& loop, http::UpgradeHandler upgrade = {}) {
        http::ServerOptions options;
        options.max_message_bytes = std::size_t{64} << 20;
        auto server = http::Server::listen(
            loop.executor(), "127.0.0.1", 0,
            [this](http::Request request, http::Peer) { return answer(std::move(request)); }, options,
            std::move(upgrade));
        if (!server) throw std::runtime_error(server.error().message());
        server_ = std::move(*server);
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
    void stop() { server_->stop(); }

    std::vector<http::Request> requests;
    std::deque<Answer> answers;
    Answer always = [](const http::Request&) { return json_response(500, "{}"); };

    void then(unsigned status, std::string body) {
        answers.push_back([=](const http::Request&) { return json_response(status, body); });
    }

  private:
    Async<http::Response> answer(http::Request request) {
        requests.push_back(request);
        if (answers.empty()) co_return always(request);
        auto next = std::move(answers.front());
        answers.pop_front();
        co_return next(request);
    }

    std::unique_ptr<http::Server> server_;
};

} // namespace berth::tests
