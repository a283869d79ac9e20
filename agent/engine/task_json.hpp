// The stored members of a task's specification.
#pragma once

#include "agent/engine/archive.hpp"

namespace berth::engine {

template <class Archive, Maybe<PortMapping> T>
void fields(Archive& io, T& port) {
    io("containerPort", port.container_port);
    io("hostPort", port.host_port);
    io("protocol", port.protocol);
}

template <class Archive, Maybe<Dependency> T>
void fields(Archive& io, T& dependency) {
    io("container", dependency.container);
    io("condition", dependency.condition);
}

template <class Archive, Maybe<MountPoint> T>
void fields(Archive& io, T& mount) {
    io("sourceVolume", mount.source_volume);
    io("containerPath", mount.container_path);
    io("readOnly", mount.read_only);
}

template <class Archive, Maybe<Volume> T>
void fields(Archive& io, T& volume) {
    io("name", volume.name);
    io("hostPath", volume.host_path);
}

template <class Archive, Maybe<RegistryAuth> T>
void fields(Archive& io, T& auth) {
    io("type", auth.type);
    io("registryId", auth.registry_id);
    io("region", auth.region);
    io("endpointOverride", auth.endpoint_override);
    io("useExecutionRole", auth.use_execution_role);
    io("credentialsParameter", auth.credentials_parameter);
}

template <class Archive, Maybe<HealthCheck> T>
void fields(Archive& io, T& check) {
    io("test", check.test);
    io("interval", check.interval);
    io("timeout", check.timeout);
    io("startPeriod", check.start_period);
    io("retries", check.retries);
}

template <class Archive, Maybe<RestartPolicy> T>
void fields(Archive& io, T& policy) {
    io("enabled", policy.enabled);
    io("ignoredExitCodes", policy.ignored_exit_codes);
    io("attemptPeriod", policy.attempt_period);
}

template <class Archive, Maybe<Ulimit> T>
void fields(Archive& io, T& limit) {
    io("name", limit.name);
    io("soft", limit.soft);
    io("hard", limit.hard);
}

template <class Archive, Maybe<Device> T>
void fields(Archive& io, T& device) {
    io("hostPath", device.host_path);
    io("containerPath", device.container_path);
    io("permissions", device.permissions);
}

template <class Archive, Maybe<LogConfig> T>
void fields(Archive& io, T& log) {
    io("driver", log.driver);
    io("options", log.options);
}

template <class Archive, Maybe<ContainerSpec> T>
void fields(Archive& io, T& container) {
    io("name", container.name);
    io("image", container.image);
    io("essential", container.essential);
    io("cpuUnits", container.cpu_units);
    io("cpuShares", container.cpu_shares);
    io("memoryBytes", container.memory_bytes);
    io("memoryReservationBytes", container.memory_reservation_bytes);
    io("memorySwapBytes", container.memory_swap_bytes);
    io("entryPoint", container.entry_point);
    io("command", container.command);
    io("environment", container.environment);
    io("dependsOn", container.depends_on);
    io("links", container.links);
    io("ports", container.ports);
    io("mounts", container.mounts);
    io("registryAuth", container.registry_auth);
    io("log", container.log);
    io("logsUseExecutionRole", container.logs_use_execution_role);
    io("healthCheck", container.health_check);
    io("restart", container.restart);
    io("startTimeout", container.start_timeout);
    io("stopTimeout", container.stop_timeout);
    io("user", container.user);
    io("workingDir", container.working_dir);
    io("hostname", container.hostname);
    io("stopSignal", container.stop_signal);
    io("labels", container.labels);
    io("tty", container.tty);
    io("openStdin", container.open_stdin);
    io("privileged", container.privileged);
    io("readOnlyRoot", container.read_only_root);
    io("init", container.init);
    io("capAdd", container.cap_add);
    io("capDrop", container.cap_drop);
    io("dns", container.dns);
    io("dnsSearch", container.dns_search);
    io("extraHosts", container.extra_hosts);
    io("securityOpt", container.security_opt);
    io("binds", container.binds);
    io("groupAdd", container.group_add);
    io("ulimits", container.ulimits);
    io("devices", container.devices);
    io("sysctls", container.sysctls);
    io("tmpfs", container.tmpfs);
    io("shmBytes", container.shm_bytes);
    io("pidsLimit", container.pids_limit);
    io("swappiness", container.swappiness);
    io("cpusetCpus", container.cpuset_cpus);
}

template <class Archive, Maybe<TaskSpec> T>
void fields(Archive& io, T& task) {
    io("arn", task.arn);
    io("clusterArn", task.cluster_arn);
    io("family", task.family);
    io("version", task.version);
    io("cpu", task.cpu);
    io("memoryMiB", task.memory_mib);
    io("networkMode", task.network_mode);
    io("pidMode", task.pid_mode);
    io("ipcMode", task.ipc_mode);
    io("roleCredentialsId", task.role_credentials_id);
    io("executionRoleCredentialsId", task.execution_role_credentials_id);
    io("launchType", task.launch_type);
    io("serviceName", task.service_name);
    io("containers", task.containers);
    io("volumes", task.volumes);
}

} // namespace berth::engine
