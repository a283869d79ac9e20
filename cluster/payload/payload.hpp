// A task as the agent protocol carries it (reference: ACS, nested structures). Pure.
#pragma once

#include "cluster/model/context.hpp"

#include <string>

namespace berth::cluster {

// The Task of a PayloadMessage.
Json translate_task(const Context& context, const Task& task, const Definition& definition);

// Docker's Config and HostConfig of one container, as JSON objects. `container` is a container definition
// with the overrides of the task already in it.
Json docker_config(const Json& container);
Json host_config(const Context& context, const Task& task, const Json& document, const Json& container);

// The container definition after containerOverrides: command, environment, sizes.
Json overridden_container(const Json& container, const Json& overrides);

// Keys of a role, made up for the task. They are derived from the endpoint's own secret, so that requests
// signed with them verify without anything being stored.
Json role_credentials(const Context& context, const std::string& credentials_id, const std::string& role_arn);
std::string derived_secret(const std::string& master_secret, const std::string& access_key_id);
// The roles of a task: ARN after overrides, empty without one.
std::string task_role(const Task& task, const Definition& definition);
std::string execution_role(const Task& task, const Definition& definition);

} // namespace berth::cluster
