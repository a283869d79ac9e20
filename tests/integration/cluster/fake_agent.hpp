// An agent that speaks the protocol and runs nothing: it reports what it is told to do as done.
#pragma once

#include "berth/base/http/client.hpp"
#include "berth/base/http/websocket.hpp"
#include "berth/base/json.hpp"
#include "berth/base/sigv4.hpp"

#include "tests/unit/http/loop.hpp"

#include <memory>
#include <string>
#include <vector>

namespace berth::test {

class FakeAgent {
  public:
    FakeAgent(Loop& loop, std::string url, AwsCredentials credentials);
    ~FakeAgent();

    // A signed call of an operation of the ECS API.
    Async<Result<Json>> call(std::string operation, Json input);
    // Registers an instance and opens ACS.
    Async<void> join(std::string cluster, Json attributes);
    Async<Status> connect();
    void disconnect();
    // Signs as the agent does and opens a websocket at a path of the endpoint.
    Async<Result<std::unique_ptr<http::WebSocket>>> open(std::string path_and_query);
    // A telemetry frame for a connection opened with that path and query.
    std::string telemetry_frame(const std::string& path_and_query, const std::string& json) const;
    // A task ends by itself.
    Async<void> finish(std::string task, int exit_code);

    // Waits until an ACS frame of the type has come; counts from the first.
    void await_frame(const std::string& type, std::size_t count = 1);
    std::vector<Json> frames(const std::string& type) const;
    bool connected() const { return socket_ != nullptr; }

    bool acknowledges = true;
    AwsCredentials credentials;
    std::string cluster = "default";
    std::string instance; // ARN

  private:
    Async<void> listen(std::shared_ptr<http::WebSocket> socket);
    Async<void> obey(Json task);

    Loop& loop_;
    std::string url_;
    http::Client client_;
    std::shared_ptr<http::WebSocket> socket_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::vector<Json> received_;
};

} // namespace berth::test
