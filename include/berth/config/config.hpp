// Configuration: what amazon-ecs-agent reads (ECS_*, AWS_*), and berth's own BERTH_* variables.
//
// One table (agent/config/table.cpp) describes each variable: name, type, default, bounds, meaning. The
// parser, --help and doc/configuration.md come from it. Precedence: environment, then /etc/ecs/ecs.config,
// then defaults.
#pragma once

#include "berth/base/json.hpp"
#include "berth/base/log.hpp"
#include "berth/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace berth::config {

enum class PullBehavior : std::uint8_t { standard, always, once, prefer_cached };

struct Config {
    std::string cluster = "default";         // ECS_CLUSTER
    std::string backend_host;                // ECS_BACKEND_HOST, with scheme
    std::string region;                      // AWS_DEFAULT_REGION, AWS_REGION
    std::string data_dir = "/var/lib/berth"; // ECS_DATADIR
    std::string run_dir = "/run/berth";      // BERTH_RUN_DIR: the agent's socket
    LogLevel log_level = LogLevel::info;     // ECS_LOGLEVEL
    LogFormat log_format = LogFormat::text;  // ECS_LOG_OUTPUT_FORMAT
    std::set<std::uint16_t> reserved_tcp{22, 2375, 2376, 51678, 51679},
        reserved_udp;                     // ECS_RESERVED_PORTS[_UDP]
    std::int64_t reserved_memory_mib = 0; // ECS_RESERVED_MEMORY
    std::map<std::string, std::string> instance_attributes, instance_tags;
    std::vector<std::string> logging_drivers{"json-file", "awslogs", "none"}; // ECS_AVAILABLE_LOGGING_DRIVERS
    std::chrono::nanoseconds stop_timeout{std::chrono::seconds(30)};
    std::chrono::nanoseconds start_timeout{std::chrono::minutes(3)};
    std::chrono::nanoseconds cleanup_wait{std::chrono::hours(3)};
    std::chrono::nanoseconds pull_inactivity_timeout{std::chrono::minutes(1)},
        pull_timeout{std::chrono::hours(2)};
    PullBehavior pull_behavior = PullBehavior::standard;
    std::string engine_auth_type, engine_auth_data; // secret: never logged
    bool disable_privileged = false;
    bool task_iam_role = true, task_iam_role_network_host = true;
    bool disable_metrics = false;
    bool spot_draining = false;
    bool use_fips = false;                                    // AWS_USE_FIPS_ENDPOINT
    bool metadata_disabled = false;                           // AWS_EC2_METADATA_DISABLED
    std::string metadata_endpoint = "http://169.254.169.254"; // AWS_EC2_METADATA_SERVICE_ENDPOINT
    std::string ca_bundle;                                    // AWS_CA_BUNDLE
    std::map<std::string, std::string>
        endpoint_urls;               // AWS_ENDPOINT_URL[_<SERVICE>], key "" or lower-case service
    std::string os_family = "LINUX"; // ECS_DETAILED_OS_FAMILY
    std::uint16_t introspection_port =
        51678;                          // BERTH_INTROSPECTION_PORT (tests run several agents on one host)
    std::string introspection_address;  // BERTH_INTROSPECTION_ADDRESS
    std::string bridge_name = "berth0"; // BERTH_BRIDGE_NAME
    std::string bridge_subnet;          // BERTH_BRIDGE_SUBNET
    std::string cgroup_parent = "ecs";  // BERTH_CGROUP_PARENT
    std::vector<std::string> insecure_registries;                // BERTH_INSECURE_REGISTRIES, csv
    std::uint16_t dynamic_port_first = 0, dynamic_port_last = 0; // ECS_DYNAMIC_HOST_PORT_RANGE
    std::map<std::string, std::string> environment; // everything given, for the AWS credential chain; secret
};

struct Loaded {
    Config config;
    std::vector<std::string> warnings; // values ignored, variables that mean nothing here
};

using Environment = std::map<std::string, std::string>;

// ECS's own file format: KEY=VALUE, split at the first '=', trimmed; quotes stay; '#' is not special.
Environment parse_ecs_config(std::string_view text);
// Values that the reference treats as fatal are errors naming variable, value and what is allowed.
Result<Loaded> load(const Environment& environment, const Environment& file);
Environment process_environment();

struct VariableDoc {
    std::string name, type, default_value, meaning;
};
std::vector<VariableDoc> documentation();

} // namespace berth::config
