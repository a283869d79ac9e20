// Clusters, definitions, instances and services as JSON.
#include "cluster/api/views.hpp"

#include "cluster/model/fields.hpp"
#include "cluster/scheduling/placement.hpp"

namespace berth::cluster {
namespace {

struct Counts {
    std::int64_t running = 0, pending = 0;
};

template <class Filter>
Counts count_tasks(const World& world, Filter filter) {
    Counts counts;
    for (const auto& [arn, task] : world.tasks) {
        if (!filter(task)) continue;
        counts.running += task.last == TaskStatus::running;
        counts.pending += task.last == TaskStatus::pending;
    }
    return counts;
}

Json number_resource(const char* name, std::int64_t value) {
    return Json{
        {"name", name}, {"type", "INTEGER"}, {"doubleValue", 0.0}, {"longValue", 0}, {"integerValue", value}};
}

Json port_resource(const char* name, const std::set<std::uint16_t>& ports) {
    Json list = Json::array();
    for (const auto port : ports) list.push_back(std::to_string(port));
    return Json{{"name", name},   {"type", "STRINGSET"}, {"doubleValue", 0.0},
                {"longValue", 0}, {"integerValue", 0},   {"stringSetValue", std::move(list)}};
}

Json view_resources(const Resources& resources) {
    return Json::array({number_resource("CPU", resources.cpu), number_resource("MEMORY", resources.memory),
                        port_resource("PORTS", resources.tcp), port_resource("PORTS_UDP", resources.udp)});
}

Json view_deployment(const World& world, const Service& service, const Deployment& deployment, bool primary) {
    const auto counts = count_tasks(world, [&](const Task& task) {
        return task.deployment == deployment.id && task.desired == TaskStatus::running;
    });
    const Definition* definition = world.definitions.find(deployment.definition);
    return Json{{"id", deployment.id},
                {"status", primary ? "PRIMARY" : "ACTIVE"},
                {"taskDefinition", definition ? definition->arn : deployment.definition},
                {"desiredCount", primary ? service.desired : 0},
                {"pendingCount", counts.pending},
                {"runningCount", counts.running},
                {"failedTasks", deployment.failed_tasks},
                {"createdAt", to_epoch_seconds(deployment.created)},
                {"updatedAt", to_epoch_seconds(deployment.updated)},
                {"launchType", "EC2"},
                {"rolloutState", deployment.completed ? "COMPLETED" : "IN_PROGRESS"},
                {"rolloutStateReason", fmt::format("ECS deployment {} {}.", deployment.id,
                                                   deployment.completed ? "completed" : "in progress")}};
}

} // namespace

Json view_tags(const Tags& tags) {
    Json list = Json::array();
    for (const auto& [key, value] : tags) list.push_back({{"key", key}, {"value", value}});
    return list;
}

Json view_failure(const std::string& arn, const std::string& reason, const std::string& detail) {
    Json failure{{"arn", arn}, {"reason", reason}};
    set_unless_empty(failure, "detail", detail);
    return failure;
}

Json view(const World& world, const Cluster& cluster, bool tags) {
    const auto counts = count_tasks(world, [&](const Task& task) { return task.cluster == cluster.name; });
    std::int64_t instances = 0, services = 0;
    for (const auto& [arn, instance] : world.instances)
        instances += instance.cluster == cluster.name && instance.status != InstanceStatus::inactive;
    for (const auto& [arn, service] : world.services)
        services += service.cluster == cluster.name && service.status == ServiceStatus::active;
    return Json{{"clusterArn", cluster.arn},
                {"clusterName", cluster.name},
                {"status", "ACTIVE"},
                {"registeredContainerInstancesCount", instances},
                {"runningTasksCount", counts.running},
                {"pendingTasksCount", counts.pending},
                {"activeServicesCount", services},
                {"statistics", Json::array()},
                {"tags", tags ? view_tags(world.tags_of(cluster.arn)) : Json::array()},
                {"settings", Json::array({{{"name", "containerInsights"}, {"value", "disabled"}}})},
                {"capacityProviders", Json::array()},
                {"defaultCapacityProviderStrategy", Json::array()}};
}

Json view(const Definition& definition) {
    Json out = definition.document;
    out["taskDefinitionArn"] = definition.arn;
    out["revision"] = definition.revision;
    out["status"] = definition.active ? "ACTIVE" : "INACTIVE";
    out["registeredAt"] = to_epoch_seconds(definition.registered);
    if (definition.deregistered) out["deregisteredAt"] = to_epoch_seconds(*definition.deregistered);
    return out;
}

Json view(const World& world, const Instance& instance, bool tags) {
    const auto counts = count_tasks(world, [&](const Task& task) { return task.instance == instance.arn; });
    Json attributes = Json::array();
    for (const Attribute& attribute : instance.attributes) {
        Json one{{"name", attribute.name}};
        if (attribute.value) one["value"] = *attribute.value;
        attributes.push_back(std::move(one));
    }
    Json version = Json::object();
    set_unless_empty(version, "agentVersion", instance.agent_version);
    set_unless_empty(version, "agentHash", instance.agent_hash);
    set_unless_empty(version, "dockerVersion", instance.docker_version);
    Json out{{"containerInstanceArn", instance.arn},
             {"version", instance.version},
             {"versionInfo", std::move(version)},
             {"remainingResources", view_resources(remaining(world, instance))},
             {"registeredResources", view_resources(instance.total)},
             {"status", to_string(instance.status)},
             {"agentConnected", world.is_connected(instance.arn)},
             {"runningTasksCount", counts.running},
             {"pendingTasksCount", counts.pending},
             {"attributes", std::move(attributes)},
             {"registeredAt", to_epoch_seconds(instance.registered)},
             {"attachments", Json::array()},
             {"tags", tags ? view_tags(world.tags_of(instance.arn)) : Json::array()}};
    set_unless_empty(out, "ec2InstanceId", instance.ec2_instance_id);
    return out;
}

Json view(const World& world, const Service& service, bool tags) {
    const auto counts = count_tasks(world, [&](const Task& task) {
        return task.service == service.name && task.cluster == service.cluster &&
               task.desired == TaskStatus::running;
    });
    Json deployments = Json::array();
    for (const Deployment& deployment : service.deployments)
        deployments.push_back(
            view_deployment(world, service, deployment, &deployment == &service.deployments.front()));
    Json events = Json::array();
    for (const ServiceEvent& event : service.events)
        events.push_back(
            {{"id", event.id}, {"createdAt", to_epoch_seconds(event.created)}, {"message", event.message}});
    Json out{{"serviceArn", service.arn},
             {"serviceName", service.name},
             {"clusterArn", world.identity.cluster(service.cluster)},
             {"loadBalancers", Json::array()},
             {"serviceRegistries", Json::array()},
             {"status", to_string(service.status)},
             {"desiredCount", service.desired},
             {"runningCount", counts.running},
             {"pendingCount", counts.pending},
             {"launchType", "EC2"},
             {"deploymentConfiguration",
              {{"maximumPercent", service.maximum_percent},
               {"minimumHealthyPercent", service.minimum_healthy_percent}}},
             {"deployments", std::move(deployments)},
             {"events", std::move(events)},
             {"createdAt", to_epoch_seconds(service.created)},
             {"placementConstraints", service.constraints},
             {"placementStrategy", service.strategy},
             {"schedulingStrategy", "REPLICA"},
             {"deploymentController", {{"type", "ECS"}}},
             {"enableECSManagedTags", false},
             {"propagateTags", service.propagate_tags.empty() ? "NONE" : service.propagate_tags},
             {"enableExecuteCommand", false}};
    if (!out["deployments"].empty()) out["taskDefinition"] = out["deployments"][0]["taskDefinition"];
    if (tags) out["tags"] = view_tags(world.tags_of(service.arn));
    return out;
}

} // namespace berth::cluster
