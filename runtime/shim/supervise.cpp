// The shim's long life: output into the spool, the end into exit.json.
#include "runtime/shim/container.hpp"
#include "runtime/shim/directory.hpp"
#include "runtime/shim/spool_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>

namespace berth::runtime {

namespace {

// One output of the container until its last writer is gone.
class Stream {
  public:
    Stream(UniqueFd fd, bool is_stderr) : fd_(std::move(fd)), splitter_(is_stderr) {}
    int fd() const { return fd_.get(); }
    bool ended() const { return !fd_; }

    // One read; false when there was nothing.
    bool read_once(SpoolWriter& spool) {
        const auto space = splitter_.space();
        const auto got = ::read(fd_.get(), space.data(), space.size());
        if (got > 0) {
            splitter_.accept(static_cast<std::size_t>(got), spool, now());
            return true;
        }
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
        close(spool); // end of a pipe; a terminal without users says EIO
        return false;
    }
    // What was written before the writers died, and no more: somebody outside may hold the other end. One
    // read brings 4 KiB or more, or all there is.
    void drain(SpoolWriter& spool) {
        if (ended()) return;
        const int capacity = std::max(::fcntl(fd_.get(), F_GETPIPE_SZ), 64 << 10);
        for (int left = capacity; left > 0 && !ended() && read_once(spool);) left -= 4 << 10;
        if (!ended()) close(spool);
    }

  private:
    void close(SpoolWriter& spool) {
        splitter_.finish(spool, now());
        fd_.reset();
    }
    UniqueFd fd_;
    LineSplitter splitter_;
};

// Descriptor for SIGCHLD. Blocked only now that the container has got its own signal mask.
UniqueFd child_events() {
    sigset_t children;
    ::sigemptyset(&children);
    ::sigaddset(&children, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &children, nullptr);
    return UniqueFd(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
}

// Reaps whoever has ended; how the container's init did, if it was among them.
std::optional<ExitRecord> reap(int init) {
    std::optional<ExitRecord> record;
    int status = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid != init) continue;
        record.emplace();
        record->finished_at = now();
        record->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        record->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return record;
}

// Never calls it ended while its end cannot be read by others: a full disk is waited out.
void record_exit(const fs::path& directory, ExitRecord exit, const Cgroup& group,
                 std::uint64_t oom_kills_before) {
    if (const auto stats = group.stats()) {
        exit.oom_killed = stats->oom_kills > oom_kills_before;
        exit.peak_memory_bytes = stats->memory_peak_bytes;
    }
    while (!write_exit(directory, exit)) ::poll(nullptr, 0, 1000);
}

} // namespace

void supervise(const fs::path& directory, const Cgroup& group, SpoolWriter spool,
               StartedContainer container) {
    std::array<Stream, 2> streams = {Stream(std::move(container.outputs[0]), false),
                                     Stream(std::move(container.outputs[1]), true)};
    const auto children = child_events();
    auto exit = reap(container.pid);
    for (int pause = 1;;) {
        if (exit) {
            // What shares no pid namespace with the init has outlived it.
            std::ignore = group.kill_once();
            if (!group.populated()) break;
        }
        std::array<pollfd, 3> events = {pollfd{children.get(), POLLIN, 0}, pollfd{streams[0].fd(), POLLIN, 0},
                                        pollfd{streams[1].fd(), POLLIN, 0}};
        if (::poll(events.data(), events.size(), exit ? pause : -1) < 0) continue;
        if (exit) pause = std::min(2 * pause, 100); // killed processes are gone at once or hang in the kernel
        for (std::size_t i = 0; i < streams.size(); ++i)
            if (events[i + 1].revents != 0) streams[i].read_once(spool);
        spool.flush();
        if (events[0].revents != 0) {
            signalfd_siginfo ignored;
            (void)!::read(children.get(), &ignored, sizeof ignored);
            if (auto record = reap(container.pid)) exit = record;
        }
    }
    for (auto& stream : streams) stream.drain(spool);
    spool.flush();
    record_exit(directory, *exit, group, container.oom_kills_before);
    std::ignore = reap(container.pid);
    std::ignore = group.remove();
}

} // namespace berth::runtime
