// One history from beginning to end: what happens to the agent from outside, and the verdict.
#include "tests/simulate/simulation.hpp"

#include "tests/simulate/history.hpp"
#include "tests/simulate/invariants.hpp"

namespace berth::simulate {

namespace {

constexpr std::size_t kMaxSteps = 20'000; // more means that something goes round in circles

} // namespace

void Simulation::drain() {
    while (!agenda_.empty()) {
        if (verdict_.steps > kMaxSteps) violated("no end after {} steps", kMaxSteps);
        auto next = agenda_.extract(agenda_.begin());
        now_ = next.key().first;
        next.mapped()();
    }
}

void Simulation::deliver_payload(std::size_t number) {
    PayloadReceived payload;
    payload.message_id = std::to_string(number);
    for (const auto& spec : payloads_.at(number).tasks) {
        if (control_.status(spec.arn) == ReportedStatus::stopped) continue; // over: not delivered again
        payload.run.push_back(spec);
        for (std::size_t i = 0; i < spec.containers.size(); ++i)
            payload.ids.emplace_back(fmt::format("{:064x}", next_id_++));
    }
    feed(std::move(payload));
}

void Simulation::stop_task(const TaskArn& task) {
    if (control_.status(task) == ReportedStatus::stopped) return;
    PayloadReceived payload;
    payload.stop = {task};
    feed(std::move(payload));
    after(std::chrono::seconds(20), [this, task] { stop_task(task); }); // asked again until the end is told
}

void Simulation::run_container(const ContainerId& id) {
    host_.start(id, now_);
    const auto& real = host_.at(id);
    const auto& how = behaviour(real.task, real.name);
    if (real.runs > how.runs_that_end) return;
    after(how.run_time, [this, id, run = real.runs, how] {
        end_container(id, run, how.runs_out_of_memory ? 137 : how.exit_code, how.runs_out_of_memory);
    });
}

void Simulation::end_container(const ContainerId& id, int run, int exit_code, bool oom_killed) {
    const auto& real = host_.at(id);
    if (!real.live || real.runs != run) return;
    host_.end(id, exit_code, oom_killed, now_);
    note(fmt::format("        {} of {} ends with {}", real.name, real.task.str(), exit_code));
    if (alive_)
        feed_later(real.name, real.task, Exited{real.task, real.name, exit_code, oom_killed, now_, ""});
}

void Simulation::check_health(const ContainerId& id) {
    const auto& real = host_.at(id);
    if (!behaviour(real.task, real.name).becomes_healthy) return;
    agent_after(random_.ms(1, 5000), [this, id, run = real.runs] {
        const auto& then = host_.at(id);
        if (!then.live || then.runs != run) return;
        feed_later(then.name, then.task, HealthChanged{then.task, then.name, true});
        if (random_.percent(10)) feed_later(then.name, then.task, HealthChanged{then.task, then.name, false});
    });
}

void Simulation::run() {
    const auto tasks = static_cast<int>(random_.between(1, 6));
    verdict_.tasks = static_cast<std::size_t>(tasks);
    std::vector<TaskArn> arns;
    for (int i = 0; i < tasks; ++i) {
        auto work = make_workload(random_, i);
        behaviours_[work.spec.arn] = work.behaviours;
        arns.push_back(work.spec.arn);
        if (payloads_.empty() || random_.percent(60)) payloads_.emplace_back();
        payloads_.back().tasks.push_back(std::move(work.spec));
    }
    for (std::size_t i = 0; i < payloads_.size(); ++i) {
        const auto first = random_.ms(0, 30'000);
        after(first, [this, i] { deliver_payload(i); });
        if (random_.percent(30))
            after(first + random_.ms(0, 1000), [this, i] {
                if (!payloads_[i].acknowledged) deliver_payload(i);
            });
    }
    for (const auto& arn : arns)
        if (random_.percent(40)) after(random_.ms(31'000, 90'000), [this, arn] { stop_task(arn); });
    if (random_.percent(20)) after(random_.ms(0, 60'000), [this] { stop_task(TaskArn("a/unknown")); });
    after(std::chrono::seconds(120), [this] { calm_ = true; });
    drain();
    check_quiet(state_);

    for (const auto& arn : arns)
        if (state_.tasks.contains(arn)) stop_task(arn);
    drain();
    for (const auto& [arn, task] : state_.tasks)
        violated("{} is never forgotten: {}", arn.str(), explain(state_, arn));
    if (!durable_.empty()) violated("{} is never deleted from the store", durable_.begin()->first.str());
    for (const auto& arn : arns)
        if (control_.status(arn) != ReportedStatus::stopped)
            violated("the end of {} was never told", arn.str());
    host_.check_clean();
}

Verdict simulate(std::uint64_t seed, bool with_history) {
    Verdict verdict;
    try {
        Simulation(seed, verdict, with_history).run();
    } catch (const Violation& violation) {
        verdict.problem = violation.what;
    }
    return verdict;
}

} // namespace berth::simulate
