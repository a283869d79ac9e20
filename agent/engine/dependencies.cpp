// dependsOn: when a container may go on, when it never can, and who must end before whom.
#include "agent/engine/rules.hpp"

#include <algorithm>

namespace berth::engine {

namespace {

enum class Answer : std::uint8_t { yes, not_yet, never };

bool beyond_start(Condition condition) {
    return condition == Condition::complete || condition == Condition::success ||
           condition == Condition::healthy;
}

Answer when(bool holds, bool still_possible) {
    return holds ? Answer::yes : still_possible ? Answer::not_yet : Answer::never;
}

Answer holds(Condition condition, const ContainerState& on) {
    const bool over = on.known == ContainerStatus::stopped;
    switch (condition) {
    case Condition::create: return when(on.created_at.has_value(), !over);
    case Condition::start: return when(on.started_at.has_value(), !over);
    case Condition::complete: return when(over && on.started_at && on.exit_code, !over);
    case Condition::success: return when(over && on.exit_code == 0, !over);
    case Condition::healthy: return when(!over && on.health == Health::healthy, !over);
    }
    return Answer::never;
}

std::string why_never(const Dependency& dependency, const ContainerState& on) {
    if (!on.started_at) return fmt::format("container {} did not start", dependency.container);
    if (dependency.condition == Condition::healthy)
        return fmt::format("container {} stopped before it was healthy", dependency.container);
    if (!on.exit_code) return fmt::format("container {} ended without an exit code", dependency.container);
    return fmt::format("container {} did not exit successfully (exit code {})", dependency.container,
                       *on.exit_code);
}

} // namespace

bool dependencies_hold(const TaskState& task, const ContainerSpec& container) {
    return std::ranges::all_of(container.depends_on, [&](const Dependency& dependency) {
        const auto on = task.containers.find(dependency.container);
        return on != task.containers.end() && holds(dependency.condition, on->second) == Answer::yes;
    });
}

std::optional<std::string> broken_dependency(const TaskState& task, const ContainerSpec& container) {
    const bool created = task.containers.at(container.name).known >= ContainerStatus::created;
    for (const auto& dependency : container.depends_on) {
        const auto on = task.containers.find(dependency.container);
        if (on == task.containers.end())
            return fmt::format("container {} is not part of the task", dependency.container);
        const auto answer = holds(dependency.condition, on->second);
        if (answer == Answer::never) return why_never(dependency, on->second);
        if (answer == Answer::not_yet && !created && on->second.start_timed_out &&
            beyond_start(dependency.condition))
            return fmt::format("the start of container {} has timed out", dependency.container);
    }
    return std::nullopt;
}

bool dependants_stopped(const TaskState& task, const std::string& container) {
    return std::ranges::all_of(task.spec.containers, [&](const ContainerSpec& other) {
        return std::ranges::find(other.depends_on, container, &Dependency::container) ==
                   other.depends_on.end() ||
               task.containers.at(other.name).known == ContainerStatus::stopped;
    });
}

bool has_start_timeout(const TaskState& task, const ContainerSpec& container) {
    const auto waits_for_more = [&](const Dependency& dependency) {
        return dependency.container == container.name && beyond_start(dependency.condition);
    };
    return container.start_timeout &&
           std::ranges::any_of(task.spec.containers, [&](const ContainerSpec& other) {
               return std::ranges::any_of(other.depends_on, waits_for_more);
           });
}

void arm_start_timeout(Turn& turn, Part part) {
    if (!has_start_timeout(part.task, part.spec) || !part.state.started_at || part.state.start_timed_out)
        return;
    const std::chrono::nanoseconds limit = *part.spec.start_timeout;
    const auto left =
        std::clamp(limit - (turn.at - *part.state.started_at), std::chrono::nanoseconds(0), limit);
    turn.emit(ArmTimer{part.task.spec.arn, part.spec.name, TimerKind::start_timeout, left});
}

} // namespace berth::engine
