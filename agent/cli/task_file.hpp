// A task definition file as a task of this host.
#pragma once

#include "berth/engine/task.hpp"

#include <string>

namespace berth::cli {

// Takes what `aws ecs register-task-definition --cli-input-json` takes and what describe-task-definition
// prints.
Result<engine::TaskSpec> read_task_file(const std::string& path, const std::string& network_mode);

} // namespace berth::cli
