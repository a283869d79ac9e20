// What a task waits for, in words.
#include "agent/engine/names.hpp"
#include "agent/engine/rules.hpp"

namespace berth::engine {

namespace {

std::string what_condition_means(const Dependency& dependency) {
    switch (dependency.condition) {
    case Condition::create: return dependency.container + " to be created";
    case Condition::start: return dependency.container + " to start";
    case Condition::complete: return dependency.container + " to end";
    case Condition::success: return dependency.container + " to exit successfully";
    case Condition::healthy: return dependency.container + " to be healthy";
    }
    return dependency.container;
}

std::string dependencies_of(const ContainerSpec& spec) {
    std::vector<std::string> conditions;
    for (const auto& dependency : spec.depends_on) conditions.push_back(what_condition_means(dependency));
    return fmt::format("{}", fmt::join(conditions, " and "));
}

std::string dependants_of(const TaskState& task, const std::string& name) {
    std::vector<std::string> names;
    for (const auto& other : task.spec.containers)
        for (const auto& dependency : other.depends_on)
            if (dependency.container == name &&
                task.containers.at(other.name).known != ContainerStatus::stopped)
                names.push_back(other.name);
    return fmt::format("{}", fmt::join(names, " and "));
}

std::string what_happens(const TaskState& task, const ContainerSpec& spec) {
    const auto& container = task.containers.at(spec.name);
    switch (container.step) {
    case Step::pulling: return fmt::format("container {} is pulling {}", spec.name, spec.image);
    case Step::creating: return fmt::format("container {} is being created", spec.name);
    case Step::starting:
        return fmt::format("container {} is being {}", spec.name,
                           container.restarting ? "restarted" : "started");
    case Step::stopping:
        return container.kill_sent ? fmt::format("container {} was killed and has not ended yet", spec.name)
                                   : fmt::format("container {} was asked to stop", spec.name);
    case Step::removing:
    case Step::idle: break;
    }
    if (container.known == ContainerStatus::stopped) return {};
    if (container.desired == ContainerStatus::stopped)
        return fmt::format("container {} stops after {}", spec.name, dependants_of(task, spec.name));
    if (container.known == ContainerStatus::running || spec.depends_on.empty()) return {};
    return fmt::format("container {} waits for {}", spec.name, dependencies_of(spec));
}

} // namespace

std::string what_it_waits_for(const TaskState& task) {
    if (task.known == TaskStatus::stopped) {
        if (task.sent != ReportedStatus::stopped)
            return "waits for the control plane to take note of its end";
        return task.cleanup_due ? "is being removed" : "is kept until its cleanup is due";
    }
    std::vector<std::string> parts;
    for (const auto& spec : task.spec.containers)
        if (auto part = what_happens(task, spec); !part.empty()) parts.push_back(std::move(part));
    return fmt::format("{}", fmt::join(parts, "; "));
}

void note_waiting(TaskState& task, std::string what, Time at) {
    if (what == task.waiting_for) return;
    task.waiting_for = std::move(what);
    task.waiting_since = task.waiting_for.empty() ? std::nullopt : std::optional(at);
}

std::string explain(const EngineState& state, const TaskArn& arn) {
    const auto found = state.tasks.find(arn);
    if (found == state.tasks.end()) return fmt::format("no task {} is known here", arn.str());
    const auto& task = found->second;
    if (task.recovering)
        return fmt::format("task {} waits until the host has been looked at after the start of the agent",
                           task.spec.id());
    auto text = fmt::format("task {} is {}", task.spec.id(), name_of(task.known));
    if (task.desired == TaskStatus::stopped && task.known != TaskStatus::stopped)
        text += " and is being stopped";
    if (!task.reason.empty()) text += fmt::format(" ({})", task.reason);
    if (!task.waiting_for.empty()) text += ": " + task.waiting_for;
    if (task.waiting_since) text += ", since " + to_rfc3339(*task.waiting_since, 3);
    return text;
}

} // namespace berth::engine
