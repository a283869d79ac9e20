// Setting attributes: chown(2) clears set-id bits and capabilities, so owner goes first.
#include "agent/images/attributes.hpp"

#include "agent/images/layer_tree.hpp"
#include "agent/images/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace berth::images {

namespace {

// overlayfs would take these from a layer as its own words: an image could redirect its directories.
bool is_overlay_xattr(std::string_view name) {
    return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
}

// Docker, too, goes on where the file system or the kind of file does not take an attribute.
bool may_be_left_out(int error) { return error == ENOTSUP || error == EPERM; }

template <class Set>
Status set_xattrs(const TarEntry& entry, Set set) {
    for (const auto& [name, value] : entry.xattrs) {
        if (is_overlay_xattr(name)) continue;
        if (set(name.c_str(), value) != 0 && !may_be_left_out(errno))
            return fail_errno(errno, "setting the extended attribute \"{}\"", printable(name));
    }
    return {};
}

} // namespace

Status set_file_attributes(int file, const TarEntry& entry) {
    if (::fchown(file, entry.uid, entry.gid) != 0) return fail_errno(errno, "setting the owner");
    if (::fchmod(file, entry.mode) != 0) return fail_errno(errno, "setting the mode");
    const auto set = [file](const char* name, const std::string& value) {
        return ::fsetxattr(file, name, value.data(), value.size(), 0);
    };
    if (auto done = set_xattrs(entry, set); !done) return done;
    const std::array<timespec, 2> times{entry.atime.value_or(entry.mtime), entry.mtime};
    if (::futimens(file, times.data()) != 0) return fail_errno(errno, "setting the times");
    return {};
}

Status set_attributes(int parent, const std::string& name, const TarEntry& entry) {
    if (::fchownat(parent, name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(errno, "setting the owner");
    // Links have no mode of their own. Anything else with this name is no link: fchmodat(2) follows nothing.
    if (entry.type != EntryType::symlink && ::fchmodat(parent, name.c_str(), entry.mode, 0) != 0)
        return fail_errno(errno, "setting the mode");
    if (entry.xattrs.empty()) return {};
    const auto path = path_at(parent, name);
    const auto set = [&path](const char* key, const std::string& value) {
        return ::lsetxattr(path.c_str(), key, value.data(), value.size(), 0);
    };
    return set_xattrs(entry, set);
}

Status set_times(int parent, const std::string& name, const timespec& atime, const timespec& mtime) {
    const std::array<timespec, 2> times{atime, mtime};
    if (::utimensat(parent, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(errno, "setting the times of \"{}\"", printable(name));
    return {};
}

} // namespace berth::images
