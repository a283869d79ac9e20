// What the control plane asks for: a task and its containers as berth understands them.
//
// Source: the Task structure of an ACS PayloadMessage, or a task definition file (`berth run`). Docker-shaped
// parts (dockerConfig.config / .hostConfig) are decoded over the typed fields at parse time, so that the
// rest of the tree sees one meaning only. Memory is in MiB where ECS says MiB, bytes where Docker says bytes.
#pragma once

#include "berth/base/ids.hpp"
#include "berth/base/json.hpp"
#include "berth/base/result.hpp"
#include "berth/network/ports.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace berth::engine {

// Order matters: known and desired statuses only move up.
enum class ContainerStatus : std::uint8_t { none, manifest_pulled, pulled, created, running, stopped };
enum class TaskStatus : std::uint8_t { none, manifest_pulled, created, running, stopped };
std::string_view to_string(ContainerStatus status); // "NONE", "MANIFEST_PULLED", …
std::string_view to_string(TaskStatus status);

using network::PortMapping;
using network::Protocol;

enum class Condition : std::uint8_t { create, start, complete, success, healthy };
struct Dependency {
    std::string container;
    Condition condition = Condition::start;
};

struct MountPoint {
    std::string source_volume;
    std::string container_path;
    bool read_only = false;
};

struct Volume {
    std::string name;
    std::string host_path; // empty: a volume of the task's own
};

struct RegistryAuth {
    enum class Type : std::uint8_t { none, ecr, secrets_manager } type = Type::none;
    std::string registry_id, region, endpoint_override; // ecr
    bool use_execution_role = false;                    // ecr
    std::string credentials_parameter;                  // secrets_manager
};

struct HealthCheck {
    std::vector<std::string> test; // Docker's form: first element NONE, CMD or CMD-SHELL
    std::chrono::nanoseconds interval{std::chrono::seconds(30)}, timeout{std::chrono::seconds(30)},
        start_period{0};
    int retries = 3;
};

struct RestartPolicy {
    bool enabled = false;
    std::vector<int> ignored_exit_codes;
    std::chrono::seconds attempt_period{300};
};

struct Ulimit {
    std::string name; // "nofile", …
    std::int64_t soft = 0, hard = 0;
};

struct Device {
    std::string host_path, container_path;
    std::string permissions = "rwm"; // some of r, w, m
};

struct LogConfig {
    std::string driver; // empty: the spool only
    std::map<std::string, std::string> options;
};

struct ContainerSpec {
    std::string name;
    std::string image;
    bool essential = true;
    std::int64_t cpu_units = 0;                // as asked for: what is reserved on the host
    std::int64_t cpu_shares = 2;               // kernel units, already clamped to 2..262144
    std::int64_t memory_bytes = 0;             // hard limit, 0: none
    std::int64_t memory_reservation_bytes = 0; // soft limit, 0: none
    std::int64_t memory_swap_bytes = 0; // memory+swap, Docker's meaning: 0 = twice memory, -1 = unlimited
    std::optional<std::vector<std::string>> entry_point, command; // absent: the image's
    std::map<std::string, std::string> environment;
    std::vector<Dependency> depends_on;
    std::vector<std::string> links;
    std::vector<PortMapping> ports;
    std::vector<MountPoint> mounts;
    RegistryAuth registry_auth;
    LogConfig log;
    bool logs_use_execution_role = false;
    std::optional<HealthCheck> health_check;
    RestartPolicy restart;
    std::optional<std::chrono::seconds> start_timeout, stop_timeout;

    // From dockerConfig.config and .hostConfig
    std::optional<std::string> user, working_dir, hostname, stop_signal;
    std::map<std::string, std::string> labels;
    bool tty = false, open_stdin = false, privileged = false, read_only_root = false, init = false;
    std::vector<std::string> cap_add, cap_drop, dns, dns_search, extra_hosts, security_opt, binds, group_add;
    std::vector<Ulimit> ulimits;
    std::vector<Device> devices;
    std::map<std::string, std::string> sysctls;
    std::map<std::string, std::string> tmpfs; // path → mount options
    std::optional<std::int64_t> shm_bytes, pids_limit, swappiness;
    std::optional<std::string> cpuset_cpus;
};

struct TaskSpec {
    TaskArn arn;
    std::string cluster_arn;
    std::string family;
    std::string version;
    double cpu = 0;              // vCPUs of the whole task, 0: no task limit
    std::int64_t memory_mib = 0; // of the whole task, 0: none
    std::string network_mode;    // "bridge", "host", "none", "awsvpc"
    std::string pid_mode, ipc_mode;
    std::string role_credentials_id, execution_role_credentials_id;
    std::string launch_type, service_name;
    std::vector<ContainerSpec> containers;
    std::vector<Volume> volumes;

    // The part of the ARN after the last '/': names directories and cgroups. [A-Za-z0-9_-]{1,128}, checked.
    std::string id() const;
    const ContainerSpec* find(std::string_view container) const;
};

// One element of PayloadMessage.tasks. Keys match without regard to case, unknown keys are ignored, wrong
// types, missing required fields, unknown enum values and cyclic dependencies are errors that name the field.
Result<TaskSpec> parse_task(const Json& task);
// A task that could not be parsed, as far as it has a name to answer under.
struct InvalidTask {
    TaskArn arn; // may be empty
    std::string why;
};

// For the store. from_json accepts what to_json of this and of earlier versions wrote.
Json to_json(const TaskSpec& spec);
Result<TaskSpec> task_from_json(const Json& json);

} // namespace berth::engine
