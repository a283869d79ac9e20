// berth-shim: holds one container from its start to its end; for its arguments see launch_protocol.hpp.
#include "runtime/shim/container.hpp"
#include "runtime/shim/directory.hpp"
#include "runtime/shim/launch_protocol.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <string_view>

namespace {

using namespace berth;
using namespace berth::runtime;

int number(std::string_view text) {
    int value = -1;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? value : -1;
}

// The starter's whole life.
[[noreturn]] void run_starter(const StartRequest& request) {
    // Without the shim nobody would hold the container.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::getppid() != request.shim_pid) ::_exit(1);
    ::_exit(start_container(request) ? 0 : 1);
}

// From here on only the container's end ends us, and we are among the last to be killed for want of memory.
// Not earlier: the container would inherit it.
void settle() {
    for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) std::signal(signal, SIG_IGN);
    std::ignore = write_control_file("/proc/self/oom_score_adj", "-999");
}

// Takes what a shim needs before there is a container that would need a shim; an error is one of that time.
// Then lives as long as the container, if it could be started; the exit code.
Result<int> hold(StartRequest request) {
    if (::access((request.directory / kExitFile).c_str(), F_OK) == 0)
        return fail(ErrorCode::exists, "{} has run already", request.directory.filename().string());
    auto layout = CgroupLayout::detect();
    auto spool = SpoolWriter::open(request.directory / kLogDirectory);
    if (!layout || !spool) return fail(layout ? std::move(spool.error()) : std::move(layout.error()));
    request.layout = std::move(*layout);
    // Orphans of a container that shares the host's pid namespace come to us, too.
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return fail_errno(errno, "becoming a subreaper");
    std::array<int, 2> ends = {};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return fail_errno(errno, "making a socket");
    UniqueFd ours(ends[0]), theirs(ends[1]);
    request.handover = theirs.get();
    const auto starter = ::fork();
    if (starter < 0) return fail_errno(errno, "making a process");
    if (starter == 0) run_starter(request);
    theirs.reset();
    ::close(request.notify);
    if (request.netns >= 0) ::close(request.netns);
    settle();
    auto container = take_over(ours.get());
    if (!container) return 1; // the starter has said why
    ours.reset();
    ::malloc_trim(0); // what it took to get here
    spool->set_limits(container->log_segment_bytes, container->log_segments);
    const auto group = Cgroup::open(request.layout, container->cgroup);
    supervise(request.directory, group, std::move(*spool), std::move(*container));
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    StartRequest request;
    request.notify = argc >= 3 ? number(argv[2]) : -1;
    request.lock = argc >= 4 ? number(argv[3]) : -1;
    request.netns = argc >= 5 ? number(argv[4]) : -1;
    if (request.notify < 0 || request.lock < 0) {
        std::fputs("berth-shim holds one container and is started by berthd: "
                   "berth-shim DIRECTORY NOTIFY_FD LOCK_FD [NETNS_FD]\n",
                   stderr);
        return 2;
    }
    request.directory = argv[1];
    request.shim_pid = ::getpid();
    for (const int fd : {request.notify, request.lock, request.netns}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    const auto held = hold(request);
    if (!held) answer(request.notify, held.error());
    return held.value_or(1);
}
