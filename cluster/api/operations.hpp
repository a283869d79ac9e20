// The operations of the services spoken here: handlers by name. A handler is a function of the world, the
// time and its input; it changes the world and answers.
#pragma once

#include "berth/base/result.hpp"

#include "cluster/model/context.hpp"
#include "cluster/model/input.hpp"

#include <span>
#include <string_view>

namespace berth::cluster {

using Handler = Result<Json> (*)(Context& context, const Input& in);

struct Operation {
    std::string_view name;
    Handler run;
};

// One list per topic.
std::span<const Operation> cluster_operations();
std::span<const Operation> definition_operations();
std::span<const Operation> task_operations();
std::span<const Operation> service_operations();
std::span<const Operation> instance_operations();
std::span<const Operation> tag_operations();
std::span<const Operation> agent_operations();
std::span<const Operation> report_operations();
std::span<const Operation> registry_operations();
std::span<const Operation> log_group_operations();
std::span<const Operation> log_event_operations();

// Of X-Amz-Target, "AmazonEC2ContainerServiceV20141113.RunTask".
struct Route {
    std::string_view service; // as signed: "ecs", "logs", "ecr"
    Handler run;
};
// UnknownOperationException.
Result<Route> find_route(std::string_view target);

} // namespace berth::cluster
