// The contract between the agent and berth-shim: what is handed over, what is written where.
//
// One directory per container, <containers>/<container id>/, mode 0700:
//   bundle/config.json     OCI configuration (written by the agent before launch)
//   shim.json              ShimConfig (written by the agent before launch)
//   lock                   the shim holds a write lock (F_OFD_SETLK) on it while it lives: the proof of life
//   status.json            StatusRecord, written when the container's process is about to run
//   exit.json              ExitRecord, written (and synced) once when the container has ended
//   log/                   the log spool, see log_spool.hpp
// A second launch for the same directory while the lock is held, or after exit.json exists, fails: nothing
// is ever started twice. No function here blocks longer than the system calls it makes.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/files.hpp"
#include "berth/base/ids.hpp"
#include "berth/base/json.hpp"
#include "berth/base/time.hpp"
#include "berth/base/unique_fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace berth::runtime {

// Root file system by overlayfs, mounted inside the container's mount namespace only.
struct OverlayRoot {
    std::string store;              // working directory of the mount
    std::vector<std::string> lower; // topmost first, relative to store
    std::string upper, work;
};

struct ShimConfig {
    ContainerId id;
    OverlayRoot rootfs; // empty store: root.path of config.json is used as it is
    std::uint64_t log_segment_bytes = std::uint64_t{16} << 20;
    int log_segments = 4;    // the oldest is removed when there are more
    bool terminal = false;   // as process.terminal of config.json: the terminal's output is logged
    std::string shim_cgroup; // where the shim itself goes; empty: it stays where it was started
};
Json to_json(const ShimConfig& config);
Result<ShimConfig> shim_config_from_json(const Json& json);

struct StatusRecord {
    int pid = 0;                       // container's init, in the host's pid namespace
    std::uint64_t pid_start_ticks = 0; // field 22 of /proc/<pid>/stat: guards against reuse
    int shim_pid = 0;
    std::uint64_t shim_start_ticks = 0;
    std::string boot_id;
    std::string cgroup; // of the container, for Cgroup::open
    Time started_at;
};
struct ExitRecord {
    int exit_code = 0;       // 128+n when killed by signal n
    int signal = 0;          // 0 when it exited by itself
    bool oom_killed = false; // the kernel killed a process of it for its memory limit
    Time finished_at;
    std::uint64_t peak_memory_bytes = 0; // 0: unknown
};
Json to_json(const StatusRecord& record);
Json to_json(const ExitRecord& record);
Result<StatusRecord> status_record_from_json(const Json& json);
Result<ExitRecord> exit_record_from_json(const Json& json);

// Where the agent finds the shim: ../libexec/berth/berth-shim relative to its own executable.
struct LaunchRequest {
    LaunchRequest() = default;
    fs::path shim_program;
    fs::path directory; // of the container
    int netns = -1;     // borrowed; -1: as config.json says
};

// Starts the shim (vfork-like, no page tables copied) in its own session and waits, without blocking, for its
// one-line answer: started, or the error of the failing step (as CannotStartContainerError).
Async<Result<StatusRecord>> launch(LaunchRequest request, Deadline deadline);

// What a container directory says, for recovery.
enum class Found : std::uint8_t { never_started, running, exited, lost };
// running without a status: the shim is just about to start it; look again soon.
// lost: started once, no exit record, and no shim: its processes, if any, are to be killed by cgroup.
struct Inspection {
    Found found = Found::never_started;
    std::optional<StatusRecord> status;
    std::optional<ExitRecord> exit;
};
Result<Inspection> inspect(const fs::path& directory);

// Completes when the shim has ended; then exit.json is final (or missing: the shim was killed; the container
// is then killed by its cgroup and an ExitRecord with exit code 137 is written in its place).
Async<Result<ExitRecord>> wait_exit(fs::path directory, StatusRecord status);

// To the container's init, by pidfd checked against pid_start_ticks. Already gone is success.
Status send_signal(const StatusRecord& status, int signal);
// Every process of the container, by its cgroup; returns when the cgroup is empty.
Async<Status> kill_all(fs::path directory, Deadline deadline);
// Removes what the runtime made: cgroups. Nothing there is success. The directory itself is the caller's.
Status remove_traces(const fs::path& directory);

} // namespace berth::runtime
