// What the agent does with a container that a shim holds: look, wait, signal, kill, clear away.
#include "runtime/shim/directory.hpp"
#include "runtime/shim/end_of_process.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace berth::runtime {

namespace {
constexpr std::chrono::microseconds kShortestPause(500), kLongestPause(100'000);
} // namespace

Result<Inspection> inspect(const fs::path& directory) {
    // The lock before the records: a shim that ends between the two has written its record by then.
    const auto locked = is_locked(directory);
    auto exit = read_exit(directory);
    auto status = read_status(directory);
    if (!locked || !exit || !status)
        return fail(!locked ? locked.error()
                    : !exit ? exit.error()
                            : status.error(),
                    "inspecting {}", directory.string());
    Inspection inspection;
    inspection.found = *exit     ? Found::exited
                       : *locked ? Found::running
                       : *status ? Found::lost
                                 : Found::never_started;
    inspection.status = std::move(*status);
    inspection.exit = std::move(*exit);
    return inspection;
}

Async<Result<ExitRecord>> wait_exit(fs::path directory, StatusRecord status) {
    const auto shim = open_process(status.shim_pid, status.shim_start_ticks, status.boot_id);
    if (!shim) co_return fail(shim.error());
    if (*shim) {
        auto ended = co_await wait_for_end(shim->get(), Deadline::max());
        if (!ended) co_return fail(std::move(ended.error()));
        std::ignore = reap(shim->get()); // ours when we started it, otherwise init's
    }
    const auto record = read_exit(directory);
    if (!record) co_return fail(record.error());
    if (*record) co_return **record;
    // The shim was killed. Nobody holds the container any more, so it must not go on.
    for (;;) {
        const auto killed = co_await kill_all(directory, deadline_in(std::chrono::seconds(10)));
        if (killed) break;
        if (killed.error().code() != ErrorCode::timeout) co_return fail(killed.error());
    }
    ExitRecord exit;
    exit.exit_code = 128 + SIGKILL;
    exit.signal = SIGKILL;
    exit.finished_at = now();
    if (const auto group = cgroup_of(directory)) {
        if (const auto stats = group->stats()) {
            exit.oom_killed = stats->oom_kills != 0;
            exit.peak_memory_bytes = stats->memory_peak_bytes;
        }
        (void)group->remove();
    }
    if (auto written = write_exit(directory, exit); !written) co_return fail(std::move(written.error()));
    co_return exit;
}

Status send_signal(const StatusRecord& status, int signal) {
    const auto process = open_process(status.pid, status.pid_start_ticks, status.boot_id);
    if (!process) return fail(process.error());
    if (*process && ::syscall(SYS_pidfd_send_signal, process->get(), signal, nullptr, 0) != 0 &&
        errno != ESRCH)
        return fail_errno(errno, "sending signal {} to process {}", signal, status.pid);
    return {};
}

Async<Status> kill_all(fs::path directory, Deadline deadline) {
    const auto group = cgroup_of(directory);
    if (!group) co_return fail(group.error());
    // Killed processes are gone within milliseconds or hang in the kernel, so it is asked ever more slowly.
    // Watching cgroup.events costs more than that: to close an inotify descriptor takes the kernel some 20
    // ms.
    for (auto pause = kShortestPause;; pause = std::min(2 * pause, kLongestPause)) {
        if (auto killed = group->kill_once(); !killed) co_return killed;
        if (!group->populated()) co_return Status{};
        if (std::chrono::steady_clock::now() >= deadline)
            co_return fail(ErrorCode::timeout,
                           "processes of the cgroup {} do not end although they were killed", group->path());
        auto slept = co_await sleep_until(std::min(deadline, deadline_in(pause)));
        if (!slept) co_return slept;
    }
}

Status remove_traces(const fs::path& directory) {
    const auto group = cgroup_of(directory);
    if (!group && group.error().code() == ErrorCode::not_found)
        return {}; // without a configuration nothing was ever made
    if (!group) return fail(group.error());
    return group->remove();
}

} // namespace berth::runtime
