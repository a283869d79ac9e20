// CreateCluster, DescribeClusters, ListClusters, DeleteCluster.
#include "cluster/api/operations.hpp"
#include "cluster/api/pages.hpp"
#include "cluster/api/views.hpp"
#include "cluster/model/refusal.hpp"

#include <algorithm>

namespace berth::cluster {
namespace {

bool is_cluster_name(std::string_view name) {
    const auto is_allowed = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; };
    return !name.empty() && name.size() <= 255 && std::isalnum(static_cast<unsigned char>(name.front())) &&
           std::ranges::all_of(name, is_allowed);
}

Result<Json> create_cluster(Context& context, const Input& in) {
    const auto name = in.text("clusterName", "default");
    auto tags = in.tags();
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    if (!is_cluster_name(name))
        return bad_parameter(
            "Identifier was for a cluster, but is not a name of letters, digits, hyphens and "
            "underscores: \"{}\"",
            name.substr(0, 255));
    World& world = context.world;
    const auto* existing = world.clusters.find(name);
    const Cluster& cluster =
        existing ? *existing : world.clusters.put(name, {name, world.identity.cluster(name), context.now});
    if (!existing && !tags.empty()) world.tags.put(cluster.arn, std::move(tags));
    return Json{{"cluster", view(world, cluster, true)}};
}

Result<Json> describe_clusters(Context& context, const Input& in) {
    auto names = in.strings("clusters");
    const bool tags = in.includes("TAGS");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    if (names.size() > 100) return bad_parameter("Clusters cannot have more than 100 elements.");
    if (names.empty()) names.emplace_back("default");
    Json found = Json::array(), failures = Json::array();
    for (const std::string& name : names) {
        if (const auto cluster = context.world.cluster(name))
            found.push_back(view(context.world, **cluster, tags));
        else
            failures.push_back(view_failure(context.world.identity.cluster(last_part(name)), "MISSING"));
    }
    return Json{{"clusters", std::move(found)}, {"failures", std::move(failures)}};
}

Result<Json> list_clusters(Context& context, const Input& in) {
    std::vector<std::string> arns;
    for (const auto& [name, cluster] : context.world.clusters) arns.push_back(cluster.arn);
    std::ranges::sort(arns);
    return page_of(in, "clusterArns", arns);
}

Result<Json> delete_cluster(Context& context, const Input& in) {
    const auto name = in.text("cluster");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    if (name.empty()) return bad_parameter("cluster: missing");
    World& world = context.world;
    const auto found = world.cluster(name);
    if (!found) return fail(found.error());
    const Cluster cluster = **found;
    for (const auto& [arn, instance] : world.instances)
        if (instance.cluster == cluster.name && instance.status != InstanceStatus::inactive)
            return refuse("ClusterContainsContainerInstancesException",
                          "The Cluster cannot be deleted while Container Instances are active or draining.");
    for (const auto& [arn, service] : world.services)
        if (service.cluster == cluster.name && service.status != ServiceStatus::inactive)
            return refuse("ClusterContainsServicesException",
                          "The Cluster cannot be deleted while Services are active.");
    for (const auto& [arn, task] : world.tasks)
        if (task.cluster == cluster.name && task.last != TaskStatus::stopped)
            return refuse("ClusterContainsTasksException",
                          "The Cluster cannot be deleted while Tasks are active.");
    Json shown = view(world, cluster, true);
    shown["status"] = "INACTIVE";
    world.clusters.erase(cluster.name);
    world.tags.erase(cluster.arn);
    return Json{{"cluster", std::move(shown)}};
}

} // namespace

std::span<const Operation> cluster_operations() {
    static constexpr Operation kAll[]{{"CreateCluster", create_cluster},
                                      {"DescribeClusters", describe_clusters},
                                      {"ListClusters", list_clusters},
                                      {"DeleteCluster", delete_cluster}};
    return kAll;
}

} // namespace berth::cluster
