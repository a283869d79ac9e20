// StopTask, DescribeTasks, ListTasks.
#include "cluster/api/pages.hpp"
#include "cluster/api/task_operations.hpp"
#include "cluster/api/views.hpp"
#include "cluster/lifecycle/lifecycle.hpp"
#include "cluster/model/refusal.hpp"

namespace berth::cluster {

Result<Json> stop_task(Context& context, const Input& in) {
    const auto cluster_name = in.text("cluster");
    const auto name = in.text("task");
    const auto reason = in.text("reason", "Task stopped by user");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    const auto cluster = context.world.cluster(cluster_name);
    if (!cluster) return fail(cluster.error());
    const Task* task = context.world.task((*cluster)->name, name);
    if (!task) return bad_parameter("The referenced task was not found.");
    request_stop(context, task->arn, "UserInitiated", reason.substr(0, 1024));
    return Json{{"task", view(context.world, *task, true)}};
}

Result<Json> describe_tasks(Context& context, const Input& in) {
    const auto cluster_name = in.text("cluster");
    const auto names = in.strings("tasks");
    const bool tags = in.includes("TAGS");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    const auto cluster = context.world.cluster(cluster_name);
    if (!cluster) return fail(cluster.error());
    if (names.empty()) return bad_parameter("Tasks cannot be empty.");
    if (names.size() > 100) return bad_parameter("Tasks cannot have more than 100 elements.");
    Json found = Json::array(), failures = Json::array();
    for (const std::string& name : names) {
        if (const Task* task = context.world.task((*cluster)->name, name))
            found.push_back(view(context.world, *task, tags));
        else
            failures.push_back(
                view_failure(context.world.identity.task((*cluster)->name, last_part(name)), "MISSING"));
    }
    return Json{{"tasks", std::move(found)}, {"failures", std::move(failures)}};
}

Result<Json> list_tasks(Context& context, const Input& in) {
    const auto cluster_name = in.text("cluster");
    const auto instance = in.text("containerInstance");
    const auto family = in.text("family");
    const auto started_by = in.text("startedBy");
    const auto service = in.text("serviceName");
    const auto desired_text = in.text("desiredStatus", "RUNNING");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    const auto cluster = context.world.cluster(cluster_name);
    if (!cluster) return fail(cluster.error());
    const auto desired = parse_task_status(desired_text);
    if (!desired) return fail(desired.error());
    const auto& name = (*cluster)->name;
    if (!service.empty() && !context.world.service(name, service))
        return refuse("ServiceNotFoundException", "Service not found.");
    std::vector<std::string> arns;
    for (const auto& [arn, task] : context.world.tasks) {
        // Nothing has the desired status PENDING: a task that shall run waits as RUNNING.
        const bool matches = task.cluster == name && task.desired == *desired &&
                             (instance.empty() || last_part(task.instance) == last_part(instance)) &&
                             (family.empty() || task.definition.starts_with(family + ":")) &&
                             (started_by.empty() || task.started_by == started_by) &&
                             (service.empty() || task.service == last_part(service));
        if (matches) arns.push_back(arn);
    }
    return page_of(in, "taskArns", arns);
}

} // namespace berth::cluster
