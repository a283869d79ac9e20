// What the effects of the core do to the simulated host, late and not always.
#include "tests/simulate/history.hpp"

namespace berth::simulate {

void Simulation::pull(const Pull& e) {
    const auto how = behaviour(e.task, e.container);
    if (random_.percent(80))
        agent_after(random_.ms(0, 50), [this, e] {
            feed_later(e.container, e.task, ManifestResolved{e.task, e.container, Digest("sha256:1")});
        });
    agent_after(random_.ms(50, 3000), [this, e, how] {
        if (how.pull_fails)
            feed_later(e.container, e.task,
                       PullFailed{e.task, e.container, "CannotPullContainerError: no", how.image_is_cached});
        else
            feed_later(e.container, e.task, PullFinished{e.task, e.container, Digest("sha256:1")});
    });
}

void Simulation::create(const Create& e) {
    const auto id = id_of(e.task, e.container);
    agent_after(random_.ms(0, 50), [this, e, id] {
        if (behaviour(e.task, e.container).create_fails)
            return feed_later(
                e.container, e.task,
                StepFailed{e.task, e.container, Step::creating, "CannotCreateContainerError: no"});
        host_.make(id, e.task, e.container);
        feed_later(e.container, e.task, Created{e.task, e.container, "10.0.0.2", {}});
    });
}

void Simulation::start(const Start& e) {
    const auto id = id_of(e.task, e.container);
    if (host_.find(id) == nullptr || !host_.at(id).created)
        host_.make(id, e.task, e.container); // prepared again
    starts_in_flight_.insert(id);
    agent_after(random_.ms(0, 50), [this, e, id] {
        starts_in_flight_.erase(id);
        if (behaviour(e.task, e.container).start_fails)
            return feed_later(
                e.container, e.task,
                StepFailed{e.task, e.container, Step::starting, "CannotStartContainerError: no"});
        if (random_.percent(10))
            feed_later(e.container, e.task, Created{e.task, e.container, "10.0.0.3", {}});
        run_container(id);
        feed_later(e.container, e.task, Started{e.task, e.container, host_.at(id).pid, now_});
        check_health(id);
    });
}

void Simulation::signal(const Signal& e) {
    if (!calm_ && random_.percent(3)) {
        feed_later(e.container, e.task,
                   StepFailed{e.task, e.container, Step::stopping, "CannotStopContainerError: no"});
        return;
    }
    const auto id = id_of(e.task, e.container);
    if (!host_.at(id).live || !(e.kill || behaviour(e.task, e.container).heeds_stop_signal)) return;
    after(random_.ms(0, 200), [this, id, run = host_.at(id).runs, kill = e.kill] {
        end_container(id, run, kill ? 137 : 143, false);
    });
}

void Simulation::remove(const Remove& e) {
    const auto id = id_of(e.task, e.container);
    agent_after(random_.ms(0, 50), [this, e, id] {
        host_.remove(id);
        feed_later(e.container, e.task, Removed{e.task, e.container});
    });
}

void Simulation::submit(const StateChange& change) {
    agent_after(random_.ms(1, 100), [this, change] {
        if (!calm_ && random_.percent(20)) return submit(change); // the endpoint is out of order: again later
        control_.accept(change, life_);
        feed_later("", change.task, ReportAnswered{change.task, true, change});
    });
}

void Simulation::arm(const ArmTimer& e) {
    const TimerKey key(e.task, e.container, e.kind);
    const auto number = next_;
    timers_[key] = number;
    agent_after(e.after, [this, key, number] {
        const auto armed = timers_.find(key);
        if (armed == timers_.end() || armed->second != number) return;
        timers_.erase(armed);
        feed(TimerFired{std::get<0>(key), std::get<1>(key), std::get<2>(key)});
    });
}

void Simulation::forget(const TaskArn& task) {
    Commit commit;
    commit.tasks[task] = std::nullopt;
    commits_.push_back(std::move(commit));
    agent_after(random_.ms(0, 4), [this] { commit_next(); });
}

} // namespace berth::simulate
