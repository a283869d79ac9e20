// The simulated agent: events into the core, commits in order, crashes anywhere, recovery.
#include "tests/simulate/history.hpp"
#include "tests/simulate/invariants.hpp"
#include "tests/unit/engine/lines.hpp"

namespace berth::simulate {

namespace {

bool is_gated(const Effect& effect) {
    return std::holds_alternative<Report>(effect) || std::holds_alternative<Remove>(effect) ||
           std::holds_alternative<ForgetTask>(effect) || std::holds_alternative<AcknowledgePayload>(effect);
}

} // namespace

void Simulation::feed(What what) {
    if (!alive_) return;
    if (!calm_ && random_.percent(crash_percent_)) return crash();
    verdict_.steps += 1;
    const bool external =
        std::holds_alternative<PayloadReceived>(what) || std::holds_alternative<StopTask>(what);
    if (with_history_) note(fmt::format("{} {}", task_of(what).str(), describe(what)));
    const auto before = progress_of(state_);
    auto outcome = step(state_, Event{now_, std::move(what)});
    check_step(before, state_, outcome);
    check_resources(state_);
    std::vector<Effect> gated, free;
    for (auto& effect : outcome.effects) {
        note("    " + to_line(effect));
        if (!std::holds_alternative<ForgetTask>(effect)) check_effect(effect, state_, host_);
        (strict_ || external || is_gated(effect) ? gated : free).push_back(std::move(effect));
    }
    commit(outcome, std::move(gated));
    carry_out(std::move(free));
}

void Simulation::feed_later(const std::string& container, const TaskArn& task, What what) {
    auto& last = last_event_[{task, container}];
    last = std::max(last, now_ + random_.ms(0, 3));
    at(last, [this, life = life_, what = std::move(what)] {
        if (!alive_ || life != life_) return;
        feed(what);
        // Told twice: must not matter.
        if (alive_ && life == life_ && random_.percent(5) && !std::holds_alternative<ReportAnswered>(what))
            feed(what);
    });
}

void Simulation::commit(const Outcome& outcome, std::vector<Effect> gated) {
    if (!alive_) return;
    Commit commit{.tasks = {}, .gated = std::move(gated)};
    for (const auto& arn : outcome.changed) commit.tasks[arn] = state_.tasks.at(arn);
    if (commit.tasks.empty() && commit.gated.empty()) return;
    commits_.push_back(std::move(commit));
    agent_after(random_.ms(0, 4), [this] { commit_next(); });
}

void Simulation::commit_next() {
    auto commit = std::move(commits_.front());
    commits_.pop_front();
    for (auto& [arn, task] : commit.tasks) {
        if (task)
            durable_[arn] = std::move(*task);
        else
            durable_.erase(arn);
    }
    carry_out(std::move(commit.gated));
}

void Simulation::carry_out(std::vector<Effect> effects) {
    const auto life = life_;
    for (const auto& effect : effects) {
        if (!calm_ && random_.percent(crash_percent_)) crash();
        if (!alive_ || life != life_) return;
        carry_out(effect);
    }
}

void Simulation::carry_out(const Effect& effect) {
    std::visit(Overloaded{
                   [&](const AcknowledgePayload& e) {
                       if (e.complete) payloads_.at(std::stoul(e.message_id)).acknowledged = true;
                   },
                   [&](const Pull& e) { pull(e); },
                   [&](const Create& e) { create(e); },
                   [&](const Start& e) { start(e); },
                   [&](const Signal& e) { signal(e); },
                   [&](const Report& e) { submit(e.change); },
                   [&](const ArmTimer& e) { arm(e); },
                   [&](const CancelTimer& e) { timers_.erase({e.task, e.container, e.kind}); },
                   [&](const Remove& e) { remove(e); },
                   [&](const ForgetTask& e) { forget(e.task); },
               },
               effect);
}

// Whatever was under way has happened or not; what was not committed is lost.
void Simulation::crash() {
    note("---- the agent is killed");
    verdict_.crashes += 1;
    alive_ = false;
    while (!commits_.empty() && random_.percent(50)) {
        commits_.front().gated.clear();
        commit_next();
    }
    commits_.clear();
    timers_.clear();
    for (const auto& id : std::exchange(starts_in_flight_, {}))
        if (random_.percent(50)) run_container(id);
    if (random_.percent(10)) {
        note("---- the host is rebooted");
        host_.reboot();
    }
    after(random_.ms(1, 2000), [this] { recover(); });
}

Recovered Simulation::look_at(const TaskArn& task, const std::string& name, const ContainerState& state) {
    Recovered found;
    found.task = task;
    found.container = name;
    const auto* real = host_.find(state.id);
    if (real == nullptr || real->runs == 0) {
        found.what = Recovered::What::never_started;
        return found;
    }
    found.pid = real->pid;
    found.started_at = real->started_at;
    if (real->vanished) {
        found.what = Recovered::What::vanished;
    } else if (real->live) {
        found.what = Recovered::What::running;
    } else {
        found.what = Recovered::What::exited;
        found.exit_code = real->exit_code.value_or(-1);
        found.oom_killed = real->oom_killed;
        found.finished_at = real->finished_at;
    }
    return found;
}

void Simulation::recover() {
    note("---- the agent starts again");
    life_ += 1;
    alive_ = true;
    const auto life = life_;
    state_.tasks.clear();
    state_.queue.clear();
    std::vector<Recovered> found;
    for (const auto& [arn, task] : durable_) {
        auto loaded = task_state_from_json(to_json(task));
        if (!loaded) violated("the stored {} cannot be read: {}", arn.str(), loaded.error().message());
        for (const auto& [name, container] : loaded->containers) {
            if (container.known == ContainerStatus::stopped) continue;
            found.push_back(look_at(arn, name, container));
            if (found.back().what == Recovered::What::running) check_health(container.id);
        }
        state_.tasks.emplace(arn, std::move(*loaded));
    }
    for (auto& event : found)
        if (alive_ && life == life_) feed(std::move(event));
    if (alive_ && life == life_) feed(RecoveryDone{});
    if (alive_ && life == life_)
        for (std::size_t i = 0; i < payloads_.size(); ++i)
            if (!payloads_[i].acknowledged)
                agent_after(random_.ms(1, 500), [this, i] { deliver_payload(i); });
}

} // namespace berth::simulate
