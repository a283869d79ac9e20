// ListContainerInstances, DescribeContainerInstances, DeregisterContainerInstance,
// UpdateContainerInstancesState.
#include "cluster/api/operations.hpp"
#include "cluster/api/pages.hpp"
#include "cluster/api/views.hpp"
#include "cluster/lifecycle/lifecycle.hpp"
#include "cluster/model/refusal.hpp"
#include "cluster/scheduling/placement.hpp"

namespace berth::cluster {
namespace {

Result<Json> list_instances(Context& context, const Input& in) {
    const auto cluster_name = in.text("cluster");
    const auto status = in.text("status");
    const auto filter = in.maybe_text("filter");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    const auto cluster = context.world.cluster(cluster_name);
    if (!cluster) return fail(cluster.error());
    Expression matches = [](const Facts&) { return true; };
    if (filter) {
        auto parsed = parse_expression(*filter);
        if (!parsed) return fail(std::move(parsed.error()));
        matches = std::move(*parsed);
    }
    std::vector<std::string> arns;
    for (const auto& [arn, instance] : context.world.instances)
        if (instance.cluster == (*cluster)->name && instance.status != InstanceStatus::inactive &&
            (status.empty() || to_string(instance.status) == status) &&
            matches(facts_of(context.world, instance)))
            arns.push_back(arn);
    return page_of(in, "containerInstanceArns", arns);
}

// Shows the named instances after `change` was done to each.
template <class Change>
Result<Json> each_instance(Context& context, const std::string& cluster_name,
                           const std::vector<std::string>& names, bool tags, Change change) {
    const auto cluster = context.world.cluster(cluster_name);
    if (!cluster) return fail(cluster.error());
    if (names.empty()) return bad_parameter("Container instances cannot be empty.");
    if (names.size() > 100) return bad_parameter("Container instances cannot have more than 100 elements.");
    Json found = Json::array(), failures = Json::array();
    for (const std::string& name : names) {
        const Instance* instance = context.world.instance((*cluster)->name, name);
        if (instance) {
            change(*instance, failures);
            found.push_back(view(context.world, *instance, tags));
        } else {
            failures.push_back(
                view_failure(context.world.identity.instance((*cluster)->name, last_part(name)), "MISSING"));
        }
    }
    return Json{{"containerInstances", std::move(found)}, {"failures", std::move(failures)}};
}

Result<Json> describe_instances(Context& context, const Input& in) {
    const auto cluster = in.text("cluster");
    const auto names = in.strings("containerInstances");
    const bool tags = in.includes("TAGS");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    return each_instance(context, cluster, names, tags, [](const Instance&, Json&) {});
}

Result<Json> update_state(Context& context, const Input& in) {
    const auto cluster = in.text("cluster");
    const auto names = in.strings("containerInstances");
    const auto status = in.text("status");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    if (status != "ACTIVE" && status != "DRAINING")
        return bad_parameter("status: expected ACTIVE or DRAINING, got \"{}\"", status.substr(0, 64));
    return each_instance(context, cluster, names, false, [&](const Instance& instance, Json& failures) {
        if (instance.status == InstanceStatus::inactive) {
            failures.push_back(view_failure(instance.arn, "INACTIVE"));
            return;
        }
        Instance& changed = *context.world.instances.edit(instance.arn);
        changed.status = status == "ACTIVE" ? InstanceStatus::active : InstanceStatus::draining;
        ++changed.version;
    });
}

Result<Json> deregister_instance(Context& context, const Input& in) {
    const auto cluster_name = in.text("cluster");
    const auto name = in.text("containerInstance");
    const bool force = in.flag("force");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    World& world = context.world;
    const auto cluster = world.cluster(cluster_name);
    if (!cluster) return fail(cluster.error());
    const Instance* found = world.instance((*cluster)->name, name);
    if (!found || found->status == InstanceStatus::inactive)
        return bad_parameter("The referenced container instance was not found.");
    std::vector<std::string> tasks;
    for (const auto& [arn, task] : world.tasks)
        if (task.instance == found->arn && task.last != TaskStatus::stopped) tasks.push_back(arn);
    if (!tasks.empty() && !force) return bad_parameter("Found running tasks on the instance.");
    Instance& instance = *world.instances.edit(found->arn);
    instance.status = InstanceStatus::inactive;
    ++instance.version;
    for (const std::string& task : tasks)
        declare_lost(context, task, "Container instance deregistration forced by user");
    return Json{{"containerInstance", view(world, instance, true)}};
}

} // namespace

std::span<const Operation> instance_operations() {
    static constexpr Operation kAll[]{{"ListContainerInstances", list_instances},
                                      {"DescribeContainerInstances", describe_instances},
                                      {"UpdateContainerInstancesState", update_state},
                                      {"DeregisterContainerInstance", deregister_instance}};
    return kAll;
}

} // namespace berth::cluster
