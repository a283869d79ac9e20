// A real HTTP server that plays ECS and ACS for a ControlImpl with short delays.
#pragma once

#include "agent/control/control_impl.hpp"
#include "tests/unit/aws/scripted_server.hpp"

#include <gtest/gtest.h>

namespace berth::control {

inline constexpr auto kInstanceArn = "arn:aws:ecs:us-west-2:1:container-instance/prod/i";

class ServiceTest : public testing::Test {
  protected:
    using Script = std::function<Async<void>(std::shared_ptr<http::WebSocket>)>;

    test::Loop loop;
    // One script for each connection in turn; later ones stay open until the client leaves.
    std::vector<Script> scripts;
    std::vector<http::Request> upgrades;
    std::optional<http::Response> refuse_upgrade;
    tests::ScriptedServer server{
        loop, [this](http::Request request, http::Peer) { return upgrade(std::move(request)); }};
    http::Client client{loop.executor(), {}};
    config::Config config;
    ControlHandlers handlers;
    Timing timing;
    std::vector<engine::PayloadReceived> payloads;
    std::vector<TaskCredentials> credentials;
    std::unique_ptr<ControlImpl> control;
    bool acs_ended = false;

    void SetUp() override {
        config.cluster = "prod";
        config.region = "us-west-2";
        config.backend_host = server.url();
        config.metadata_disabled = true;
        using namespace std::chrono_literals;
        timing.reconnect = timing.submission = timing.registration = {1ms, 1.5, 20ms};
        server.always = [this](const http::Request& request) { return answer(request); };
        handlers.on_payload = [this](engine::PayloadReceived payload) { return keep(std::move(payload)); };
        handlers.on_credentials = [this](TaskCredentials set) { credentials.push_back(std::move(set)); };
    }
    void TearDown() override {
        if (control) control->stop();
        if (running_) loop.drive([this] { return acs_ended; });
    }

    void make() {
        Host host;
        host.agent_version = "0.1.0";
        host.agent_hash = "abc";
        control = std::make_unique<ControlImpl>(loop.executor(), client, config, host,
                                                aws::make_static({"AKID", "SECRET", "", std::nullopt}), Log(),
                                                handlers, timing, [] { return 0.0; });
    }
    void start_acs() {
        make();
        running_ = true;
        asio::co_spawn(loop.io, control->run_acs(kInstanceArn),
                       [this](std::exception_ptr) { acs_ended = true; });
    }
    // How often an operation was called.
    std::size_t calls(const std::string& operation) const {
        return static_cast<std::size_t>(
            std::ranges::count_if(server.requests, [&](const http::Request& request) {
                return operation_of(request) == operation;
            }));
    }
    static std::string operation_of(const http::Request& request) {
        const auto* target = request.headers.find("X-Amz-Target");
        return target ? target->substr(target->rfind('.') + 1) : "";
    }

  private:
    bool running_ = false;

    http::Response answer(const http::Request& request) {
        if (operation_of(request) != "DiscoverPollEndpoint") return tests::json_response(500, "{}");
        return tests::json_response(200, R"({"endpoint":")" + server.url() + "\"}");
    }
    Async<Status> keep(engine::PayloadReceived payload) {
        payloads.push_back(std::move(payload));
        co_return Status{};
    }
    Async<std::expected<http::WebSocketSession, http::Response>> upgrade(http::Request request) {
        const auto number = upgrades.size();
        upgrades.push_back(std::move(request));
        if (refuse_upgrade) co_return std::unexpected(*refuse_upgrade);
        if (number < scripts.size()) co_return http::WebSocketSession(scripts[number]);
        co_return http::WebSocketSession(wait_for_the_end);
    }
    static Async<void> wait_for_the_end(std::shared_ptr<http::WebSocket> socket) {
        while (co_await socket->read(test::soon())) {
        }
    }
};

} // namespace berth::control
