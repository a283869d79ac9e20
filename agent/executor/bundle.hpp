// From an ECS container to an OCI bundle: config.json and the files under /etc that the agent provides. Pure.
#pragma once

#include "berth/base/files.hpp"
#include "berth/base/json.hpp"
#include "berth/engine/task.hpp"
#include "berth/images/images.hpp"

#include "agent/executor/user.hpp"

#include <string>
#include <vector>

namespace berth::executor {

using engine::ContainerSpec;
using engine::TaskSpec;

struct BundleInputs {
    const TaskSpec* task = nullptr;
    const ContainerSpec* container = nullptr;
    ContainerId id;
    const images::ImageConfig* image = nullptr;
    ResolvedUser user;
    std::vector<std::uint32_t> added_groups; // HostConfig.GroupAdd, resolved
    fs::path directory;                      // of the container: etc/ and volumes are below it
    std::string cgroup_path;                 // "/ecs/<task id>/<container id>"
    std::string hostname;
    std::string region;                      // injected unless the task or image says otherwise
    std::map<std::string, fs::path> volumes; // volume name → directory on the host
};

// linux.resources and the rest of config.json. Errors name the field that cannot be honoured.
Result<Json> make_bundle(const BundleInputs& inputs);

// 12 digits, as Docker shows ids and names hosts.
std::string short_id(const ContainerId& id);

struct EtcFiles {
    std::string hosts, hostname, resolv_conf;
};
// Host networking shows the host's own files; others get their own names and resolvers without loopback ones.
EtcFiles make_etc_files(const ContainerSpec& container, const std::string& hostname,
                        const std::string& ip_address, bool host_network, const std::string& host_hosts,
                        const std::string& host_resolv_conf);

} // namespace berth::executor
