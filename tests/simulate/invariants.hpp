// What must hold after every step of the core, whatever happened.
#pragma once

#include "tests/simulate/world.hpp"

namespace berth::simulate {

// The part of a task that a step may only move forward, and must commit when it does.
struct Progress {
    struct Container {
        ContainerStatus known, desired;
        std::optional<ReportedStatus> sent;
        std::optional<int> exit_code;
        int restarts;
        bool restarting;
    };
    TaskStatus known, desired;
    std::optional<ReportedStatus> sent;
    bool admitted;
    std::map<std::string, Container> containers;
};

std::map<TaskArn, Progress> progress_of(const EngineState& state);
void check_step(const std::map<TaskArn, Progress>& before, const EngineState& state, const Outcome& outcome);
// What the admitted tasks use is there.
void check_resources(const EngineState& state);
// The effect may be carried out: dependencies really hold, dependants have really ended.
void check_effect(const Effect& effect, const EngineState& state, Host& host);
// Nothing more will happen: every task runs or says what it waits for; the head of the queue does not fit.
void check_quiet(const EngineState& state);

} // namespace berth::simulate
