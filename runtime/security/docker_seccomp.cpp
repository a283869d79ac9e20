// Docker's default seccomp profile: the system calls that a container may make. Which ones is knowledge taken
// from the profile that Moby publishes (Apache-2.0); a name unknown to the installed libseccomp is skipped.
#include "berth/runtime/docker_defaults.hpp"

#include <linux/sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace berth::runtime {

namespace {

constexpr std::string_view kAlways =
    // Files and directories.
    "_llseek access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 "
    "faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat "
    "fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync flock fstat fstat64 fstatat64 "
    "fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 "
    "inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lchown32 link linkat "
    "listmount lseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open "
    "openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead "
    "readlink readlinkat readv rename renameat renameat2 rmdir sendfile sendfile64 splice stat "
    "stat64 statfs statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs tee "
    "truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice "
    "write writev "
    // Extended attributes.
    "fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat "
    "llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat "
    // Memory.
    "brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock "
    "mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc "
    "pkey_free pkey_mprotect remap_file_pages shmat shmctl shmdt shmget "
    // Sockets.
    "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg "
    "recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair "
    // Waiting and events.
    "_newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 "
    "epoll_wait epoll_wait_old eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents "
    "io_pgetevents_time64 io_setup io_submit poll ppoll ppoll_time64 pselect6 pselect6_time64 select "
    "signalfd signalfd4 "
    // Signals.
    "alarm kill pause pidfd_open pidfd_send_signal restart_syscall rt_sigaction rt_sigpending "
    "rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
    "rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn tgkill tkill "
    // Time.
    "adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
    "clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep "
    "setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 "
    "timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
    "timerfd_settime64 times "
    // Processes and scheduling.
    "capget capset execve execveat exit exit_group fork futex futex_requeue futex_time64 futex_wait "
    "futex_waitv futex_wake get_robust_list get_thread_area getcpu getpgid getpgrp getpid getppid "
    "getpriority getrandom getrlimit getrusage getsid gettid ioprio_get ioprio_set landlock_add_rule "
    "landlock_create_ruleset landlock_restrict_self prctl prlimit64 process_mrelease riscv_hwprobe "
    "rseq sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr "
    "sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 "
    "sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp "
    "set_robust_list set_thread_area set_tid_address setpgid setpriority setrlimit setsid sysinfo "
    "ugetrlimit uname uretprobe vfork wait4 waitid waitpid "
    // Users and groups.
    "getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32 "
    "getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 "
    "setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid "
    "setreuid32 setuid setuid32 "
    // System V and POSIX IPC.
    "ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend "
    "mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop "
    "semtimedop_time64 ";

// What a capability opens.
struct Opened {
    std::string_view capability, names;
};
constexpr std::array<Opened, 13> kByCapability{
    {{"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
     {"CAP_SYS_ADMIN",
      "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr "
      "lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl "
      "quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare"},
     {"CAP_SYS_BOOT", "reboot"},
     {"CAP_SYS_CHROOT", "chroot"},
     {"CAP_SYS_MODULE", "delete_module init_module finit_module"},
     {"CAP_SYS_PACCT", "acct"},
     {"CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise"},
     {"CAP_SYS_RAWIO", "iopl ioperm"},
     {"CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64"},
     {"CAP_SYS_TTY_CONFIG", "vhangup"},
     {"CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
     {"CAP_SYSLOG", "syslog"},
     {"CAP_BPF", "bpf"}}};

#if defined(__x86_64__)
constexpr std::string_view kOfArchitecture = "arch_prctl modify_ldt";
#elif defined(__aarch64__)
constexpr std::string_view kOfArchitecture =
    "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls";
#else
constexpr std::string_view kOfArchitecture = "";
#endif

Json architectures() {
#if defined(__x86_64__)
    return {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
#elif defined(__aarch64__)
    return {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};
#else
    return Json::array();
#endif
}

Json words(std::string_view list) {
    Json result = Json::array();
    while (!list.empty()) {
        const auto end = std::min(list.find(' '), list.size());
        if (end > 0) result.push_back(list.substr(0, end));
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return result;
}

Json allow(std::string_view names) { return {{"names", words(names)}, {"action", "SCMP_ACT_ALLOW"}}; }

// Allowed when the first argument compares so.
Json allow_if(std::string_view name, std::uint64_t value, std::string_view comparison,
              std::uint64_t second = 0) {
    Json rule = allow(name);
    rule["args"] = Json::array({{{"index", 0}, {"value", value}, {"valueTwo", second}, {"op", comparison}}});
    return rule;
}

} // namespace

Json docker_seccomp_profile(const std::vector<std::string>& capabilities) {
    const auto has = [&](std::string_view name) {
        return std::ranges::find(capabilities, name) != capabilities.end();
    };
    Json rules = Json::array();
    rules.push_back(allow(kAlways));
    rules.push_back(allow(kOfArchitecture));
    // Safe since kernel 4.8, which checks the filter after a tracer has changed the call.
    rules.push_back(allow("process_vm_readv process_vm_writev ptrace"));
    // Every address family but AF_ALG (38) and AF_VSOCK (40): neither knows network namespaces.
    rules.push_back(allow_if("socket", AF_ALG, "SCMP_CMP_LT"));
    rules.push_back(allow_if("socket", AF_ALG + 1, "SCMP_CMP_EQ"));
    rules.push_back(allow_if("socket", AF_VSOCK, "SCMP_CMP_GT"));
    // PER_LINUX, UNAME26, PER_LINUX32, both, and the question what it is.
    for (const std::uint64_t persona : {0x0U, 0x20000U, 0x8U, 0x20008U, 0xffffffffU})
        rules.push_back(allow_if("personality", persona, "SCMP_CMP_EQ"));
    if (!has("CAP_SYS_ADMIN")) {
        constexpr std::uint64_t new_namespace = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                                CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP;
        rules.push_back(allow_if("clone", new_namespace, "SCMP_CMP_MASKED_EQ", 0));
        // Its flags are behind a pointer, which a filter cannot follow; C libraries fall back to clone.
        rules.push_back({{"names", {"clone3"}}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", 38}});
    }
    for (const auto& [capability, names] : kByCapability)
        if (has(capability)) rules.push_back(allow(names));
    if (has("CAP_PERFMON") && !has("CAP_SYS_ADMIN")) rules.push_back(allow("perf_event_open"));
    return {{"defaultAction", "SCMP_ACT_ERRNO"},
            {"defaultErrnoRet", 1},
            {"architectures", architectures()},
            {"syscalls", std::move(rules)}};
}

} // namespace berth::runtime
