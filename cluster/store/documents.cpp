// Entities to JSON and back. The field lists below are the format of the state file: a field that is missing
// there takes its default, so that fields can be added.
#include "cluster/store/documents.hpp"

#include <array>
#include <tuple>

namespace nlohmann {

template <>
struct adl_serializer<berth::Time> {
    static void to_json(json& out, const berth::Time& time) { out = time.time_since_epoch().count(); }
    static void from_json(const json& in, berth::Time& time) {
        time = berth::Time(berth::Time::duration(in.get<std::int64_t>()));
    }
};

template <class T>
struct adl_serializer<std::optional<T>> {
    static void to_json(json& out, const std::optional<T>& value) {
        out = nullptr;
        if (value) out = *value;
    }
    static void from_json(const json& in, std::optional<T>& value) {
        value.reset();
        if (!in.is_null()) value = in.get<T>();
    }
};

} // namespace nlohmann

namespace berth::cluster {

// The only macros here: the library's own way to list the members of a struct.
NLOHMANN_JSON_SERIALIZE_ENUM(TaskStatus, {{TaskStatus::pending, "PENDING"},
                                          {TaskStatus::running, "RUNNING"},
                                          {TaskStatus::stopped, "STOPPED"}})
NLOHMANN_JSON_SERIALIZE_ENUM(InstanceStatus, {{InstanceStatus::active, "ACTIVE"},
                                              {InstanceStatus::draining, "DRAINING"},
                                              {InstanceStatus::inactive, "INACTIVE"}})
NLOHMANN_JSON_SERIALIZE_ENUM(ServiceStatus, {{ServiceStatus::active, "ACTIVE"},
                                             {ServiceStatus::draining, "DRAINING"},
                                             {ServiceStatus::inactive, "INACTIVE"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Attribute, name, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Resources, cpu, memory, tcp, udp)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Cluster, name, arn, created)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Definition, family, revision, arn, active, document,
                                                registered, deregistered)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Instance, arn, cluster, status, ec2_instance_id, total,
                                                attributes, agent_version, agent_hash, docker_version,
                                                registered, client_token, version, sequence)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TaskContainer, name, arn, image, last, runtime_id,
                                                image_digest, reason, health, exit_code, network_bindings)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Task, arn, id, cluster, definition, instance, group,
                                                started_by, service, deployment, overrides, desired, last,
                                                sent, delivered, stop_code, stopped_reason, created,
                                                connected, pull_started, pull_stopped, started, stopping,
                                                execution_stopped, stopped, containers, needs,
                                                role_credentials, execution_credentials, credentials_issued,
                                                client_token, version)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Deployment, id, definition, created, updated, failed_tasks,
                                                completed)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ServiceEvent, id, message, created)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Service, arn, name, cluster, status, desired, maximum_percent,
                                                minimum_healthy_percent, deployments, constraints, strategy,
                                                events, propagate_tags, client_token, created, steady,
                                                failures, resume, deleted)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(LogGroup, name, created, retention_days)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(LogStream, group, name, created)

namespace {

// Calls `visit(kind, table)` for each table.
template <class Visitor>
void for_each_table(World& world, Visitor visit) {
    visit("cluster", world.clusters);
    visit("definition", world.definitions);
    visit("instance", world.instances);
    visit("task", world.tasks);
    visit("service", world.services);
    visit("tags", world.tags);
    visit("log-group", world.log_groups);
    visit("log-stream", world.log_streams);
}

template <class T>
void load_row(Table<T>& table, const Row& row, const Json& document) {
    table.load(row.key, document.get<T>());
}

} // namespace

std::vector<Row> take_changes(World& world) {
    std::vector<Row> rows;
    for_each_table(world, [&](const char* kind, auto& table) {
        for (const std::string& key : table.take_changed()) {
            const auto* value = table.find(key);
            rows.push_back({kind, key, value ? std::optional(dump_json(Json(*value))) : std::nullopt});
        }
    });
    return rows;
}

void keep_changes(World& world, const std::vector<Row>& rows) {
    for (const Row& row : rows)
        for_each_table(world, [&](std::string_view kind, auto& table) {
            if (kind == row.kind) table.mark_changed(row.key);
        });
}

Status load_rows(World& world, const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        if (!row.document) continue;
        const auto document = parse_json(*row.document);
        if (!document) return fail(document.error(), "{} {}", row.kind, row.key);
        bool known = false;
        try {
            for_each_table(world, [&](std::string_view kind, auto& table) {
                if (kind != row.kind) return;
                known = true;
                load_row(table, row, *document);
            });
        } catch (const Json::exception& error) {
            return fail(ErrorCode::invalid, "{} {}: {}", row.kind, row.key, error.what());
        }
        if (!known)
            return fail(ErrorCode::invalid, "\"{}\" is no kind of entity that this version knows", row.kind);
    }
    return {};
}

} // namespace berth::cluster
