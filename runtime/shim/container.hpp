// The shim's container: started, its output kept, its end recorded. Single-threaded and blocking.
//
// Starting takes memory (the configuration, the system call filter) that would stay with the shim as long as
// the container lives. So it is done in a child, the starter, which hands over the little that matters and
// ends; the container's init then becomes the shim's child, because the shim is a subreaper.
#pragma once

#include "berth/base/files.hpp"
#include "berth/base/result.hpp"
#include "berth/base/unique_fd.hpp"
#include "berth/runtime/cgroup.hpp"

#include "runtime/shim/spool_writer.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace berth::runtime {

// Given to the starter by the shim.
struct StartRequest {
    fs::path directory;
    int netns = -1;
    int shim_pid = -1;
    int lock = -1;     // proof of life: the starter's copy ends when the shim has taken over
    int notify = -1;   // where the agent waits for an answer
    int handover = -1; // socket on which the shim waits for a StartedContainer
    CgroupLayout layout;
};

struct StartedContainer {
    int pid = -1;
    std::uint64_t oom_kills_before = 0; // a group may be older than this run
    std::uint64_t log_segment_bytes = 0;
    int log_segments = 0;
    std::string cgroup;
    // Reading ends of what the container says: stdout and stderr, or the terminal alone.
    std::array<UniqueFd, 2> outputs;
};

// From a container directory to a running process, with status.json written. Hands it over, then answers the
// agent.
Status start_container(const StartRequest& request);
// Tells the agent why there is no container.
void answer(int notify, const Error& error);

Status hand_over(int socket, const StartedContainer& container);
// ErrorCode::closed when the starter ended without.
Result<StartedContainer> take_over(int socket);

// Until the container has ended, nothing of it lives and exit.json is written; then its cgroups are removed.
void supervise(const fs::path& directory, const Cgroup& group, SpoolWriter spool, StartedContainer container);

} // namespace berth::runtime
