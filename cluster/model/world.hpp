// World: all entities of the endpoint, how they are found, and how they are named when they are not there.
#pragma once

#include "berth/base/result.hpp"

#include "cluster/model/arn.hpp"
#include "cluster/model/model.hpp"
#include "cluster/model/table.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::cluster {

struct World {
    Identity identity;
    Table<Cluster> clusters;         // by name
    Table<Definition> definitions;   // by definition_key
    Table<Instance> instances;       // by ARN
    Table<Task> tasks;               // by ARN
    Table<Service> services;         // by ARN
    Table<Tags> tags;                // by ARN
    Table<LogGroup> log_groups;      // by name
    Table<LogStream> log_streams;    // by log_stream_key
    std::set<std::string> connected; // ARNs of instances with an open ACS connection; not kept

    // `name` is a name or an ARN; empty means "default".
    Result<const Cluster*> cluster(std::string_view name) const;
    // `name` is an id or an ARN. nullptr when there is none in that cluster.
    const Task* task(std::string_view cluster, std::string_view name) const;
    const Instance* instance(std::string_view cluster, std::string_view name) const;
    const Service* service(std::string_view cluster, std::string_view name) const;
    // "family" (its newest active revision), "family:7" or an ARN. nullptr when there is none.
    const Definition* definition(std::string_view name) const;

    Tags tags_of(std::string_view arn) const;
    bool is_connected(std::string_view instance_arn) const {
        return connected.contains(std::string(instance_arn));
    }
};

// Sorts by family, then by number.
std::string definition_key(std::string_view family, std::int64_t revision);
std::string log_stream_key(std::string_view group, std::string_view stream);

std::string_view to_string(TaskStatus status);
std::string_view to_string(InstanceStatus status);
std::string_view to_string(ServiceStatus status);
Result<TaskStatus> parse_task_status(std::string_view text);

// The names and numbers the service makes up; tests give their own.
using MakeId = std::function<std::string(std::size_t hex_digits)>;

} // namespace berth::cluster
