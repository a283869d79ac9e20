// From X-Amz-Target to the handler.
#include "cluster/api/operations.hpp"
#include "cluster/model/refusal.hpp"

#include <array>
#include <map>

namespace berth::cluster {
namespace {

using Table = std::map<std::string_view, Handler>;

Table table_of(std::initializer_list<std::span<const Operation>> topics) {
    Table table;
    for (const auto topic : topics)
        for (const Operation& operation : topic) table.emplace(operation.name, operation.run);
    return table;
}

struct Service {
    std::string_view prefix, name;
    Table operations;
};

const std::array<Service, 3>& services() {
    static const std::array<Service, 3> all{{
        {"AmazonEC2ContainerServiceV20141113", "ecs",
         table_of({cluster_operations(), definition_operations(), task_operations(), service_operations(),
                   instance_operations(), tag_operations(), agent_operations(), report_operations()})},
        {"Logs_20140328", "logs", table_of({log_group_operations(), log_event_operations()})},
        {"AmazonEC2ContainerRegistry_V20150921", "ecr", table_of({registry_operations()})},
    }};
    return all;
}

} // namespace

Result<Route> find_route(std::string_view target) {
    const auto dot = target.find('.');
    const auto prefix = target.substr(0, dot);
    const auto name = dot == std::string_view::npos ? std::string_view() : target.substr(dot + 1);
    for (const auto& service : services())
        if (service.prefix == prefix)
            if (const auto found = service.operations.find(name); found != service.operations.end())
                return Route{service.name, found->second};
    return refuse("UnknownOperationException", "This endpoint does not know the operation \"{}\".",
                  target.substr(0, 128));
}

} // namespace berth::cluster
