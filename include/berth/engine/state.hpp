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
enum class Step : std::uint8_t { idle, pulling, creating, starting, stopping, removing };
std::string_view to_string(Step step); // "idle", "pulling", …

// Of the health check; unknown without one, before its first verdict, and after a restart of the agent.
enum class Health : std::uint8_t { unknown, healthy, unhealthy };
std::string_view to_string(Health health); // "UNKNOWN", …

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
    int restarts = 0;                 // by restart policy
    bool restarting = false;          // its policy is bringing it up again; known stays RUNNING meanwhile
    std::optional<Time> restarted_at; // last start by restart policy; started_at stays the first one
    bool start_timed_out = false;     // its startTimeout passed before its dependants' conditions held
    std::string pull_error;           // of a pull that failed while a cached image could be used
    Health health = Health::unknown;  // not persisted
    std::optional<Time> health_since; // not persisted
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
    std::uint64_t order = 0; // rises with every task accepted: who is first in the queue
    bool admitted = false;   // holds its share of the host's resources
    // Human text for `berth why`: what the task waits for, "" when nothing. Not persisted.
    std::string waiting_for;
    std::optional<Time> waiting_since;
    bool recovering = false;  // loaded and not yet looked at on the host: nothing is done. Not persisted
    bool cleanup_due = false; // its cleanup timer has fired. Not persisted
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
