// The engine core: every rule about tasks as one pure function. No I/O, no clock, no randomness.
//
//   step(state, event) changes the state and returns what is to be done about it.
//
// The executor must (1) commit the tasks named in Outcome::changed to the store, then (2) carry out the
// effects in order, and (3) feed what happened back as events. After a crash the store's tasks are loaded and
// one Recovered event per container says what was found on the host; the same rules then go on. Effects may
// therefore be asked for twice; carrying them out must be idempotent (the container's lock sees to that).
// Not thread-safe; the event loop owns it.
#pragma once

#include "berth/engine/state.hpp"

#include <string>
#include <variant>
#include <vector>

namespace berth::engine {

// ---- events -------------------------------------------------------------------------------------------
struct PayloadReceived {       // from ACS or `berth run`
    std::string message_id;    // echoed in AcknowledgePayload; empty: no acknowledgement wanted
    std::vector<TaskSpec> run; // desired RUNNING
    std::vector<TaskArn> stop; // desired STOPPED (a task that is unknown is reported STOPPED)
    std::vector<InvalidTask> invalid;
    // fresh runtime ids for the containers of `run`, in order, made by the caller (the core has no
    // randomness)
    std::vector<ContainerId> ids;
};
struct StopTask {
    TaskArn task;
    std::string reason;
};
// What comes back from effects. Events of one container arrive in the order in which things happened.
struct ManifestResolved {
    TaskArn task;
    std::string container;
    Digest digest;
};
struct PullFinished {
    TaskArn task;
    std::string container;
    Digest digest;
};
struct PullFailed {
    TaskArn task;
    std::string container;
    std::string reason;
    bool cached;
}; // cached: a local image can be used
struct Created {
    TaskArn task;
    std::string container;
    std::string ip_address;
    std::vector<NetworkBinding> bindings;
};
struct Started {
    TaskArn task;
    std::string container;
    int pid;
    Time at;
};
// A failed Create or Start has left no process and no network behind; a failed Signal is tried again later.
struct StepFailed {
    TaskArn task;
    std::string container;
    Step step;
    std::string reason;
}; // "<ErrorName>: <text>"
// No process of the container lives any more and its ports are free again. Once for every Started.
struct Exited {
    TaskArn task;
    std::string container;
    int exit_code;
    bool oom_killed;
    Time at;
    std::string reason;
};
struct HealthChanged {
    TaskArn task;
    std::string container;
    bool healthy;
};
enum class TimerKind : std::uint8_t { stop_timeout, start_timeout, cleanup };
struct TimerFired {
    TaskArn task;
    std::string container;
    TimerKind kind;
};
struct ReportAnswered {
    TaskArn task;
    bool accepted;
    StateChange change;
}; // accepted=false: refused for good, drop it
struct Removed {
    TaskArn task;
    std::string container;
};
// What was found on the host at start-up for a container the store knows.
struct Recovered {
    // never_started: its program has not been executed, nothing of it runs. vanished: it was started and
    // nothing is known of it.
    enum class What : std::uint8_t { never_started, running, exited, vanished };
    TaskArn task;
    std::string container;
    What what = What::never_started;
    int pid = 0;
    std::optional<Time> started_at;
    int exit_code = 0;
    bool oom_killed = false;
    std::optional<Time> finished_at;
};
// All Recovered events are in: go on.
struct RecoveryDone {};

struct Event {
    Time at; // when the event loop took it up
    std::variant<PayloadReceived, StopTask, ManifestResolved, PullFinished, PullFailed, Created, Started,
                 StepFailed, Exited, HealthChanged, TimerFired, ReportAnswered, Removed, Recovered,
                 RecoveryDone>
        what;
};

// ---- effects ------------------------------------------------------------------------------------------
struct AcknowledgePayload {
    std::string message_id;
    std::vector<TaskArn> tasks;
    bool complete;
}; // complete=false: some task was invalid
struct Pull {
    TaskArn task;
    std::string container;
};
struct Create {
    TaskArn task;
    std::string container;
};
// Prepares again what a restart of the agent or the exit of an earlier run has taken away.
struct Start {
    TaskArn task;
    std::string container;
    bool restart = false; // by restart policy: same writable layer
};
struct Signal {
    TaskArn task;
    std::string container;
    bool kill;
}; // kill=false: the container's stop signal
struct Report {
    StateChange change;
};
struct ArmTimer {
    TaskArn task;
    std::string container;
    TimerKind kind;
    std::chrono::nanoseconds after;
};
struct CancelTimer {
    TaskArn task;
    std::string container;
    TimerKind kind;
};
struct Remove {
    TaskArn task;
    std::string container;
}; // files, cgroup, network
struct ForgetTask {
    TaskArn task;
}; // everything of it is gone; delete from the store

using Effect = std::variant<AcknowledgePayload, Pull, Create, Start, Signal, Report, ArmTimer, CancelTimer,
                            Remove, ForgetTask>;

struct Outcome {
    std::vector<TaskArn> changed; // to be committed before the effects; all of them are in state.tasks
    std::vector<Effect> effects;
};

Outcome step(EngineState& state, const Event& event);

// What a task waits for and what comes next, in one sentence for `berth why` and introspection.
std::string explain(const EngineState& state, const TaskArn& task);

} // namespace berth::engine
