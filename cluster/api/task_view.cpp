// Tasks as DescribeTasks shows them.
#include "cluster/api/views.hpp"
#include "cluster/model/fields.hpp"
#include "cluster/payload/payload.hpp"

namespace berth::cluster {
namespace {

void set_time(Json& out, const char* key, const std::optional<Time>& time) {
    if (time) out[key] = to_epoch_seconds(*time);
}

Json view_container(const Task& task, const TaskContainer& container, const Json& declared) {
    Json out{{"containerArn", container.arn},
             {"taskArn", task.arn},
             {"name", container.name},
             {"image", container.image},
             {"lastStatus", to_string(container.last)},
             {"networkBindings", container.network_bindings},
             {"networkInterfaces", Json::array()},
             {"healthStatus", container.health},
             {"cpu", std::to_string(integer_of(declared, "cpu", 0))}};
    for (const char* key : {"memory", "memoryReservation"})
        if (const auto size = integer_of(declared, key)) out[key] = std::to_string(*size);
    set_unless_empty(out, "runtimeId", container.runtime_id);
    set_unless_empty(out, "imageDigest", container.image_digest);
    set_unless_empty(out, "reason", container.reason);
    if (container.exit_code) out["exitCode"] = *container.exit_code;
    return out;
}

// Unhealthy as soon as one container is, healthy when all with a health check are.
const char* health_of(const Task& task, const Json& document) {
    bool checked = false, healthy = true;
    for (const TaskContainer& container : task.containers) {
        if (container.health == "UNHEALTHY") return "UNHEALTHY";
        const Json* declared = find_named(list_of(document, "containerDefinitions"), "name", container.name);
        if (!declared || !has(*declared, "healthCheck")) continue;
        checked = true;
        healthy = healthy && container.health == "HEALTHY";
    }
    return checked && healthy ? "HEALTHY" : "UNKNOWN";
}

Json view_overrides(const Task& task) {
    Json out = task.overrides;
    for (const char* list : {"containerOverrides", "inferenceAcceleratorOverrides"})
        if (!has(out, list)) out[list] = Json::array();
    return out;
}

} // namespace

Json view(const World& world, const Task& task, bool tags) {
    const Definition* definition = world.definitions.find(task.definition);
    const Json& document = definition ? definition->document : no_members();
    Json containers = Json::array();
    for (const TaskContainer& container : task.containers) {
        const Json* declared = find_named(list_of(document, "containerDefinitions"), "name", container.name);
        containers.push_back(view_container(
            task, container, declared ? overridden_container(*declared, task.overrides) : no_members()));
    }
    Json out{{"taskArn", task.arn},
             {"clusterArn", world.identity.cluster(task.cluster)},
             {"taskDefinitionArn", definition ? definition->arn : task.definition},
             {"containerInstanceArn", task.instance},
             {"availabilityZone", world.identity.region + "a"},
             {"attachments", Json::array()},
             {"attributes", Json::array()},
             {"containers", std::move(containers)},
             {"cpu", std::to_string(task.needs.cpu)},
             {"memory", std::to_string(task.needs.memory)},
             {"createdAt", to_epoch_seconds(task.created)},
             {"desiredStatus", to_string(task.desired)},
             {"lastStatus", to_string(task.last)},
             {"enableExecuteCommand", false},
             {"group", task.group},
             {"healthStatus", health_of(task, document)},
             {"launchType", "EC2"},
             {"overrides", view_overrides(task)},
             {"tags", tags ? view_tags(world.tags_of(task.arn)) : Json::array()},
             {"version", task.version}};
    if (task.connected) out["connectivity"] = "CONNECTED";
    set_time(out, "connectivityAt", task.connected);
    set_time(out, "pullStartedAt", task.pull_started);
    set_time(out, "pullStoppedAt", task.pull_stopped);
    set_time(out, "startedAt", task.started);
    set_time(out, "stoppingAt", task.stopping);
    set_time(out, "executionStoppedAt", task.execution_stopped);
    set_time(out, "stoppedAt", task.stopped);
    set_unless_empty(out, "startedBy", task.started_by);
    set_unless_empty(out, "stopCode", task.stop_code);
    set_unless_empty(out, "stoppedReason", task.stopped_reason);
    return out;
}

} // namespace berth::cluster
