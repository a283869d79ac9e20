// Masked and read-only paths: parts of /proc and /sys that a container must not read or not write.
#include "berth/base/files.hpp"

#include "runtime/mounts/in_root.hpp"
#include "runtime/mounts/mount_calls.hpp"
#include "runtime/mounts/mounts.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

namespace berth::runtime {

namespace {

// What a mask points to must really be empty.
Result<UniqueFd> open_null() {
    auto null = open_file("/dev/null", O_PATH);
    struct stat status = {};
    if (!null) return null;
    if (::fstat(null->get(), &status) != 0 || !S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))
        return fail(ErrorCode::invalid, "/dev/null of this host is not the null device");
    return null;
}

// Missing is fine: kernels differ in what they show.
bool absent(const Error& error) { return error.sys() == ENOENT || error.sys() == ENOTDIR; }

class Masks {
  public:
    Masks(int root, UniqueFd null) : root_(root), null_(std::move(null)) {}

    Status mask(const std::string& path) {
        const auto target = open_in_root(root_, path);
        if (!target) return absent(target.error()) ? Status() : std::unexpected(target.error());
        struct stat status = {};
        if (::fstat(target->get(), &status) != 0) return fail_errno(errno, "reading {}", path);
        return S_ISDIR(status.st_mode) ? mask_directory(path, target->get())
                                       : cover(null_.get(), target->get(), path);
    }

  private:
    static Status cover(int source, int target, const std::string& path) {
        if (::mount(fd_path(source).c_str(), fd_path(target).c_str(), nullptr, MS_BIND, nullptr) != 0)
            return fail_errno(errno, "masking {}", path);
        return {};
    }

    // One empty file system serves all of them.
    Status mask_directory(const std::string& path, int target) {
        if (empty_) return cover(empty_.get(), target, path);
        if (::mount("tmpfs", fd_path(target).c_str(), "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                    "size=4k,nr_inodes=2,mode=755") != 0)
            return fail_errno(errno, "masking {}", path);
        auto mounted = open_in_root(root_, path);
        if (!mounted) return std::unexpected(std::move(mounted.error()));
        empty_ = std::move(*mounted);
        return {};
    }

    int root_;
    UniqueFd null_, empty_;
};

Status make_readonly(int root, const std::string& path) {
    const auto target = open_in_root(root, path);
    if (!target) return absent(target.error()) ? Status() : std::unexpected(target.error());
    const auto tree = clone_tree(target->get(), true, path);
    if (!tree) return std::unexpected(tree.error());
    if (auto attached = attach_tree(tree->get(), target->get(), path); !attached) return attached;
    return add_mount_flags(tree->get(), MS_RDONLY, path);
}

} // namespace

Status mask_paths(const MountContext& context) {
    for (const auto& path : context.spec.readonly_paths)
        if (auto made = make_readonly(context.root, path); !made)
            return fail(std::move(made.error()), "linux.readonlyPaths");
    if (context.spec.masked_paths.empty()) return {};
    auto null = open_null();
    if (!null) return std::unexpected(std::move(null.error()));
    Masks masks(context.root, std::move(*null));
    for (const auto& path : context.spec.masked_paths)
        if (auto masked = masks.mask(path); !masked)
            return fail(std::move(masked.error()), "linux.maskedPaths");
    return {};
}

} // namespace berth::runtime
