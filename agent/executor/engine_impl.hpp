// The engine's insides, shared by the files that carry out its parts: the pump (engine.cpp), the steps of
// containers (steps.cpp) and recovery (recovery.cpp).
#pragma once

#include "agent/executor/actions.hpp"

#include <boost/asio/steady_timer.hpp>

#include <map>
#include <memory>
#include <tuple>

namespace berth::executor {

using namespace engine; // the core's events and effects are this room's vocabulary

class EngineImpl final : public Engine {
  public:
    EngineImpl(Parts parts, Settings settings, EngineOptions options, HostResources host)
        : parts_(parts), actions_(std::move(parts), std::move(settings)) {
        state_.options = std::move(options);
        state_.host = std::move(host);
    }

    Async<Status> recover() override;
    Async<Status> deliver(PayloadReceived payload) override { return process(std::move(payload)); }
    Async<Status> stop_task(TaskArn task, std::string reason) override {
        return process(StopTask{.task = std::move(task), .reason = std::move(reason)});
    }
    const EngineState& state() const override { return state_; }
    fs::path log_directory(const ContainerId& container) const override {
        return actions_.directory(container) / "log";
    }
    void on_change(std::function<void(const std::vector<TaskArn>&)> listener) override {
        listeners_.push_back(std::move(listener));
    }
    Async<void> stop() override {
        stopping_ = true;
        for (const auto& [key, clock] : timers_) clock->cancel();
        timers_.clear();
        co_await parts_.store->commit({}); // behind everything given to the store before
    }

  private:
    using What = decltype(Event::what);
    using TimerKey = std::tuple<TaskArn, std::string, TimerKind>;

    // The step happens at once, in the order of the calls; the awaitable is the commit and the effects.
    Async<Status> process(What what);
    Async<Status> commit_then_run(state::Changes changes, std::vector<Effect> effects);
    void feed(What what) { start(discard_status(process(std::move(what)))); }
    void start(Async<void> work) {
        spawn(parts_.executor, std::move(work), [log = parts_.log](const std::string& problem) {
            log.crit("a step of the engine ended by an exception", {{"error", problem}});
        });
    }
    static Async<void> discard_status(Async<Status> work) { co_await std::move(work); }

    void run(Effect effect);
    std::optional<Target> target(const TaskArn& task, const std::string& container) const;

    Async<void> pull(Target target);
    Async<void> create(Target target);
    Async<void> launch(Target target, bool restart);
    Async<bool> create_reported(Target target, Step step);
    Async<void> watch(Target target, runtime::StatusRecord status);
    Async<void> signal(Target target, bool kill);
    Async<void> report(StateChange change);
    Async<void> remove(Target target);
    Async<void> forget(std::shared_ptr<const TaskSpec> task);
    Async<void> timer(TimerKey key, std::shared_ptr<asio::steady_timer> clock);
    void cancel_timer(const TimerKey& key);
    struct Sighting {
        Recovered event;
        std::optional<runtime::StatusRecord> running; // to be watched once recovery is done
    };
    Async<Sighting> look_at(Target target);

    Parts parts_;
    Actions actions_;
    EngineState state_;
    std::map<TaskArn, std::shared_ptr<const TaskSpec>> specs_; // outlive the task's steps under way
    std::map<TimerKey, std::shared_ptr<asio::steady_timer>> timers_;
    std::vector<std::function<void(const std::vector<TaskArn>&)>> listeners_;
    bool stopping_ = false;
};

} // namespace berth::executor
