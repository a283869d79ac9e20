// TaskState to JSON and back, for the store.
#include "agent/engine/task_json.hpp"

namespace berth::engine {

template <class Archive, Maybe<NetworkBinding> T>
void fields(Archive& io, T& binding) {
    io("bindIp", binding.bind_ip);
    io("containerPort", binding.container_port);
    io("hostPort", binding.host_port);
    io("protocol", binding.protocol);
}

template <class Archive, Maybe<ContainerState> T>
void fields(Archive& io, T& container) {
    io("id", container.id);
    io("known", container.known);
    io("desired", container.desired);
    io("sent", container.sent);
    io("imageDigest", container.image_digest);
    io("exitCode", container.exit_code);
    io("oomKilled", container.oom_killed);
    io("reason", container.reason);
    io("bindings", container.bindings);
    io("ipAddress", container.ip_address);
    io("pid", container.pid);
    io("createdAt", container.created_at);
    io("startedAt", container.started_at);
    io("finishedAt", container.finished_at);
    io("removed", container.removed);
    io("killSent", container.kill_sent);
    io("restarts", container.restarts);
    io("restarting", container.restarting);
    io("restartedAt", container.restarted_at);
    io("startTimedOut", container.start_timed_out);
    io("pullError", container.pull_error);
}

template <class Archive, Maybe<TaskState> T>
void fields(Archive& io, T& task) {
    io("spec", task.spec);
    io("known", task.known);
    io("desired", task.desired);
    io("sent", task.sent);
    io("reason", task.reason);
    io("containers", task.containers);
    io("acceptedAt", task.accepted_at);
    io("pullStartedAt", task.pull_started_at);
    io("pullStoppedAt", task.pull_stopped_at);
    io("executionStoppedAt", task.execution_stopped_at);
    io("stoppedAt", task.stopped_at);
    io("order", task.order);
    io("admitted", task.admitted);
}

Json to_json(const TaskState& task) { return write_json(task); }

Result<TaskState> task_state_from_json(const Json& json) {
    auto task = read_json<TaskState>(json);
    if (!task) return task;
    for (const auto& container : task->spec.containers)
        if (!task->containers.contains(container.name))
            return fail(ErrorCode::invalid, "containers.{}: missing", container.name);
    task->recovering = true;
    return task;
}

} // namespace berth::engine
