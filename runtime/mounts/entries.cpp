// spec.mounts in order: binds by open_tree and move_mount, file systems by mount(2).
#include "runtime/mounts/in_root.hpp"
#include "runtime/mounts/mount_calls.hpp"
#include "runtime/mounts/mounts.hpp"

#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace berth::runtime {

namespace {

// Files of /proc that something else may stand in for (lxcfs). Anything else over procfs would let a
// container fake what its own tools, and the runtime's writes, rely on.
bool may_cover_proc(std::string_view destination) {
    constexpr std::array<std::string_view, 10> allowed{"/proc/cpuinfo", "/proc/diskstats",
                                                       "/proc/meminfo", "/proc/stat",
                                                       "/proc/swaps",   "/proc/uptime",
                                                       "/proc/loadavg", "/proc/slabinfo",
                                                       "/proc/net/dev", "/proc/sys/kernel/ns_last_pid"};
    return std::ranges::find(allowed, destination) != allowed.end();
}

Status check_target(const Mount& mount, int target) {
    if (is_procfs(target) && !may_cover_proc(mount.destination) && mount.type != "proc")
        return fail(ErrorCode::invalid, "{}: mounting over a part of /proc is refused", mount.destination);
    return {};
}

Status finish(const Mount& mount, int mounted) {
    const auto& options = mount.options;
    for (const auto flag : options.propagation)
        if (auto set = set_propagation(fd_path(mounted), flag, mount.destination); !set) return set;
    if (options.recursive_set == 0 && options.recursive_cleared == 0) return {};
    return set_recursive(mounted, options.recursive_set, options.recursive_cleared, mount.destination);
}

Status bind(const MountContext& context, const Mount& mount, int source) {
    UniqueFd own;
    if (source < 0) {
        auto tree = clone_tree(mount.source, (mount.options.flags & MS_REC) != 0);
        if (!tree) return std::unexpected(std::move(tree.error()));
        own = std::move(*tree);
        source = own.get();
    }
    struct stat status = {};
    if (::fstat(source, &status) != 0) return fail_errno(errno, "reading {}", mount.source);
    const auto target =
        make_in_root(context.root, mount.destination, S_ISDIR(status.st_mode) ? Make::directory : Make::file);
    if (!target) return std::unexpected(target.error());
    if (auto safe = check_target(mount, target->get()); !safe) return safe;
    if (auto attached = attach_tree(source, target->get(), mount.destination); !attached) return attached;
    constexpr unsigned long not_flags = MS_BIND | MS_REC | MS_REMOUNT;
    const auto flags = mount.options.flags & ~not_flags;
    if (flags != 0)
        if (auto set = set_mount_flags(source, flags, mount.destination); !set) return set;
    return finish(mount, source);
}

Status mount_file_system(const MountContext& context, const Mount& mount) {
    const bool kernel_view = mount.type == "proc" || mount.type == "sysfs";
    // A link in the place of /proc would send the runtime's later writes elsewhere.
    const auto links = kernel_view ? Links::refused : Links::inside;
    const auto target = make_in_root(context.root, mount.destination, Make::directory, links);
    if (!target) return std::unexpected(target.error());
    if (auto safe = check_target(mount, target->get()); !safe) return safe;
    if (mount.type == "cgroup" || mount.type == "cgroup2")
        return mount_cgroups(context, mount, target->get());

    const auto& options = mount.options;
    // Read-only only once it is filled.
    const bool fill = options.copy_up || mount.destination == "/dev";
    const unsigned long removed = fill ? MS_RDONLY | MS_REMOUNT : MS_REMOUNT;
    const auto flags = options.flags & ~removed;
    auto data = options.data;
    if (!context.spec.mount_label.empty() && mount.type != "proc" && mount.type != "sysfs")
        data += fmt::format("{}context=\"{}\"", data.empty() ? "" : ",", context.spec.mount_label);
    const auto& source = mount.source.empty() ? mount.type : mount.source;
    if (::mount(source.c_str(), fd_path(target->get()).c_str(), mount.type.c_str(), flags,
                data.empty() ? nullptr : data.c_str()) != 0)
        return fail_errno(errno, "mounting {} at {}{}{}", mount.type, mount.destination,
                          data.empty() ? "" : " with options ", data);
    const bool copy = options.copy_up && mount.type == "tmpfs";
    if (!copy && options.propagation.empty() && options.recursive_set == 0 && options.recursive_cleared == 0)
        return {};
    // The descriptor above is of the directory now hidden below.
    const auto mounted = open_in_root(context.root, mount.destination);
    if (!mounted) return std::unexpected(mounted.error());
    if (copy) {
        if (auto copied = copy_up(target->get(), mounted->get(), mount.destination); !copied) return copied;
        if ((options.flags & MS_RDONLY) != 0)
            if (auto set = add_mount_flags(mounted->get(), MS_RDONLY, mount.destination); !set) return set;
    }
    return finish(mount, mounted->get());
}

} // namespace

Status mount_entries(const MountContext& context) {
    const auto& mounts = context.spec.mounts;
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        const auto& mount = mounts[i];
        const int source = i < context.sources.size() ? context.sources[i].get() : -1;
        auto done = mount.is_bind() ? bind(context, mount, source) : mount_file_system(context, mount);
        if (!done) return fail(std::move(done.error()), "mounts[{}] ({})", i, mount.destination);
    }
    return {};
}

} // namespace berth::runtime
