// What of a container definition travels inside the Docker-shaped strings: everything that has no typed
// field.
#include "cluster/model/fields.hpp"
#include "cluster/payload/payload.hpp"

namespace berth::cluster {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kNanoseconds = 1'000'000'000;

void copy_as(Json& out, const char* docker_name, const Json& container, const char* name) {
    if (has(container, name)) set_unless_empty(out, docker_name, container[name]);
}

Json health_check(const Json& check) {
    Json out{{"Test", list_of(check, "command")}};
    for (const auto& [docker_name, name] :
         {std::pair("Interval", "interval"), std::pair("Timeout", "timeout"),
          std::pair("StartPeriod", "startPeriod")})
        if (const auto seconds = integer_of(check, name)) out[docker_name] = *seconds * kNanoseconds;
    if (const auto retries = integer_of(check, "retries")) out["Retries"] = *retries;
    return out;
}

// "web/app/0f1e2d": prefix, container, task id. Neither agent nor driver knows the prefix.
Json log_config(const Context& context, const Task& task, const Json& container, const Json& log) {
    Json options = object_of(log, "options");
    if (text_of(log, "logDriver") == "awslogs") {
        const auto prefix = text_of(options, "awslogs-stream-prefix");
        options.erase("awslogs-stream-prefix");
        if (!prefix.empty())
            options["awslogs-stream"] = fmt::format("{}/{}/{}", prefix, text_of(container, "name"), task.id);
        // The logs of this endpoint's region are here, not where the name of the region leads.
        if (text_of(options, "awslogs-region") == context.world.identity.region &&
            !has(options, "awslogs-endpoint"))
            options["awslogs-endpoint"] = context.settings.url;
    }
    return Json{{"Type", text_of(log, "logDriver")}, {"Config", std::move(options)}};
}

Json devices(const Json& list) {
    Json out = Json::array();
    for (const Json& device : list) {
        std::string permissions;
        for (const Json& permission : list_of(device, "permissions"))
            if (permission.is_string()) permissions += permission.get<std::string>().substr(0, 1);
        const auto host = text_of(device, "hostPath");
        out.push_back({{"PathOnHost", host},
                       {"PathInContainer", text_of(device, "containerPath", host)},
                       {"CgroupPermissions", permissions.empty() ? "rwm" : permissions}});
    }
    return out;
}

Json tmpfs(const Json& list) {
    Json out = Json::object();
    for (const Json& mount : list) {
        std::string options;
        for (const Json& option : list_of(mount, "mountOptions"))
            if (option.is_string()) options += option.get<std::string>() + ",";
        options += fmt::format("size={}m", integer_of(mount, "size", 0));
        out[text_of(mount, "containerPath")] = options;
    }
    return out;
}

void add_linux(Json& out, const Json& container) {
    const Json& parameters = object_of(container, "linuxParameters");
    const Json& capabilities = object_of(parameters, "capabilities");
    out["CapAdd"] = list_of(capabilities, "add");
    out["CapDrop"] = list_of(capabilities, "drop");
    set_unless_empty(out, "Devices", devices(list_of(parameters, "devices")));
    set_unless_empty(out, "Tmpfs", tmpfs(list_of(parameters, "tmpfs")));
    copy_as(out, "Init", parameters, "initProcessEnabled");
    if (const auto size = integer_of(parameters, "sharedMemorySize")) out["ShmSize"] = *size * kMiB;
    const auto memory = integer_of(container, "memory");
    if (const auto swap = integer_of(parameters, "maxSwap"); swap && memory)
        out["MemorySwap"] = (*memory + *swap) * kMiB; // Docker counts memory and swap together
    copy_as(out, "MemorySwappiness", parameters, "swappiness");
}

Json ulimits(const Json& list) {
    Json out = Json::array();
    for (const Json& limit : list)
        out.push_back({{"Name", text_of(limit, "name")},
                       {"Soft", integer_of(limit, "softLimit", 0)},
                       {"Hard", integer_of(limit, "hardLimit", 0)}});
    return out;
}

Json extra_hosts(const Json& list) {
    Json out = Json::array();
    for (const Json& host : list) out.push_back(text_of(host, "hostname") + ":" + text_of(host, "ipAddress"));
    return out;
}

Json sysctls(const Json& list) {
    Json out = Json::object();
    for (const Json& control : list) out[text_of(control, "namespace")] = text_of(control, "value");
    return out;
}

} // namespace

Json docker_config(const Json& container) {
    Json out = Json::object();
    copy_as(out, "User", container, "user");
    copy_as(out, "WorkingDir", container, "workingDirectory");
    copy_as(out, "Hostname", container, "hostname");
    copy_as(out, "NetworkDisabled", container, "disableNetworking");
    copy_as(out, "Tty", container, "pseudoTerminal");
    copy_as(out, "OpenStdin", container, "interactive");
    copy_as(out, "Labels", container, "dockerLabels");
    // The service spells it so, unlike Docker's own "Healthcheck".
    if (has(container, "healthCheck")) out["HealthCheck"] = health_check(container["healthCheck"]);
    return out;
}

Json host_config(const Context& context, const Task& task, const Json& document, const Json& container) {
    Json out = Json::object();
    const auto mode = text_of(document, "networkMode", "bridge");
    if (mode != "awsvpc") out["NetworkMode"] = mode;
    add_linux(out, container);
    copy_as(out, "Privileged", container, "privileged");
    copy_as(out, "ReadonlyRootfs", container, "readonlyRootFilesystem");
    copy_as(out, "SecurityOpt", container, "dockerSecurityOptions");
    copy_as(out, "Dns", container, "dnsServers");
    copy_as(out, "DnsSearch", container, "dnsSearchDomains");
    set_unless_empty(out, "Ulimits", ulimits(list_of(container, "ulimits")));
    set_unless_empty(out, "ExtraHosts", extra_hosts(list_of(container, "extraHosts")));
    set_unless_empty(out, "Sysctls", sysctls(list_of(container, "systemControls")));
    if (const auto reservation = integer_of(container, "memoryReservation"))
        out["MemoryReservation"] = *reservation * kMiB;
    if (has(container, "logConfiguration"))
        out["LogConfig"] = log_config(context, task, container, container["logConfiguration"]);
    return out;
}

} // namespace berth::cluster
