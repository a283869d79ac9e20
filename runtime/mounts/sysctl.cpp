// linux.sysctl: kernel parameters of the container's namespaces.
#include "berth/base/files.hpp"

#include "runtime/mounts/mount_calls.hpp"
#include "runtime/mounts/mounts.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace berth::runtime {

Status apply_sysctl(const Spec& spec) {
    if (spec.sysctl.empty()) return {};
    const auto tree = open_file("/proc/sys", O_PATH | O_DIRECTORY);
    if (!tree) return std::unexpected(tree.error());
    if (!is_procfs(tree->get())) return fail(ErrorCode::invalid, "/proc/sys of this host is not on procfs");
    open_how how = {};
    how.flags = O_WRONLY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    for (const auto& [path, value] : spec.sysctl) {
        const UniqueFd file(
            static_cast<int>(::syscall(SYS_openat2, tree->get(), path.c_str(), &how, sizeof how)));
        if (!file) return fail_errno(errno, "linux.sysctl: opening {}", path);
        if (::write(file.get(), value.data(), value.size()) < 0)
            return fail_errno(errno, "linux.sysctl: setting {} to \"{}\"", path, value);
    }
    return {};
}

} // namespace berth::runtime
