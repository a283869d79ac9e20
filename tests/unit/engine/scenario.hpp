// A scenario: one engine state, events fed by hand, effects read as short lines.
#pragma once

#include "berth/engine/core.hpp"

#include "tests/unit/engine/lines.hpp"

#include <string>
#include <vector>

namespace berth::engine {

using Lines = std::vector<std::string>;

// A container that needs nothing: essential, 128 CPU units, 64 MiB.
ContainerSpec container(const std::string& name);
ContainerSpec container(const std::string& name, const std::string& depends_on, Condition condition);
// arn:aws:ecs:eu-west-1:1:task/c/<id>
TaskArn arn(const std::string& id);
TaskSpec task(const std::string& id, std::vector<ContainerSpec> containers);

class Scenario {
  public:
    Scenario();

    // Feeds one event and returns the lines of its effects.
    Lines feed(decltype(Event::what) what);
    // A payload of tasks to run, with fresh ids; message id "m".
    Lines run(std::vector<TaskSpec> tasks);
    Lines stop(const std::string& id);

    // Short forms for the first task's containers.
    Lines resolved(const std::string& name);
    Lines pulled(const std::string& name);
    Lines created(const std::string& name);
    Lines started(const std::string& name);
    Lines exited(const std::string& name, int code, bool oom = false);
    Lines failed(const std::string& name, Step step, const std::string& reason);
    Lines fired(const std::string& name, TimerKind kind);
    // Answers the last report of the task.
    Lines answered(const std::string& id = "t1", bool accepted = true);
    // Answers until nothing of the current task is in flight.
    void answer_all();
    // Pull to start for one container; the lines of the last step.
    Lines bring_up(const std::string& name);
    // The agent is killed: what was to be committed is all that is left.
    void crash();
    Lines recovered(const std::string& name, Recovered::What what, int exit_code = 0);

    TaskState& task(const std::string& id = "t1") { return state.tasks.at(arn(id)); }
    ContainerState& part(const std::string& name) { return task().containers.at(name); }
    bool knows(const std::string& id) const { return state.tasks.contains(arn(id)); }
    void pass(std::chrono::nanoseconds time) { now += time; }

    EngineState state;
    Time now{std::chrono::seconds(1'767'323'045)};
    std::map<TaskArn, StateChange> last_report;
    std::map<TaskArn, std::string> committed; // what a crash would leave
    std::string current = "t1";               // whose containers the short forms mean

  private:
    int next_id_ = 1;
};

} // namespace berth::engine
