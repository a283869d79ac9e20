// The invariants, computed independently of the core's own arithmetic.
#include "tests/simulate/invariants.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace berth::simulate {

namespace {

struct Use {
    std::int64_t cpu = 0, memory_mib = 0;
    std::multiset<std::uint16_t> ports;
};

void add_use(Use& use, const TaskSpec& task) {
    std::int64_t cpu = 0, memory = 0;
    for (const auto& container : task.containers) {
        cpu += container.cpu_units;
        memory += container.memory_bytes >> 20;
        for (const auto& port : container.ports) use.ports.insert(port.host_port);
    }
    use.cpu += task.cpu > 0 ? static_cast<std::int64_t>(std::lround(task.cpu * 1024)) : cpu;
    use.memory_mib += task.memory_mib > 0 ? task.memory_mib : memory;
}

Use use_of(const EngineState& state) {
    Use use;
    for (const auto& [arn, task] : state.tasks)
        if (task.admitted && task.known != TaskStatus::stopped) add_use(use, task.spec);
    return use;
}

bool fits(const Use& use, const HostResources& host) {
    return use.cpu <= host.cpu && use.memory_mib <= host.memory_mib &&
           std::ranges::all_of(use.ports, [&](std::uint16_t port) {
               return use.ports.count(port) == 1 && !host.tcp_ports.contains(port);
           });
}

template <class T>
void check_forward(const T& before, const T& after, std::string_view what) {
    if (after < before) violated("{} went back", what);
}

bool differs(const Progress& a, const Progress& b) {
    if (a.desired != b.desired || a.sent != b.sent || a.admitted != b.admitted) return true;
    return std::ranges::any_of(a.containers, [&](const auto& entry) {
        const auto& x = entry.second;
        const auto& y = b.containers.at(entry.first);
        return x.desired != y.desired || x.sent != y.sent || x.exit_code != y.exit_code ||
               x.restarts != y.restarts || x.restarting != y.restarting ||
               (x.known != y.known && y.known >= ContainerStatus::created);
    });
}

void check_start(const TaskState& task, const std::string& name, Host& host) {
    if (!task.admitted) violated("{} goes on without being admitted", task.spec.id());
    for (const auto& dependency : task.spec.find(name)->depends_on) {
        const auto& believed = task.containers.at(dependency.container);
        if (!Host::holds(dependency.condition, host.find(believed.id), believed))
            violated("{} of {} goes on although its dependency on {} does not hold", name, task.spec.id(),
                     dependency.container);
    }
}

void check_signal(const TaskState& task, const std::string& name, Host& host) {
    for (const auto& other : task.spec.containers) {
        const auto* real = host.find(task.containers.at(other.name).id);
        const bool depends =
            std::ranges::find(other.depends_on, name, &Dependency::container) != other.depends_on.end();
        if (depends && real != nullptr && real->live)
            violated("{} of {} is stopped before {}, which depends on it", name, task.spec.id(), other.name);
    }
}

} // namespace

std::map<TaskArn, Progress> progress_of(const EngineState& state) {
    std::map<TaskArn, Progress> result;
    for (const auto& [arn, task] : state.tasks) {
        auto& progress = result[arn];
        progress = {task.known, task.desired, task.sent, task.admitted, {}};
        for (const auto& [name, c] : task.containers)
            progress.containers[name] = {c.known, c.desired, c.sent, c.exit_code, c.restarts, c.restarting};
    }
    return result;
}

void check_step(const std::map<TaskArn, Progress>& before, const EngineState& state, const Outcome& outcome) {
    const auto after = progress_of(state);
    for (const auto& arn : outcome.changed)
        if (!after.contains(arn)) violated("{} is to be committed and is not there", arn.str());
    for (const auto& [arn, now] : after) {
        const auto was = before.find(arn);
        const bool committed = std::ranges::find(outcome.changed, arn) != outcome.changed.end();
        if (was == before.end()) {
            if (!committed) violated("{} is new and not committed", arn.str());
            continue;
        }
        check_forward(was->second.known, now.known, "the known status of " + arn.str());
        check_forward(was->second.desired, now.desired, "the desired status of " + arn.str());
        check_forward(was->second.sent, now.sent, "the sent status of " + arn.str());
        for (const auto& [name, container] : now.containers) {
            check_forward(was->second.containers.at(name).known, container.known,
                          "the known status of " + name);
            check_forward(was->second.containers.at(name).desired, container.desired,
                          "the desired status of " + name);
            check_forward(was->second.containers.at(name).sent, container.sent, "the sent status of " + name);
        }
        if (!committed && differs(was->second, now)) violated("a change of {} is not committed", arn.str());
    }
}

void check_resources(const EngineState& state) {
    if (!fits(use_of(state), state.host)) violated("the admitted tasks use more than the host has");
}

void check_effect(const Effect& effect, const EngineState& state, Host& host) {
    const auto check = [&](const TaskArn& arn, const std::string& name, auto action) {
        const auto task = state.tasks.find(arn);
        if (task == state.tasks.end()) violated("an effect is for {}, which is not there", arn.str());
        action(task->second, name, host);
    };
    if (const auto* pull = std::get_if<Pull>(&effect)) check(pull->task, pull->container, check_start);
    if (const auto* create = std::get_if<Create>(&effect))
        check(create->task, create->container, check_start);
    if (const auto* start = std::get_if<Start>(&effect); start != nullptr && !start->restart)
        check(start->task, start->container, check_start);
    if (const auto* signal = std::get_if<Signal>(&effect))
        check(signal->task, signal->container, check_signal);
    if (const auto* report = std::get_if<Report>(&effect))
        ControlPlane::check_truth(report->change, host, state.tasks.at(report->change.task));
}

void check_quiet(const EngineState& state) {
    for (const auto& [arn, task] : state.tasks) {
        if (task.desired == TaskStatus::stopped)
            violated("{} is stuck on its way down: {}", arn.str(), task.waiting_for);
        if (task.known != TaskStatus::running && task.waiting_for.empty())
            violated("{} is {} and waits for nothing", arn.str(), to_string(task.known));
        if (task.known == TaskStatus::running && task.sent != ReportedStatus::running)
            violated("RUNNING of {} was not told", arn.str());
        for (const auto& [name, container] : task.containers)
            if (container.known == ContainerStatus::stopped && container.sent != ReportedStatus::stopped)
                violated("the end of {} of {} was not told", name, arn.str());
    }
    if (state.queue.empty()) return;
    auto use = use_of(state);
    add_use(use, state.tasks.at(state.queue.front()).spec);
    if (fits(use, state.host)) violated("{} fits and is not let in", state.queue.front().str());
}

} // namespace berth::simulate
