// LaunchPlan: everything about a container that can be settled before its process exists.
#pragma once

#include "berth/runtime/cgroup.hpp"
#include "berth/runtime/container.hpp"

#include "runtime/namespaces/namespaces.hpp"
#include "runtime/security/capabilities.hpp"
#include "runtime/security/seccomp.hpp"
#include "runtime/spec/spec.hpp"

#include <string>
#include <vector>

namespace berth::runtime {

struct LaunchPlan {
    CreateOptions options;
    Spec spec;
    std::string root; // absolute
    CgroupLayout layout;
    std::string cgroup_path;
    Json resources; // linux.resources with the rules for the default devices
    NamespacePlan namespaces;
    SeccompFilter seccomp;
    CapabilitySets capabilities;
    int last_capability = 0;
    std::vector<UniqueFd> sources;    // of bind mounts, see MountContext
    std::vector<UniqueFd> task_files; // of our groups in the v1 hierarchies
    UniqueFd listener;                // where the start comes from, if not from the creator
};

Result<LaunchPlan> make_plan(const CreateOptions& options);

// Relative to each hierarchy: linux.cgroupsPath, "slice:prefix:name" of systemd users included, or one of
// ours.
Result<std::string> cgroup_path_of(const Spec& spec, const std::string& id);
// Docker, containerd and runc let every container use the default devices, whatever the rules say.
Json with_default_devices(Json resources);

} // namespace berth::runtime
