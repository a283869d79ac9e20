// The parts of parse_task: one container, and the Docker-shaped strings decoded over it.
#pragma once

#include "berth/engine/task.hpp"

#include "agent/engine/fields.hpp"

#include <optional>
#include <string>

namespace berth::engine {

// What hostConfig says about namespaces that the task as a whole decides.
struct NamespaceModes {
    std::string network, pid, ipc; // empty: nothing said
};

void parse_container(Fields& from, ContainerSpec& to, NamespaceModes& modes);
// dockerConfig.config and .hostConfig: JSON texts of Docker's Config and HostConfig. They win over the typed
// fields. Every member is either understood or refused by name.
void decode_docker_config(Fields& config, ContainerSpec& to);
void decode_docker_host_config(Fields& host_config, ContainerSpec& to, NamespaceModes& modes);

// Names that end up in paths and cgroups: [A-Za-z0-9_-]{1,max}.
bool is_plain_name(std::string_view name, std::size_t max);
// Dependencies name other containers of the task, can hold, and have no cycle.
void check_dependencies(const TaskSpec& task, std::optional<Error>& error);

} // namespace berth::engine
