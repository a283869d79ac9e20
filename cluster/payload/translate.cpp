// Task definition, overrides and the task itself, put together for the agent.
#include "cluster/model/fields.hpp"
#include "cluster/payload/payload.hpp"

namespace berth::cluster {
namespace {

std::string region_of(const Json& value_from, const Context& context) {
    // arn:aws:ssm:eu-west-1:…
    const auto text = value_from.is_string() ? value_from.get<std::string>() : std::string();
    if (!text.starts_with("arn:")) return context.world.identity.region;
    std::string_view rest = text;
    for (int colon = 0; colon < 3; ++colon) {
        const auto at = rest.find(':');
        if (at == std::string_view::npos) return context.world.identity.region;
        rest.remove_prefix(at + 1);
    }
    return std::string(rest.substr(0, rest.find(':')));
}

Json secret_of(const Context& context, const Json& secret, const char* target) {
    const auto value_from = text_of(secret, "valueFrom");
    return Json{{"name", text_of(secret, "name")},
                {"valueFrom", value_from},
                {"region", region_of(value_from, context)},
                {"provider", value_from.contains(":secretsmanager:") ? "asm" : "ssm"},
                {"type", "ENVIRONMENT_VARIABLE"},
                {"target", target}};
}

Json secrets_of(const Context& context, const Json& container) {
    Json list = Json::array();
    for (const Json& secret : list_of(container, "secrets"))
        list.push_back(secret_of(context, secret, "CONTAINER"));
    for (const Json& secret : list_of(object_of(container, "logConfiguration"), "secretOptions"))
        list.push_back(secret_of(context, secret, "LOG_DRIVER"));
    return list;
}

Json environment_of(const Json& container) {
    Json environment{{"AWS_EXECUTION_ENV", "AWS_ECS_EC2"}};
    for (const Json& variable : list_of(container, "environment"))
        environment[text_of(variable, "name")] = text_of(variable, "value");
    return environment;
}

Json ecr_auth(std::string registry_id, std::string region, bool execution_role, const std::string& endpoint) {
    Json data{{"registryId", std::move(registry_id)},
              {"region", std::move(region)},
              {"useExecutionRole", execution_role}};
    if (!endpoint.empty()) data["endpointOverride"] = endpoint;
    return Json{{"type", "ecr"}, {"ecrAuthData", std::move(data)}};
}

// How the agent logs in at the registry of an image; null: anonymously.
Json registry_auth(const Context& context, const Json& container, bool execution_role) {
    const Identity& identity = context.world.identity;
    const Json& credentials = object_of(container, "repositoryCredentials");
    if (const auto secret = text_of(credentials, "credentialsParameter"); !secret.empty())
        return Json{
            {"type", "asm"},
            {"asmAuthData", {{"credentialsParameter", secret}, {"region", region_of(secret, context)}}}};
    const auto image = text_of(container, "image");
    const auto host = image.substr(0, image.find('/'));
    std::string_view registry = context.settings.registry_endpoint;
    if (const auto scheme = registry.find("://"); scheme != std::string_view::npos)
        registry.remove_prefix(scheme + 3);
    if (!registry.empty() && host == registry && host.size() < image.size())
        return ecr_auth(identity.account, identity.region, execution_role, context.settings.url);
    // 111122223333.dkr.ecr.us-west-2.amazonaws.com
    constexpr std::string_view kMark = ".dkr.ecr.";
    const auto mark = host.find(kMark);
    const auto end = host.find(".amazonaws.com");
    if (mark == std::string::npos || end == std::string::npos || end < mark + kMark.size()) return nullptr;
    const auto region = mark + kMark.size();
    return ecr_auth(host.substr(0, mark), host.substr(region, end - region), execution_role, {});
}

// Members that go over unchanged.
void copy(Json& to, const Json& from, std::initializer_list<const char*> keys) {
    for (const char* key : keys)
        if (has(from, key)) set_unless_empty(to, key, from[key]);
}

Json translate_container(const Context& context, const Task& task, const Definition& definition,
                         const Json& declared) {
    const Json container = overridden_container(declared, task.overrides);
    const bool execution = !task.execution_credentials.empty();
    Json out{{"name", text_of(container, "name")},
             {"image", text_of(container, "image")},
             {"cpu", integer_of(container, "cpu", 0)},
             // Without a hard limit the reservation is what the agent sets aside.
             {"memory", integer_of(container, "memory", 0)},
             {"essential", flag_of(container, "essential", true)},
             {"environment", environment_of(container)}};
    copy(out, declared, {"command"}); // an overriding command goes into `overrides`
    copy(out, container,
         {"entryPoint", "environmentFiles", "links", "portMappings", "mountPoints", "volumesFrom",
          "dependsOn", "startTimeout", "stopTimeout", "firelensConfiguration", "restartPolicy",
          "credentialSpecs"});
    set_unless_empty(out, "secrets", secrets_of(context, container));
    set_unless_empty(out, "registryAuthentication", registry_auth(context, container, execution));
    if (has(container, "healthCheck")) out["healthCheckType"] = "docker";
    if (execution && text_of(object_of(container, "logConfiguration"), "logDriver") == "awslogs")
        out["logsAuthStrategy"] = "ExecutionRole";
    for (const TaskContainer& known : task.containers)
        if (known.name == text_of(container, "name")) out["containerArn"] = known.arn;
    Json overrides = Json::object();
    if (const Json* changes =
            find_named(list_of(task.overrides, "containerOverrides"), "name", text_of(container, "name")))
        set_unless_empty(overrides, "command", list_of(*changes, "command"));
    out["overrides"] = dump_json(overrides);
    out["dockerConfig"] = {
        {"version", "1.17"},
        {"config", dump_json(docker_config(container))},
        {"hostConfig", dump_json(host_config(context, task, definition.document, container))}};
    return out;
}

Json translate_volume(const Json& volume) {
    Json out{{"name", text_of(volume, "name")}};
    if (has(volume, "dockerVolumeConfiguration")) {
        out["type"] = "docker";
        out["dockerVolumeConfiguration"] = volume["dockerVolumeConfiguration"];
    } else if (has(volume, "efsVolumeConfiguration")) {
        out["type"] = "efs";
        out["efsVolumeConfiguration"] = volume["efsVolumeConfiguration"];
    } else {
        out["type"] = "host";
        out["host"] = object_of(volume, "host"); // without a path: an empty volume that the agent manages
    }
    return out;
}

Json translate_proxy(const Json& proxy) {
    Json properties = Json::object();
    for (const Json& property : list_of(proxy, "properties"))
        properties[text_of(property, "name")] = text_of(property, "value");
    return Json{{"type", text_of(proxy, "type", "APPMESH")},
                {"containerName", text_of(proxy, "containerName")},
                {"properties", std::move(properties)}};
}

void add_task_limits(Json& out, const Task& task, const Json& document) {
    if (has(document, "cpu") || has(task.overrides, "cpu"))
        out["cpu"] = static_cast<double>(task.needs.cpu) / 1024;
    if (has(document, "memory") || has(task.overrides, "memory")) out["memory"] = task.needs.memory;
}

} // namespace

Json overridden_container(const Json& container, const Json& overrides) {
    Json out = container;
    const Json* changes =
        find_named(list_of(overrides, "containerOverrides"), "name", text_of(container, "name"));
    if (!changes) return out;
    for (const char* key : {"cpu", "memory", "memoryReservation"})
        if (has(*changes, key)) out[key] = (*changes)[key];
    for (const char* key : {"environment", "environmentFiles"}) // later ones win
        for (const Json& item : list_of(*changes, key)) {
            if (!has(out, key)) out[key] = Json::array();
            out[key].push_back(item);
        }
    if (!list_of(*changes, "command").empty()) out["command"] = (*changes)["command"];
    return out;
}

Json translate_task(const Context& context, const Task& task, const Definition& definition) {
    const Json& document = definition.document;
    Json out{{"arn", task.arn},
             {"family", definition.family},
             {"version", std::to_string(definition.revision)},
             {"desiredStatus", task.desired == TaskStatus::stopped ? "STOPPED" : "RUNNING"},
             {"taskClusterArn", context.world.identity.cluster(task.cluster)},
             {"launchType", "EC2"},
             {"networkMode", text_of(document, "networkMode", "bridge")}};
    add_task_limits(out, task, document);
    copy(out, document, {"pidMode", "ipcMode", "enableFaultInjection"});
    set_unless_empty(out, "group", task.group);
    set_unless_empty(out, "serviceName", task.service);
    if (!task.role_credentials.empty())
        out["roleCredentials"] =
            role_credentials(context, task.role_credentials, task_role(task, definition));
    if (!task.execution_credentials.empty())
        out["executionRoleCredentials"] =
            role_credentials(context, task.execution_credentials, execution_role(task, definition));
    if (has(document, "proxyConfiguration"))
        out["proxyConfiguration"] = translate_proxy(document["proxyConfiguration"]);
    out["containers"] = Json::array();
    for (const Json& container : list_of(document, "containerDefinitions"))
        out["containers"].push_back(translate_container(context, task, definition, container));
    out["volumes"] = Json::array();
    for (const Json& volume : list_of(document, "volumes"))
        out["volumes"].push_back(translate_volume(volume));
    return out;
}

} // namespace berth::cluster
