// The starter: everything up to the container's first instruction.
#include "berth/base/scope_exit.hpp"
#include "berth/runtime/container.hpp"

#include "runtime/shim/container.hpp"
#include "runtime/shim/directory.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace berth::runtime {

namespace {

// What the container is given, and what we keep of it.
struct Pipes {
    std::array<UniqueFd, 2> ours;            // reading ends
    std::array<UniqueFd, 2> theirs;          // writing ends
    UniqueFd console_socket, console_answer; // instead of pipes when there is a terminal
};

Result<Pipes> make_pipes(bool terminal) {
    Pipes pipes;
    std::array<int, 2> ends = {};
    if (terminal) {
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
            return fail_errno(errno, "making a socket for the terminal");
        pipes.console_socket.reset(ends[0]);
        pipes.console_answer.reset(ends[1]);
        return pipes;
    }
    for (std::size_t i = 0; i < 2; ++i) {
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "making a pipe");
        pipes.ours[i].reset(ends[0]);
        pipes.theirs[i].reset(ends[1]);
        if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return fail_errno(errno, "preparing a pipe");
    }
    return pipes;
}

// The terminal's master, which the runtime has sent over the console socket.
Result<UniqueFd> receive_terminal(int socket) {
    std::array<char, 256> name = {};
    iovec part = {name.data(), name.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
        return fail_errno(errno, "receiving the terminal");
    const auto* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
        return fail(ErrorCode::protocol, "the runtime sent no terminal");
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    UniqueFd master(fd);
    if (::fcntl(master.get(), F_SETFL, O_NONBLOCK) != 0) return fail_errno(errno, "preparing the terminal");
    return master;
}

Result<ShimConfig> read_config(const fs::path& directory) {
    const auto json = read_json(directory / kShimFile);
    if (!json) return fail(json.error());
    auto config = shim_config_from_json(*json);
    if (!config) return fail(std::move(config.error()), "reading {}", (directory / kShimFile).string());
    return config;
}

Status move_shim(const CgroupLayout& layout, const std::string& path, int shim_pid) {
    const auto group = Cgroup::create(layout, path, Json());
    if (!group) return fail(group.error());
    return group->add_process(shim_pid);
}

Result<StatusRecord> make_status(const Created& created, int shim_pid) {
    const auto boot = boot_id();
    const auto pid_ticks = start_ticks(created.pid()), shim_ticks = start_ticks(shim_pid);
    if (!boot || !pid_ticks || !shim_ticks)
        return fail(!boot ? boot.error() : !pid_ticks ? pid_ticks.error() : shim_ticks.error());
    StatusRecord status;
    status.pid = created.pid();
    status.pid_start_ticks = *pid_ticks;
    status.shim_pid = shim_pid;
    status.shim_start_ticks = *shim_ticks;
    status.boot_id = *boot;
    status.cgroup = created.cgroup_path();
    status.started_at = now();
    return status;
}

// The agent may have gone meanwhile; then it will find out by itself.
void write_line(int notify, const Json& line) {
    std::ignore = write_all(notify, dump_json(line) + "\n", "the answer");
}

Status start(const StartRequest& request) {
    const auto config = read_config(request.directory);
    if (!config) return fail(config.error());
    if (!config->shim_cgroup.empty())
        if (auto moved = move_shim(request.layout, config->shim_cgroup, request.shim_pid); !moved)
            return moved;
    auto pipes = make_pipes(config->terminal);
    if (!pipes) return fail(std::move(pipes.error()));

    CreateOptions options;
    options.id = config->id.str();
    options.bundle = request.directory / "bundle";
    if (config->terminal)
        options.console_socket = pipes->console_socket.get();
    else
        options.stdio = {STDIN_FILENO, pipes->theirs[0].get(), pipes->theirs[1].get()};
    options.netns = request.netns;
    if (!config->rootfs.store.empty()) options.overlay = config->rootfs;
    options.seccomp_cache = request.directory.parent_path().parent_path() / "seccomp";
    const auto created = create(options);
    if (!created) return fail(created.error());
    for (auto& fd : pipes->theirs) fd.reset();
    if (config->terminal) {
        auto master = receive_terminal(pipes->console_answer.get());
        if (!master) return fail(std::move(master.error()));
        pipes->ours[0] = std::move(*master);
    }
    const auto status = make_status(**created, request.shim_pid);
    if (!status) return fail(status.error());
    StartedContainer container;
    container.pid = status->pid;
    container.cgroup = status->cgroup;
    const auto group = Cgroup::open(request.layout, status->cgroup);
    container.oom_kills_before = group.oom_kills();
    container.log_segment_bytes = config->log_segment_bytes;
    container.log_segments = config->log_segments;
    container.outputs = std::move(pipes->ours);
    // Before it runs: from the first instruction on there is a record by which it can be found and killed.
    const auto status_file = request.directory / kStatusFile;
    if (auto written = write_file_atomic(status_file, dump_json(to_json(*status)), 0600, false); !written)
        return written;
    // Nor does it go on without a shim, when a poststart hook failed or the shim has died.
    ScopeExit undo([&] {
        std::ignore = group.kill();
        std::ignore = group.remove();
        ::unlink(status_file.c_str());
    });
    if (auto started = (*created)->start(); !started) return started;
    std::signal(SIGPIPE, SIG_IGN); // not earlier: the container would inherit it
    if (auto handed = hand_over(request.handover, container); !handed) return handed;
    undo.dismiss();
    ::close(request.lock); // whoever has the answer finds the lock with the shim alone
    write_line(request.notify, to_json(*status));
    return {};
}

} // namespace

void answer(int notify, const Error& error) { write_line(notify, {{"error", error.message()}}); }

Status start_container(const StartRequest& request) {
    auto started = start(request);
    if (!started) answer(request.notify, started.error());
    return started;
}

} // namespace berth::runtime
