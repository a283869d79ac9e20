// Making and joining namespaces by clone3(2), setns(2) and unshare(2).
#include "runtime/namespaces/namespaces.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace berth::runtime {

namespace {

// Joining a namespace of the wrong kind would silently leave the container in the host's.
Result<JoinedNamespace> open_namespace(const Namespace& entry) {
    JoinedNamespace joined{.flag = entry.flag, .own = {}, .fd = -1, .path = entry.path};
    auto file = open_file(entry.path, O_RDONLY);
    if (!file) return fail(std::move(file.error()), "linux.namespaces: joining");
    joined.own = std::move(*file);
    joined.fd = joined.own.get();
    return joined;
}

std::string map_text(const std::vector<IdMap>& maps) {
    std::string text;
    for (const auto& map : maps) text += fmt::format("{} {} {}\n", map.container, map.host, map.size);
    return text;
}

} // namespace

Result<NamespacePlan> plan_namespaces(const Spec& spec, int netns) {
    NamespacePlan plan;
    int made = 0;
    for (const auto& entry : spec.namespaces) {
        if (entry.flag == CLONE_NEWNET && netns >= 0) continue;
        if (entry.path.empty()) {
            made |= entry.flag;
            continue;
        }
        auto joined = open_namespace(entry);
        if (!joined) return std::unexpected(std::move(joined.error()));
        if (entry.flag == CLONE_NEWPID)
            plan.joined_pid = std::move(*joined);
        else if (entry.flag == CLONE_NEWUSER) // it gives the right to join those it owns
            plan.joined.insert(plan.joined.begin(), std::move(*joined)), plan.joins_user = true;
        else
            plan.joined.push_back(std::move(*joined));
    }
    if (netns >= 0)
        plan.joined.push_back(
            {.flag = CLONE_NEWNET, .own = {}, .fd = netns, .path = "the given network namespace"});
    plan.new_user = (made & CLONE_NEWUSER) != 0;
    plan.new_network = (made & CLONE_NEWNET) != 0;
    // Its root is the cgroup of the process that makes it, so it is made after the move into the groups.
    plan.new_cgroup = (made & CLONE_NEWCGROUP) != 0;
    made &= ~CLONE_NEWCGROUP;
    if (!plan.joins_user) {
        plan.clone_flags = made;
        return plan;
    }
    plan.forks_for_pid = (made & CLONE_NEWPID) != 0;
    plan.unshare_flags = made & ~CLONE_NEWPID;
    return plan;
}

Result<Cloned> clone_process(int flags, int cgroup) {
    int pidfd = -1;
    clone_args args = {};
    args.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags)) | CLONE_PIDFD;
    args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
    // A sibling's death is told as its parent's creator was told of that one's.
    args.exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = static_cast<std::uint64_t>(cgroup);
    }
    const auto pid = ::syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0) return fail_errno(errno, "creating the container's process with its namespaces");
    Cloned cloned;
    cloned.pid = static_cast<pid_t>(pid);
    if (pid != 0) cloned.pidfd.reset(pidfd);
    return cloned;
}

Result<Cloned> clone_container(const NamespacePlan& plan, int cgroup) {
    if (!plan.joined_pid) return clone_process(plan.clone_flags, cgroup);
    // Joining a pid namespace concerns only the children born afterwards; it can be taken back.
    const auto own = open_file("/proc/self/ns/pid_for_children", O_RDONLY);
    if (!own) return std::unexpected(own.error());
    if (::setns(plan.joined_pid->fd, CLONE_NEWPID) != 0)
        return fail_errno(errno, "joining the pid namespace {}", plan.joined_pid->path);
    auto cloned = clone_process(plan.clone_flags, cgroup);
    if ((!cloned || cloned->pid != 0) && ::setns(own->get(), CLONE_NEWPID) != 0)
        return fail_errno(errno, "returning to the own pid namespace");
    return cloned;
}

Status enter_namespaces(const NamespacePlan& plan) {
    for (const auto& joined : plan.joined) {
        if (::setns(joined.fd, joined.flag) != 0)
            return fail_errno(errno, "joining the namespace {}", joined.path);
        if (joined.flag == CLONE_NEWUSER)
            if (auto root = become_namespace_root(); !root) return root;
    }
    if (plan.unshare_flags != 0 && ::unshare(plan.unshare_flags) != 0)
        return fail_errno(errno, "making the namespaces of the joined user namespace");
    return {};
}

Status become_namespace_root() {
    // Groups of the host mean nothing inside. Refused where the map's maker forbade it.
    if (::setgroups(0, nullptr) != 0 && errno != EPERM)
        return fail_errno(errno, "dropping the host's groups");
    if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
        return fail_errno(errno, "becoming root of the user namespace (is user and group 0 mapped?)");
    return {};
}

Status write_id_maps(pid_t pid, const Spec& spec) {
    const auto base = fmt::format("/proc/{}", pid);
    if (auto written = write_control_file(base + "/uid_map", map_text(spec.uid_mappings)); !written)
        return fail(std::move(written.error()), "linux.uidMappings");
    if (auto written = write_control_file(base + "/gid_map", map_text(spec.gid_mappings)); !written)
        return fail(std::move(written.error()), "linux.gidMappings");
    return {};
}

Status bring_up_loopback() {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail_errno(errno, "opening a socket in the new network namespace");
    ifreq request = {};
    std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
    request.ifr_flags = IFF_UP;
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0)
        return fail_errno(errno, "bringing up the device lo");
    return {};
}

} // namespace berth::runtime
