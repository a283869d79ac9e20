// After STOPPED: when the wait is over and the control plane knows, everything of the task is removed.
#include "agent/engine/rules.hpp"

#include <algorithm>

namespace berth::engine {

void arm_cleanup(Turn& turn, const TaskState& task) {
    if (task.containers.empty() || !task.stopped_at) return; // nothing to keep for anybody to look at
    const auto wait = turn.state.options.cleanup_wait;
    const auto left = std::clamp(wait - (turn.at - *task.stopped_at), std::chrono::nanoseconds(0), wait);
    turn.emit(ArmTimer{task.spec.arn, "", TimerKind::cleanup, left});
}

void clean_up(Turn& turn, TaskState& task) {
    if (task.known != TaskStatus::stopped || task.sent != ReportedStatus::stopped || task.report_in_flight ||
        !(task.cleanup_due || task.containers.empty()))
        return;
    for (auto& [name, container] : task.containers) {
        if (container.removed || container.step == Step::removing) continue;
        container.step = Step::removing;
        turn.emit(Remove{task.spec.arn, name});
    }
    if (!std::ranges::all_of(task.containers, [](const auto& entry) { return entry.second.removed; })) return;
    const auto arn = task.spec.arn;
    turn.emit(ForgetTask{arn});
    turn.state.tasks.erase(arn);
}

void on(Turn& turn, const Removed& event) {
    with_part(turn, event.task, event.container, [&](Part part) {
        if (part.state.step != Step::removing) return;
        part.state.step = Step::idle;
        part.state.removed = true;
        settle(turn, part.task);
    });
}

} // namespace berth::engine
