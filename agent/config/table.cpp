// The table itself. Rows that amazon-ecs-agent reads and berth does not say why in `meaning`.
#include "agent/config/table.hpp"

#include "agent/config/values.hpp"

namespace berth::config {
namespace {

using C = Config;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr Bounds kAny{};
constexpr std::string_view kString = "string", kBool = "boolean", kDuration = "duration", kJson = "JSON",
                           kInteger = "integer", kPath = "path", kCsv = "list";

constexpr Variable elsewhere(std::string_view name, std::string_view meaning, bool secret = false) {
    return {name, kString, "", kAny, meaning, nullptr, Use::elsewhere, secret};
}
constexpr Variable nothing(std::string_view name, std::string_view type, std::string_view why) {
    return {name, type, "", kAny, why, nullptr, Use::nothing};
}

constexpr std::string_view kNoDocker = "there is no Docker engine under berth";
constexpr std::string_view kNoAgentContainer = "berth does not run in a container";
constexpr std::string_view kNoCni = "berth has no CNI plugins";
constexpr std::string_view kNoEni = "berth does not offer awsvpc networking yet";
constexpr std::string_view kNoGc = "berth does not clean up images by age yet";
constexpr std::string_view kNoEbs = "berth does not attach EBS volumes yet";
constexpr std::string_view kNoGmsa = "berth does not offer gMSA yet";
constexpr std::string_view kNoMetadata = "berth has no task metadata endpoint yet";
constexpr std::string_view kNoProxy = "berth connects directly; proxies are not supported yet";
constexpr std::string_view kStderr =
    "berth logs to standard error; the journal keeps, rotates and filters it";
constexpr std::string_view kUpdates = "berth is updated by its package, never by itself";
constexpr std::string_view kExternal = "berth does not offer ECS Anywhere yet";
constexpr std::string_view kNoCpuMem = "berth holds each container, not the whole task, to its limits yet";

// clang-format off
constexpr Variable kTable[] = {
    // Cluster and endpoints
    {"ECS_CLUSTER", kString, "default", kAny, "Name or ARN of the cluster to join", set_string<&C::cluster>},
    {"ECS_BACKEND_HOST", kString, "", kAny, "ECS API endpoint instead of the region's; https unless it has a scheme", set_backend_host},
    {"AWS_DEFAULT_REGION", kString, "", kAny, "Region; without it that of the EC2 instance", set_string<&C::region>},
    {"AWS_REGION", kString, "", kAny, "Region when AWS_DEFAULT_REGION is not set", set_fallback_region},
    {"AWS_USE_FIPS_ENDPOINT", kBool, "false", kAny, "Use the FIPS endpoints of AWS services", set_bool<&C::use_fips>},
    {"AWS_EC2_METADATA_DISABLED", kBool, "false", kAny, "Never ask the EC2 instance metadata service", set_bool<&C::metadata_disabled>},
    {"AWS_EC2_METADATA_SERVICE_ENDPOINT", kString, "http://169.254.169.254", kAny, "Where the instance metadata service answers", set_metadata_endpoint},
    {"SSL_CERT_FILE", kPath, "", kAny, "PEM file of trusted certificates when AWS_CA_BUNDLE is not set", set_string<&C::ca_bundle>},
    {"AWS_CA_BUNDLE", kPath, "", kAny, "PEM file of trusted certificates instead of the system's", set_string<&C::ca_bundle>},
    elsewhere("AWS_ACCESS_KEY_ID", "Access key of the agent, first in the credential chain", true),
    elsewhere("AWS_SECRET_ACCESS_KEY", "Secret key that belongs to AWS_ACCESS_KEY_ID", true),
    elsewhere("AWS_SESSION_TOKEN", "Session token of temporary credentials", true),
    elsewhere("AWS_PROFILE", "Profile in the shared credentials file; default: default"),
    elsewhere("AWS_SHARED_CREDENTIALS_FILE", "Shared credentials file; default: ~/.aws/credentials"),
    elsewhere("AWS_CONFIG_FILE", "Shared configuration file; default: ~/.aws/config"),
    elsewhere("SSL_CERT_DIR", "Directory of trusted certificates, read by OpenSSL from the process environment"),
    nothing("ECS_ALTERNATE_CREDENTIAL_PROFILE", kString, "berth reads no rotating credentials file; use AWS_PROFILE"),
    nothing("ECS_EXTERNAL", kBool, kExternal),
    nothing("HTTP_PROXY", kString, kNoProxy),
    nothing("HTTPS_PROXY", kString, kNoProxy),
    nothing("NO_PROXY", kString, kNoProxy),

    // What this host registers
    {"ECS_RESERVED_PORTS", kJson, "[22,2375,2376,51678,51679]", kAny, "TCP ports reported as taken", set_ports<&C::reserved_tcp>},
    {"ECS_RESERVED_PORTS_UDP", kJson, "[]", kAny, "UDP ports reported as taken", set_ports<&C::reserved_udp>},
    {"ECS_RESERVED_MEMORY", kInteger, "0", {0, 65535}, "MiB kept back from tasks", set_integer<&C::reserved_memory_mib>},
    {"ECS_INSTANCE_ATTRIBUTES", kJson, "{}", kAny, "Custom attributes for placement", set_map<&C::instance_attributes>},
    {"ECS_CONTAINER_INSTANCE_TAGS", kJson, "{}", kAny, "Tags of the container instance", set_map<&C::instance_tags>},
    {"ECS_DETAILED_OS_FAMILY", kString, "LINUX", kAny, "Attribute ecs.os-type-detailed and part of the user agent", set_string<&C::os_family>},
    {"ECS_AVAILABLE_LOGGING_DRIVERS", kJson, R"(["json-file","awslogs","none"])", kAny, "Logging drivers advertised", set_logging_drivers},
    {"ECS_DISABLE_PRIVILEGED", kBool, "false", kAny, "Do not advertise privileged containers", set_bool<&C::disable_privileged>},
    {"ECS_DYNAMIC_HOST_PORT_RANGE", kString, "", kAny, "FIRST-LAST: ports for hostPort 0; default: the kernel's local port range", set_port_range},
    nothing("ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM", kString, "berth does not read EC2 tags yet; use ECS_CONTAINER_INSTANCE_TAGS"),
    nothing("ECS_SELINUX_CAPABLE", kBool, "berth does not label containers for SELinux yet"),
    nothing("ECS_APPARMOR_CAPABLE", kBool, "berth does not apply AppArmor profiles yet"),
    nothing("ECS_EXCLUDE_IPV6_PORTBINDING", kBool, "berth publishes ports on IPv4 only yet"),
    nothing("ECS_INSTANCE_IP_COMPATIBILITY", kString, "berth expects IPv4 yet"),
    nothing("ECS_WARM_POOLS_CHECK", kBool, "berth does not wait for warm pools yet"),
    {"ECS_ENABLE_SPOT_INSTANCE_DRAINING", kBool, "false", kAny, "Drain when EC2 announces the end of a spot instance", set_bool<&C::spot_draining>},

    // Tasks and containers
    {"ECS_CONTAINER_STOP_TIMEOUT", kDuration, "30s", {kSecond}, "From the stop signal to SIGKILL", set_duration<&C::stop_timeout, Below::minimum>},
    {"ECS_CONTAINER_START_TIMEOUT", kDuration, "3m", {45 * kSecond}, "Deadline for starting a container", set_duration<&C::start_timeout, Below::minimum>},
    {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION", kDuration, "3h", {kSecond}, "How long stopped tasks are kept", set_duration<&C::cleanup_wait, Below::default_value>},
    {"ECS_ENABLE_TASK_IAM_ROLE", kBool, "true", kAny, "Give tasks the credentials of their role", set_bool<&C::task_iam_role>},
    {"ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST", kBool, "true", kAny, "The same for tasks in host network mode", set_bool<&C::task_iam_role_network_host>},
    nothing("ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER", kDuration, "berth removes stopped tasks without jitter yet"),
    nothing("ECS_CONTAINER_CREATE_TIMEOUT", kDuration, "berth creates containers itself and needs no deadline for an engine"),
    nothing("ECS_PULL_DEPENDENT_CONTAINERS_UPFRONT", kBool, "berth pulls an image when its container's turn comes"),
    nothing("ECS_ENABLE_TASK_CPU_MEM_LIMIT", kBool, kNoCpuMem),
    nothing("ECS_PROPAGATE_TASK_MEMORY_LIMIT_CGROUPV2", kBool, kNoCpuMem),
    nothing("ECS_CGROUP_PATH", kPath, "berth finds the cgroup mounts itself; see BERTH_CGROUP_PARENT"),
    nothing("ECS_CGROUP_CPU_PERIOD", kDuration, kNoCpuMem),
    nothing("ECS_TASK_PIDS_LIMIT", kInteger, kNoCpuMem),
    nothing("ECS_SHARED_VOLUME_MATCH_FULL_CONFIG", kBool, "berth has no Docker volumes yet"),
    nothing("ECS_VOLUME_PLUGIN_CAPABILITIES", kJson, "berth has no volume plugins"),
    nothing("ECS_DISABLE_DOCKER_HEALTH_CHECK", kBool, "berth does not run container health checks yet"),
    nothing("ECS_ENABLE_GPU_SUPPORT", kBool, "berth does not offer GPUs yet"),
    nothing("ECS_NVIDIA_RUNTIME", kString, "berth is its own runtime"),
    nothing("ECS_ENABLE_INF_SUPPORT", kBool, "berth does not offer Neuron devices yet"),
    nothing("ECS_EBSTA_SUPPORTED", kBool, kNoEbs),
    nothing("ECS_ENABLE_FIRELENS_ASYNC", kBool, "berth does not offer FireLens yet"),
    nothing("ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE", kBool, "berth always lets awslogs use the execution role"),
    nothing("ECS_PAUSE_LABELS", kJson, "berth has no pause containers"),
    nothing("ECS_GMSA_SUPPORTED", kBool, kNoGmsa),
    nothing("CREDENTIALS_FETCHER_HOST", kString, kNoGmsa),
    nothing("CREDENTIALS_FETCHER_HOST_DIR", kPath, kNoGmsa),
    nothing("CREDENTIALS_FETCHER_SECRET_NAME_FOR_DOMAINLESS_GMSA", kString, kNoGmsa),
    nothing("ECS_DOMAIN_JOINED_LINUX_INSTANCE", kBool, kNoGmsa),
    nothing("ECS_FSX_WINDOWS_FILE_SERVER_SUPPORTED", kBool, "only for Windows hosts"),

    // Images
    {"ECS_IMAGE_PULL_BEHAVIOR", kString, "default", kAny, "default, always, once or prefer-cached", set_pull_behavior},
    {"ECS_IMAGE_PULL_INACTIVITY_TIMEOUT", kDuration, "1m", {kMinute}, "Longest silence of a registry during a pull", set_duration<&C::pull_inactivity_timeout, Below::minimum>},
    {"ECS_IMAGE_PULL_TIMEOUT", kDuration, "2h", {kSecond}, "Deadline for one pull", set_duration<&C::pull_timeout, Below::default_value>},
    {"ECS_ENGINE_AUTH_TYPE", kString, "", kAny, "Form of ECS_ENGINE_AUTH_DATA: docker or dockercfg", set_auth_type},
    {"ECS_ENGINE_AUTH_DATA", kJson, "", kAny, "Static registry credentials", set_auth_data, Use::applied, true},
    {"BERTH_INSECURE_REGISTRIES", kCsv, "", kAny, "HOST[:PORT],...: registries spoken to over plain HTTP", set_insecure_registries},
    nothing("ECS_MANIFEST_PULL_TIMEOUT", kDuration, "berth's pull deadlines cover the manifest"),
    nothing("ECS_DISABLE_IMAGE_CLEANUP", kBool, kNoGc),
    nothing("ECS_IMAGE_CLEANUP_INTERVAL", kDuration, kNoGc),
    nothing("ECS_IMAGE_MINIMUM_CLEANUP_AGE", kDuration, kNoGc),
    nothing("ECS_NUM_IMAGES_DELETE_PER_CYCLE", kInteger, kNoGc),
    nothing("ECS_EXCLUDE_UNTRACKED_IMAGE", kCsv, kNoGc),
    nothing("ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP", kBool, "every image in berth's store is berth's own"),
    nothing("NON_ECS_IMAGE_MINIMUM_CLEANUP_AGE", kDuration, "every image in berth's store is berth's own"),
    nothing("NONECS_NUM_CONTAINERS_DELETE_PER_CYCLE", kInteger, "berth never touches containers of others"),

    // Network
    {"BERTH_BRIDGE_NAME", kString, "berth0", kAny, "Bridge of tasks in bridge mode", set_bridge_name},
    {"BERTH_BRIDGE_SUBNET", kString, "172.31.200.0/22", kAny, "IPv4 network of that bridge", set_subnet},
    nothing("ECS_ENABLE_TASK_ENI", kBool, kNoEni),
    nothing("ECS_ENABLE_HIGH_DENSITY_ENI", kBool, kNoEni),
    nothing("ECS_AWSVPC_BLOCK_IMDS", kBool, kNoEni),
    nothing("ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES", kJson, kNoEni),
    nothing("ECS_CNI_PLUGINS_PATH", kPath, kNoCni),
    nothing("ECS_CNI_LOGLEVEL", kString, kNoCni),
    nothing("ECS_CNI_LOG_FILE", kPath, kNoCni),
    nothing("ECS_SKIP_LOCALHOST_TRAFFIC_FILTER", kBool, "berth installs no such filter yet"),
    nothing("ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS", kBool, "see BERTH_INTROSPECTION_ADDRESS"),
    nothing("ECS_OFFHOST_INTROSPECTION_INTERFACE_NAME", kString, "see BERTH_INTROSPECTION_ADDRESS"),

    // Metadata, metrics, introspection
    {"ECS_DISABLE_METRICS", kBool, "false", kAny, "Collect and send no metrics", set_bool<&C::disable_metrics>},
    {"BERTH_INTROSPECTION_PORT", kInteger, "51678", {0, 65535}, "Port of the introspection API", set_integer<&C::introspection_port, true>},
    {"BERTH_INTROSPECTION_ADDRESS", kString, "127.0.0.1", kAny, "Address the introspection API listens on", set_ip_address},
    nothing("ECS_POLL_METRICS", kBool, "berth samples cgroup files; there is no stream to replace"),
    nothing("ECS_POLLING_METRICS_WAIT_DURATION", kDuration, "berth samples cgroup files; there is no stream to replace"),
    nothing("ECS_ENABLE_PROMETHEUS_METRICS", kBool, "berth has no Prometheus page yet"),
    nothing("ECS_ENABLE_RUNTIME_STATS", kBool, "there is no Go runtime under berth"),
    nothing("ECS_TASK_METADATA_RPS_LIMIT", kString, kNoMetadata),
    nothing("ECS_DISABLE_TASK_METADATA_AZ", kBool, kNoMetadata),
    nothing("ECS_ENABLE_CONTAINER_METADATA", kBool, kNoMetadata),
    nothing("ECS_AUDIT_LOGFILE", kPath, kNoMetadata),
    nothing("ECS_AUDIT_LOGFILE_DISABLED", kBool, kNoMetadata),
    nothing("ECS_AGENT_HEALTHCHECK_HOST", kString, "use the service manager, or GET /v1/metadata"),

    // The agent itself
    {"ECS_DATADIR", kPath, "/var/lib/berth", kAny, "Where state, images and containers are kept", set_absolute_path<&C::data_dir>},
    {"BERTH_RUN_DIR", kPath, "/run/berth", kAny, "Where the agent's socket lives", set_absolute_path<&C::run_dir>},
    {"BERTH_CGROUP_PARENT", kPath, "ecs", kAny, "Cgroup that holds all tasks", set_cgroup_parent},
    {"ECS_LOGLEVEL", kString, "info", kAny, "debug, info, warn, error, crit or none", set_log_level},
    {"ECS_LOG_OUTPUT_FORMAT", kString, "logfmt", kAny, "logfmt or json", set_log_format},
    nothing("ECS_HOST_DATA_DIR", kPath, "berth runs on the host: ECS_DATADIR is the path there"),
    nothing("ECS_CHECKPOINT", kBool, "berth always keeps its state"),
    nothing("ECS_UPDATES_ENABLED", kBool, kUpdates),
    nothing("ECS_UPDATE_DOWNLOAD_DIR", kPath, kUpdates),
    nothing("ECS_LOGLEVEL_ON_INSTANCE", kString, kStderr),
    nothing("ECS_LOGFILE", kPath, kStderr),
    nothing("ECS_LOG_ROLLOVER_TYPE", kString, kStderr),
    nothing("ECS_LOG_MAX_FILE_SIZE_MB", kInteger, kStderr),
    nothing("ECS_LOG_MAX_ROLL_COUNT", kInteger, kStderr),
    nothing("ECS_LOG_DRIVER", kString, kNoAgentContainer),
    nothing("ECS_LOG_OPTS", kString, kNoAgentContainer),
    nothing("ECS_INIT_DOCKER_LOG_FILE_SIZE", kString, kNoAgentContainer),
    nothing("ECS_INIT_DOCKER_LOG_FILE_NUM", kInteger, kNoAgentContainer),
    nothing("ECS_AGENT_LABELS", kJson, kNoAgentContainer),
    nothing("ECS_AGENT_APPARMOR_PROFILE", kString, kNoAgentContainer),
    nothing("ECS_AGENT_PID_NAMESPACE_HOST", kBool, kNoAgentContainer),
    nothing("ECS_AGENT_RUN_PRIVILEGED", kBool, kNoAgentContainer),
    nothing("ECS_AGENT_CONFIG_FILE_PATH", kPath, "berth reads /etc/ecs/ecs.config only"),
    nothing("DOCKER_HOST", kString, kNoDocker),
};
// clang-format on

} // namespace

std::span<const Variable> table() { return kTable; }

} // namespace berth::config
