// The OCI runtime as a library: one container from its config.json to its end. Used by berth-shim and by
// berth-runtime, which are two faces of it. Blocking and single-threaded; not for the event loop.
#pragma once

#include "berth/base/files.hpp"
#include "berth/base/json.hpp"
#include "berth/base/result.hpp"
#include "berth/base/unique_fd.hpp"
#include "berth/runtime/shim.hpp"

#include <memory>
#include <optional>
#include <string>

namespace berth::runtime {

struct Stdio {
    int in = -1, out = -1, err = -1; // borrowed; -1: inherited
};

struct CreateOptions {
    std::string id;
    fs::path bundle;
    Stdio stdio;
    int netns = -1; // borrowed: joined instead of what config.json says
    std::optional<OverlayRoot> overlay;
    fs::path seccomp_cache; // directory for compiled filters; empty: none
    bool pivot_root = true; // false: MS_MOVE (--no-pivot)
    bool new_session = true;
};

// A container whose process stands ready, all set up, waiting to execute the user's program.
class Created {
  public:
    virtual ~Created() = default;
    virtual int pid() const = 0;
    virtual int pidfd() const = 0;
    // Lets it go; returns once execve has succeeded, or why it did not.
    virtual Status start() = 0;
};

// Everything up to the point before the program: cgroup, namespaces, mounts, security. On error nothing is
// left.
Result<std::unique_ptr<Created>> create(const CreateOptions& options);

} // namespace berth::runtime
