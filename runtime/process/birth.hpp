// What a failed birth takes back: the process and its cgroups.
#pragma once

#include "berth/runtime/cgroup.hpp"

#include "runtime/namespaces/namespaces.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace berth::runtime {

// A process of ours that dies with this object, until released.
class Birth {
  public:
    explicit Birth(Cloned cloned) : cloned_(std::move(cloned)) {}
    Birth(const Birth&) = delete;
    Birth& operator=(const Birth&) = delete;
    ~Birth() {
        if (cloned_.pid <= 0) return;
        ::syscall(SYS_pidfd_send_signal, cloned_.pidfd.get(), SIGKILL, nullptr, 0);
        std::ignore = reap();
    }
    int pid() const { return cloned_.pid; }
    int pidfd() const { return cloned_.pidfd.get(); }
    void release() { cloned_.pid = -1; }

    // Waits for its end; how it ended.
    std::string reap() {
        siginfo_t info = {};
        const auto id = static_cast<id_t>(cloned_.pidfd.get());
        while (::waitid(P_PIDFD, id, &info, WEXITED) != 0 && errno == EINTR) {
        }
        cloned_.pid = -1;
        return info.si_code == CLD_EXITED ? fmt::format("exited with status {}", info.si_status)
                                          : fmt::format("was killed by signal {}", info.si_status);
    }
    // The process goes on in another one, a sibling.
    Status follow(pid_t pid) {
        std::ignore = reap();
        cloned_.pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
        if (!cloned_.pidfd) return fail_errno(errno, "following the container's process {}", pid);
        cloned_.pid = pid;
        return {};
    }

  private:
    Cloned cloned_;
};

// Cgroups that are removed again, until released.
class MadeCgroup {
  public:
    explicit MadeCgroup(Cgroup cgroup) : cgroup_(std::move(cgroup)) {}
    MadeCgroup(const MadeCgroup&) = delete;
    MadeCgroup& operator=(const MadeCgroup&) = delete;
    ~MadeCgroup() {
        if (released_) return;
        std::ignore = cgroup_.kill();
        std::ignore = cgroup_.remove();
    }
    const Cgroup& get() const { return cgroup_; }
    void release() { released_ = true; }

  private:
    Cgroup cgroup_;
    bool released_ = false;
};

} // namespace berth::runtime
