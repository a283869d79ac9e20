// What the running agent says of its tasks.
#pragma once

#include "berth/base/json.hpp"

#include "agent/cli/commands.hpp"

namespace berth::cli {

// The "Tasks" list of /v1/tasks. Blocking. An agent that does not answer is an error that says so.
Result<Json> fetch_tasks(const AgentOptions& agent);

} // namespace berth::cli
