// How containers move up, step by step, and how a task's own status follows from theirs.
#include "agent/engine/rules.hpp"

#include <algorithm>

namespace berth::engine {

namespace {

// What a container broken by its dependencies is said to have exited with, as the reference agent does.
constexpr int kNeverStartedExitCode = 143;

bool runs(const ContainerState& container) {
    return container.known == ContainerStatus::running && !container.restarting;
}

void pull_ended(Turn& turn, Part part) {
    part.state.step = Step::idle;
    part.task.pull_stopped_at = turn.at;
}

void begin_next_step(Turn& turn, Part part) {
    const auto& arn = part.task.spec.arn;
    auto& container = part.state;
    if (container.known < ContainerStatus::pulled) {
        container.step = Step::pulling;
        if (!part.task.pull_started_at) part.task.pull_started_at = turn.at;
        turn.emit(Pull{arn, part.spec.name});
    } else if (container.known < ContainerStatus::created) {
        container.step = Step::creating;
        turn.emit(Create{arn, part.spec.name});
    } else {
        container.step = Step::starting;
        turn.emit(Start{arn, part.spec.name, container.restarting});
    }
}

void begin_stop(Turn& turn, Part part) {
    auto& container = part.state;
    container.step = Step::stopping;
    turn.emit(Signal{part.task.spec.arn, part.spec.name, container.kill_sent});
    const std::chrono::nanoseconds timeout =
        part.spec.stop_timeout ? *part.spec.stop_timeout : turn.state.options.stop_timeout;
    turn.emit(ArmTimer{part.task.spec.arn, part.spec.name, TimerKind::stop_timeout, timeout});
}

// Nothing of it runs, so it is stopped at once. What was made for its start (network, ports) is given back
// now, not when the task is cleaned up.
void stop_before_start(Turn& turn, Part part) {
    const bool made = part.state.known == ContainerStatus::created;
    become_stopped(turn, part, std::nullopt);
    if (!made) return;
    part.state.step = Step::removing;
    turn.emit(Remove{part.task.spec.arn, part.spec.name});
}

// Returns whether the container's status changed. A pull under way is left to itself; a step that may bring
// the process up is waited for.
bool go_down(Turn& turn, Part part) {
    auto& container = part.state;
    if (container.step != Step::idle && container.step != Step::pulling) return false;
    if (runs(container)) {
        if (dependants_stopped(part.task, part.spec.name)) begin_stop(turn, part);
        return false;
    }
    if (container.restarting)
        become_stopped(turn, part, container.finished_at);
    else
        stop_before_start(turn, part);
    return true;
}

// Does what can be done next for one container; true when its status changed, so that others may go on.
bool advance(Turn& turn, Part part) {
    auto& container = part.state;
    if (container.known == ContainerStatus::stopped) return false;
    if (container.desired == ContainerStatus::stopped) return go_down(turn, part);
    if (container.step != Step::idle || !part.task.admitted || runs(container)) return false;
    if (!container.restarting) {
        if (const auto why = broken_dependency(part.task, part.spec)) {
            keep_first_reason(container, "CannotStartContainerError: dependency graph: " + *why);
            container.exit_code = kNeverStartedExitCode;
            stop_before_start(turn, part);
            return true;
        }
        if (!dependencies_hold(part.task, part.spec)) return false;
    }
    begin_next_step(turn, part);
    return false;
}

TaskStatus as_task_status(ContainerStatus status) {
    switch (status) {
    case ContainerStatus::none: return TaskStatus::none;
    case ContainerStatus::manifest_pulled:
    case ContainerStatus::pulled: return TaskStatus::manifest_pulled;
    case ContainerStatus::created: return TaskStatus::created;
    case ContainerStatus::running: return TaskStatus::running;
    case ContainerStatus::stopped: break;
    }
    return TaskStatus::stopped;
}

bool is_essential_over(const TaskState& task, bool or_ending) {
    return std::ranges::any_of(task.spec.containers, [&](const ContainerSpec& spec) {
        const auto& container = task.containers.at(spec.name);
        return spec.essential && (container.known == ContainerStatus::stopped ||
                                  (or_ending && container.desired == ContainerStatus::stopped));
    });
}

// The task is as far as its slowest container. While an essential one is over and others run, it stays put.
void update_status(Turn& turn, TaskState& task) {
    auto slowest = ContainerStatus::stopped;
    for (const auto& [name, container] : task.containers) slowest = std::min(slowest, container.known);
    const auto status = as_task_status(slowest);
    if (status <= task.known || (status == TaskStatus::running && is_essential_over(task, false))) return;
    task.known = status;
    if (status >= TaskStatus::running) turn.save(task);
    if (status != TaskStatus::stopped) return;
    want_stopped(task);
    task.stopped_at = turn.at;
    turn.resources_freed = true;
    arm_cleanup(turn, task);
}

} // namespace

void want_stopped(TaskState& task) {
    task.desired = TaskStatus::stopped;
    for (auto& [name, container] : task.containers) container.desired = ContainerStatus::stopped;
}

void settle(Turn& turn, TaskState& task) {
    if (task.recovering) return;
    for (bool moved = true; moved;) {
        moved = false;
        if (task.desired != TaskStatus::stopped && is_essential_over(task, true)) {
            want_stopped(task);
            turn.save(task);
        }
        for (const auto& spec : task.spec.containers)
            moved |= advance(turn, {task, spec, task.containers.at(spec.name)});
    }
    update_status(turn, task);
    report(turn, task);
    if (task.admitted || task.desired == TaskStatus::stopped) // the queue has its own words
        note_waiting(task, what_it_waits_for(task), turn.at);
    clean_up(turn, task);
}

void begin_run(Turn& turn, Part part, int pid, Time started_at) {
    auto& container = part.state;
    container.known = ContainerStatus::running;
    container.pid = pid;
    container.exit_code.reset(); // of the run before, as the next two
    container.oom_killed = false;
    container.finished_at.reset();
    if (std::exchange(container.restarting, false)) container.restarted_at = started_at;
    if (!container.created_at) container.created_at = started_at;
    if (!container.started_at) container.started_at = started_at;
    turn.save(part.task);
}

void keep_first_reason(ContainerState& container, std::string reason) {
    if (container.reason.empty()) container.reason = std::move(reason);
}

void on(Turn& turn, const ManifestResolved& event) {
    with_part(turn, event.task, event.container, [&](Part part) {
        if (part.state.step != Step::pulling || part.state.known >= ContainerStatus::manifest_pulled) return;
        part.state.known = ContainerStatus::manifest_pulled;
        part.state.image_digest = event.digest;
        settle(turn, part.task);
    });
}

void on(Turn& turn, const PullFinished& event) {
    with_part(turn, event.task, event.container, [&](Part part) {
        if (part.state.step != Step::pulling) return;
        pull_ended(turn, part);
        part.state.known = ContainerStatus::pulled;
        if (!event.digest.empty()) part.state.image_digest = event.digest;
        settle(turn, part.task);
    });
}

void on(Turn& turn, const PullFailed& event) {
    with_part(turn, event.task, event.container, [&](Part part) {
        if (part.state.step != Step::pulling) return;
        pull_ended(turn, part);
        if (event.cached && !turn.state.options.pull_failure_is_fatal) {
            part.state.known = ContainerStatus::pulled;
            part.state.pull_error = event.reason;
        } else {
            keep_first_reason(part.state, event.reason);
            if (turn.state.options.pull_failure_is_fatal) want_stopped(part.task);
            become_stopped(turn, part, std::nullopt);
        }
        settle(turn, part.task);
    });
}

void on(Turn& turn, const Created& event) {
    with_part(turn, event.task, event.container, [&](Part part) {
        auto& container = part.state;
        // While starting: prepared again, perhaps with another address.
        if (container.step != Step::creating && container.step != Step::starting) return;
        if (container.step == Step::creating) container.step = Step::idle;
        container.known = std::max(container.known, ContainerStatus::created);
        if (!container.created_at) container.created_at = turn.at;
        container.ip_address = event.ip_address;
        container.bindings = event.bindings;
        turn.save(part.task);
        settle(turn, part.task);
    });
}

void on(Turn& turn, const Started& event) {
    with_part(turn, event.task, event.container, [&](Part part) {
        auto& container = part.state;
        if (container.step != Step::starting) return;
        container.step = Step::idle;
        const bool first = !container.started_at;
        begin_run(turn, part, event.pid, event.at);
        if (first) arm_start_timeout(turn, part);
        settle(turn, part.task);
    });
}

void on(Turn& turn, const StepFailed& event) {
    with_part(turn, event.task, event.container, [&](Part part) {
        // A container that cannot be signalled is tried again when its timer fires.
        if (event.step != part.state.step || event.step == Step::stopping || event.step == Step::removing)
            return;
        if (event.step == Step::pulling) pull_ended(turn, part);
        // Without the image that the pull was to bring, that is the true reason.
        const auto& pull_error = part.state.pull_error;
        const bool for_want_of_image = event.step == Step::creating && !pull_error.empty();
        keep_first_reason(part.state, for_want_of_image ? pull_error : event.reason);
        become_stopped(turn, part, part.state.finished_at);
        settle(turn, part.task);
    });
}

void on(Turn& turn, const HealthChanged& event) {
    with_part(turn, event.task, event.container, [&](Part part) {
        const auto health = event.healthy ? Health::healthy : Health::unhealthy;
        if (!runs(part.state) || part.state.health == health) return;
        part.state.health = health;
        part.state.health_since = turn.at;
        settle(turn, part.task);
    });
}

} // namespace berth::engine
