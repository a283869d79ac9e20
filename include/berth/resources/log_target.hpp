// Where a container's output goes, from its LogConfig: the spool alone, or CloudWatch Logs as well.
#pragma once

#include "berth/config/config.hpp"
#include "berth/engine/task.hpp"
#include "berth/logs/forwarder.hpp"

#include <optional>

namespace berth::resources {

// nullopt: the spool only (json-file, none, no driver). Errors name the driver or option that is refused.
Result<std::optional<logs::AwslogsTarget>> log_target(const config::Config& config,
                                                      const engine::TaskSpec& task,
                                                      const engine::ContainerSpec& container);

} // namespace berth::resources
