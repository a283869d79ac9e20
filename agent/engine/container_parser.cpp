// One container of a payload: its typed fields, then overrides, then the Docker-shaped strings.
#include "agent/engine/parser.hpp"

#include <algorithm>

namespace berth::engine {

namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr std::int64_t kMinMemory = 6 * kMiB; // less is raised to this, as the reference agent does
constexpr std::int64_t kMinShares = 2, kMaxShares = 262144;
constexpr std::int64_t kMaxSeconds = std::int64_t{7} * 86400;

void parse_port(Fields& from, std::vector<PortMapping>& to) {
    from.refuse("containerPortRange");
    PortMapping port;
    std::string protocol;
    from.read("containerPort", port.container_port, 1, 65535);
    from.read("hostPort", port.host_port, 0, 65535);
    from.read("protocol", protocol);
    if (port.container_port == 0) from.fail_at("containerPort", "missing");
    if (protocol == "udp")
        port.protocol = Protocol::udp;
    else if (!protocol.empty() && protocol != "tcp")
        from.fail_at("protocol", fmt::format("\"{}\" is not tcp or udp", protocol));
    to.push_back(port);
}

void parse_mount(Fields& from, std::vector<MountPoint>& to) {
    MountPoint mount;
    from.require("sourceVolume", mount.source_volume);
    from.require("containerPath", mount.container_path);
    from.read("readOnly", mount.read_only);
    if (!mount.container_path.starts_with('/'))
        from.fail_at("containerPath", fmt::format("\"{}\" is not an absolute path", mount.container_path));
    to.push_back(std::move(mount));
}

void parse_dependency(Fields& from, std::vector<Dependency>& to) {
    Dependency dependency;
    std::string condition;
    from.require("containerName", dependency.container);
    from.require("condition", condition);
    if (condition == "CREATE")
        dependency.condition = Condition::create;
    else if (condition == "COMPLETE")
        dependency.condition = Condition::complete;
    else if (condition == "SUCCESS")
        dependency.condition = Condition::success;
    else if (condition == "HEALTHY")
        dependency.condition = Condition::healthy;
    else if (condition != "START")
        from.fail_at("condition",
                     fmt::format("\"{}\" is not START, COMPLETE, SUCCESS or HEALTHY", condition));
    to.push_back(std::move(dependency));
}

void parse_registry_auth(Fields& from, RegistryAuth& to) {
    std::string type;
    from.read("type", type);
    if (type == "ecr") {
        to.type = RegistryAuth::Type::ecr;
        from.object("ecrAuthData", [&](Fields& data) {
            data.read("registryId", to.registry_id);
            data.read("region", to.region);
            data.read("endpointOverride", to.endpoint_override);
            data.read("useExecutionRole", to.use_execution_role);
        });
    } else if (type == "asm") {
        to.type = RegistryAuth::Type::secrets_manager;
        from.object("asmAuthData", [&](Fields& data) {
            data.require("credentialsParameter", to.credentials_parameter);
            data.read("region", to.region);
        });
        if (to.credentials_parameter.empty()) from.fail_at("asmAuthData", "missing");
    } else if (!type.empty()) {
        from.fail_at("type", fmt::format("\"{}\" is not ecr or asm", type));
    }
}

void parse_restart_policy(Fields& from, RestartPolicy& to) {
    from.read("enabled", to.enabled);
    if (const auto period = from.integer("restartAttemptPeriod", 0, kMaxSeconds); period && *period > 0)
        to.attempt_period = std::chrono::seconds(*period);
    const Json* codes = from.find("ignoredExitCodes");
    if (codes == nullptr) return;
    if (!codes->is_array()) return from.fail_at("ignoredExitCodes", "expected a list");
    for (const auto& code : *codes) {
        if (!code.is_number_integer() || code < 0 || code > 255)
            return from.fail_at("ignoredExitCodes", "expected whole numbers of 0..255");
        to.ignored_exit_codes.push_back(code.get<int>());
    }
}

// Overrides are a JSON text or an object, and know only `command`.
void apply_overrides(const Json& overrides, Fields& from, ContainerSpec& to) {
    if (!overrides.is_object()) return from.fail_at("overrides", "expected an object");
    for (const auto& [key, value] : overrides.items())
        if (lower_case(key) != "command")
            return from.fail_at("overrides", fmt::format("\"{}\" cannot be overridden", key));
    Fields fields(overrides, from.path_of("overrides"), from.error());
    std::vector<std::string> command;
    fields.read("command", command);
    if (!command.empty()) to.command = std::move(command);
}

// `use` gets the object written as JSON text in the member; an absent or empty text is nothing.
void decode_text(Fields& from, std::string_view key, const std::function<void(const Json&)>& use) {
    std::string text;
    from.read(key, text);
    if (text.empty() || from.failed()) return;
    const auto json = parse_json(text);
    if (!json) return from.fail_at(key, json.error().message());
    if (json->is_null()) return;
    if (!json->is_object()) return from.fail_at(key, "expected the text of a JSON object");
    use(*json);
}

void parse_overrides(Fields& from, ContainerSpec& to) {
    const Json* value = from.find("overrides");
    if (value != nullptr && value->is_object())
        apply_overrides(*value, from, to);
    else
        decode_text(from, "overrides", [&](const Json& overrides) { apply_overrides(overrides, from, to); });
}

void parse_docker_config(Fields& from, ContainerSpec& to, NamespaceModes& modes) {
    from.object("dockerConfig", [&](Fields& docker) {
        decode_text(docker, "config", [&](const Json& json) {
            Fields config(json, docker.path_of("config"), docker.error());
            decode_docker_config(config, to);
        });
        decode_text(docker, "hostConfig", [&](const Json& json) {
            Fields host_config(json, docker.path_of("hostConfig"), docker.error());
            decode_docker_host_config(host_config, to, modes);
        });
    });
}

void parse_words(Fields& from, std::string_view key, std::optional<std::vector<std::string>>& to) {
    std::vector<std::string> words;
    from.read(key, words);
    if (!words.empty()) to = std::move(words);
}

void parse_timeout(Fields& from, std::string_view key, std::optional<std::chrono::seconds>& to) {
    if (const auto seconds = from.integer(key, 0, kMaxSeconds); seconds && *seconds > 0)
        to = std::chrono::seconds(*seconds);
}

void refuse_unsupported(Fields& from) {
    for (const auto* key : {"links", "volumesFrom", "environmentFiles", "secrets", "firelensConfiguration",
                            "credentialSpecs", "managedAgents"})
        from.refuse(key);
}

void check_environment(Fields& from, const ContainerSpec& container) {
    for (const auto& [name, value] : container.environment)
        if (name.empty() || name.contains('='))
            from.fail_at("environment", fmt::format("\"{}\" cannot be the name of a variable", name));
}

// The limits as they hold after everything has been merged.
void settle_limits(Fields& from, ContainerSpec& to) {
    to.cpu_shares = std::clamp(to.cpu_shares, kMinShares, kMaxShares);
    if (to.memory_bytes != 0) to.memory_bytes = std::max(to.memory_bytes, kMinMemory);
    if (to.memory_bytes != 0 && to.memory_reservation_bytes > to.memory_bytes)
        from.fail_at("memory", fmt::format("the reservation of {} bytes is over the limit of {}",
                                           to.memory_reservation_bytes, to.memory_bytes));
    if (to.memory_swap_bytes > 0 && to.memory_swap_bytes < to.memory_bytes)
        from.fail_at("memory", fmt::format("memory and swap of {} bytes are less than the memory of {}",
                                           to.memory_swap_bytes, to.memory_bytes));
    if (to.memory_swap_bytes > 0 && to.memory_bytes == 0)
        from.fail_at("memory", "a limit of memory and swap needs a limit of memory");
}

} // namespace

bool is_plain_name(std::string_view name, std::size_t max) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-';
    };
    return !name.empty() && name.size() <= max && std::ranges::all_of(name, plain);
}

void parse_container(Fields& from, ContainerSpec& to, NamespaceModes& modes) {
    from.require("name", to.name);
    if (!is_plain_name(to.name, 255))
        from.fail_at("name", fmt::format("\"{}\" is not 1 to 255 letters, digits, '-' and '_'", to.name));
    from.require("image", to.image);
    from.read("essential", to.essential);
    from.read("cpu", to.cpu_units, 0, 1 << 24);
    to.cpu_shares = to.cpu_units;
    std::int64_t memory_mib = 0;
    from.read("memory", memory_mib, 0, 1 << 30);
    to.memory_bytes = memory_mib * kMiB;
    parse_words(from, "entryPoint", to.entry_point);
    parse_words(from, "command", to.command);
    from.read("environment", to.environment);
    from.each("dependsOn", 100, [&](Fields& fields) { parse_dependency(fields, to.depends_on); });
    from.each("portMappings", 100, [&](Fields& fields) { parse_port(fields, to.ports); });
    from.each("mountPoints", 200, [&](Fields& fields) { parse_mount(fields, to.mounts); });
    from.object("registryAuthentication",
                [&](Fields& fields) { parse_registry_auth(fields, to.registry_auth); });
    from.object("restartPolicy", [&](Fields& fields) { parse_restart_policy(fields, to.restart); });
    parse_timeout(from, "startTimeout", to.start_timeout);
    parse_timeout(from, "stopTimeout", to.stop_timeout);

    std::string log_auth, health_check_type;
    from.read("logsAuthStrategy", log_auth);
    to.logs_use_execution_role = log_auth == "ExecutionRole";
    if (!log_auth.empty() && !to.logs_use_execution_role)
        from.fail_at("logsAuthStrategy", fmt::format("\"{}\" is not ExecutionRole", log_auth));
    from.read("healthCheckType", health_check_type);
    if (!health_check_type.empty() && health_check_type != "docker")
        from.fail_at("healthCheckType", fmt::format("\"{}\" is not docker", health_check_type));

    parse_overrides(from, to);
    parse_docker_config(from, to, modes);
    refuse_unsupported(from);
    check_environment(from, to);
    settle_limits(from, to);
    if (health_check_type == "docker" && !to.health_check)
        from.fail_at("healthCheckType", "docker, but dockerConfig.config has no Healthcheck");
}

} // namespace berth::engine
