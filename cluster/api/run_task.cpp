// RunTask and StartTask: new tasks, placed by the endpoint or by the caller.
#include "cluster/api/operations.hpp"
#include "cluster/api/task_operations.hpp"
#include "cluster/api/views.hpp"
#include "cluster/definition/definition.hpp"
#include "cluster/lifecycle/lifecycle.hpp"
#include "cluster/model/fields.hpp"
#include "cluster/model/refusal.hpp"
#include "cluster/scheduling/placement.hpp"

#include <algorithm>

namespace berth::cluster {
namespace {

constexpr std::int64_t kMaxCount = 10;

Status check_overrides(const Json& overrides, const Definition& definition) {
    if (Status types = check_override_types(overrides); !types) return types;
    for (const Json& change : list_of(overrides, "containerOverrides")) {
        const auto name = text_of(change, "name");
        if (!find_named(list_of(definition.document, "containerDefinitions"), "name", name))
            return bad_parameter("Override for container named {} is not a container in the TaskDefinition.",
                                 name.substr(0, 255));
    }
    for (const auto& [key, parse] :
         {std::pair("cpu", &parse_task_cpu), std::pair("memory", &parse_task_memory)})
        if (has(overrides, key))
            if (const auto size = parse(text_of(overrides, key)); !size)
                return bad_parameter("{}", size.error().message());
    return {};
}

// What RunTask and StartTask have in common.
struct NewTasks {
    TaskRequest request;
    Demand demand;
    PlacementRules rules;
};

Result<NewTasks> read_new_tasks(Context& context, const Input& in) {
    const auto cluster_name = in.text("cluster");
    const auto definition_name = in.text("taskDefinition");
    NewTasks tasks;
    tasks.request.overrides = in.object("overrides");
    tasks.request.group = in.text("group");
    tasks.request.started_by = in.text("startedBy");
    tasks.request.tags = in.tags();
    tasks.request.client_token = in.text("clientToken");
    const bool propagate = in.text("propagateTags") == "TASK_DEFINITION";
    Json constraints = in.objects("placementConstraints");
    const Json& strategy = in.objects("placementStrategy");
    const auto unsupported = check_unsupported(in);
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    if (!unsupported) return fail(unsupported.error());

    const auto cluster = context.world.cluster(cluster_name);
    if (!cluster) return fail(cluster.error());
    const auto definition = runnable_definition(context.world, definition_name);
    if (!definition) return fail(definition.error());
    if (auto bad = check_overrides(tasks.request.overrides, **definition); !bad)
        return fail(std::move(bad.error()));
    for (const Json& constraint : list_of((*definition)->document, "placementConstraints"))
        constraints.push_back(constraint);
    auto rules = read_placement(constraints, strategy);
    if (!rules) return fail(std::move(rules.error()));
    tasks.rules = std::move(*rules);

    if (propagate)
        for (auto& [key, value] : context.world.tags_of((*definition)->arn))
            tasks.request.tags.emplace(key, value);
    tasks.request.cluster = (*cluster)->name;
    tasks.request.definition = definition_key((*definition)->family, (*definition)->revision);
    tasks.demand =
        demand_of(**definition, tasks.request.overrides,
                  tasks.request.group.empty() ? "family:" + (*definition)->family : tasks.request.group);
    return tasks;
}

// The answer to a repeated request: the tasks that the first one made.
Json already_made(const World& world, const TaskRequest& request) {
    Json made = Json::array();
    if (request.client_token.empty()) return made;
    for (const auto& [arn, task] : world.tasks)
        if (task.client_token == request.client_token && task.cluster == request.cluster)
            made.push_back(view(world, task, true));
    return made;
}

Result<Json> run_task(Context& context, const Input& in) {
    const auto count = in.integer("count").value_or(1);
    auto tasks = read_new_tasks(context, in);
    if (!tasks) return fail(std::move(tasks.error()));
    if (count < 1 || count > kMaxCount) return bad_parameter("Count must be 1 to {}.", kMaxCount);
    Json made = already_made(context.world, tasks->request), failures = Json::array();
    if (!made.empty()) return Json{{"tasks", std::move(made)}, {"failures", std::move(failures)}};
    Candidates candidates(context.world, tasks->request.cluster);
    if (candidates.empty()) return bad_parameter("No Container Instances were found in your cluster.");
    for (std::int64_t i = 0; i < count; ++i) {
        auto place = candidates.place(tasks->demand, tasks->rules,
                                      [&](std::size_t choices) { return context.random(choices); });
        if (!place) {
            for (const Failure& failure : place.error())
                failures.push_back(view_failure(failure.arn, failure.reason, failure.detail));
            break;
        }
        TaskRequest request = tasks->request;
        request.instance = std::move(*place);
        made.push_back(view(context.world, make_task(context, std::move(request)), true));
    }
    return Json{{"tasks", std::move(made)}, {"failures", std::move(failures)}};
}

Result<Json> start_task(Context& context, const Input& in) {
    const auto names = in.strings("containerInstances");
    auto tasks = read_new_tasks(context, in);
    if (!tasks) return fail(std::move(tasks.error()));
    if (names.empty() || names.size() > static_cast<std::size_t>(kMaxCount))
        return bad_parameter("containerInstances must hold 1 to {} instances.", kMaxCount);
    Json made = already_made(context.world, tasks->request), failures = Json::array();
    if (!made.empty()) return Json{{"tasks", std::move(made)}, {"failures", std::move(failures)}};
    Candidates candidates(context.world, tasks->request.cluster);
    for (const std::string& name : names) {
        const auto arn = context.world.identity.instance(tasks->request.cluster, last_part(name));
        if (const auto place = candidates.place_on(arn, tasks->demand, tasks->rules); !place) {
            failures.push_back(view_failure(place.error().arn, place.error().reason, place.error().detail));
            continue;
        }
        TaskRequest request = tasks->request;
        request.instance = arn;
        made.push_back(view(context.world, make_task(context, std::move(request)), true));
    }
    return Json{{"tasks", std::move(made)}, {"failures", std::move(failures)}};
}

} // namespace

Status check_unsupported(const Input& in) {
    const auto launch_type = in.text("launchType", "EC2");
    if (launch_type != "EC2" && launch_type != "EXTERNAL")
        return bad_parameter("This endpoint has no {} capacity: use launch type EC2.",
                             launch_type.substr(0, 32));
    for (const char* list :
         {"capacityProviderStrategy", "loadBalancers", "serviceRegistries", "volumeConfigurations"})
        if (!in.objects(list).empty()) return bad_parameter("{} is not supported by this endpoint.", list);
    if (!in.object("networkConfiguration").empty())
        return bad_parameter(
            "Network Configuration is not valid for the given networkMode of this task definition.");
    if (in.flag("enableExecuteCommand")) return bad_parameter("ECS Exec is not supported by this endpoint.");
    return {};
}

Result<const Definition*> runnable_definition(const World& world, const std::string& name) {
    const Definition* definition = world.definition(name);
    if (!definition) return client_error("TaskDefinition not found.");
    if (!definition->active) return client_error("TaskDefinition is inactive");
    if (text_of(definition->document, "networkMode") == "awsvpc")
        return bad_parameter(
            "Network mode awsvpc needs elastic network interfaces, which this endpoint does not have.");
    return definition;
}

std::span<const Operation> task_operations() {
    static constexpr Operation kAll[]{{"RunTask", run_task},
                                      {"StartTask", start_task},
                                      {"StopTask", stop_task},
                                      {"DescribeTasks", describe_tasks},
                                      {"ListTasks", list_tasks}};
    return kAll;
}

} // namespace berth::cluster
