// Task status changes.
#include "cluster/lifecycle/lifecycle.hpp"

#include "cluster/definition/definition.hpp"
#include "cluster/model/fields.hpp"
#include "cluster/scheduling/services.hpp"

#include <algorithm>

namespace berth::cluster {
namespace {

constexpr auto kKeepStopped = std::chrono::hours(1);

// A role's credentials id is a bearer secret inside the task, so it is random.
std::string credentials_id(const Context& context, const Json& document, const Json& overrides,
                           const char* role) {
    return text_of(overrides, role, text_of(document, role)).empty() ? std::string() : context.make_uuid();
}

void apply_container(TaskContainer& container, const ContainerChange& change) {
    if (container.last == TaskStatus::stopped) return;
    if (change.status) container.last = std::max(container.last, *change.status);
    if (!change.runtime_id.empty()) container.runtime_id = change.runtime_id;
    if (!change.image_digest.empty()) container.image_digest = change.image_digest;
    if (!change.reason.empty()) container.reason = change.reason;
    if (change.exit_code) container.exit_code = change.exit_code;
    if (!change.network_bindings.empty()) container.network_bindings = change.network_bindings;
}

// The agent says why only when it was no exit: then its text is the reason. The rest is composed here.
void explain_stop(Task& task, const std::string& agent_reason) {
    const bool ended_by_itself = task.stop_code.empty();
    const bool ran =
        std::ranges::any_of(task.containers, [](const TaskContainer& c) { return c.exit_code.has_value(); });
    if (ended_by_itself)
        task.stop_code = task.started || ran ? "EssentialContainerExited" : "TaskFailedToStart";
    if (!agent_reason.empty() && ended_by_itself)
        task.stopped_reason = agent_reason;
    else if (task.stopped_reason.empty())
        task.stopped_reason = task.stop_code == "EssentialContainerExited"
                                  ? "Essential container in task exited"
                                  : "Task failed to start";
}

void become_stopped(Context& context, Task& task) {
    task.desired = TaskStatus::stopped;
    task.last = TaskStatus::stopped;
    if (!task.stopping) task.stopping = context.now;
    task.stopped = context.now;
    for (TaskContainer& container : task.containers) container.last = TaskStatus::stopped;
    if (!task.service.empty()) note_task_end(context, task);
}

} // namespace

const Task& make_task(Context& context, TaskRequest request) {
    World& world = context.world;
    const Definition& definition = *world.definitions.find(request.definition);
    Task task;
    task.id = context.make_id(32);
    task.arn = world.identity.task(request.cluster, task.id);
    task.needs = needs_of(definition.document, request.overrides);
    task.role_credentials = credentials_id(context, definition.document, request.overrides, "taskRoleArn");
    task.execution_credentials =
        credentials_id(context, definition.document, request.overrides, "executionRoleArn");
    task.created = context.now;
    for (const Json& container : list_of(definition.document, "containerDefinitions")) {
        TaskContainer made;
        made.name = text_of(container, "name");
        made.image = text_of(container, "image");
        made.arn = world.identity.container(request.cluster, task.id, context.make_uuid());
        task.containers.push_back(std::move(made));
    }
    task.cluster = std::move(request.cluster);
    task.definition = std::move(request.definition);
    task.instance = std::move(request.instance);
    task.overrides = std::move(request.overrides);
    task.group = request.group.empty() ? "family:" + definition.family : std::move(request.group);
    task.started_by = std::move(request.started_by);
    task.service = std::move(request.service);
    task.deployment = std::move(request.deployment);
    task.client_token = std::move(request.client_token);
    if (!request.tags.empty()) world.tags.put(task.arn, std::move(request.tags));
    std::string arn = task.arn;
    return world.tasks.put(std::move(arn), std::move(task));
}

void request_stop(Context& context, std::string_view task_arn, std::string_view stop_code,
                  std::string_view reason) {
    const Task* found = context.world.tasks.find(task_arn);
    if (!found || found->desired == TaskStatus::stopped) return;
    Task& task = *context.world.tasks.edit(task_arn);
    task.desired = TaskStatus::stopped;
    task.stop_code = stop_code;
    task.stopped_reason = reason;
    task.stopping = context.now;
    ++task.version;
    if (!task.sent) become_stopped(context, task);
}

void apply_change(Context& context, std::string_view task_arn, const TaskChange& change) {
    const Task* found = context.world.tasks.find(task_arn);
    if (!found || found->last == TaskStatus::stopped) return;
    Task& task = *context.world.tasks.edit(task_arn);
    ++task.version;
    for (const ContainerChange& one : change.containers)
        if (const auto it = std::ranges::find(task.containers, one.name, &TaskContainer::name);
            it != task.containers.end())
            apply_container(*it, one);
    if (change.pull_started) task.pull_started = change.pull_started;
    if (change.pull_stopped) task.pull_stopped = change.pull_stopped;
    if (change.execution_stopped) task.execution_stopped = change.execution_stopped;
    if (!change.status || *change.status < task.last) return;
    if (*change.status == TaskStatus::running && !task.started) task.started = context.now;
    if (*change.status == TaskStatus::stopped) {
        explain_stop(task, change.reason);
        become_stopped(context, task);
    } else {
        task.last = *change.status;
    }
}

void declare_lost(Context& context, std::string_view task_arn, std::string_view reason) {
    const Task* found = context.world.tasks.find(task_arn);
    if (!found || found->last == TaskStatus::stopped) return;
    Task& task = *context.world.tasks.edit(task_arn);
    ++task.version;
    task.stopped_reason = reason;
    if (task.stop_code.empty()) task.stop_code = "TerminationNotice";
    become_stopped(context, task);
}

std::optional<Time> forget_old(World& world, Time now) {
    std::optional<Time> next;
    const auto is_due = [&](const std::optional<Time>& ended) {
        if (!ended) return false;
        const Time due = *ended + kKeepStopped;
        if (due > now) next = std::min(next.value_or(due), due);
        return due <= now;
    };
    std::vector<std::string> tasks, services;
    for (const auto& [arn, task] : world.tasks)
        if (is_due(task.stopped)) tasks.push_back(arn);
    for (const auto& [arn, service] : world.services)
        if (is_due(service.deleted)) services.push_back(arn);
    for (const std::string& arn : tasks) {
        world.tasks.erase(arn);
        world.tags.erase(arn);
    }
    for (const std::string& arn : services) {
        world.services.erase(arn);
        world.tags.erase(arn);
    }
    return next;
}

} // namespace berth::cluster
