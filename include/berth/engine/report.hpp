// StateChange: what the control plane is told about a task. Made by the engine core, sent by control.
#pragma once

#include "berth/base/ids.hpp"
#include "berth/base/time.hpp"
#include "berth/engine/task.hpp"

#include <optional>
#include <string>
#include <vector>

namespace berth::engine {

enum class ReportedStatus : std::uint8_t { pending, running, stopped };
std::string_view to_string(ReportedStatus status); // "PENDING", …

using NetworkBinding = network::PortBinding;

struct ContainerChange {
    std::string name;
    ReportedStatus status = ReportedStatus::pending;
    ContainerId runtime_id; // empty before creation
    Digest image_digest;    // empty when unknown
    std::optional<int> exit_code;
    std::string reason; // "" or "<ErrorName>: <text>"
    std::vector<NetworkBinding> bindings;
};

// Field rules: control-plane reference 5.2.
struct StateChange {
    TaskArn task;
    ReportedStatus status = ReportedStatus::pending;
    std::string reason;
    std::vector<ContainerChange> containers;
    std::optional<Time> pull_started_at, pull_stopped_at, execution_stopped_at;
};

} // namespace berth::engine
