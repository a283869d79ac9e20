// The cgroup file system as the container sees it: its own groups only, whatever the host's layout.
#include "runtime/mounts/in_root.hpp"
#include "runtime/mounts/mount_calls.hpp"
#include "runtime/mounts/mounts.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>

namespace berth::runtime {

namespace {

constexpr unsigned long kAlways = MS_NOSUID | MS_NODEV | MS_NOEXEC;

// Without a cgroup namespace the container's group is bound from the host's hierarchy.
Status bind_group(const MountContext& context, const fs::path& hierarchy, int target, unsigned long flags) {
    const auto source = (hierarchy / context.cgroup_path).string();
    const auto tree = clone_tree(source, false);
    if (!tree) return std::unexpected(tree.error());
    if (auto attached = attach_tree(tree->get(), target, source); !attached) return attached;
    return set_mount_flags(tree->get(), flags, source);
}

Status mount_v2(const MountContext& context, int target, unsigned long flags) {
    if (!context.cgroup_namespace) return bind_group(context, context.layout.v2, target, flags);
    if (::mount("cgroup", fd_path(target).c_str(), "cgroup2", flags, nullptr) == 0) return {};
    // A user namespace that does not own the cgroup namespace may not mount, but may bind.
    if (errno == EPERM || errno == EBUSY) return bind_group(context, context.layout.v2, target, flags);
    return fail_errno(errno, "mounting cgroup2");
}

struct Hierarchy {
    std::string data; // "cpu,cpuacct": the mount option
    std::vector<std::string> controllers;
};

Status mount_v1(const MountContext& context, const fs::path& host, const Hierarchy& hierarchy, int target,
                unsigned long flags) {
    if (!context.cgroup_namespace) return bind_group(context, host, target, flags);
    if (::mount("cgroup", fd_path(target).c_str(), "cgroup", flags, hierarchy.data.c_str()) != 0)
        return fail_errno(errno, "mounting cgroup with {}", hierarchy.data);
    return {};
}

// A directory per hierarchy in a tmpfs, named as on the host, with links for controllers mounted together.
Status mount_hierarchies(const MountContext& context, int tmpfs, unsigned long flags) {
    std::map<fs::path, Hierarchy> hierarchies;
    for (const auto& [controller, path] : context.layout.v1) {
        auto& hierarchy = hierarchies[path];
        hierarchy.data += (hierarchy.data.empty() ? "" : ",") + controller;
        hierarchy.controllers.push_back(controller);
    }
    for (const auto& [path, hierarchy] : hierarchies) {
        const auto name = path.filename().string();
        const auto target = make_in_root(tmpfs, name, Make::directory);
        if (!target) return std::unexpected(target.error());
        if (auto mounted = mount_v1(context, path, hierarchy, target->get(), flags); !mounted) return mounted;
        for (const auto& controller : hierarchy.controllers)
            if (controller != name && !controller.contains('=') &&
                ::symlinkat(name.c_str(), tmpfs, controller.c_str()) != 0 && errno != EEXIST)
                return fail_errno(errno, "linking {} to {}", controller, name);
    }
    if (context.layout.v2.empty()) return {};
    const auto target = make_in_root(tmpfs, context.layout.v2.filename().string(), Make::directory);
    if (!target) return std::unexpected(target.error());
    return mount_v2(context, target->get(), flags);
}

} // namespace

Status mount_cgroups(const MountContext& context, const Mount& mount, int target) {
    const auto flags = kAlways | (mount.options.flags & (MS_RDONLY | MS_RELATIME));
    if (context.layout.v1.empty()) {
        if (context.layout.v2.empty())
            return fail(ErrorCode::invalid, "this host has no cgroup file system mounted");
        return mount_v2(context, target, flags);
    }
    if (::mount("tmpfs", fd_path(target).c_str(), "tmpfs", kAlways, "mode=755,size=64k") != 0)
        return fail_errno(errno, "mounting tmpfs");
    const auto tmpfs = open_in_root(context.root, mount.destination);
    if (!tmpfs) return std::unexpected(tmpfs.error());
    if (auto mounted = mount_hierarchies(context, tmpfs->get(), flags); !mounted) return mounted;
    if ((mount.options.flags & MS_RDONLY) == 0) return {};
    return add_mount_flags(tmpfs->get(), MS_RDONLY, mount.destination);
}

} // namespace berth::runtime
