// Looking entities up as the API names them.
#include "cluster/model/world.hpp"

#include "cluster/model/refusal.hpp"

#include <charconv>

namespace berth::cluster {

std::string definition_key(std::string_view family, std::int64_t revision) {
    return fmt::format("{}:{:012}", family, revision);
}

std::string log_stream_key(std::string_view group, std::string_view stream) {
    return fmt::format("{}:{}", group, stream); // neither may hold a colon
}

Result<const Cluster*> World::cluster(std::string_view name) const {
    const auto* found = clusters.find(name.empty() ? "default" : last_part(name));
    if (!found) return refuse("ClusterNotFoundException", "Cluster not found.");
    return found;
}

const Task* World::task(std::string_view cluster, std::string_view name) const {
    return tasks.find(identity.task(cluster, last_part(name)));
}

const Instance* World::instance(std::string_view cluster, std::string_view name) const {
    return instances.find(identity.instance(cluster, last_part(name)));
}

const Service* World::service(std::string_view cluster, std::string_view name) const {
    return services.find(identity.service(cluster, last_part(name)));
}

const Definition* World::definition(std::string_view name) const {
    const std::string_view text = last_part(name);
    if (const auto colon = text.find(':'); colon != std::string_view::npos) {
        const std::string_view digits = text.substr(colon + 1);
        std::int64_t revision = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), revision);
        if (error != std::errc() || end != digits.data() + digits.size()) return nullptr;
        return definitions.find(definition_key(text.substr(0, colon), revision));
    }
    const Definition* newest = nullptr;
    for (auto it = definitions.lower_bound(fmt::format("{}:", text));
         it != definitions.end() && it->second.family == text; ++it)
        if (it->second.active) newest = &it->second;
    return newest;
}

Tags World::tags_of(std::string_view arn) const {
    const Tags* found = tags.find(arn);
    return found ? *found : Tags();
}

std::string_view to_string(TaskStatus status) {
    switch (status) {
    case TaskStatus::pending: return "PENDING";
    case TaskStatus::running: return "RUNNING";
    case TaskStatus::stopped: return "STOPPED";
    }
    return "";
}

std::string_view to_string(InstanceStatus status) {
    switch (status) {
    case InstanceStatus::active: return "ACTIVE";
    case InstanceStatus::draining: return "DRAINING";
    case InstanceStatus::inactive: return "INACTIVE";
    }
    return "";
}

std::string_view to_string(ServiceStatus status) {
    switch (status) {
    case ServiceStatus::active: return "ACTIVE";
    case ServiceStatus::draining: return "DRAINING";
    case ServiceStatus::inactive: return "INACTIVE";
    }
    return "";
}

Result<TaskStatus> parse_task_status(std::string_view text) {
    for (const auto status : {TaskStatus::pending, TaskStatus::running, TaskStatus::stopped})
        if (to_string(status) == text) return status;
    return bad_parameter("status: expected PENDING, RUNNING or STOPPED, got \"{}\"", text.substr(0, 64));
}

} // namespace berth::cluster
