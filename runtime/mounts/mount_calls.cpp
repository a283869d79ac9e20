// Thin wrappers around open_tree, move_mount, mount_setattr and remounts.
#include "runtime/mounts/mount_calls.hpp"

#include "runtime/mounts/in_root.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace berth::runtime {

namespace {

// What remounting would lose otherwise.
Result<unsigned long> current_flags(int fd, std::string_view name) {
    struct statfs status = {};
    if (::fstatfs(fd, &status) != 0) return fail_errno(errno, "reading the mount flags of {}", name);
    const auto flags = static_cast<unsigned long>(status.f_flags);
    // The first bits are the same numbers as MS_…; the access-time ones are not all.
    return (flags &
            (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_SYNCHRONOUS | ST_NOATIME | ST_NODIRATIME)) |
           ((flags & ST_RELATIME) != 0 ? MS_RELATIME : 0UL);
}

int remount(int fd, unsigned long flags) {
    return ::mount(nullptr, fd_path(fd).c_str(), nullptr, MS_REMOUNT | MS_BIND | flags, nullptr);
}

} // namespace

Result<UniqueFd> clone_tree(const std::string& path, bool recursive) {
    UniqueFd tree(
        static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, path.c_str(),
                                   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0))));
    if (!tree) return fail_errno(errno, "taking {} as the source of a bind mount", path);
    return tree;
}

Result<UniqueFd> clone_tree(int fd, bool recursive, std::string_view name) {
    UniqueFd tree(static_cast<int>(
        ::syscall(SYS_open_tree, fd, "",
                  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0))));
    if (!tree) return fail_errno(errno, "taking {} as the source of a bind mount", name);
    return tree;
}

Status attach_tree(int tree, int target, std::string_view name) {
    if (::syscall(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) !=
        0)
        return fail_errno(errno, "mounting on {}", name);
    return {};
}

Status add_mount_flags(int fd, unsigned long flags, std::string_view name) {
    const auto present = current_flags(fd, name);
    if (!present) return std::unexpected(present.error());
    if (remount(fd, flags | *present) != 0) return fail_errno(errno, "changing the mount flags of {}", name);
    return {};
}

Status set_mount_flags(int fd, unsigned long flags, std::string_view name) {
    if (remount(fd, flags) == 0) return {};
    if (errno == EPERM) return add_mount_flags(fd, flags, name);
    return fail_errno(errno, "changing the mount flags of {}", name);
}

Status set_propagation(const std::string& path, unsigned long flag, std::string_view name) {
    if (::mount(nullptr, path.c_str(), nullptr, flag, nullptr) != 0)
        return fail_errno(errno, "changing the propagation of {}", name);
    return {};
}

Status set_recursive(int fd, std::uint64_t set, std::uint64_t cleared, std::string_view name) {
    mount_attr attributes = {};
    attributes.attr_set = set;
    attributes.attr_clr = cleared;
    if (::syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) !=
        0)
        return fail_errno(errno, "changing the mount flags of everything below {}", name);
    return {};
}

bool is_procfs(int fd) {
    struct statfs status = {};
    return ::fstatfs(fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

} // namespace berth::runtime
