// What the effects of the core mean on this host: pull, create, start, signal, remove for one container.
//
// Each action may be asked for again after a crash and then finds what the first one left.
#pragma once

#include "berth/executor/engine.hpp"
#include "berth/runtime/shim.hpp"

#include <memory>
#include <string>
#include <unordered_map>

namespace berth::executor {

// A task and the place of one of its containers, kept alive through suspensions.
struct Target {
    std::shared_ptr<const engine::TaskSpec> task;
    std::string name;
    ContainerId id;
    const engine::ContainerSpec& container() const { return *task->find(name); }
    bool bridged() const { return task->network_mode == "bridge"; }
};

class Actions {
  public:
    Actions(Parts parts, Settings settings) : parts_(std::move(parts)), settings_(std::move(settings)) {}

    fs::path directory(const ContainerId& id) const { return settings_.data_dir / "containers" / id.str(); }

    Async<Result<images::Image>> pull(Target target, std::function<void(Digest)> on_resolved);

    struct Created {
        std::string ip_address;
        std::vector<engine::NetworkBinding> bindings;
    };
    // Root file system, network, volumes, cgroup of the task and the bundle. Errors are
    // CannotCreateContainerError's.
    Async<Result<Created>> create(Target target);
    // False after a restart of the agent: the network namespace was only a descriptor, so create() is due
    // again.
    bool prepared(const ContainerId& id) const { return prepared_.contains(id.str()); }
    Async<Result<runtime::StatusRecord>> start(Target target);
    // Before a restart by policy: the records of the run that ended make room for those of the next.
    Status forget_last_run(const ContainerId& id) const;
    // Output of a running or ended container goes on to where it should; idempotent.
    Status follow_logs(const Target& target);
    Async<Result<runtime::ExitRecord>> wait_exit(Target target, runtime::StatusRecord status);
    // Stop signal (of the task definition, the image, or SIGTERM) or, with kill, everything in the cgroup.
    Async<Status> signal(Target target, bool kill);
    Async<Status> remove(Target target);
    // What belongs to the task as a whole: its cgroup and volumes.
    Async<Status> remove_task(std::shared_ptr<const engine::TaskSpec> task);
    // Directories of containers that no task knows: their processes are ended and all traces removed.
    Async<Status> remove_strays(std::vector<ContainerId> known);

  private:
    struct Prepared {
        UniqueFd netns;
    };
    std::string task_cgroup(const engine::TaskSpec& task) const {
        return settings_.cgroup_parent + "/" + task.id();
    }
    Status write_bundle(const Target& target, const images::Image& image,
                        const std::string& ip_address) const;
    Status prepare_task_cgroup(const engine::TaskSpec& task) const;

    Parts parts_;
    Settings settings_;
    std::unordered_map<std::string, Prepared> prepared_; // by container id
    std::unordered_map<std::string, images::Image> images_;
};

} // namespace berth::executor
