// The truth about containers and reports, and what contradicts it.
#include "tests/simulate/world.hpp"

namespace berth::simulate {

Real* Host::find(const ContainerId& id) {
    const auto found = containers_.find(id);
    return found == containers_.end() ? nullptr : &found->second;
}

Real& Host::make(const ContainerId& id, const TaskArn& task, const std::string& name) {
    auto& real = containers_[id];
    if (real.live) violated("container {} is created again while it runs", name);
    if (real.removed) violated("container {} is created after it was removed", name);
    real.task = task;
    real.name = name;
    real.created = true;
    return real;
}

void Host::start(const ContainerId& id, Time now) {
    auto& real = containers_.at(id);
    for (const auto& [other_id, other] : containers_)
        if (other.live && other.task == real.task && other.name == real.name)
            violated("two live containers for {} of {}", real.name, real.task.str());
    if (!real.created) violated("container {} is started without having been created", real.name);
    real.live = true;
    real.vanished = false;
    real.runs += 1;
    real.pid = 1000 + real.runs;
    real.started_at = now;
    real.finished_at.reset();
    real.exit_code.reset();
}

void Host::end(const ContainerId& id, int exit_code, bool oom_killed, Time now) {
    auto& real = containers_.at(id);
    real.live = false;
    real.exit_code = exit_code;
    real.oom_killed = oom_killed;
    real.finished_at = now;
}

void Host::remove(const ContainerId& id) {
    auto& real = containers_[id];
    if (real.live) violated("container {} is removed while it runs", real.name);
    real.removed = true;
    real.created = false;
}

// The records of what ran are lost with it: the worst kind of reboot.
void Host::reboot() {
    for (auto& [id, real] : containers_) {
        if (!real.live) continue;
        real.live = false;
        real.vanished = true;
    }
}

bool Host::holds(Condition condition, const Real* on, const ContainerState& believed) {
    if (on == nullptr) return false;
    switch (condition) {
    case Condition::create: return on->created || on->removed || on->runs > 0;
    case Condition::start: return on->runs > 0;
    case Condition::complete: return !on->live && on->exit_code;
    case Condition::success: return !on->live && on->exit_code == 0;
    case Condition::healthy: return believed.health == Health::healthy;
    }
    return false;
}

void Host::check_clean() const {
    for (const auto& [id, real] : containers_) {
        if (real.live)
            violated("container {} of {} still runs after all tasks are gone", real.name, real.task.str());
        if (real.created) violated("container {} of {} was never removed", real.name, real.task.str());
    }
}

void ControlPlane::accept(const StateChange& change, int life) {
    const auto known = tasks_.find(change.task);
    if (known != tasks_.end() && known->second.status == ReportedStatus::stopped) {
        if (change.status != ReportedStatus::stopped)
            violated("{} is reported after its STOPPED", change.task.str());
        if (known->second.stopped_in_life == life) violated("STOPPED of {} is told twice", change.task.str());
    }
    auto& told = tasks_[change.task];
    if (change.status < told.status) violated("the status of {} goes back", change.task.str());
    told.status = change.status;
    if (change.status == ReportedStatus::stopped) told.stopped_in_life = life;
    for (const auto& container : change.containers) {
        const auto before = told.containers.find(container.name);
        if (before != told.containers.end() && container.status < before->second)
            violated("the status of container {} of {} goes back", container.name, change.task.str());
        told.containers[container.name] = container.status;
    }
}

std::optional<ReportedStatus> ControlPlane::status(const TaskArn& task) const {
    const auto found = tasks_.find(task);
    return found == tasks_.end() ? std::nullopt : std::optional(found->second.status);
}

namespace {

void check_container(const ContainerChange& change, const Real* real, const ContainerState& state) {
    const bool ran = real != nullptr && real->runs > 0;
    if (change.status == ReportedStatus::running && !ran)
        violated("{} is reported RUNNING and never ran", change.name);
    if (change.status != ReportedStatus::stopped) {
        if (change.exit_code) violated("{} has an exit code before its end", change.name);
        return;
    }
    if (real != nullptr && real->live) violated("{} is reported STOPPED and lives", change.name);
    if (!ran && change.exit_code && *change.exit_code != 143)
        violated("{} has exit code {} and never ran", change.name, *change.exit_code);
    if (ran && !real->vanished && change.exit_code != real->exit_code)
        violated("{} is reported with exit code {} instead of {}", change.name, change.exit_code.value_or(-1),
                 real->exit_code.value_or(-1));
    if (ran && !real->vanished && real->oom_killed && state.reason.empty())
        violated("{} ran out of memory and has no reason", change.name);
}

} // namespace

void ControlPlane::check_truth(const StateChange& change, Host& host, const TaskState& task) {
    for (const auto& container : change.containers)
        check_container(container, host.find(task.containers.at(container.name).id),
                        task.containers.at(container.name));
    if (change.status == ReportedStatus::stopped)
        for (const auto& [name, state] : task.containers)
            if (const auto* real = host.find(state.id); real != nullptr && real->live)
                violated("{} is reported STOPPED while {} lives", change.task.str(), name);
}

} // namespace berth::simulate
