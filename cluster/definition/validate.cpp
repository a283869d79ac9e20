// What a task definition must satisfy to be registered, and the defaults it gets.
#include "cluster/definition/definition.hpp"
#include "cluster/model/fields.hpp"
#include "cluster/model/refusal.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace berth::cluster {
namespace {

constexpr std::size_t kMaxContainers = 10;
constexpr std::int64_t kMinMemory = 6;

bool is_name(std::string_view text) {
    const auto is_allowed = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; };
    return !text.empty() && text.size() <= 255 && std::ranges::all_of(text, is_allowed);
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> allowed) {
    return std::ranges::find(allowed, text) != allowed.end();
}

Status check_memory(const Json& container, const std::string& name, bool task_has_memory) {
    const auto memory = integer_of(container, "memory");
    const auto reservation = integer_of(container, "memoryReservation");
    if (!memory && !reservation && !task_has_memory)
        return client_error("Invalid setting for container '{}'. At least one of 'memory' or "
                            "'memoryReservation' must be specified.",
                            name);
    if ((memory && *memory < kMinMemory) || (reservation && *reservation < kMinMemory))
        return client_error("Invalid setting for container '{}'. 'memory' and 'memoryReservation' must be at "
                            "least {} MiB.",
                            name, kMinMemory);
    if (memory && reservation && *memory < *reservation)
        return client_error("Invalid setting for container '{}'. 'memory' must be greater than or equal to "
                            "'memoryReservation'.",
                            name);
    return {};
}

Status check_port(const Json& port, const std::string& container, const std::string& mode) {
    const bool range = has(port, "containerPortRange");
    const auto inside = integer_of(port, "containerPort", range ? 1 : 0);
    const auto outside = integer_of(port, "hostPort", 0);
    if (inside < 1 || inside > 65535 || outside < 0 || outside > 65535)
        return client_error(
            "Invalid port mapping of container '{}': ports are 1 to 65535 (hostPort 0 is chosen "
            "by the instance).",
            container);
    if (!is_one_of(text_of(port, "protocol", "tcp"), {"tcp", "udp"}))
        return client_error("Invalid protocol '{}' of container '{}': expected tcp or udp.",
                            text_of(port, "protocol").substr(0, 32), container);
    if (is_one_of(mode, {"host", "awsvpc"}) && outside != 0 && outside != inside)
        return client_error(
            "When networkMode={}, the host ports and container ports in port mappings must match.", mode);
    return {};
}

Status check_log(const Json& log, const std::string& container) {
    if (log.empty()) return {};
    const auto driver = text_of(log, "logDriver");
    if (!is_one_of(driver, {"json-file", "syslog", "journald", "gelf", "fluentd", "awslogs", "splunk",
                            "awsfirelens", "logentries", "sumologic", "none"}))
        return client_error("Log driver '{}' of container '{}' is not known.", driver.substr(0, 64),
                            container);
    const Json& options = object_of(log, "options");
    if (driver == "awslogs")
        for (const char* option : {"awslogs-group", "awslogs-region"})
            if (text_of(options, option).empty())
                return client_error("Log driver awslogs of container '{}' requires option: {}.", container,
                                    option);
    return {};
}

Status check_ulimits(const Json& list, const std::string& container) {
    for (const Json& limit : list)
        if (!is_one_of(text_of(limit, "name"),
                       {"core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile",
                        "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"}) ||
            !integer_of(limit, "softLimit") || !integer_of(limit, "hardLimit"))
            return client_error(
                "Ulimit '{}' of container '{}' is not known or has no softLimit and hardLimit.",
                text_of(limit, "name").substr(0, 64), container);
    return {};
}

Status check_container(const Json& container, const Json& document, bool task_has_memory) {
    const auto name = text_of(container, "name");
    if (!is_name(name))
        return client_error("Container.name must be 1 to 255 letters, digits, hyphens and underscores.");
    if (text_of(container, "image").empty())
        return client_error("Container.image should not be null or empty.");
    if (integer_of(container, "cpu", 0) < 0)
        return client_error("Invalid 'cpu' setting for container '{}': it is negative.", name);
    if (Status good = check_memory(container, name, task_has_memory); !good) return good;
    const auto mode = text_of(document, "networkMode", "bridge");
    for (const Json& port : list_of(container, "portMappings"))
        if (Status good = check_port(port, name, mode); !good) return good;
    for (const Json& variable : list_of(container, "environment"))
        if (text_of(variable, "name").empty() || text_of(variable, "name").contains('='))
            return client_error("Invalid environment variable name in container '{}'.", name);
    for (const Json& secret : list_of(container, "secrets"))
        if (text_of(secret, "name").empty() || text_of(secret, "valueFrom").empty())
            return client_error("A secret of container '{}' needs name and valueFrom.", name);
    for (const Json& mount : list_of(container, "mountPoints")) {
        const auto volume = text_of(mount, "sourceVolume");
        if (!find_named(list_of(document, "volumes"), "name", volume))
            return client_error("Unknown volume '{}'.", volume.substr(0, 255));
        if (!text_of(mount, "containerPath").starts_with('/'))
            return client_error("Invalid containerPath of volume '{}': it is not absolute.", volume);
    }
    for (const Json& from : list_of(container, "volumesFrom"))
        if (!find_named(list_of(document, "containerDefinitions"), "name", text_of(from, "sourceContainer")))
            return client_error("Unknown volumesFrom container '{}'.",
                                text_of(from, "sourceContainer").substr(0, 255));
    if (has(container, "healthCheck") && list_of(object_of(container, "healthCheck"), "command").empty())
        return client_error("The healthCheck of container '{}' has no command.", name);
    if (Status good = check_ulimits(list_of(container, "ulimits"), name); !good) return good;
    return check_log(object_of(container, "logConfiguration"), name);
}

Status check_containers(const Json& document, bool task_has_memory) {
    const Json& containers = list_of(document, "containerDefinitions");
    if (containers.empty()) return client_error("Container list cannot be empty.");
    if (containers.size() > kMaxContainers)
        return client_error("A task definition can have at most {} containers.", kMaxContainers);
    std::set<std::string> names;
    std::set<std::string> ports;
    bool essential = false;
    for (const Json& container : containers) {
        if (Status good = check_container(container, document, task_has_memory); !good) return good;
        if (!names.insert(text_of(container, "name")).second)
            return client_error("Container names must be unique: '{}' appears twice.",
                                text_of(container, "name"));
        for (const Json& port : list_of(container, "portMappings")) {
            const auto number = integer_of(port, "hostPort", 0);
            if (number != 0 &&
                !ports.insert(fmt::format("{}/{}", number, text_of(port, "protocol", "tcp"))).second)
                return client_error("Host port {} is mapped twice.", number);
        }
        essential = essential || flag_of(container, "essential", true);
    }
    if (!essential) return client_error("Task definition does not have any essential containers.");
    return check_dependencies(containers);
}

Status check_volumes(const Json& volumes) {
    std::set<std::string> names;
    for (const Json& volume : volumes) {
        const auto name = text_of(volume, "name");
        if (!is_name(name))
            return client_error("Volume.name must be 1 to 255 letters, digits, hyphens, underscores.");
        if (!names.insert(name).second)
            return client_error("Volume names must be unique: '{}' appears twice.", name);
        int kinds = 0;
        for (const char* kind : {"host", "dockerVolumeConfiguration", "efsVolumeConfiguration"})
            kinds += !object_of(volume, kind).empty();
        if (kinds > 1) return client_error("Volume '{}' has more than one configuration.", name);
        if (has(volume, "efsVolumeConfiguration") &&
            text_of(object_of(volume, "efsVolumeConfiguration"), "fileSystemId").empty())
            return client_error("EFS volume '{}' has no fileSystemId.", name);
    }
    return {};
}

void complete_container(Json& container) {
    container["cpu"] = integer_of(container, "cpu", 0);
    container["essential"] = flag_of(container, "essential", true);
    for (const char* list : {"portMappings", "environment", "mountPoints", "volumesFrom", "systemControls"})
        if (!has(container, list)) container[list] = Json::array();
    for (Json& port : container["portMappings"]) {
        if (!has(port, "protocol")) port["protocol"] = "tcp";
        if (!has(port, "containerPortRange")) port["hostPort"] = integer_of(port, "hostPort", 0);
    }
}

} // namespace

Result<Json> read_definition(const Json& request) {
    if (Status good = check_definition_types(request); !good) return fail(std::move(good.error()));
    Json document = request;
    for (const char* other : {"tags", "status", "revision", "taskDefinitionArn"}) document.erase(other);
    if (!is_name(text_of(document, "family")))
        return client_error("Family must be 1 to 255 letters, digits, hyphens and underscores.");
    if (has(document, "networkMode") &&
        !is_one_of(text_of(document, "networkMode"), {"bridge", "host", "awsvpc", "none"}))
        return client_error("Invalid networkMode '{}'.", text_of(document, "networkMode").substr(0, 32));
    if (has(document, "pidMode") && !is_one_of(text_of(document, "pidMode"), {"host", "task"}))
        return client_error("Invalid pidMode '{}'.", text_of(document, "pidMode").substr(0, 32));
    if (has(document, "ipcMode") && !is_one_of(text_of(document, "ipcMode"), {"host", "task", "none"}))
        return client_error("Invalid ipcMode '{}'.", text_of(document, "ipcMode").substr(0, 32));
    for (const auto& [key, parse] :
         {std::pair("cpu", &parse_task_cpu), std::pair("memory", &parse_task_memory)})
        if (has(document, key)) {
            const auto size = parse(text_of(document, key));
            if (!size) return fail(size.error());
            document[key] = std::to_string(*size);
        }
    if (Status good = check_volumes(list_of(document, "volumes")); !good)
        return fail(std::move(good.error()));
    if (Status good = check_containers(document, has(document, "memory")); !good)
        return fail(std::move(good.error()));

    for (Json& container : document["containerDefinitions"]) complete_container(container);
    for (const char* list : {"volumes", "placementConstraints"})
        if (!has(document, list)) document[list] = Json::array();
    Json attributes = Json::array();
    for (const std::string& name : required_attributes(document)) attributes.push_back(Json{{"name", name}});
    document["requiresAttributes"] = std::move(attributes);
    document["compatibilities"] = Json::array({"EXTERNAL", "EC2"});
    return document;
}

} // namespace berth::cluster
