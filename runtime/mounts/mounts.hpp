// The file systems of the container, made by its own process inside its new mount namespace before it enters
// its root. Everything goes by descriptors into the root, so nothing an image holds can lead a mount
// elsewhere.
#pragma once

#include "berth/runtime/cgroup.hpp"
#include "berth/runtime/shim.hpp"

#include "runtime/spec/spec.hpp"

#include <optional>
#include <string>
#include <vector>

namespace berth::runtime {

// What the functions here work on; outlives them.
struct MountContext {
    const Spec& spec;
    const CgroupLayout& layout;
    const std::string& cgroup_path; // relative to each hierarchy
    bool user_namespace = false;    // then devices are bound, not made
    bool cgroup_namespace = false;
    // Sources of bind mounts that were opened outside a user namespace, by index into spec.mounts.
    const std::vector<UniqueFd>& sources;
    int root = -1; // O_PATH of the container's root
};

// rootfs.cpp: makes the root a mount of its own and returns it.
Result<UniqueFd> mount_root(const Spec& spec, const std::string& path,
                            const std::optional<OverlayRoot>& overlay);
// Makes it "/" for the process, without the host's tree in sight.
Status enter_root(const Spec& spec, int root, const std::string& path, bool pivot);

// entries.cpp: spec.mounts in order.
Status mount_entries(const MountContext& context);
// cgroup_mount.cpp: one entry of type "cgroup".
Status mount_cgroups(const MountContext& context, const Mount& mount, int target);
// copy_up.cpp: what the directory below a tmpfs holds is copied into it.
Status copy_up(int from, int to, std::string_view name);

// devices.cpp: /dev: nodes, links. Nothing when /dev comes from the host.
Status make_devices(const MountContext& context);
// Puts /dev into its final state; after the console.
Status finish_dev(const MountContext& context);

// masks.cpp: linux.maskedPaths and linux.readonlyPaths.
Status mask_paths(const MountContext& context);
// sysctl.cpp: linux.sysctl, through the host's /proc, which shows the namespaces of the caller.
Status apply_sysctl(const Spec& spec);

// console.cpp: a terminal on /dev/console whose master is sent to `socket`; returns the slave.
Result<UniqueFd> make_console(const MountContext& context, int socket);

} // namespace berth::runtime
