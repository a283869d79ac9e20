// The container's root: an overlay or a directory, and the change into it.
#include "runtime/mounts/in_root.hpp"
#include "runtime/mounts/mount_calls.hpp"
#include "runtime/mounts/mounts.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace berth::runtime {

namespace {

// overlayfs splits its options at commas and lower directories at colons.
std::string escaped(std::string_view path) {
    std::string text;
    for (const char c : path) {
        if (c == ',' || c == ':' || c == '\\') text += '\\';
        text += c;
    }
    return text;
}

Status mount_overlay(const OverlayRoot& overlay, const std::string& target) {
    std::string data = "lowerdir=";
    for (std::size_t i = 0; i < overlay.lower.size(); ++i) {
        if (i > 0) data += ':';
        data += escaped(overlay.lower[i]);
    }
    data += fmt::format(",upperdir={},workdir={}", escaped(overlay.upper), escaped(overlay.work));
    if (data.size() >= 4095)
        return fail(ErrorCode::limit, "mounting the image: its {} layers need {} bytes of options, 4094 fit",
                    overlay.lower.size(), data.size());
    // Short relative names leave room for many layers in that one page.
    if (::chdir(overlay.store.c_str()) != 0) return fail_errno(errno, "entering {}", overlay.store);
    if (::mount("overlay", target.c_str(), "overlay", 0, data.c_str()) != 0)
        return fail_errno(errno, "mounting overlay at {} ({} in {})", target, data, overlay.store);
    return {};
}

// pivot_root(2) refuses when the mount that holds the new root is shared. It is the closest one above.
Status make_parent_private(fs::path path) {
    for (;; path = path.parent_path()) {
        if (::mount(nullptr, path.c_str(), nullptr, MS_PRIVATE, nullptr) == 0) return {};
        if (errno != EINVAL || path == path.root_path())
            return fail_errno(errno, "making {} private", path.string());
    }
}

} // namespace

Result<UniqueFd> mount_root(const Spec& spec, const std::string& path,
                            const std::optional<OverlayRoot>& overlay) {
    // Without this every mount below would show up on the host.
    const auto propagation = spec.rootfs_propagation != 0 ? spec.rootfs_propagation : MS_SLAVE | MS_REC;
    if (auto set = set_propagation("/", propagation, "/"); !set)
        return std::unexpected(std::move(set.error()));
    if (auto apart = make_parent_private(fs::path(path).parent_path()); !apart)
        return std::unexpected(std::move(apart.error()));
    if (overlay) {
        if (auto mounted = mount_overlay(*overlay, path); !mounted)
            return std::unexpected(std::move(mounted.error()));
    } else if (::mount(path.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
        return fail_errno(errno, "binding the root {}", path);
    }
    return open_file(path, O_PATH | O_DIRECTORY);
}

Status enter_root(const Spec& spec, int root, const std::string& path, bool pivot) {
    if (spec.root.readonly)
        if (auto set = add_mount_flags(root, MS_RDONLY, path); !set) return set;
    const auto old = open_file("/", O_PATH | O_DIRECTORY);
    if (!old) return std::unexpected(old.error());
    if (::fchdir(root) != 0) return fail_errno(errno, "entering the root {}", path);
    if (pivot) {
        // Both on ".": the old root ends up on top of the new one. It is taken off again from inside, where
        // "." is it and not the new root, and without the unmounting reaching the host.
        if (::syscall(SYS_pivot_root, ".", ".") != 0) return fail_errno(errno, "pivot_root to {}", path);
        if (::fchdir(old->get()) != 0) return fail_errno(errno, "returning to the old root");
        if (auto set = set_propagation(".", MS_SLAVE | MS_REC, "the old root"); !set) return set;
        if (::umount2(".", MNT_DETACH) != 0) return fail_errno(errno, "unmounting the old root");
    } else {
        if (::mount(path.c_str(), "/", nullptr, MS_MOVE, nullptr) != 0)
            return fail_errno(errno, "moving {} to /", path);
        if (::chroot(".") != 0) return fail_errno(errno, "chroot to {}", path);
    }
    if (::chdir("/") != 0) return fail_errno(errno, "entering the root {}", path);
    return spec.rootfs_propagation != 0 ? set_propagation("/", spec.rootfs_propagation, "/") : Status();
}

} // namespace berth::runtime
