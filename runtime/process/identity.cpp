// Setting up what a process inherits over execve.
#include "runtime/process/identity.hpp"

#include <climits>

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

namespace berth::runtime {

Status reset_signals() {
    struct sigaction action = {};
    for (int signal = 1; signal < NSIG; ++signal)
        if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_DFL)
            ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    if (::sigprocmask(SIG_SETMASK, &none, nullptr) != 0) return fail_errno(errno, "unblocking the signals");
    return {};
}

Status close_all_but(std::vector<int> kept) {
    std::ranges::sort(kept);
    unsigned next = 3;
    const auto close = [](unsigned first, unsigned last) -> Status {
        if (first <= last && ::syscall(SYS_close_range, first, last, 0) != 0)
            return fail_errno(errno, "closing inherited descriptors");
        return {};
    };
    for (const int fd : kept) {
        if (fd < static_cast<int>(next)) continue;
        const auto number = static_cast<unsigned>(fd);
        if (auto closed = close(next, number - 1); number > next && !closed) return closed;
        next = number + 1;
    }
    return close(next, ~0U);
}

Status close_on_exec(unsigned preserved) {
    if (::syscall(SYS_close_range, 3 + preserved, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        return fail_errno(errno, "marking inherited descriptors");
    return {};
}

Status set_stdio(const Stdio& stdio) {
    const std::array<int, 3> streams{stdio.in, stdio.out, stdio.err};
    for (int target = 0; target < 3; ++target) {
        const int source = streams[static_cast<std::size_t>(target)];
        if (source >= 0 && source != target && ::dup2(source, target) < 0)
            return fail_errno(errno, "setting standard stream {}", target);
    }
    return {};
}

Status own_stdio(const Process& process) {
    if (process.uid == 0) return {};
    for (int fd = 0; fd < 3; ++fd) {
        struct stat status = {};
        if (::fstat(fd, &status) != 0) continue; // closed is allowed
        // Only what was made for this container: a file or device of the host keeps its owner.
        const bool terminal = S_ISCHR(status.st_mode) && ::isatty(fd) == 1;
        if (!S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode) && !terminal) continue;
        if (status.st_uid == process.uid) continue;
        // A user namespace may not own it, and a read-only file system refuses; the stream works all the
        // same.
        if (::fchown(fd, process.uid, status.st_gid) != 0 && errno != EPERM && errno != EINVAL &&
            errno != EROFS)
            return fail_errno(errno, "giving standard stream {} to user {}", fd, process.uid);
    }
    return {};
}

Status set_terminal(int slave, const Process& process) {
    if (::ioctl(slave, TIOCSCTTY, 0) != 0)
        return fail_errno(errno, "making the terminal the controlling one");
    for (int target = 0; target < 3; ++target)
        if (::dup2(slave, target) < 0) return fail_errno(errno, "setting standard stream {}", target);
    if (process.uid != 0 && ::fchown(slave, process.uid, static_cast<gid_t>(-1)) != 0 && errno != EINVAL &&
        errno != EPERM)
        return fail_errno(errno, "giving the terminal to user {}", process.uid);
    return {};
}

Status set_rlimits(const std::vector<Rlimit>& limits) {
    for (const auto& limit : limits) {
        const rlimit value{.rlim_cur = limit.soft, .rlim_max = limit.hard};
        const auto resource = static_cast<__rlimit_resource>(limit.resource);
        if (::setrlimit(resource, &value) == 0) continue;
        const int error = errno;
        rlimit present = {};
        ::getrlimit(resource, &present);
        return fail_errno(error,
                          "process.rlimits: setting {} to {}:{} (now {}:{}; raising the hard limit needs "
                          "CAP_SYS_RESOURCE)",
                          limit.name, limit.soft, limit.hard, present.rlim_cur, present.rlim_max);
    }
    return {};
}

Status change_user(const Process& process) {
    const auto& groups = process.additional_gids;
    // Refused in a user namespace that forbids it; without groups to set nothing is lost.
    if (::setgroups(groups.size(), groups.data()) != 0 && (errno != EPERM || !groups.empty()))
        return fail_errno(errno, "process.user.additionalGids: setting {} groups", groups.size());
    if (::setresgid(process.gid, process.gid, process.gid) != 0)
        return fail_errno(errno, "process.user.gid: becoming group {}", process.gid);
    if (::setresuid(process.uid, process.uid, process.uid) != 0)
        return fail_errno(errno, "process.user.uid: becoming user {}", process.uid);
    if (process.umask) ::umask(*process.umask);
    return {};
}

Status new_keyring() {
    if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS && errno != EPERM)
        return fail_errno(errno, "making a session keyring");
    return {};
}

Result<bool> enter_cwd(const std::string& cwd) {
    if (::chdir(cwd.c_str()) == 0) return true;
    if (errno == EACCES || errno == EPERM) return false;
    return fail_errno(errno, "process.cwd: entering {}", cwd);
}

Status check_cwd(const std::string& cwd) {
    std::array<char, PATH_MAX> path;
    if (::syscall(SYS_getcwd, path.data(), path.size()) < 0)
        return fail_errno(errno, "process.cwd: {} is not a directory one can be in", cwd);
    if (path[0] != '/')
        return fail(ErrorCode::permission, "process.cwd: {} is outside the container's root", cwd);
    return {};
}

} // namespace berth::runtime
