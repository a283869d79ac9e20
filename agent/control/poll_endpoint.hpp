// DiscoverPollEndpoint: where ACS and TCS answer for a container instance. Cached for 12 hours.
#pragma once

#include "berth/aws/aws.hpp"

#include "agent/control/timing.hpp"

#include <optional>
#include <string>

namespace berth::control {

struct PollEndpoints {
    std::string acs, telemetry;
};

// Event loop only; must outlive its calls.
class PollEndpoint {
  public:
    PollEndpoint(aws::JsonClient& ecs, std::string cluster, const Timing& timing, Log log)
        : ecs_(&ecs), cluster_(std::move(cluster)), timing_(&timing), log_(std::move(log)) {}
    // From the cache while it is young, and when the service fails, however old it is.
    Async<Result<PollEndpoints>> get(std::string container_instance_arn);

  private:
    aws::JsonClient* ecs_;
    std::string cluster_;
    const Timing* timing_;
    Log log_;
    std::string arn_; // what the cached value is for
    std::optional<PollEndpoints> cached_;
    Deadline fresh_until_;
};

} // namespace berth::control
