// What Docker gives a container that asks for nothing: capabilities, seccomp profile, mounts, masked paths.
//
// Pure data in the shape of config.json, for whoever writes bundles and for `berth-runtime spec`.
#pragma once

#include "berth/base/json.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace berth::runtime {

// The 14 names ("CAP_CHOWN" …) of a container without privileges.
std::vector<std::string> docker_capabilities();
// Every capability name this build knows, lowest number first: what a privileged container gets.
std::vector<std::string> all_capabilities();

// linux.seccomp: what is not listed fails with EPERM. Capabilities open the system calls that need them.
Json docker_seccomp_profile(const std::vector<std::string>& capabilities);

std::vector<std::string> masked_paths();   // linux.maskedPaths
std::vector<std::string> readonly_paths(); // linux.readonlyPaths

struct DefaultMountOptions {
    std::uint64_t shm_bytes = std::uint64_t{64} << 20; // size of /dev/shm
    bool writable_sysfs_and_cgroup = false;            // privileged containers
};
// mounts: /proc, /dev, /dev/pts, /sys, /sys/fs/cgroup, /dev/mqueue, /dev/shm.
Json docker_default_mounts(const DefaultMountOptions& options = {});

// linux.resources.devices: everything denied but the default devices.
Json docker_device_rules();

} // namespace berth::runtime
