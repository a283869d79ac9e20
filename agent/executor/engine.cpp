// The pump: event → step → commit → effects.
#include "agent/executor/engine_impl.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace berth::executor {

namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};

// What the control plane or the disk must see committed first; the rest can be found out again after a crash
// by looking at the host, and need not wait for the disk.
bool needs_commit(const Effect& effect) {
    return std::holds_alternative<Report>(effect) || std::holds_alternative<Remove>(effect) ||
           std::holds_alternative<ForgetTask>(effect) || std::holds_alternative<AcknowledgePayload>(effect);
}

} // namespace

Async<Status> EngineImpl::process(What what) {
    const bool external =
        std::holds_alternative<PayloadReceived>(what) || std::holds_alternative<StopTask>(what);
    auto outcome = step(state_, Event{.at = now(), .what = std::move(what)});
    state::Changes changes;
    for (const auto& arn : outcome.changed) {
        const auto task = state_.tasks.find(arn);
        if (task == state_.tasks.end()) continue; // ForgetTask deletes it
        if (!specs_.contains(arn)) specs_.emplace(arn, std::make_shared<const TaskSpec>(task->second.spec));
        changes.tasks.emplace_back(arn.str(), dump_json(to_json(task->second)));
    }
    for (const auto& listener : listeners_) listener(outcome.changed);
    std::vector<Effect> after_commit;
    for (auto& effect : outcome.effects) {
        if (external || needs_commit(effect))
            after_commit.push_back(std::move(effect));
        else
            run(std::move(effect));
    }
    return commit_then_run(std::move(changes), std::move(after_commit));
}

Async<Status> EngineImpl::commit_then_run(state::Changes changes, std::vector<Effect> effects) {
    Status first;
    auto pause = std::chrono::milliseconds(200);
    for (bool again = false; !changes.empty(); again = true) {
        auto committed = co_await parts_.store->commit(changes);
        if (committed) break;
        if (!again) {
            parts_.log.error("the state store cannot be written; effects wait until it can",
                             {{"error", committed.error().message()}});
            first = std::move(committed);
            // Whoever delivered this is told at once; the change itself is kept and tried again.
            start(discard_status(commit_then_run(std::move(changes), std::move(effects))));
            co_return first;
        }
        co_await sleep_until(deadline_in(pause));
        pause = std::min(pause * 2, std::chrono::milliseconds(5000));
    }
    for (auto& effect : effects) run(std::move(effect));
    co_return first;
}

std::optional<Target> EngineImpl::target(const TaskArn& arn, const std::string& container) const {
    const auto task = state_.tasks.find(arn);
    const auto spec = specs_.find(arn);
    if (task == state_.tasks.end() || spec == specs_.end()) return std::nullopt;
    const auto found = task->second.containers.find(container);
    if (found == task->second.containers.end()) return std::nullopt;
    return Target{.task = spec->second, .name = container, .id = found->second.id};
}

void EngineImpl::run(Effect effect) {
    if (stopping_) return;
    const auto with_target = [this](const auto& what, auto action) {
        if (auto found = target(what.task, what.container)) start(action(std::move(*found)));
    };
    std::visit(Overloaded{
                   [&](AcknowledgePayload&) {}, // deliver() resumes after the commit
                   [&](Pull& what) { with_target(what, [&](Target to) { return pull(std::move(to)); }); },
                   [&](Create& what) { with_target(what, [&](Target to) { return create(std::move(to)); }); },
                   [&](Start& what) {
                       with_target(what, [&](Target to) { return launch(std::move(to), what.restart); });
                   },
                   [&](Signal& what) {
                       with_target(what, [&](Target to) { return signal(std::move(to), what.kill); });
                   },
                   [&](Remove& what) { with_target(what, [&](Target to) { return remove(std::move(to)); }); },
                   [&](Report& what) { start(report(std::move(what.change))); },
                   [&](ArmTimer& what) {
                       TimerKey key(what.task, what.container, what.kind);
                       cancel_timer(key);
                       auto clock = std::make_shared<asio::steady_timer>(parts_.executor, what.after);
                       timers_[key] = clock;
                       start(timer(std::move(key), std::move(clock)));
                   },
                   [&](CancelTimer& what) { cancel_timer(TimerKey(what.task, what.container, what.kind)); },
                   [&](ForgetTask& what) {
                       if (const auto spec = specs_.extract(what.task); !spec.empty())
                           start(forget(spec.mapped()));
                   },
               },
               effect);
}

Async<void> EngineImpl::timer(TimerKey key, std::shared_ptr<asio::steady_timer> clock) {
    const auto [error] = co_await clock->async_wait(asio::as_tuple(asio::use_awaitable));
    const auto found = timers_.find(key);
    // Armed anew while this one's completion was on its way: the new one counts.
    if (error || stopping_ || found == timers_.end() || found->second != clock) co_return;
    timers_.erase(found);
    feed(TimerFired{.task = std::get<0>(key), .container = std::get<1>(key), .kind = std::get<2>(key)});
}

void EngineImpl::cancel_timer(const TimerKey& key) {
    if (const auto found = timers_.extract(key); !found.empty()) found.mapped()->cancel();
}

std::unique_ptr<Engine> Engine::make(Parts parts, Settings settings, EngineOptions options,
                                     HostResources host) {
    return std::make_unique<EngineImpl>(std::move(parts), std::move(settings), std::move(options),
                                        std::move(host));
}

} // namespace berth::executor
