// The cgroups of one container on v1, v2 and hybrid hosts behind one set of verbs.
//
// Layout is read once from /proc/self/mountinfo. On hybrid hosts each controller is used where the kernel has
// it (v1 mount or v2), and a group on the v2 hierarchy is made as well: it gives cgroup.kill and pressure.
// Created and configured through libcgroup where that can; direct files elsewhere (cgroup.kill,
// memory.events, device programs). Blocking.
#pragma once

#include "berth/base/files.hpp"
#include "berth/base/json.hpp"
#include "berth/base/result.hpp"
#include "berth/base/unique_fd.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace berth::runtime {

struct CgroupLayout {
    std::map<std::string, fs::path> v1; // controller → mount point ("memory", "cpu", "name=systemd" …)
    fs::path v2;                        // mount point of the v2 hierarchy, empty if none
    std::vector<std::string> v2_controllers;
    bool pure_v2() const { return v1.empty() && !v2.empty(); }
    static Result<CgroupLayout> detect();
};

struct CgroupStats {
    std::uint64_t cpu_usage_ns = 0;
    std::uint64_t memory_bytes = 0, memory_peak_bytes = 0, memory_limit_bytes = 0; // limit 0: none
    std::uint64_t oom_kills = 0;
    std::uint64_t pids = 0;
};

class Cgroup {
  public:
    // `path` is relative to each hierarchy's mount point ("ecs/<task>/<container>"); parents are made as
    // needed with their controllers enabled. `resources` is linux.resources of config.json (may be null).
    static Result<Cgroup> create(const CgroupLayout& layout, const std::string& path, const Json& resources);
    // One that exists, for stats, kill and removal; missing is fine.
    static Cgroup open(const CgroupLayout& layout, const std::string& path);

    const std::string& path() const { return path_; }
    // Moves a process into every group. For clone3(CLONE_INTO_CGROUP) on v2 use v2_fd().
    Status add_process(int pid) const;
    Result<UniqueFd> v2_fd() const; // O_PATH directory; error when there is no v2 group
    Status set_resources(const Json& resources) const;
    Result<CgroupStats> stats() const;
    Result<std::vector<int>> processes() const; // with sub-groups
    bool populated() const;
    // How often the kernel has killed one of it for want of memory.
    std::uint64_t oom_kills() const;
    // Descriptor that becomes readable (v1: eventfd; v2: inotify on memory.events) when an OOM kill happened.
    Result<UniqueFd> oom_events() const;
    Status freeze(bool frozen) const;
    // SIGKILL to every process: cgroup.kill where there is one, else signal until empty.
    Status kill() const;
    // The same without waiting: cgroup.kill, or one round of signals.
    Status kill_once() const;
    // Removes the groups with sub-groups. EBUSY is retried while processes are still exiting, up to a second.
    Status remove() const;

  private:
    Cgroup(CgroupLayout layout, std::string path) : layout_(std::move(layout)), path_(std::move(path)) {}
    CgroupLayout layout_;
    std::string path_;
};

} // namespace berth::runtime
