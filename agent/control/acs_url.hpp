// The URL of an ACS connection (reference 3.1).
#pragma once

#include "berth/base/http/message.hpp"

#include <string>

namespace berth::control {

struct AcsParameters {
    std::string cluster; // as configured: a name or an ARN
    std::string container_instance_arn;
    std::string agent_version, agent_hash, docker_version;
    bool send_credentials = true; // until the first connection of this process
};

Result<http::Url> acs_url(const std::string& endpoint, const AcsParameters& parameters);

} // namespace berth::control
