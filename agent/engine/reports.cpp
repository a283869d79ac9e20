// What the control plane is told, and when: one report in flight for each task, nothing after STOPPED.
//
// A report carries every container whose status it has not heard of. A change of a container alone is
// reported at once while the task is meant to run; while it is ending, its containers' ends ride on the
// task's STOPPED.
#include "agent/engine/rules.hpp"

#include <algorithm>

namespace berth::engine {

namespace {

constexpr std::size_t kMaxReason = 1024; // bytes the service accepts

std::string cut(std::string text) {
    if (text.size() <= kMaxReason) return text;
    std::size_t end = kMaxReason;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
        --end; // not inside a UTF-8 sequence
    text.resize(end);
    return text;
}

std::optional<ReportedStatus> status_of(const ContainerState& container) {
    if (container.known == ContainerStatus::stopped) return ReportedStatus::stopped;
    if (container.known == ContainerStatus::running) return ReportedStatus::running;
    if (container.known >= ContainerStatus::manifest_pulled && !container.image_digest.empty())
        return ReportedStatus::pending;
    return std::nullopt;
}

std::optional<ReportedStatus> status_of(const TaskState& task) {
    if (task.known == TaskStatus::stopped) return ReportedStatus::stopped;
    if (task.known == TaskStatus::running) return ReportedStatus::running;
    for (const auto& [name, container] : task.containers)
        if (status_of(container)) return ReportedStatus::pending;
    return std::nullopt;
}

bool is_unsent(const ContainerState& container, ReportedStatus at_least) {
    const auto status = status_of(container);
    return status && *status >= at_least && (!container.sent || *status > *container.sent);
}

bool is_worth_a_report(const TaskState& task, ReportedStatus status) {
    if (!task.sent || status > *task.sent) return true;
    return task.desired == TaskStatus::running && std::ranges::any_of(task.containers, [](const auto& entry) {
               return is_unsent(entry.second, ReportedStatus::running);
           });
}

ContainerChange change_of(const std::string& name, const ContainerState& container) {
    return {.name = name,
            .status = *status_of(container),
            .runtime_id = container.created_at ? container.id : ContainerId(),
            .image_digest = container.image_digest,
            .exit_code = container.known == ContainerStatus::stopped ? container.exit_code : std::nullopt,
            .reason = cut(container.reason),
            .bindings = container.bindings};
}

void raise(std::optional<ReportedStatus>& sent, ReportedStatus status) {
    if (!sent || status > *sent) sent = status;
}

} // namespace

void report(Turn& turn, TaskState& task) {
    const auto status = status_of(task);
    if (!status || task.report_in_flight || task.sent == ReportedStatus::stopped ||
        !is_worth_a_report(task, *status))
        return;
    StateChange change{.task = task.spec.arn,
                       .status = *status,
                       .reason = cut(task.reason),
                       .containers = {},
                       .pull_started_at = task.pull_started_at,
                       .pull_stopped_at = task.pull_stopped_at,
                       .execution_stopped_at = task.execution_stopped_at};
    for (const auto& spec : task.spec.containers)
        if (const auto& container = task.containers.at(spec.name);
            is_unsent(container, ReportedStatus::pending))
            change.containers.push_back(change_of(spec.name, container));
    task.report_in_flight = true;
    turn.emit(Report{std::move(change)});
}

void on(Turn& turn, const ReportAnswered& event) {
    TaskState* task = find_task(turn.state, event.task);
    if (task == nullptr) return;
    task->report_in_flight = false;
    // Refused for good counts as told: sending the same again would be refused again.
    raise(task->sent, event.change.status);
    for (const auto& change : event.change.containers)
        if (const auto container = task->containers.find(change.name); container != task->containers.end())
            raise(container->second.sent, change.status);
    turn.save(*task);
    settle(turn, *task);
}

} // namespace berth::engine
