// RegisterContainerInstance: the request, the check of the answer, the retries (reference 1.6).
#pragma once

#include "berth/aws/imds.hpp"
#include "berth/control/control.hpp"

#include "agent/control/stop_signal.hpp"
#include "agent/control/timing.hpp"

#include <string>

namespace berth::control {

Json registration_request(const config::Config& config, const Host& host,
                          const aws::InstanceIdentity& identity, const std::string& saved_arn,
                          const std::string& client_token);
// The answer's ARN and zone. An error when an attribute that was sent with a value did not come back.
Result<Registration> read_registration(const Json& request, const Json& answer);

// What one registration needs; everything outlives it.
struct Registrar {
    aws::JsonClient* ecs;
    const config::Config* config;
    const Host* host;
    StopSignal* stop;
    const Timing* timing;
    aws::Random random;
    Log log;

    Async<Result<Registration>> run(aws::InstanceIdentity identity, std::string saved_arn);

  private:
    Async<Result<Json>> try_once(Json request);
};

} // namespace berth::control
