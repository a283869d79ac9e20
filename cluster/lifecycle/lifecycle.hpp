// The life of a task as the service shows it: made, reported on by its agent, stopped. Status only moves
// forward.
#pragma once

#include "cluster/model/context.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::cluster {

struct TaskRequest {
    std::string cluster;    // name
    std::string definition; // key of the definition table; must exist
    std::string instance;   // ARN
    Json overrides = Json::object();
    std::string group, started_by, service, deployment, client_token;
    Tags tags;
};
const Task& make_task(Context& context, TaskRequest request);

// Asks for the end of a task. A task that no agent has seen stops at once. A second request changes nothing.
void request_stop(Context& context, std::string_view task_arn, std::string_view stop_code,
                  std::string_view reason);

struct ContainerChange {
    std::string name;
    std::optional<TaskStatus> status;
    std::string runtime_id, image_digest, reason;
    std::optional<std::int64_t> exit_code;
    Json network_bindings = Json::array();
};
struct TaskChange {
    std::optional<TaskStatus> status;
    std::string reason;
    std::vector<ContainerChange> containers;
    std::optional<Time> pull_started, pull_stopped, execution_stopped;
};
// What an agent reports. The task must exist; a report on a stopped task changes nothing.
void apply_change(Context& context, std::string_view task_arn, const TaskChange& change);

// The task will never be heard of again: its instance is gone.
void declare_lost(Context& context, std::string_view task_arn, std::string_view reason);

// Forgets what stopped more than an hour ago. Returns when there is something to forget next.
std::optional<Time> forget_old(World& world, Time now);

} // namespace berth::cluster
