// CloudWatch Logs as far as the forwarder speaks to it: a real HTTP server that checks signatures, knows
// groups and streams, and can be told to misbehave.
#pragma once

#include "berth/base/http/server.hpp"
#include "berth/base/json.hpp"
#include "berth/base/sigv4.hpp"

#include "tests/unit/http/loop.hpp"

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace berth::logs::test {

inline AwsCredentials credentials() {
    AwsCredentials result;
    result.access_key_id = "AKIDEXAMPLE";
    result.secret_access_key = "secret";
    return result;
}

class LogsService {
  public:
    explicit LogsService(berth::test::Loop& loop) : loop_(&loop) { start(); }

    void start() {
        // The same port again after a stop.
        auto handler = [this](http::Request request, http::Peer) { return answer(std::move(request)); };
        http::ServerOptions options;
        options.max_body_bytes = 4 << 20;
        auto server = http::Server::listen(loop_->executor(), "127.0.0.1", port_, handler, options);
        if (!server) throw std::runtime_error(server.error().message());
        server_ = std::move(*server);
        port_ = server_->port();
    }
    void stop() { server_->stop(); }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

    // The messages of a stream in the order of arrival.
    std::vector<std::string> messages(const std::string& stream) const {
        std::vector<std::string> result;
        if (const auto found = streams.find(stream); found != streams.end())
            for (const auto& event : found->second) result.push_back(event.second);
        return result;
    }
    void fail_next_put(unsigned status, std::string name, std::string message = "scripted") {
        failures.push_back(error(status, std::move(name), std::move(message)));
    }
    static http::Response error(unsigned status, std::string name, std::string message) {
        const Json body{{"__type", std::move(name)}, {"message", std::move(message)}};
        return {status, "application/x-amz-json-1.1", dump_json(body)};
    }

    std::set<std::string> groups;
    std::map<std::string, std::vector<std::pair<std::int64_t, std::string>>> streams;
    std::deque<http::Response> failures; // answers to the next PutLogEvents
    std::optional<Json> put_answer;
    bool hold = false; // takes what is put, and does not answer until this is false
    std::vector<std::size_t> batch_sizes;
    int puts = 0, in_flight = 0, most_in_flight = 0, bad_requests = 0;

  private:
    Async<http::Response> answer(http::Request request) {
        const auto secret = [](const std::string& id) -> std::optional<std::string> {
            if (id != credentials().access_key_id) return std::nullopt;
            return credentials().secret_access_key;
        };
        const auto identity = verify_request(request, secret, now());
        const auto body = parse_json(request.body);
        const auto* target = request.headers.find("X-Amz-Target");
        if (!identity || !body || !target || identity->service != "logs" || identity->region != "eu-west-1") {
            ++bad_requests;
            co_return error(400, "BadRequest", "unsigned or malformed");
        }
        if (target->ends_with(".CreateLogGroup")) co_return create_group(*body);
        if (target->ends_with(".CreateLogStream")) co_return create_stream(*body);
        co_return co_await put(*body);
    }
    http::Response create_group(const Json& body) {
        if (!groups.insert(body.at("logGroupName")).second)
            return error(400, "ResourceAlreadyExistsException", "the group exists");
        return {200, "application/x-amz-json-1.1", ""};
    }
    http::Response create_stream(const Json& body) {
        if (!groups.contains(body.at("logGroupName")))
            return error(400, "ResourceNotFoundException", "no such group");
        if (!streams.try_emplace(body.at("logStreamName")).second)
            return error(400, "ResourceAlreadyExistsException", "the stream exists");
        return {200, "application/x-amz-json-1.1", ""};
    }
    Async<http::Response> put(Json body) {
        ++puts;
        if (!failures.empty()) {
            auto failure = std::move(failures.front());
            failures.pop_front();
            co_return failure;
        }
        const auto stream = streams.find(body.at("logStreamName"));
        if (stream == streams.end()) co_return error(400, "ResourceNotFoundException", "no such stream");
        most_in_flight = std::max(most_in_flight, ++in_flight);
        batch_sizes.push_back(body.at("logEvents").size());
        for (const auto& event : body.at("logEvents"))
            stream->second.emplace_back(event.at("timestamp"), event.at("message"));
        while (hold) {
            asio::steady_timer timer(loop_->executor(), std::chrono::milliseconds(10));
            co_await timer.async_wait(berth::test::kTuple);
        }
        --in_flight;
        co_return http::Response(200, "application/x-amz-json-1.1",
                                 dump_json(put_answer.value_or(Json::object())));
    }

    berth::test::Loop* loop_;
    std::uint16_t port_ = 0;
    std::unique_ptr<http::Server> server_;
};

} // namespace berth::logs::test
