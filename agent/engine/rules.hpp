// The rules of the core, as functions over one turn: what each file of this folder gives to the others.
//
// on(turn, event) takes an event into the state; settle(turn, task) then does everything that has become
// possible for the task. settle() may forget the task: do not touch it afterwards.
#pragma once

#include "berth/engine/core.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace berth::engine {

// One call of step().
struct Turn {
    EngineState& state;
    Time at;
    Outcome out = {};
    bool resources_freed = false; // the queue is to be looked at before the turn ends

    void emit(Effect effect) { out.effects.push_back(std::move(effect)); }
    // The task is to be committed. What pulls report is not worth it: after a crash it is found out again.
    void save(const TaskState& task);
};

TaskState* find_task(EngineState& state, const TaskArn& arn);

// One container of a task: what is asked for and what is known.
struct Part {
    TaskState& task;
    const ContainerSpec& spec;
    ContainerState& state;
};
// Calls `use` if the task and its container are known; events about others come too late and mean nothing.
void with_part(Turn& turn, const TaskArn& task, const std::string& container,
               const std::function<void(Part)>& use);

// ---- payloads (payload.cpp)
void on(Turn& turn, const PayloadReceived& payload);
void on(Turn& turn, const StopTask& stop);

// ---- transitions (transitions.cpp, exits.cpp)
void on(Turn& turn, const ManifestResolved& event);
void on(Turn& turn, const PullFinished& event);
void on(Turn& turn, const PullFailed& event);
void on(Turn& turn, const Created& event);
void on(Turn& turn, const Started& event);
void on(Turn& turn, const StepFailed& event);
void on(Turn& turn, const Exited& event);
void on(Turn& turn, const HealthChanged& event);
void on(Turn& turn, const TimerFired& event);
// Everything that can be done now: next steps, the task's status, reports, removal.
void settle(Turn& turn, TaskState& task);
void want_stopped(TaskState& task);
// It is over with the container, whatever it was doing.
void become_stopped(Turn& turn, Part part, std::optional<Time> finished_at);
// Its program is executed, for the first time or again.
void begin_run(Turn& turn, Part part, int pid, Time started_at);
// Its run is over: restarted by policy or stopped. The exit code is already noted.
void end_run(Turn& turn, Part part, Time finished_at);
void keep_first_reason(ContainerState& container, std::string reason);

// ---- dependencies (dependencies.cpp)
bool dependencies_hold(const TaskState& task, const ContainerSpec& container);
// Why a dependency can never hold any more, if so.
std::optional<std::string> broken_dependency(const TaskState& task, const ContainerSpec& container);
// Whoever depends on it, directly or not, ends before it.
bool dependants_stopped(const TaskState& task, const std::string& container);
// Some dependant waits for more than its start, so its startTimeout is of interest.
bool has_start_timeout(const TaskState& task, const ContainerSpec& container);
void arm_start_timeout(Turn& turn, Part part);

// ---- resources of the host (admission.cpp)
void enqueue(EngineState& state, const TaskArn& task);
// Lets tasks at the head of the queue in while they fit.
void admit(Turn& turn);

// ---- telling the control plane (reports.cpp)
void on(Turn& turn, const ReportAnswered& event);
void report(Turn& turn, TaskState& task);

// ---- after the end (cleanup.cpp)
void on(Turn& turn, const Removed& event);
void arm_cleanup(Turn& turn, const TaskState& task);
// Removes what is due; forgets the task when nothing is left of it.
void clean_up(Turn& turn, TaskState& task);

// ---- after a restart of the agent (recovery.cpp)
void on(Turn& turn, const Recovered& event);
void on(Turn& turn, const RecoveryDone& event);

// ---- explaining (explain.cpp)
std::string what_it_waits_for(const TaskState& task);
void note_waiting(TaskState& task, std::string what, Time at);

} // namespace berth::engine
