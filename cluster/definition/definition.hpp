// Task definitions: checked and completed when they are registered, and what they ask of an instance.
#pragma once

#include "berth/base/result.hpp"

#include "cluster/model/model.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace berth::cluster {

// The document that DescribeTaskDefinition shows (without ARN, revision, dates and status) of a
// RegisterTaskDefinition request: every member of a known name has its type, references inside it resolve,
// defaults are filled in. Errors have the service's names.
Result<Json> read_definition(const Json& request);

// Whether the members that the API defines have the types it defines. SerializationException.
Status check_definition_types(const Json& request);

// The same for the TaskOverride of RunTask and StartTask.
Status check_override_types(const Json& overrides);

// Dependencies between containers: they exist, conditions are known, and no container waits for itself.
Status check_dependencies(const Json& containers);

// Names of the attributes an instance must have (reference: capability attributes, placement requirements).
std::vector<std::string> required_attributes(const Json& document);

// CPU, memory and fixed host ports that a task of this definition takes. `overrides` is a TaskOverride.
Resources needs_of(const Json& document, const Json& overrides);
// Whether it asks for devices (GPU, inference accelerators) that instances here never have.
bool needs_devices(const Json& document, const Json& overrides);

// "256", "0.5 vCPU", "1 GB" as the API takes task sizes: CPU units or MiB.
Result<std::int64_t> parse_task_cpu(const std::string& text);
Result<std::int64_t> parse_task_memory(const std::string& text);

} // namespace berth::cluster
