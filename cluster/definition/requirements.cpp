// What a task definition asks of an instance: attributes, CPU, memory, ports.
#include "cluster/definition/definition.hpp"
#include "cluster/model/fields.hpp"
#include "cluster/model/refusal.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace berth::cluster {
namespace {

constexpr std::string_view kDocker = "com.amazonaws.ecs.capability.";
constexpr std::string_view kEcs = "ecs.capability.";

using Names = std::set<std::string>;

void docker(Names& names, std::string_view what) { names.insert(fmt::format("{}{}", kDocker, what)); }
void ecs(Names& names, std::string_view what) { names.insert(fmt::format("{}{}", kEcs, what)); }
void api(Names& names, std::string_view version) {
    docker(names, fmt::format("docker-remote-api.{}", version));
}

bool is_secrets_manager(std::string_view value_from) { return value_from.contains(":secretsmanager:"); }
bool is_ecr(std::string_view image) {
    return image.contains(".dkr.ecr.") && image.contains(".amazonaws.com");
}

void log_requirements(Names& names, const Json& log, bool execution_role) {
    const auto driver = text_of(log, "logDriver");
    if (driver.empty()) return;
    const Json& options = object_of(log, "options");
    docker(names, "logging-driver." + driver);
    if (driver == "awslogs") {
        api(names, "1.19");
        if (has(options, "awslogs-create-group")) api(names, "1.29");
        if (execution_role) ecs(names, "execution-role-awslogs");
    }
    if (text_of(options, "mode") == "non-blocking") api(names, "1.28");
    for (const Json& secret : list_of(log, "secretOptions"))
        ecs(names, is_secrets_manager(text_of(secret, "valueFrom")) ? "secrets.asm.bootstrap.log-driver"
                                                                    : "secrets.ssm.bootstrap.log-driver");
}

void container_requirements(Names& names, const Json& container, bool execution_role) {
    if (flag_of(container, "privileged")) docker(names, "privileged-container");
    log_requirements(names, object_of(container, "logConfiguration"), execution_role);
    if (is_ecr(text_of(container, "image"))) {
        docker(names, "ecr-auth");
        api(names, "1.19");
        if (execution_role) ecs(names, "execution-role-ecr-pull");
    }
    if (has(container, "repositoryCredentials")) ecs(names, "private-registry-authentication.secretsmanager");
    for (const Json& secret : list_of(container, "secrets"))
        ecs(names, is_secrets_manager(text_of(secret, "valueFrom")) ? "secrets.asm.environment-variables"
                                                                    : "secrets.ssm.environment-variables");
    if (!list_of(container, "environmentFiles").empty()) ecs(names, "env-files.s3");
    if (!list_of(container, "dependsOn").empty()) ecs(names, "container-ordering");
    if (has(container, "healthCheck")) {
        ecs(names, "container-health-check");
        if (has(object_of(container, "healthCheck"), "startPeriod")) api(names, "1.29");
    }
    if (has(container, "memoryReservation")) api(names, "1.21");
    if (!object_of(container, "dockerLabels").empty() || !list_of(container, "ulimits").empty())
        api(names, "1.18");
    if (has(container, "restartPolicy")) ecs(names, "container-restart-policy");
    const Json& firelens = object_of(container, "firelensConfiguration");
    if (!firelens.empty()) ecs(names, "firelens." + text_of(firelens, "type"));
}

// A container setting after the overrides of the task.
std::int64_t overridden(const Json& container, const Json& changes, std::string_view key,
                        std::int64_t fallback) {
    return integer_of(changes, key, integer_of(container, key, fallback));
}

std::optional<std::int64_t> task_size(const Json& document, const Json& overrides, const char* key,
                                      Result<std::int64_t> (*parse)(const std::string&)) {
    const auto text = text_of(overrides, key, text_of(document, key));
    if (text.empty()) return std::nullopt;
    return parse(text).value_or(0);
}

// "0.5 vCPU": the number, and the lower-case unit.
std::pair<std::optional<double>, std::string> number_and_unit(const std::string& text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || !std::isfinite(number) || number <= 0) return {std::nullopt, {}};
    std::string unit;
    for (const char c : std::string_view(end, static_cast<std::size_t>(text.data() + text.size() - end)))
        if (c != ' ') unit += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return {number, unit};
}

Result<std::int64_t> parse_size(const std::string& text, const char* name, std::string_view unit) {
    const auto [number, found] = number_and_unit(text);
    if (!number || (!found.empty() && found != unit) || *number > 1e7)
        return client_error("Invalid '{}' setting for task: '{}'.", name, text.substr(0, 32));
    return static_cast<std::int64_t>(found.empty() ? *number : *number * 1024);
}

} // namespace

Result<std::int64_t> parse_task_cpu(const std::string& text) { return parse_size(text, "cpu", "vcpu"); }
Result<std::int64_t> parse_task_memory(const std::string& text) { return parse_size(text, "memory", "gb"); }

std::vector<std::string> required_attributes(const Json& document) {
    Names names;
    const bool execution_role = has(document, "executionRoleArn");
    const auto mode = text_of(document, "networkMode");
    for (const Json& container : list_of(document, "containerDefinitions"))
        container_requirements(names, container, execution_role);
    if (has(document, "taskRoleArn"))
        docker(names, mode == "host" ? "task-iam-role-network-host" : "task-iam-role");
    if (mode == "awsvpc") {
        ecs(names, "task-eni");
        api(names, "1.18");
    }
    if (has(document, "pidMode") || has(document, "ipcMode")) ecs(names, "pid-ipc-namespace-sharing");
    if (has(document, "proxyConfiguration")) ecs(names, "aws-appmesh");
    if (has(document, "cpu") || has(document, "memory")) api(names, "1.18");
    for (const Json& volume : list_of(document, "volumes")) {
        const Json& docker_volume = object_of(volume, "dockerVolumeConfiguration");
        if (!docker_volume.empty()) {
            ecs(names, "docker-plugin." + text_of(docker_volume, "driver", "local"));
            api(names, "1.25");
        }
        if (has(volume, "efsVolumeConfiguration")) ecs(names, "efs");
    }
    return {names.begin(), names.end()};
}

Resources needs_of(const Json& document, const Json& overrides) {
    Resources needs;
    const bool fixed_ports = text_of(document, "networkMode") != "awsvpc";
    const bool host = text_of(document, "networkMode") == "host";
    for (const Json& container : list_of(document, "containerDefinitions")) {
        const Json* found =
            find_named(list_of(overrides, "containerOverrides"), "name", text_of(container, "name"));
        const Json& changes = found ? *found : no_members();
        needs.cpu += overridden(container, changes, "cpu", 0);
        const auto memory = overridden(container, changes, "memory", 0);
        needs.memory += overridden(container, changes, "memoryReservation", memory);
        for (const Json& port : list_of(container, "portMappings")) {
            const auto inside = integer_of(port, "containerPort", 0);
            const auto number = host ? inside : integer_of(port, "hostPort", 0);
            if (!fixed_ports || number == 0) continue;
            auto& ports = text_of(port, "protocol", "tcp") == "udp" ? needs.udp : needs.tcp;
            ports.insert(static_cast<std::uint16_t>(number));
        }
    }
    needs.cpu = task_size(document, overrides, "cpu", parse_task_cpu).value_or(needs.cpu);
    needs.memory = task_size(document, overrides, "memory", parse_task_memory).value_or(needs.memory);
    return needs;
}

bool needs_devices(const Json& document, const Json& overrides) {
    const auto asks = [](const Json& container) {
        return !list_of(container, "resourceRequirements").empty();
    };
    return std::ranges::any_of(list_of(document, "containerDefinitions"), asks) ||
           std::ranges::any_of(list_of(overrides, "containerOverrides"), asks) ||
           !list_of(document, "inferenceAccelerators").empty();
}

} // namespace berth::cluster
