// The websockets of agents: ACS (work) and TCS (telemetry).
#include "berth/base/scope_exit.hpp"

#include "cluster/model/refusal.hpp"
#include "cluster/server/endpoint.hpp"
#include "cluster/server/tcs_frames.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <map>

namespace berth::cluster {
namespace {

constexpr auto kBeat = std::chrono::seconds(30);
constexpr auto kSilence = std::chrono::minutes(5);
constexpr auto kWriteTime = std::chrono::seconds(30);
constexpr std::string_view kAcsPath = "/acs/ws";
constexpr std::string_view kTcsPath = "/tcs/ws";

using Parameters = std::map<std::string, std::string>;

Parameters parameters_of(const http::Request& request) {
    Parameters parameters;
    for (auto& [name, value] : request.query_parameters()) parameters.emplace(name, value);
    return parameters;
}

std::string value_of(const Parameters& parameters, const std::string& name) {
    const auto it = parameters.find(name);
    return it == parameters.end() ? std::string() : it->second;
}

// A refused upgrade is an object with one member: the exception and its text.
http::Response refuse_upgrade(const Error& error) {
    const bool auth = error.code() == ErrorCode::auth;
    const auto name = auth ? std::string("AccessDeniedException") : error.name();
    const auto text = auth ? fmt::format("{}: {}", error.name(), error.message()) : error.message();
    http::Response response(auth ? 403 : 400, "application/json", dump_json(Json{{name, text}}));
    response.headers.set("x-amzn-ErrorType", auth ? error.name() : name);
    return response;
}

} // namespace

Result<std::string> Endpoint::admit(const http::Request& request, const char* cluster_key,
                                    const char* instance_key) {
    const auto identity = verify(request);
    if (!identity) return fail(identity.error());
    const auto parameters = parameters_of(request);
    const auto cluster = world_.cluster(value_of(parameters, cluster_key));
    if (!cluster) return refuse("InvalidClusterException", "Cluster not found.");
    const auto name = value_of(parameters, instance_key);
    const Instance* found = world_.instance((*cluster)->name, name);
    if (!found)
        return refuse("InvalidInstanceException", "The container instance {} is not registered.",
                      name.substr(0, 255));
    if (found->status == InstanceStatus::inactive)
        return refuse("InactiveInstanceException", "The container instance {} was deregistered.",
                      name.substr(0, 255));
    return found->arn;
}

Async<std::expected<http::WebSocketSession, http::Response>> Endpoint::upgrade(http::Request request,
                                                                               http::Peer) {
    const bool acs = request.path() == kAcsPath;
    if (!acs && request.path() != kTcsPath) {
        const Error unknown =
            Error(ErrorCode::not_found, "No websocket is served here.").with_name("BadRequestException");
        co_return std::unexpected(refuse_upgrade(unknown));
    }
    auto instance = acs ? admit(request, "clusterArn", "containerInstanceArn")
                        : admit(request, "cluster", "containerInstance");
    if (!instance) {
        log_.info("websocket refused", {{"path", request.path()}, {"reason", instance.error().message()}});
        co_return std::unexpected(refuse_upgrade(instance.error()));
    }
    const auto parameters = parameters_of(request);
    if (acs) {
        Instance& known = *world_.instances.edit(*instance);
        known.agent_version = value_of(parameters, "agentVersion").substr(0, 255);
        known.agent_hash = value_of(parameters, "agentHash").substr(0, 255);
        known.docker_version = value_of(parameters, "dockerVersion").substr(0, 255);
        const bool send_credentials = value_of(parameters, "sendCredentials") == "true";
        co_return [this, arn = *instance, send_credentials](std::shared_ptr<http::WebSocket> socket) {
            return serve_acs(arn, send_credentials, std::move(socket));
        };
    }
    co_return [this, arn = *instance, target = request.target](std::shared_ptr<http::WebSocket> socket) {
        return serve_tcs(arn, target, std::move(socket));
    };
}

Async<void> Endpoint::serve_acs(std::string instance_arn, bool send_credentials,
                                std::shared_ptr<http::WebSocket> socket) {
    const Log log = log_.with({{"instance", last_part(instance_arn)}});
    auto connection = std::make_shared<Connection>(executor_, instance_arn, socket);
    // An agent has one connection: a second one means that it has given up the first.
    auto& place = connections_[instance_arn];
    if (place) place->socket->abort();
    place = connection;
    world_.connected.insert(instance_arn);
    ScopeExit leave([&] {
        connection->end();
        const auto it = connections_.find(instance_arn);
        if (it == connections_.end() || it->second != connection) return;
        connections_.erase(it);
        world_.connected.erase(instance_arn);
    });
    log.info("agent connected");
    spawn(executor_, keep_beating(connection, &Endpoint::beat_work), {});
    {
        Context here = context();
        send(socket, connection->link.open(here, send_credentials));
    }
    (void)co_await settle();
    while (true) {
        auto frame = co_await socket->read(deadline_in(kSilence));
        if (!frame) {
            log.info("agent disconnected", {{"reason", frame.error().message()}});
            co_return;
        }
        Context here = context();
        auto answers = connection->link.receive(here, *frame);
        if (answers)
            send(socket, std::move(*answers));
        else
            log.warn("frame not understood", {{"reason", answers.error().message()}});
        (void)co_await settle();
    }
}

Async<void> Endpoint::keep_beating(ConnectionPtr connection, void (Endpoint::*once)(Connection&)) {
    while (!connection->over) {
        connection->beat.expires_after(kBeat);
        (void)co_await connection->beat.async_wait(asio::as_tuple(asio::use_awaitable));
        if (connection->over) co_return;
        (this->*once)(*connection);
        (void)co_await settle();
    }
}

void Endpoint::beat_work(Connection& connection) {
    if (connection.link.is_dead()) {
        log_.warn("agent does not answer heartbeats", {{"instance", last_part(connection.link.instance())}});
        connection.socket->abort();
        return;
    }
    Context here = context();
    send(connection.socket, connection.link.beat(here));
}

void Endpoint::beat_telemetry(Connection& connection) {
    const Json beat{{"type", "HeartbeatMessage"}, {"message", {{"healthy", true}}}};
    send(connection.socket, {dump_json(beat)});
}

Async<void> Endpoint::serve_tcs(std::string instance_arn, std::string target,
                                std::shared_ptr<http::WebSocket> socket) {
    const Log log = log_.with({{"instance", last_part(instance_arn)}});
    log.info("telemetry connected");
    auto connection = std::make_shared<Connection>(executor_, instance_arn, socket);
    ScopeExit leave([&] { connection->end(); });
    spawn(executor_, keep_beating(connection, &Endpoint::beat_telemetry), {});
    while (true) {
        auto frame = co_await socket->read(deadline_in(kSilence));
        if (!frame) {
            log.info("telemetry disconnected", {{"reason", frame.error().message()}});
            co_return;
        }
        auto answer = co_await take_telemetry(instance_arn, target, std::move(*frame));
        if (answer) {
            Frames frames{std::move(*answer)};
            send(socket, std::move(frames));
            continue;
        }
        log.warn("telemetry refused", {{"reason", answer.error().message()}});
        const Json refusal{{"type", "BadRequestException"},
                           {"message", {{"message", answer.error().message()}}}};
        std::string text = dump_json(refusal);
        (void)co_await socket->write(std::move(text), deadline_in(kWriteTime));
        if (answer.error().code() != ErrorCode::auth) continue;
        co_await socket->close(1008, "the frame's signature is wrong", deadline_in(kWriteTime));
        co_return;
    }
}

Async<Result<std::string>> Endpoint::take_telemetry(std::string instance_arn, std::string target,
                                                    std::string frame) {
    const auto request = split_telemetry_frame(frame, std::move(target));
    if (!request) co_return fail(request.error());
    if (const auto identity = verify(*request); !identity) co_return fail(identity.error());
    Context here = context();
    auto answer = receive_telemetry(here, instance_arn, request->body);
    (void)co_await settle();
    co_return answer;
}

} // namespace berth::cluster
