// After a restart of the agent: what was found on the host is taken in, then the same rules go on.
#include "agent/engine/rules.hpp"

#include <algorithm>

namespace berth::engine {

namespace {

void found_exited(Turn& turn, Part part, const Recovered& found) {
    auto& container = part.state;
    const auto finished_at = found.finished_at.value_or(turn.at);
    if (container.restarting && finished_at <= container.finished_at)
        return; // the end of the run before, which is known; settle() starts the next
    begin_run(turn, part, 0, found.started_at.value_or(finished_at));
    container.exit_code = found.exit_code;
    container.oom_killed = found.oom_killed;
    end_run(turn, part, finished_at);
}

void found_nothing(Turn& turn, Part part) {
    keep_first_reason(part.state, "ContainerVanishedError: No container matching saved ID found");
    part.state.exit_code.reset(); // of an earlier run, if any
    become_stopped(turn, part, part.state.finished_at);
}

void take_in(Turn& turn, Part part, const Recovered& found) {
    const auto& container = part.state;
    const bool was_running = container.known == ContainerStatus::running && !container.restarting;
    switch (found.what) {
    case Recovered::What::running:
        return begin_run(turn, part, found.pid, found.started_at.value_or(turn.at));
    case Recovered::What::exited: return found_exited(turn, part, found);
    case Recovered::What::never_started:
        if (was_running) found_nothing(turn, part);
        return; // settle() begins the step that was under way once more
    case Recovered::What::vanished: return found_nothing(turn, part);
    }
}

void rebuild_queue(EngineState& state) {
    state.queue.clear();
    for (const auto& [arn, task] : state.tasks)
        if (!task.admitted && task.desired != TaskStatus::stopped) enqueue(state, arn);
    std::ranges::sort(state.queue, {}, [&](const TaskArn& arn) { return state.tasks.at(arn).order; });
}

} // namespace

void on(Turn& turn, const Recovered& event) {
    with_part(turn, event.task, event.container, [&](Part part) {
        if (!part.task.recovering) return;
        if (part.state.known != ContainerStatus::stopped)
            take_in(turn, part, event);
        else if (event.what == Recovered::What::running) // called stopped, so it must be
            turn.emit(Signal{event.task, event.container, true});
    });
}

void on(Turn& turn, const RecoveryDone&) {
    std::vector<TaskArn> recovered;
    for (auto& [arn, task] : turn.state.tasks)
        if (std::exchange(task.recovering, false)) recovered.push_back(arn);
    rebuild_queue(turn.state);
    for (const auto& arn : recovered) {
        auto& task = turn.state.tasks.at(arn);
        for (const auto& spec : task.spec.containers)
            if (auto& container = task.containers.at(spec.name); container.known == ContainerStatus::running)
                arm_start_timeout(turn, {task, spec, container});
        arm_cleanup(turn, task);
        settle(turn, task);
    }
    turn.resources_freed = true;
}

} // namespace berth::engine
