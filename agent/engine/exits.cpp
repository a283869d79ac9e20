// How containers end: exits, restarts by policy, and the timers of stopping and starting.
#include "agent/engine/rules.hpp"

#include <algorithm>

namespace berth::engine {

namespace {

constexpr std::chrono::seconds kKillAgain(10); // a process in the kernel's hands may not end at once

bool is_restarted(const Part& part, Time finished_at) {
    const auto& policy = part.spec.restart;
    const auto& container = part.state;
    if (!policy.enabled || container.desired == ContainerStatus::stopped || !container.exit_code ||
        std::ranges::find(policy.ignored_exit_codes, *container.exit_code) != policy.ignored_exit_codes.end())
        return false;
    const auto last_start = container.restarted_at ? container.restarted_at : container.started_at;
    return !last_start || finished_at - *last_start >= policy.attempt_period;
}

} // namespace

void become_stopped(Turn& turn, Part part, std::optional<Time> finished_at) {
    auto& container = part.state;
    if (container.step == Step::stopping)
        turn.emit(CancelTimer{part.task.spec.arn, part.spec.name, TimerKind::stop_timeout});
    if (container.started_at && !container.start_timed_out && has_start_timeout(part.task, part.spec))
        turn.emit(CancelTimer{part.task.spec.arn, part.spec.name, TimerKind::start_timeout});
    if (container.oom_killed)
        keep_first_reason(container, "OutOfMemoryError: Container killed due to memory usage");
    container.known = ContainerStatus::stopped;
    container.desired = ContainerStatus::stopped;
    container.step = Step::idle;
    container.restarting = false;
    container.pid = 0;
    container.health = Health::unknown;
    container.finished_at = finished_at;
    if (part.spec.essential && !part.task.execution_stopped_at)
        part.task.execution_stopped_at = finished_at ? finished_at : turn.at;
    turn.save(part.task);
}

void end_run(Turn& turn, Part part, Time finished_at) {
    auto& container = part.state;
    if (is_restarted(part, finished_at)) {
        container.restarts += 1;
        container.restarting = true;
        container.step = Step::idle;
        container.pid = 0;
        container.health = Health::unknown;
        container.finished_at = finished_at;
        turn.save(part.task);
        return;
    }
    become_stopped(turn, part, finished_at);
}

void on(Turn& turn, const Exited& event) {
    with_part(turn, event.task, event.container, [&](Part part) {
        auto& container = part.state;
        // While starting: the news of the start was overtaken.
        const bool starting = container.step == Step::starting;
        if (container.known == ContainerStatus::stopped ||
            !(starting || (container.known == ContainerStatus::running && !container.restarting)))
            return;
        if (container.restarting && event.at <= container.finished_at) return; // the run before, told again
        if (starting) begin_run(turn, part, 0, event.at);
        container.exit_code = event.exit_code;
        container.oom_killed = event.oom_killed;
        end_run(turn, part, event.at);
        if (container.known == ContainerStatus::stopped) keep_first_reason(container, event.reason);
        settle(turn, part.task);
    });
}

void on(Turn& turn, const TimerFired& event) {
    if (event.kind == TimerKind::cleanup) {
        if (TaskState* task = find_task(turn.state, event.task)) {
            task->cleanup_due = true;
            settle(turn, *task);
        }
        return;
    }
    with_part(turn, event.task, event.container, [&](Part part) {
        if (event.kind == TimerKind::start_timeout) {
            part.state.start_timed_out = true;
            turn.save(part.task);
            settle(turn, part.task);
        } else if (part.state.step == Step::stopping) {
            part.state.kill_sent = true;
            turn.save(part.task);
            turn.emit(Signal{event.task, event.container, true});
            turn.emit(ArmTimer{event.task, event.container, TimerKind::stop_timeout, kKillAgain});
        }
    });
}

} // namespace berth::engine
