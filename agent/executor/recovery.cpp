// Start-up: the store is read, the host is looked at, and the core is told what is true.
#include "agent/executor/engine_impl.hpp"

namespace berth::executor {

Async<EngineImpl::Sighting> EngineImpl::look_at(Target target) {
    Sighting seen{.event = {.task = target.task->arn,
                            .container = target.name,
                            .what = Recovered::What::vanished,
                            .pid = 0,
                            .started_at = {},
                            .exit_code = 0,
                            .oom_killed = false,
                            .finished_at = {}},
                  .running = {}};
    auto& event = seen.event;
    const auto& container = state_.tasks.at(target.task->arn).containers.at(target.name);
    auto found = runtime::inspect(actions_.directory(target.id));
    // A shim in the middle of starting: it writes its status, or gives up and lets go of the lock.
    const auto patience = deadline_in(std::chrono::seconds(30));
    while (found && found->found == runtime::Found::running && !found->status &&
           std::chrono::steady_clock::now() < patience) {
        co_await sleep_until(deadline_in(std::chrono::milliseconds(5)));
        found = runtime::inspect(actions_.directory(target.id));
    }
    if (found && found->found == runtime::Found::running && !found->status)
        found = fail(ErrorCode::timeout, "its shim holds the lock but has not started it for 30 s");
    if (!found) {
        parts_.log.error("container's records cannot be read",
                         {{"container", target.id}, {"error", found.error().message()}});
        co_return seen;
    }
    if (found->status) {
        event.pid = found->status->pid;
        event.started_at = found->status->started_at;
    }
    if (found->found != runtime::Found::never_started)
        if (auto logs = actions_.follow_logs(target); !logs)
            parts_.log.error("logs cannot be forwarded",
                             {{"container", target.id}, {"error", logs.error().message()}});
    switch (found->found) {
    case runtime::Found::never_started:
        event.what = container.known == ContainerStatus::running && !container.restarting
                         ? Recovered::What::vanished
                         : Recovered::What::never_started;
        break;
    case runtime::Found::running:
        event.what = Recovered::What::running;
        if (target.bridged()) {
            auto adopted =
                co_await parts_.network->adopt(target.id, container.ip_address, container.bindings);
            if (!adopted)
                parts_.log.error("network of a running container cannot be adopted",
                                 {{"container", target.id}, {"error", adopted.error().message()}});
        }
        seen.running = found->status;
        break;
    case runtime::Found::lost: {
        // The shim was killed; what it watched over is ended too, and that is recorded like any other end.
        auto exit = co_await runtime::wait_exit(actions_.directory(target.id),
                                                found->status.value_or(runtime::StatusRecord{}));
        if (!exit) break;
        found->exit = *exit;
        [[fallthrough]];
    }
    case runtime::Found::exited:
        event.what = Recovered::What::exited;
        event.exit_code = found->exit->exit_code;
        event.oom_killed = found->exit->oom_killed;
        event.finished_at = found->exit->finished_at;
        parts_.forwarder->finish(target.id);
        break;
    }
    co_return seen;
}

Async<Status> EngineImpl::recover() {
    const auto contents = parts_.store->load();
    if (!contents) co_return std::unexpected(contents.error());
    std::vector<ContainerId> known;
    std::vector<Target> live;
    for (const auto& [arn, text] : contents->tasks) {
        const auto json = parse_json(text);
        auto task = json ? task_state_from_json(*json) : std::unexpected(json.error());
        if (!task) co_return fail(std::move(task.error()), "state store, task {}", arn);
        const auto spec = std::make_shared<const TaskSpec>(task->spec);
        specs_.emplace(spec->arn, spec);
        for (const auto& [name, container] : task->containers) {
            known.push_back(container.id);
            if (container.known < ContainerStatus::stopped)
                live.push_back({.task = spec, .name = name, .id = container.id});
            else if (!container.removed) {
                if (auto logs = actions_.follow_logs({.task = spec, .name = name, .id = container.id}))
                    parts_.forwarder->finish(container.id);
            }
        }
        state_.tasks.emplace(spec->arn, std::move(*task));
    }
    std::vector<Sighting> sightings;
    for (const auto& container : live) sightings.push_back(co_await look_at(container));
    if (auto strays = co_await actions_.remove_strays(std::move(known)); !strays)
        parts_.log.error("strays are not removed", {{"error", strays.error().message()}});
    for (const auto& seen : sightings)
        if (auto done = co_await process(seen.event); !done) co_return done;
    parts_.log.info("state recovered", {{"tasks", state_.tasks.size()}, {"containers", sightings.size()}});
    auto done = co_await process(RecoveryDone{});
    for (std::size_t i = 0; i < live.size(); ++i)
        if (sightings[i].running) start(watch(std::move(live[i]), std::move(*sightings[i].running)));
    co_return done;
}

} // namespace berth::executor
