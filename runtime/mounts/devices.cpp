// /dev of the container: the nodes every container has, those of linux.devices, and the customary links.
#include "berth/base/files.hpp"

#include "runtime/mounts/in_root.hpp"
#include "runtime/mounts/mount_calls.hpp"
#include "runtime/mounts/mounts.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace berth::runtime {

namespace {

struct DefaultDevice {
    const char* name;
    unsigned major, minor;
};
constexpr std::array<DefaultDevice, 6> kDefaultDevices{
    {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}}};

constexpr std::array<std::pair<const char*, const char*>, 5> kLinks{{{"/proc/self/fd", "fd"},
                                                                     {"/proc/self/fd/0", "stdin"},
                                                                     {"/proc/self/fd/1", "stdout"},
                                                                     {"/proc/self/fd/2", "stderr"},
                                                                     {"pts/ptmx", "ptmx"}}};

bool dev_is_bound(const Spec& spec) {
    return std::ranges::any_of(
        spec.mounts, [](const Mount& mount) { return mount.destination == "/dev" && mount.is_bind(); });
}

// A user namespace may not make devices: the host's node is bound over an empty file.
Status bind_device(int directory, const std::string& name, const Device& device) {
    if (::mknodat(directory, name.c_str(), S_IFREG | 0644, 0) != 0 && errno != EEXIST)
        return fail_errno(errno, "making {}", device.path);
    const auto target = open_in_root(directory, name, Links::refused);
    if (!target) return std::unexpected(target.error());
    const auto tree = clone_tree(device.path, false);
    if (!tree) return std::unexpected(tree.error());
    return attach_tree(tree->get(), target->get(), device.path);
}

Status make_node(int directory, const std::string& name, const Device& device) {
    const auto number = makedev(device.major, device.minor);
    if (::mknodat(directory, name.c_str(), device.type | (device.mode & 07777), number) != 0) {
        struct stat status = {};
        if (errno != EEXIST || ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
            return fail_errno(errno, "making the device {}", device.path);
        if ((status.st_mode & S_IFMT) != device.type || (device.type != S_IFIFO && status.st_rdev != number))
            return fail(ErrorCode::exists, "making the device {}: something else is there", device.path);
    }
    if ((device.uid != 0 || device.gid != 0) &&
        ::fchownat(directory, name.c_str(), device.uid, device.gid, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(errno, "setting the owner of {}", device.path);
    return {};
}

Status make_device(const MountContext& context, int directory, const std::string& name,
                   const Device& device) {
    return context.user_namespace ? bind_device(directory, name, device) : make_node(directory, name, device);
}

Status make_listed(const MountContext& context, const Device& device) {
    const fs::path path(device.path);
    const auto name = path.filename().string();
    if (name.empty() || name == "." || name == "..")
        return fail(ErrorCode::invalid, "linux.devices: \"{}\" does not name a file", device.path);
    const auto directory = make_in_root(context.root, path.parent_path().string(), Make::directory);
    if (!directory) return std::unexpected(directory.error());
    return make_device(context, directory->get(), name, device);
}

Status make_links(int dev) {
    for (const auto& [target, name] : kLinks)
        if (::symlinkat(target, dev, name) != 0 && errno != EEXIST)
            return fail_errno(errno, "linking /dev/{} to {}", name, target);
    if (::access("/proc/kcore", F_OK) == 0 && ::symlinkat("/proc/kcore", dev, "core") != 0 && errno != EEXIST)
        return fail_errno(errno, "linking /dev/core");
    return {};
}

} // namespace

Status make_devices(const MountContext& context) {
    if (!dev_is_bound(context.spec)) {
        const auto dev = make_in_root(context.root, "/dev", Make::directory);
        if (!dev) return std::unexpected(dev.error());
        for (const auto& [name, major, minor] : kDefaultDevices) {
            const Device device{
                .path = fmt::format("/dev/{}", name), .type = S_IFCHR, .major = major, .minor = minor};
            if (auto made = make_device(context, dev->get(), name, device); !made) return made;
        }
        if (auto linked = make_links(dev->get()); !linked) return linked;
    }
    for (const auto& device : context.spec.devices)
        if (auto made = make_listed(context, device); !made) return made;
    return {};
}

Status finish_dev(const MountContext& context) {
    for (const auto& mount : context.spec.mounts) {
        if (mount.destination != "/dev" || mount.is_bind() || (mount.options.flags & MS_RDONLY) == 0)
            continue;
        const auto dev = open_in_root(context.root, "/dev");
        if (!dev) return std::unexpected(dev.error());
        return add_mount_flags(dev->get(), MS_RDONLY, "/dev");
    }
    return {};
}

} // namespace berth::runtime
