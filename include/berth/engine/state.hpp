// The engine's state: what is known about every task. A value; the core changes it, the store keeps it.
#pragma once

#include "berth/base/time.hpp"
#include "berth/engine/report.hpp"
#include "berth/engine/task.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace berth::engine {

// What the core is doing for a container right now. At most one step is in flight for each container.
enum class Step : std::uint8_t { idle, pulling, creating, starting, stopping };

struct ContainerState {
    ContainerId id; // assigned when the task is accepted
    ContainerStatus known = ContainerStatus::none;
    ContainerStatus desired = ContainerStatus::running;
    std::optional<ReportedStatus> sent; // last status the control plane has answered
    Step step = Step::idle;             // not persisted: after a restart reconciliation says what is true
    Digest image_digest;
    std::optional<int> exit_code;
    bool oom_killed = false;
    std::string reason; // "<ErrorName>: <text>" of the first failure
    std::vector<NetworkBinding> bindings;
    std::string ip_address;
    int pid = 0;
    std::optional<Time> created_at, started_at, finished_at;
    bool removed = false; // files, cgroup and network are gone
    bool kill_sent = false;
    int restarts = 0;
};

struct TaskState {
    TaskSpec spec;
    TaskStatus known = TaskStatus::none;
    TaskStatus desired = TaskStatus::running; // running or stopped
    std::optional<ReportedStatus> sent;
    bool report_in_flight = false; // not persisted
    std::string reason;
    std::map<std::string, ContainerState> containers; // by name
    std::optional<Time> accepted_at, pull_started_at, pull_stopped_at, execution_stopped_at, stopped_at;
    bool admitted = false;   // holds its share of the host's resources
    std::string waiting_for; // human text for `berth why`: what the task waits for, "" when nothing
    std::optional<Time> waiting_since;
};

// What the host has for tasks, as registered.
struct HostResources {
    std::int64_t cpu = 0; // units, 1024 per processor
    std::int64_t memory_mib = 0;
    std::set<std::uint16_t> tcp_ports, udp_ports; // reserved on the host: not available
};

struct EngineOptions {
    std::chrono::nanoseconds stop_timeout{std::chrono::seconds(30)};
    std::chrono::nanoseconds cleanup_wait{std::chrono::hours(3)};
    bool pull_failure_is_fatal = false; // ECS_IMAGE_PULL_BEHAVIOR always/once
};

struct EngineState {
    EngineOptions options;
    HostResources host;
    std::map<TaskArn, TaskState> tasks;
    std::vector<TaskArn> queue; // accepted, waiting for resources, oldest first
};

Json to_json(const TaskState& task);
Result<TaskState> task_state_from_json(const Json& json);

} // namespace berth::engine
