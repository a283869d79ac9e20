// What the endpoint knows: clusters, task definitions, container instances, tasks, services. Plain values.
#pragma once

#include "berth/base/json.hpp"
#include "berth/base/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace berth::cluster {

using Tags = std::map<std::string, std::string>;

struct Attribute {
    std::string name;
    std::optional<std::string> value;
};

// What an instance has, or what a task takes from it. Memory in MiB, 1024 CPU units are one core.
struct Resources {
    std::int64_t cpu = 0;
    std::int64_t memory = 0;
    std::set<std::uint16_t> tcp; // of an instance: the ports taken; of a task: the fixed host ports
    std::set<std::uint16_t> udp;
};

struct Cluster {
    std::string name;
    std::string arn;
    Time created{};
};

struct Definition {
    std::string family;
    std::int64_t revision = 0;
    std::string arn;
    bool active = true;
    Json document; // as DescribeTaskDefinition shows it, without status
    Time registered{};
    std::optional<Time> deregistered;
};

enum class InstanceStatus : std::uint8_t { active, draining, inactive };

struct Instance {
    std::string arn;
    std::string cluster; // name
    InstanceStatus status = InstanceStatus::active;
    std::string ec2_instance_id; // empty without an identity document
    Resources total;             // tcp and udp: the ports the agent reserved
    std::vector<Attribute> attributes;
    std::string agent_version, agent_hash, docker_version;
    Time registered{};
    std::string client_token;
    std::int64_t version = 1;
    std::int64_t sequence = 0; // of payloads and manifests sent; only ever grows
};

enum class TaskStatus : std::uint8_t { pending, running, stopped };

struct TaskContainer {
    std::string name, arn, image;
    TaskStatus last = TaskStatus::pending;
    std::string runtime_id, image_digest, reason, health = "UNKNOWN";
    std::optional<std::int64_t> exit_code;
    Json network_bindings = Json::array();
};

struct Task {
    std::string arn, id;
    std::string cluster;    // name
    std::string definition; // key of the definition table
    std::string instance;   // ARN
    std::string group, started_by;
    std::string service, deployment; // name and deployment id; empty for tasks of RunTask
    Json overrides = Json::object(); // TaskOverride
    TaskStatus desired = TaskStatus::running;
    TaskStatus last = TaskStatus::pending;
    bool sent = false;                   // a payload with it may have reached the agent
    std::optional<TaskStatus> delivered; // desired status that the agent has acknowledged
    std::string stop_code, stopped_reason;
    Time created{};
    std::optional<Time> connected, pull_started, pull_stopped, started, stopping, execution_stopped, stopped;
    std::vector<TaskContainer> containers;
    Resources needs;
    std::string role_credentials, execution_credentials; // credential ids; empty without a role
    std::optional<Time> credentials_issued;
    std::string client_token;
    std::int64_t version = 1;
};

struct Deployment {
    std::string id;         // ecs-svc/<19 digits>
    std::string definition; // key of the definition table
    Time created{}, updated{};
    std::int64_t failed_tasks = 0;
    bool completed = false;
};

struct ServiceEvent {
    std::string id, message;
    Time created{};
};

enum class ServiceStatus : std::uint8_t { active, draining, inactive };

struct Service {
    std::string arn, name;
    std::string cluster; // name
    ServiceStatus status = ServiceStatus::active;
    std::int64_t desired = 0;
    std::int64_t maximum_percent = 200;
    std::int64_t minimum_healthy_percent = 100;
    std::vector<Deployment> deployments; // the first is PRIMARY
    Json constraints = Json::array(), strategy = Json::array();
    std::vector<ServiceEvent> events; // newest first
    std::string propagate_tags;
    std::string client_token;
    Time created{};
    bool steady = false;         // all of the desired tasks run, and nothing else
    std::int64_t failures = 0;   // tasks in a row that ended soon after their start
    std::optional<Time> resume;  // no new task before this moment
    std::optional<Time> deleted; // became INACTIVE
};

struct LogGroup {
    std::string name;
    Time created{};
    std::int64_t retention_days = 0; // 0: for ever
};

struct LogStream {
    std::string group, name;
    Time created{};
};

} // namespace berth::cluster
