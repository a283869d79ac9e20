// Scenario's helpers.
#include "tests/unit/engine/scenario.hpp"

#include <gtest/gtest.h>

namespace berth::engine {

ContainerSpec container(const std::string& name) {
    ContainerSpec spec;
    spec.name = name;
    spec.image = "image-" + name;
    spec.cpu_units = 128;
    spec.memory_bytes = std::int64_t{64} << 20;
    return spec;
}

ContainerSpec container(const std::string& name, const std::string& depends_on, Condition condition) {
    auto spec = container(name);
    spec.depends_on.push_back({depends_on, condition});
    return spec;
}

TaskArn arn(const std::string& id) { return TaskArn("arn:aws:ecs:eu-west-1:1:task/c/" + id); }

TaskSpec task(const std::string& id, std::vector<ContainerSpec> containers) {
    TaskSpec spec;
    spec.arn = arn(id);
    spec.network_mode = "bridge";
    spec.containers = std::move(containers);
    return spec;
}

Scenario::Scenario() {
    state.host.cpu = 4096;
    state.host.memory_mib = 2048;
    state.host.tcp_ports = {22};
}

Lines Scenario::feed(decltype(Event::what) what) {
    auto outcome = step(state, Event{now, std::move(what)});
    for (const auto& changed : outcome.changed) {
        EXPECT_TRUE(state.tasks.contains(changed)) << changed.str();
        committed[changed] = dump_json(to_json(state.tasks.at(changed)));
    }
    Lines lines;
    for (const auto& effect : outcome.effects) {
        lines.push_back(to_line(effect));
        if (const auto* report = std::get_if<Report>(&effect))
            last_report[report->change.task] = report->change;
        if (const auto* forget = std::get_if<ForgetTask>(&effect)) committed.erase(forget->task);
    }
    return lines;
}

Lines Scenario::run(std::vector<TaskSpec> tasks) {
    PayloadReceived payload{.message_id = "m", .run = std::move(tasks), .stop = {}, .invalid = {}, .ids = {}};
    for (const auto& spec : payload.run)
        for (std::size_t i = 0; i < spec.containers.size(); ++i)
            payload.ids.emplace_back(fmt::format("{:064x}", next_id_++));
    return feed(std::move(payload));
}

Lines Scenario::stop(const std::string& id) {
    return feed(PayloadReceived{.message_id = "m", .run = {}, .stop = {arn(id)}, .invalid = {}, .ids = {}});
}

Lines Scenario::resolved(const std::string& name) {
    return feed(ManifestResolved{arn(current), name, Digest("sha256:" + name)});
}
Lines Scenario::pulled(const std::string& name) {
    return feed(PullFinished{arn(current), name, Digest("sha256:" + name)});
}
Lines Scenario::created(const std::string& name) {
    return feed(Created{arn(current), name, "172.31.200.2", {{"0.0.0.0", 80, 32768, Protocol::tcp}}});
}
Lines Scenario::started(const std::string& name) { return feed(Started{arn(current), name, 4711, now}); }
Lines Scenario::exited(const std::string& name, int code, bool oom) {
    return feed(Exited{arn(current), name, code, oom, now, ""});
}
Lines Scenario::failed(const std::string& name, Step step, const std::string& reason) {
    return feed(StepFailed{arn(current), name, step, reason});
}
Lines Scenario::fired(const std::string& name, TimerKind kind) {
    return feed(TimerFired{arn(current), name, kind});
}
Lines Scenario::answered(const std::string& id, bool accepted) {
    return feed(ReportAnswered{arn(id), accepted, last_report.at(arn(id))});
}
void Scenario::answer_all() {
    while (task(current).report_in_flight) answered(current);
}
Lines Scenario::bring_up(const std::string& name) {
    pulled(name);
    created(name);
    return started(name);
}

void Scenario::crash() {
    auto options = state.options;
    auto host = state.host;
    state = EngineState{.options = options, .host = host, .tasks = {}, .queue = {}};
    for (const auto& [task, text] : committed)
        state.tasks.emplace(task, *task_state_from_json(*parse_json(text)));
}

Lines Scenario::recovered(const std::string& name, Recovered::What what, int exit_code) {
    Recovered event;
    event.task = arn(current);
    event.container = name;
    event.what = what;
    event.exit_code = exit_code;
    if (what == Recovered::What::running || what == Recovered::What::exited) event.started_at = now;
    if (what == Recovered::What::exited) event.finished_at = now;
    return feed(std::move(event));
}

} // namespace berth::engine
