// parse_task: one task of a payload, checked as a whole.
#include "agent/engine/parser.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace berth::engine {

namespace {

constexpr std::size_t kMaxContainers = 100, kMaxVolumes = 100;

void parse_docker_volume(Fields& from) {
    std::string scope, driver;
    from.read("scope", scope);
    from.read("driver", driver);
    from.refuse("autoprovision");
    from.refuse("driverOpts");
    if (!scope.empty() && scope != "task")
        from.fail_at("scope", fmt::format("\"{}\" is not supported by this version", scope));
    if (!driver.empty() && driver != "local")
        from.fail_at("driver", fmt::format("\"{}\" is not supported by this version", driver));
}

void parse_volume(Fields& from, std::vector<Volume>& to) {
    Volume volume;
    std::string type;
    from.require("name", volume.name);
    from.read("type", type);
    if (type.empty() || type == "host") {
        bool there = false;
        from.object("host", [&](Fields& host) {
            there = true;
            host.read("sourcePath", volume.host_path);
            if (!volume.host_path.empty() && !volume.host_path.starts_with('/'))
                host.fail_at("sourcePath", fmt::format("\"{}\" is not an absolute path", volume.host_path));
        });
        if (!there) from.fail_at("host", "missing");
    } else if (type == "docker") {
        from.object("dockerVolumeConfiguration", parse_docker_volume);
    } else {
        from.fail_at("type", fmt::format("volumes of type \"{}\" are not supported by this version", type));
    }
    to.push_back(std::move(volume));
}

void parse_credentials(Fields& from, std::string_view key, std::string& id) {
    from.object(key, [&](Fields& credentials) { credentials.require("credentialsId", id); });
}

void check_desired_status(Fields& from) {
    std::string desired;
    from.read("desiredStatus", desired);
    for (const auto* known : {"", "NONE", "MANIFEST_PULLED", "CREATED", "RUNNING", "STOPPED"})
        if (desired == known) return;
    from.fail_at("desiredStatus", fmt::format("\"{}\" is no status of a task", desired));
}

// What would make the task something else than a group of containers on this host's network.
void refuse_unsupported(Fields& from) {
    for (const auto* key : {"elasticNetworkInterfaces", "associations", "proxyConfiguration"})
        from.refuse(key);
    from.each("attachments", 100, [](Fields& attachment) {
        std::string type;
        attachment.read("attachmentType", type);
        for (const auto* unsupported : {"serviceconnectdetail", "amazonebs", "s3files"})
            if (lower_case(type) == unsupported)
                attachment.fail_at("attachmentType",
                                   fmt::format("\"{}\" is not supported by this version", type));
    });
}

void check_modes(Fields& from, const TaskSpec& task) {
    if (task.network_mode == "awsvpc")
        from.fail_at("networkMode", "awsvpc is not supported by this version");
    else if (task.network_mode != "bridge" && task.network_mode != "host" && task.network_mode != "none")
        from.fail_at("networkMode", fmt::format("\"{}\" is no network mode", task.network_mode));
    for (const auto& [key, mode] :
         {std::pair("pidMode", &task.pid_mode), std::pair("ipcMode", &task.ipc_mode)}) {
        if (*mode == "task")
            from.fail_at(key, "task is not supported by this version");
        else if (!mode->empty() && *mode != "host" && !(*mode == "none" && mode == &task.ipc_mode))
            from.fail_at(key, fmt::format("\"{}\" is no mode", *mode));
    }
}

// hostConfig may repeat what the task says about namespaces; what it says beyond that would get lost.
void settle_modes(Fields& from, TaskSpec& task, const std::vector<NamespaceModes>& modes) {
    if (task.network_mode.empty() && !modes.empty() && modes.front().network != "default")
        task.network_mode = modes.front().network;
    if (task.network_mode.empty()) task.network_mode = "bridge";
    const auto agree = [&](std::size_t i, const char* key, std::string_view said, std::string_view meant,
                           std::initializer_list<std::string_view> harmless) {
        if (said != meant && std::ranges::find(harmless, said) == harmless.end())
            from.fail_at(fmt::format("containers[{}].dockerConfig.hostConfig.{}", i, key),
                         fmt::format("\"{}\" is not the task's mode, \"{}\"", said, meant));
    };
    for (std::size_t i = 0; i < modes.size() && i < task.containers.size(); ++i) {
        agree(i, "NetworkMode", modes[i].network, task.network_mode, {"", "default"});
        agree(i, "PidMode", modes[i].pid, task.pid_mode, {""});
        agree(i, "IpcMode", modes[i].ipc, task.ipc_mode, {"", "private", "shareable"});
    }
}

void check_containers(Fields& from, const TaskSpec& task) {
    if (task.containers.empty()) return from.fail_at("containers", "the task has no container");
    std::set<std::string> names, volumes;
    std::set<std::tuple<std::uint16_t, Protocol>> host_ports;
    for (const auto& volume : task.volumes)
        if (!volumes.insert(volume.name).second)
            from.fail_at("volumes", fmt::format("two volumes are named \"{}\"", volume.name));
    for (const auto& container : task.containers) {
        if (!names.insert(container.name).second)
            from.fail_at("containers", fmt::format("two containers are named \"{}\"", container.name));
        for (const auto& mount : container.mounts)
            if (!volumes.contains(mount.source_volume))
                from.fail_at("containers",
                             fmt::format("mountPoints of \"{}\" name the volume \"{}\", which the "
                                         "task does not have",
                                         container.name, mount.source_volume));
        for (const auto& port : container.ports)
            if (port.host_port != 0 && !host_ports.emplace(port.host_port, port.protocol).second)
                from.fail_at("containers", fmt::format("host port {} is asked for twice", port.host_port));
    }
}

} // namespace

Result<TaskSpec> parse_task(const Json& json) {
    if (!json.is_object())
        return fail(ErrorCode::invalid, "a task is not an object but {}", json.type_name());
    std::optional<Error> error;
    Fields from(json, "", error);
    TaskSpec task;
    std::string arn;
    from.require("arn", arn);
    task.arn = TaskArn(std::move(arn));
    if (!is_plain_name(task.id(), 128) || task.arn.str().size() > 1024)
        from.fail_at("arn", "does not end in /<task id> of up to 128 letters, digits, '-' and '_'");
    check_desired_status(from);
    from.read("taskClusterArn", task.cluster_arn);
    from.read("family", task.family);
    from.read("version", task.version);
    from.read("cpu", task.cpu);
    if (task.cpu > 16384) from.fail_at("cpu", fmt::format("{} vCPUs are over the limit of 16384", task.cpu));
    from.read("memory", task.memory_mib, 0, 1 << 30);
    from.read("networkMode", task.network_mode);
    from.read("pidMode", task.pid_mode);
    from.read("ipcMode", task.ipc_mode);
    from.read("launchType", task.launch_type);
    from.read("serviceName", task.service_name);
    parse_credentials(from, "roleCredentials", task.role_credentials_id);
    parse_credentials(from, "executionRoleCredentials", task.execution_role_credentials_id);
    from.each("volumes", kMaxVolumes, [&](Fields& fields) { parse_volume(fields, task.volumes); });
    std::vector<NamespaceModes> modes;
    from.each("containers", kMaxContainers, [&](Fields& fields) {
        parse_container(fields, task.containers.emplace_back(), modes.emplace_back());
    });
    refuse_unsupported(from);
    settle_modes(from, task, modes);
    check_modes(from, task);
    check_containers(from, task);
    check_dependencies(task, error);
    if (error) return std::unexpected(std::move(*error));
    return task;
}

} // namespace berth::engine
