// The introspection API on port 51678: what amazon-ecs-agent answers there, key for key (host-side reference
// 2).
//
// Pure: the composition root gives a view of the engine and serves the answers. Read-only.
#pragma once

#include "berth/base/http/message.hpp"
#include "berth/engine/state.hpp"

#include <string>

namespace berth::endpoints {

struct AgentView {
    std::string cluster;
    std::string container_instance_arn; // empty until registered
    std::string version, hash;
    std::string license;
    const engine::EngineState* state = nullptr;
};

http::Response answer_introspection(const http::Request& request, const AgentView& view);

// The name amazon-ecs-agent would have given the container: ecs-<family>-<revision>-<name>-<20 hex digits>.
std::string docker_name(const engine::TaskSpec& task, const std::string& container, const ContainerId& id);

} // namespace berth::endpoints
