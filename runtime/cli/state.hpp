// What berth-runtime remembers of a container between two calls: <root>/<id>/state.json.
#pragma once

#include "berth/base/files.hpp"
#include "berth/base/json.hpp"
#include "berth/base/result.hpp"

#include "runtime/spec/spec.hpp"

#include <string>
#include <vector>

namespace berth::runtime::cli {

struct State {
    std::string id, version, bundle, rootfs, cgroup_path, created, owner;
    int pid = 0;
    std::uint64_t start_ticks = 0; // field 22 of /proc/<pid>/stat: tells a reused pid
    std::map<std::string, std::string> annotations;
    std::vector<Hook> poststart, poststop;
};

class StateDirectory {
  public:
    // The name is checked: it becomes a file name.
    static Result<StateDirectory> of(const fs::path& root, const std::string& id);
    // Makes it; ErrorCode::exists when the name is taken.
    Status make() const;
    const fs::path& path() const { return path_; }
    Status save(const State& state) const;
    Result<State> load() const;
    bool exists() const;
    // "creating" is never seen: there is no state.json yet.
    std::string status(const State& state) const; // created, running, paused or stopped
    // The start has happened.
    void forget_start() const;
    Status remove() const { return remove_tree(path_); }

  private:
    explicit StateDirectory(fs::path path) : path_(std::move(path)) {}
    fs::path path_;
};

Result<std::uint64_t> start_ticks_of(int pid);
bool is_alive(const State& state);
// A descriptor of the very process of the state.
Result<UniqueFd> open_process(const State& state);
std::vector<std::string> container_names(const fs::path& root);

} // namespace berth::runtime::cli
