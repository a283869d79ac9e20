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
#include <vector>

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
    bool new_keyring = true;   // false: shares the caller's session keyring
    int console_socket = -1;   // borrowed; gets the terminal's master when process.terminal is set
    unsigned preserve_fds = 0; // descriptors 3 … 3+n-1 stay open in the container
    // Not empty: a socket is made there, by which start_waiting() in any process starts the container.
    fs::path start_directory;
};

// A container whose process stands ready, all set up, waiting to execute the user's program.
class Created {
  public:
    virtual ~Created() = default;
    virtual int pid() const = 0;
    virtual int pidfd() const = 0;
    // Of the container in every hierarchy, for Cgroup::open.
    virtual const std::string& cgroup_path() const = 0;
    // What config.json asked for and did not get, one sentence each.
    virtual const std::vector<std::string>& warnings() const = 0;
    // Lets it go; returns once execve has succeeded, or why it did not. A poststart hook that
    // fails is a warning.
    virtual Status start() = 0;
    // It waits on after this object is gone (only with start_directory). Otherwise an unstarted container is
    // killed and its traces removed when the object is destroyed.
    virtual void leave() = 0;
};

// Everything up to the point before the program: cgroup, namespaces, mounts, security. On error nothing is
// left.
Result<std::unique_ptr<Created>> create(const CreateOptions& options);

// Starts the container that waits in `start_directory`; not_found when its process is gone.
Status start_waiting(const fs::path& start_directory);

} // namespace berth::runtime
