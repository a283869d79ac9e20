// dockerConfig.config and .hostConfig: Docker's Config and HostConfig, decoded over the typed fields.
//
// The rules are those of Go's JSON decoder, which the reference agent uses: keys without regard to case, a
// missing member keeps, lists replace, maps merge, null clears a list. What is not understood here would run
// the container differently from what its author asked for, so it is refused by name unless it is empty.
#include "agent/engine/parser.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace berth::engine {

namespace {

using Names = std::span<const std::string_view>;

constexpr std::int64_t kMaxBytes = std::int64_t{1} << 60;

// Exposed ports and attached streams change nothing that can be seen: ports are published by portMappings,
// and output always goes to the log.
constexpr auto kConfigMembers = std::to_array<std::string_view>(
    {"hostname", "user", "workingdir", "tty", "openstdin", "labels", "stopsignal", "stoptimeout",
     "healthcheck", "cmd", "entrypoint", "env", "image", "exposedports", "attachstdin", "attachstdout",
     "attachstderr", "stdinonce"});

// CgroupParent is always the agent's.
constexpr auto kHostConfigMembers = std::to_array<std::string_view>({"memory",         "memoryreservation",
                                                                     "memoryswap",     "memoryswappiness",
                                                                     "cpushares",      "cpusetcpus",
                                                                     "shmsize",        "tmpfs",
                                                                     "init",           "ulimits",
                                                                     "devices",        "sysctls",
                                                                     "readonlyrootfs", "privileged",
                                                                     "capadd",         "capdrop",
                                                                     "securityopt",    "dns",
                                                                     "dnssearch",      "extrahosts",
                                                                     "groupadd",       "pidslimit",
                                                                     "binds",          "logconfig",
                                                                     "networkmode",    "pidmode",
                                                                     "ipcmode",        "cgroupparent",
                                                                     "usernsmode",     "cgroupnsmode",
                                                                     "runtime",        "restartpolicy",
                                                                     "isolation",      "volumedriver"});

constexpr auto kUlimits =
    std::to_array<std::string_view>({"core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice",
                                     "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"});

constexpr auto kLogDrivers = std::to_array<std::string_view>({"", "json-file", "awslogs", "none"});

constexpr auto kSecurityOptions = std::to_array<std::string_view>(
    {"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true", "no-new-privileges:false",
     "no-new-privileges=false", "seccomp:unconfined", "seccomp=unconfined", "apparmor:unconfined",
     "apparmor=unconfined", "label:disable", "label=disable"});

bool contains(Names names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

void refuse_others(Fields& fields, Names understood) {
    for (const auto& [key, value] : fields.json().items())
        if (!contains(understood, lower_case(key)) && !is_empty_value(value))
            return fields.fail_at(key, "is not supported by this version");
}

// Members whose other values would ask for something that is not there.
void allow_only(Fields& fields, std::string_view key, Names values) {
    std::string value;
    fields.read(key, value);
    if (!value.empty() && !contains(values, value))
        fields.fail_at(key, fmt::format("\"{}\" is not supported by this version", value));
}

void read_words(Fields& fields, std::string_view key, std::optional<std::vector<std::string>>& out) {
    if (fields.is_null(key)) out.reset();
    std::vector<std::string> words;
    if (const Json* value = fields.find(key); value != nullptr && value->is_string()) {
        std::string word;
        fields.read(key, word);
        if (!word.empty()) words.push_back(std::move(word));
    } else {
        fields.read(key, words);
    }
    if (!words.empty()) out = std::move(words);
}

void read_environment(Fields& fields, std::map<std::string, std::string>& out) {
    if (fields.is_null("Env")) out.clear();
    if (fields.find("Env") == nullptr) return;
    std::vector<std::string> list;
    fields.read("Env", list);
    out.clear();
    for (const auto& entry : list) {
        const auto equals = entry.find('=');
        if (equals == 0) return fields.fail_at("Env", "a variable has no name");
        out.insert_or_assign(entry.substr(0, equals),
                             equals == std::string::npos ? std::string() : entry.substr(equals + 1));
    }
}

void read_duration(Fields& fields, std::string_view key, std::chrono::nanoseconds& out) {
    constexpr std::int64_t kDay = std::int64_t{24} * 3600 * 1'000'000'000;
    if (const auto value = fields.integer(key, 0, kDay); value && *value > 0)
        out = std::chrono::nanoseconds(*value);
}

void read_health_check(Fields& fields, std::optional<HealthCheck>& out) {
    auto check = out.value_or(HealthCheck{});
    fields.read("Test", check.test);
    read_duration(fields, "Interval", check.interval);
    read_duration(fields, "Timeout", check.timeout);
    read_duration(fields, "StartPeriod", check.start_period);
    if (const auto retries = fields.integer("Retries", 0, 1000); retries && *retries > 0)
        check.retries = static_cast<int>(*retries);
    fields.refuse("StartInterval");
    if (check.test.empty() || check.test.front() == "NONE") {
        out.reset();
        return;
    }
    if (check.test.front() != "CMD" && check.test.front() != "CMD-SHELL")
        fields.fail_at("Test", fmt::format("\"{}\" is not NONE, CMD or CMD-SHELL", check.test.front()));
    if (check.test.size() < 2) fields.fail_at("Test", "has no command");
    out = std::move(check);
}

void read_ulimit(Fields& fields, std::vector<Ulimit>& out) {
    Ulimit limit;
    fields.require("Name", limit.name);
    fields.read("Soft", limit.soft, -1, std::numeric_limits<std::int64_t>::max());
    fields.read("Hard", limit.hard, -1, std::numeric_limits<std::int64_t>::max());
    if (!contains(kUlimits, limit.name))
        fields.fail_at("Name", fmt::format("\"{}\" is no resource limit", limit.name));
    if (limit.hard != -1 && (limit.soft == -1 || limit.soft > limit.hard))
        fields.fail_at("Soft", fmt::format("{} is over the hard limit of {}", limit.soft, limit.hard));
    out.push_back(std::move(limit));
}

void read_device(Fields& fields, std::vector<Device>& out) {
    Device device;
    fields.require("PathOnHost", device.host_path);
    fields.read("PathInContainer", device.container_path);
    if (device.container_path.empty()) device.container_path = device.host_path;
    std::string permissions;
    fields.read("CgroupPermissions", permissions);
    if (permissions.find_first_not_of("rwm") != std::string::npos)
        fields.fail_at("CgroupPermissions", fmt::format("\"{}\" is not made of r, w and m", permissions));
    if (!permissions.empty()) device.permissions = std::move(permissions);
    for (const auto& [key, path] :
         {std::pair("PathOnHost", &device.host_path), std::pair("PathInContainer", &device.container_path)})
        if (!path->starts_with('/'))
            fields.fail_at(key, fmt::format("\"{}\" is not an absolute path", *path));
    out.push_back(std::move(device));
}

void read_log_config(Fields& fields, LogConfig& out) {
    fields.read("Type", out.driver);
    fields.read("Config", out.options);
    if (!contains(kLogDrivers, out.driver))
        fields.fail_at("Type", fmt::format("log driver \"{}\" is not supported by this version", out.driver));
}

void check_binds(Fields& fields, const std::vector<std::string>& binds) {
    for (const auto& bind : binds) {
        const auto colon = bind.find(':');
        if (!bind.starts_with('/') || colon == std::string::npos || bind.size() == colon + 1 ||
            bind[colon + 1] != '/')
            fields.fail_at("Binds",
                           fmt::format("\"{}\" is not <host path>:<container path>[:options]", bind));
    }
}

void read_limits(Fields& fields, ContainerSpec& to) {
    fields.read("Memory", to.memory_bytes, 0, kMaxBytes);
    fields.read("MemoryReservation", to.memory_reservation_bytes, 0, kMaxBytes);
    fields.read("MemorySwap", to.memory_swap_bytes, -1, kMaxBytes);
    fields.read("CpuShares", to.cpu_shares, 0, std::int64_t{1} << 32);
    fields.read("CpusetCpus", to.cpuset_cpus);
    if (const auto value = fields.integer("MemorySwappiness", -1, 100); value && *value >= 0)
        to.swappiness = *value;
    if (const auto value = fields.integer("ShmSize", 0, kMaxBytes); value && *value > 0)
        to.shm_bytes = *value;
    if (const auto value = fields.integer("PidsLimit", -1, std::int64_t{1} << 22); value && *value > 0)
        to.pids_limit = *value;
    fields.each("Ulimits", 64, [&](Fields& limit) { read_ulimit(limit, to.ulimits); });
    fields.each("Devices", 256, [&](Fields& device) { read_device(device, to.devices); });
}

} // namespace

void decode_docker_config(Fields& config, ContainerSpec& to) {
    refuse_others(config, kConfigMembers);
    config.read("Hostname", to.hostname);
    config.read("User", to.user);
    config.read("WorkingDir", to.working_dir);
    config.read("Tty", to.tty);
    config.read("OpenStdin", to.open_stdin);
    config.read("Labels", to.labels);
    config.read("StopSignal", to.stop_signal);
    if (const auto value = config.integer("StopTimeout", 0, 86400); value && *value > 0 && !to.stop_timeout)
        to.stop_timeout = std::chrono::seconds(*value);
    config.object("Healthcheck", [&](Fields& fields) { read_health_check(fields, to.health_check); });
    read_words(config, "Cmd", to.command);
    read_words(config, "Entrypoint", to.entry_point);
    read_environment(config, to.environment);
    const std::string_view image[] = {to.image};
    allow_only(config, "Image", image);
}

void decode_docker_host_config(Fields& host, ContainerSpec& to, NamespaceModes& modes) {
    refuse_others(host, kHostConfigMembers);
    read_limits(host, to);
    host.read("Tmpfs", to.tmpfs);
    host.read("Init", to.init);
    host.read("Sysctls", to.sysctls);
    host.read("ReadonlyRootfs", to.read_only_root);
    host.read("Privileged", to.privileged);
    host.read("CapAdd", to.cap_add);
    host.read("CapDrop", to.cap_drop);
    host.read("SecurityOpt", to.security_opt);
    for (const auto& option : to.security_opt)
        if (!contains(kSecurityOptions, option))
            host.fail_at("SecurityOpt", fmt::format("\"{}\" is not supported by this version", option));
    host.read("Dns", to.dns);
    host.read("DnsSearch", to.dns_search);
    host.read("ExtraHosts", to.extra_hosts);
    host.read("GroupAdd", to.group_add);
    host.read("Binds", to.binds);
    check_binds(host, to.binds);
    host.object("LogConfig", [&](Fields& fields) { read_log_config(fields, to.log); });
    host.read("NetworkMode", modes.network);
    host.read("PidMode", modes.pid);
    host.read("IpcMode", modes.ipc);

    constexpr std::string_view kHost[] = {"host"}, kPrivate[] = {"private"}, kRunc[] = {"runc"},
                               kDefault[] = {"default"}, kLocal[] = {"local"}, kNo[] = {"no"};
    allow_only(host, "UsernsMode", kHost);
    allow_only(host, "CgroupnsMode", kPrivate);
    allow_only(host, "Runtime", kRunc);
    allow_only(host, "Isolation", kDefault);
    allow_only(host, "VolumeDriver", kLocal);
    host.object("RestartPolicy", [&](Fields& fields) { allow_only(fields, "Name", kNo); });
}

} // namespace berth::engine
