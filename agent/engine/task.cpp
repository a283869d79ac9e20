// TaskSpec's own questions, and the check of its dependency graph.
#include "berth/engine/task.hpp"

#include "agent/engine/parser.hpp"

#include <algorithm>
#include <map>

namespace berth::engine {

std::string TaskSpec::id() const {
    const auto& text = arn.str();
    const auto slash = text.rfind('/');
    return slash == std::string::npos ? text : text.substr(slash + 1);
}

const ContainerSpec* TaskSpec::find(std::string_view container) const {
    const auto found = std::ranges::find(containers, container, &ContainerSpec::name);
    return found == containers.end() ? nullptr : &*found;
}

namespace {

// A container is sorted once all it depends on are; what cannot be sorted is on a cycle or behind one.
bool has_cycle(const TaskSpec& task) {
    std::map<std::string_view, bool> sorted;
    for (bool progress = true; progress;) {
        progress = false;
        for (const auto& container : task.containers) {
            const auto is_sorted = [&](const Dependency& on) { return sorted.contains(on.container); };
            if (!sorted.contains(container.name) && std::ranges::all_of(container.depends_on, is_sorted))
                progress = sorted.emplace(container.name, true).second;
        }
    }
    return sorted.size() != task.containers.size();
}

} // namespace

void check_dependencies(const TaskSpec& task, std::optional<Error>& error) {
    if (error) return;
    const auto complain = [&](const ContainerSpec& container, const Dependency& on, std::string_view why) {
        error = Error(ErrorCode::invalid,
                      fmt::format("dependsOn of container \"{}\": {} {}", container.name, on.container, why));
    };
    for (const auto& container : task.containers)
        for (const auto& dependency : container.depends_on) {
            const auto* target = task.find(dependency.container);
            if (target == nullptr) return complain(container, dependency, "is no container of the task");
            if (dependency.condition == Condition::healthy && !target->health_check)
                return complain(container, dependency, "has no health check, so it can never be HEALTHY");
        }
    if (has_cycle(task))
        error = Error(ErrorCode::invalid,
                      fmt::format("Task dependencies cannot be resolved, taskArn: {}", task.arn.str()));
}

} // namespace berth::engine
