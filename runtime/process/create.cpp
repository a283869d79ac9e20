// create(): the creator's side of a container's birth.
#include "runtime/process/birth.hpp"
#include "runtime/process/channel.hpp"
#include "runtime/process/child.hpp"
#include "runtime/process/container.hpp"
#include "runtime/process/hooks.hpp"

#include <fcntl.h>

#include <cerrno>
#include <set>

namespace berth::runtime {

namespace {

Status run_runtime_hooks(const LaunchPlan& plan, int pid, int channel) {
    const auto state = state_json(plan.spec, plan.options.id, "creating", pid, plan.options.bundle.string());
    if (auto run = run_hooks(plan.spec.hooks.prestart, "prestart", state); !run) return run;
    if (auto run = run_hooks(plan.spec.hooks.create_runtime, "createRuntime", state); !run) return run;
    return send(channel, Message{.tell = Tell::hooks_done, .value = pid});
}

// Until the process says it is ready.
Status attend(const LaunchPlan& plan, Birth& birth, int channel) {
    if (plan.namespaces.new_user) {
        if (auto mapped = write_id_maps(birth.pid(), plan.spec); !mapped) return mapped;
        if (auto told = send(channel, Message{.tell = Tell::mapped}); !told) return told;
    }
    for (;;) {
        const auto message = receive(channel);
        if (!message && message.error().code() == ErrorCode::closed)
            return fail(ErrorCode::io,
                        "the container's process {} while it was set up (is its memory limit too low?)",
                        birth.reap());
        if (!message) return std::unexpected(message.error());
        switch (message->tell) {
        case Tell::ready: return {};
        case Tell::failed: return std::unexpected(to_error(*message));
        case Tell::process:
            if (auto followed = birth.follow(message->value); !followed) return followed;
            break;
        case Tell::mounted:
            if (auto hooks = run_runtime_hooks(plan, birth.pid(), channel); !hooks) return hooks;
            break;
        default: return fail(ErrorCode::protocol, "the container's process sent an unexpected message");
        }
    }
}

// Says start and waits until the other end is closed by execve.
Status release(int channel) {
    if (auto sent = send(channel, Message{.tell = Tell::start}); !sent) return sent;
    const auto answer = receive(channel);
    if (!answer && answer.error().code() == ErrorCode::closed) return {};
    if (!answer) return std::unexpected(answer.error());
    return std::unexpected(to_error(*answer));
}

// Where the process goes: born in the v2 group, and moved by itself into those of v1.
struct Groups {
    UniqueFd v2;
    std::vector<UniqueFd> v1; // "tasks" of each hierarchy
};
Result<Groups> open_groups(const LaunchPlan& plan) {
    Groups groups;
    if (!plan.layout.v2.empty()) {
        auto directory = open_file(plan.layout.v2 / plan.cgroup_path, O_PATH | O_DIRECTORY);
        if (!directory) return std::unexpected(std::move(directory.error()));
        groups.v2 = std::move(*directory);
    }
    std::set<fs::path> mounts;
    for (const auto& [controller, mount] : plan.layout.v1) mounts.insert(mount);
    for (const auto& mount : mounts) {
        auto tasks = open_file(mount / plan.cgroup_path / "tasks", O_WRONLY);
        if (!tasks) return std::unexpected(std::move(tasks.error()));
        groups.v1.push_back(std::move(*tasks));
    }
    return groups;
}

} // namespace

Container::Container(LaunchPlan plan, std::unique_ptr<MadeCgroup> cgroup, std::unique_ptr<Birth> birth,
                     UniqueFd channel)
    : plan_(std::move(plan)), cgroup_(std::move(cgroup)), birth_(std::move(birth)), pid_(birth_->pid()),
      channel_(std::move(channel)) {}
Container::~Container() = default;

int Container::pidfd() const { return birth_->pidfd(); }

Status Container::start() {
    auto started = plan_.options.start_directory.empty() ? release(channel_.get())
                                                         : start_waiting(plan_.options.start_directory);
    if (!started) return started;
    leave();
    const auto state =
        state_json(plan_.spec, plan_.options.id, "running", pid_, plan_.options.bundle.string());
    // It runs: what fails now is no reason to call it not started.
    if (auto hooks = run_hooks(plan_.spec.hooks.poststart, "poststart", state); !hooks)
        plan_.spec.warnings.push_back(hooks.error().message());
    return {};
}

void Container::leave() {
    birth_->release();
    cgroup_->release();
}

Result<std::unique_ptr<Container>> create_container(const CreateOptions& options) {
    auto plan = make_plan(options);
    if (!plan) return std::unexpected(std::move(plan.error()));
    // Somebody else's processes would be limited, and in the end killed, with the container's.
    if (Cgroup::open(plan->layout, plan->cgroup_path).populated())
        return fail(ErrorCode::exists, "the cgroup {} holds processes already", plan->cgroup_path);
    auto made = Cgroup::create(plan->layout, plan->cgroup_path, plan->resources);
    if (!made) return std::unexpected(std::move(made.error()));
    auto cgroup = std::make_unique<MadeCgroup>(std::move(*made));
    auto groups = open_groups(*plan);
    if (!groups) return std::unexpected(std::move(groups.error()));
    plan->task_files = std::move(groups->v1);
    auto channel = make_channel();
    if (!channel) return std::unexpected(std::move(channel.error()));

    auto cloned = clone_container(plan->namespaces, groups->v2.get());
    if (!cloned) return std::unexpected(std::move(cloned.error()));
    if (cloned->pid == 0) {
        channel->first.reset();
        run_container(*plan, channel->second.get());
    }
    auto birth = std::make_unique<Birth>(std::move(*cloned));
    channel->second.reset();
    if (auto ready = attend(*plan, *birth, channel->first.get()); !ready)
        return std::unexpected(std::move(ready.error()));
    plan->sources.clear();
    plan->task_files.clear();
    plan->listener.reset();
    return std::make_unique<Container>(std::move(*plan), std::move(cgroup), std::move(birth),
                                       std::move(channel->first));
}

Result<std::unique_ptr<Created>> create(const CreateOptions& options) {
    auto container = create_container(options);
    if (!container) return std::unexpected(std::move(container.error()));
    return std::unique_ptr<Created>(std::move(*container));
}

Status start_waiting(const fs::path& start_directory) {
    const auto channel = connect_to(start_directory.string());
    if (!channel && (channel.error().sys() == ECONNREFUSED || channel.error().sys() == ENOENT))
        return fail(ErrorCode::not_found,
                    "no container waits for its start there: it was started before, or its process is gone");
    if (!channel) return std::unexpected(channel.error());
    return release(channel->get());
}

} // namespace berth::runtime
