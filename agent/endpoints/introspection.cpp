// Answers of the introspection API.
#include "berth/endpoints/introspection.hpp"

#include "berth/base/json.hpp"
#include "berth/base/time.hpp"
#include "berth/engine/core.hpp"

#include <algorithm>
#include <cctype>

namespace berth::endpoints {

namespace {

using engine::ContainerState;
using engine::TaskState;
using engine::TaskStatus;

// Internal statuses as the control plane names them.
std::string_view backend_status(TaskStatus status) {
    switch (status) {
    case TaskStatus::running: return "RUNNING";
    case TaskStatus::stopped: return "STOPPED";
    default: return "PENDING";
    }
}

Json container_json(const TaskState& task, const std::string& name, const ContainerState& container) {
    const auto* spec = task.spec.find(name);
    Json json{{"DockerId", container.id.str()},
              {"DockerName", docker_name(task.spec, name, container.id)},
              {"Name", name},
              {"Image", spec != nullptr ? spec->image : ""},
              {"ImageID", container.image_digest.str()}};
    if (container.created_at) json["CreatedAt"] = to_rfc3339(*container.created_at);
    if (container.started_at) json["StartedAt"] = to_rfc3339(*container.started_at);
    for (const auto& binding : container.bindings)
        json["Ports"].push_back({{"ContainerPort", binding.container_port},
                                 {"Protocol", network::to_string(binding.protocol)},
                                 {"HostPort", binding.host_port}});
    if (spec != nullptr && container.bindings.empty())
        for (const auto& port : spec->ports)
            json["Ports"].push_back({{"ContainerPort", port.container_port},
                                     {"Protocol", network::to_string(port.protocol)},
                                     {"HostPort", port.host_port}});
    if (spec != nullptr && spec->restart.enabled) json["RestartCount"] = container.restarts;
    return json;
}

Json task_json(const engine::EngineState& state, const TaskState& task) {
    const auto known = backend_status(task.known), desired = backend_status(task.desired);
    Json json{{"Arn", task.spec.arn.str()},
              {"KnownStatus", known},
              {"Family", task.spec.family},
              {"Version", task.spec.version},
              {"Containers", Json::array()}};
    // The reference drops a desired status that says less than the known one.
    if (!(known == "STOPPED" && desired != "STOPPED")) json["DesiredStatus"] = desired;
    for (const auto& container : task.spec.containers)
        if (const auto found = task.containers.find(container.name); found != task.containers.end())
            json["Containers"].push_back(container_json(task, found->first, found->second));
    // Ours: what the task waits for and what comes next.
    if (auto text = engine::explain(state, task.spec.arn); !text.empty())
        json["Explanation"] = std::move(text);
    return json;
}

http::Response json_response(unsigned status, const Json& json) {
    return http::Response(status, "application/json", dump_json(json));
}

// What the reference answers in place of a task it cannot give.
http::Response no_task(unsigned status) {
    return json_response(
        status, {{"Arn", ""}, {"KnownStatus", ""}, {"Family", ""}, {"Version", ""}, {"Containers", nullptr}});
}

http::Response tasks(const http::Request& request, const engine::EngineState& state) {
    const std::string *arn = nullptr, *docker_id = nullptr;
    const auto parameters = request.query_parameters();
    for (const auto& [key, value] : parameters) {
        if (key == "taskarn") arn = &value;
        if (key == "dockerid") docker_id = &value;
    }
    if (arn != nullptr && docker_id != nullptr) return no_task(400);
    if (arn != nullptr) {
        const auto task = state.tasks.find(TaskArn(*arn));
        return task == state.tasks.end() ? no_task(404) : json_response(200, task_json(state, task->second));
    }
    if (docker_id != nullptr) {
        constexpr std::size_t kShortId = 12; // longer ids must match as a whole
        const TaskState* found = nullptr;
        for (const auto& [key, task] : state.tasks)
            for (const auto& [name, container] : task.containers) {
                const bool match = docker_id->size() > kShortId ? container.id.str() == *docker_id
                                                                : container.id.str().starts_with(*docker_id);
                if (!match) continue;
                if (found != nullptr) return no_task(400);
                found = &task;
            }
        return found == nullptr ? no_task(404) : json_response(200, task_json(state, *found));
    }
    Json list = Json::array();
    for (const auto& [key, task] : state.tasks) list.push_back(task_json(state, task));
    return json_response(200, {{"Tasks", list}});
}

} // namespace

std::string docker_name(const engine::TaskSpec& task, const std::string& container, const ContainerId& id) {
    std::string clean;
    std::copy_if(container.begin(), container.end(), std::back_inserter(clean),
                 [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
    return fmt::format("ecs-{}-{}-{}-{}", task.family, task.version, clean, id.str().substr(0, 20));
}

http::Response answer_introspection(const http::Request& request, const AgentView& view) {
    const auto path = request.path();
    if (path == "/v1/metadata") {
        return json_response(
            200, {{"Cluster", view.cluster},
                  {"ContainerInstanceArn", view.container_instance_arn},
                  {"Version", fmt::format("Amazon ECS Agent - v{} ({})", view.version, view.hash)}});
    }
    if (path == "/v1/tasks") return tasks(request, *view.state);
    if (path == "/license") return http::Response(200, "text/plain; charset=utf-8", view.license);
    return http::Response(200, "text/plain; charset=utf-8",
                          R"({"AvailableCommands":["/v1/metadata","/v1/tasks","/license"]})");
}

} // namespace berth::endpoints
