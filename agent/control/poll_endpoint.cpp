// Asking for the ACS endpoint, or remembering it.
#include "agent/control/poll_endpoint.hpp"

namespace berth::control {

Async<Result<PollEndpoints>> PollEndpoint::get(std::string container_instance_arn) {
    if (arn_ != container_instance_arn) cached_.reset();
    if (cached_ && std::chrono::steady_clock::now() < fresh_until_) co_return *cached_;
    Json request{{"containerInstance", container_instance_arn}, {"cluster", cluster_}, {"zoneId", ""}};
    auto answer = co_await ecs_->call("DiscoverPollEndpoint", std::move(request),
                                      deadline_in(timing_->discovery_limit));
    if (!answer && cached_) {
        log_.warn("using the known ACS endpoint", {{"why", answer.error().message()}});
        co_return *cached_;
    }
    if (!answer) co_return fail(std::move(answer.error()));
    const JsonReader reader(*answer);
    auto acs = reader.required_string("endpoint");
    if (!acs) co_return fail(ErrorCode::protocol, "DiscoverPollEndpoint: {}", acs.error().message());
    auto telemetry = reader.string("telemetryEndpoint");
    if (!telemetry)
        co_return fail(ErrorCode::protocol, "DiscoverPollEndpoint: {}", telemetry.error().message());
    arn_ = std::move(container_instance_arn);
    cached_ = PollEndpoints{std::move(*acs), telemetry->value_or("")};
    fresh_until_ = deadline_in(timing_->discovery_lifetime);
    co_return *cached_;
}

} // namespace berth::control
