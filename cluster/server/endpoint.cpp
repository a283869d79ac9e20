// Requests: verified, routed, run, saved, answered.
#include "cluster/server/endpoint.hpp"

#include "berth/base/encoding.hpp"

#include "cluster/api/operations.hpp"
#include "cluster/lifecycle/lifecycle.hpp"
#include "cluster/model/refusal.hpp"
#include "cluster/payload/payload.hpp"
#include "cluster/scheduling/services.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace berth::cluster {
namespace {

constexpr auto kWriteTime = std::chrono::seconds(30);

std::string target_of(const http::Request& request) {
    const std::string* target = request.headers.find("X-Amz-Target");
    return target ? *target : std::string();
}

} // namespace

Endpoint::Endpoint(Executor executor, Pool& pool, World world, Settings settings, Store store, Log log)
    : executor_(executor), pool_(pool), world_(std::move(world)), settings_(std::move(settings)),
      store_(std::move(store)), log_(std::move(log)), make_id_(random_hex), timer_(executor) {}

Result<VerifiedIdentity> Endpoint::verify(const http::Request& request) const {
    const auto secret_of = [this](const std::string& key) -> std::optional<std::string> {
        if (key == settings_.access_key_id) return settings_.secret_access_key;
        // Role keys of tasks; whoever makes one up does not know its secret.
        if (key.starts_with("ASIA")) return derived_secret(settings_.secret_access_key, key);
        return std::nullopt;
    };
    auto identity = verify_request(request, secret_of, now());
    if (identity && identity->region != world_.identity.region)
        return std::unexpected(
            Error(ErrorCode::auth,
                  fmt::format("Credential should be scoped to a valid region: this endpoint is {}, "
                              "not {}.",
                              world_.identity.region, identity->region))
                .with_name("InvalidSignatureException"));
    return identity;
}

Result<Json> Endpoint::run(const http::Request& request) {
    const auto identity = verify(request);
    if (!identity) return fail(identity.error());
    if (request.method != "POST" || request.path() != "/")
        return refuse("UnknownOperationException", "This endpoint answers POST / only.");
    const auto route = find_route(target_of(request));
    if (!route) return fail(route.error());
    if (identity->service != route->service)
        return std::unexpected(
            Error(ErrorCode::auth,
                  fmt::format("Credential should be scoped to correct service: '{}'.", route->service))
                .with_name("InvalidSignatureException"));
    const auto input =
        parse_json(request.body.empty() ? "{}" : request.body, {.max_bytes = 8 << 20, .max_depth = 32});
    if (!input) return refuse("SerializationException", "{}", input.error().message());
    if (!input->is_object()) return refuse("SerializationException", "The request is not a JSON object.");
    Context now_and_here = context();
    const Input in(*input);
    return route->run(now_and_here, in);
}

Async<http::Response> Endpoint::handle(http::Request request, http::Peer peer) {
    const auto started = std::chrono::steady_clock::now();
    auto answer = run(request);
    if (answer)
        if (Status saved = co_await settle(); !saved) answer = fail(saved.error());
    http::Response response;
    if (answer) {
        response = http::Response(200, "application/x-amz-json-1.1", dump_json(*answer));
    } else {
        response = error_response(answer.error());
        log_.info("request refused", {{"target", target_of(request).substr(0, 128)},
                                      {"error", answer.error().name()},
                                      {"reason", answer.error().message()}});
    }
    Context here = context();
    response.headers.set("x-amzn-RequestId", here.make_uuid());
    if (log_.enabled(LogLevel::debug))
        log_.debug(
            "request",
            {{"target", target_of(request).substr(0, 128)},
             {"peer", fmt::format("{}:{}", peer.address, peer.port)},
             {"status", response.status},
             {"ms", std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started)
                        .count()}});
    co_return response;
}

// Whatever follows from a change: services react, it is saved, agents are told. Until it is saved, nobody is.
Async<Status> Endpoint::settle() {
    Context here = context();
    const auto resume = reconcile_services(here);
    const auto forget = forget_old(world_, here.now);
    std::vector<std::pair<std::shared_ptr<http::WebSocket>, Frames>> outgoing;
    for (const auto& [arn, connection] : connections_)
        if (auto frames = connection->link.collect(here); !frames.empty())
            outgoing.emplace_back(connection->socket, std::move(frames));
    wake_at(resume && forget ? std::min(*resume, *forget) : resume ? resume : forget);
    if (Status saved = co_await save(); !saved) co_return saved;
    for (auto& [socket, frames] : outgoing) send(std::move(socket), std::move(frames));
    close_inactive();
    co_return Status{};
}

Async<Status> Endpoint::save() {
    auto rows = std::make_shared<std::vector<Row>>(take_changes(world_));
    if (rows->empty()) co_return Status{};
    auto write = [this, rows] { return store_.write(*rows); };
    Status saved = co_await offload(pool_, std::move(write));
    if (!saved) {
        keep_changes(world_, *rows); // for the next try
        log_.error("cannot save", {{"reason", saved.error().message()}});
    }
    co_return saved;
}

void Endpoint::send(std::shared_ptr<http::WebSocket> socket, Frames frames) {
    const auto write = [](std::shared_ptr<http::WebSocket> to, std::string frame) -> Async<void> {
        // A failed write ends the connection; the reading side notices.
        (void)co_await to->write(std::move(frame), deadline_in(kWriteTime));
    };
    const auto report = [log = log_](std::string problem) { log.error("sending", {{"reason", problem}}); };
    for (std::string& frame : frames) spawn(executor_, write(socket, std::move(frame)), report);
}

void Endpoint::close_inactive() {
    for (const auto& [arn, connection] : connections_) {
        const Instance* instance = world_.instances.find(arn);
        if (!instance || instance->status == InstanceStatus::inactive) connection->socket->abort();
    }
}

void Endpoint::wake_at(std::optional<Time> when) {
    if (!when)
        timer_.expires_at(Deadline::max());
    else
        timer_.expires_after(std::chrono::duration_cast<Deadline::duration>(*when - now()));
}

Async<void> Endpoint::keep_time() {
    (void)co_await settle(); // what the state file holds may be due by now
    while (!stopping_) {
        // Setting another time cancels the wait, which starts anew.
        const auto [error] = co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        if (!error && !stopping_) (void)co_await settle();
    }
}

void Endpoint::stop() {
    stopping_ = true;
    timer_.cancel();
    for (const auto& [arn, connection] : connections_) connection->socket->abort();
}

} // namespace berth::cluster
