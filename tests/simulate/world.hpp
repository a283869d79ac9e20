// The world around the engine core: what really runs on the host, and what the control plane has been told.
//
// It knows the truth, so it notices when the core acts against it. Everything it finds wrong is a Violation.
#pragma once

#include "berth/engine/core.hpp"

#include "tests/simulate/random.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace berth::simulate {

using namespace engine;

struct Violation {
    std::string what;
};

template <class... Args>
[[noreturn]] void violated(fmt::format_string<Args...> text, Args&&... args) {
    throw Violation{fmt::format(text, std::forward<Args>(args)...)};
}

// How a container behaves whenever it is run.
struct Behaviour {
    bool pull_fails = false, image_is_cached = false, create_fails = false, start_fails = false;
    bool heeds_stop_signal = true, becomes_healthy = true, runs_out_of_memory = false;
    int exit_code = 0;
    int runs_that_end = 0; // so many runs end by themselves, later ones do not
    std::chrono::milliseconds run_time{0};
};

// What is true of one container on the host.
struct Real {
    TaskArn task;
    std::string name;
    bool created = false, live = false, removed = false, vanished = false;
    int runs = 0;
    int pid = 0;
    std::optional<Time> started_at, finished_at; // of the last run
    std::optional<int> exit_code;                // of the last run, once it has ended
    bool oom_killed = false;
};

class Host {
  public:
    Real& at(const ContainerId& id) { return containers_.at(id); }
    Real* find(const ContainerId& id);
    Real& make(const ContainerId& id, const TaskArn& task, const std::string& name);
    void start(const ContainerId& id, Time now);
    void end(const ContainerId& id, int exit_code, bool oom_killed, Time now);
    void remove(const ContainerId& id);
    void reboot();
    std::map<ContainerId, Real>& containers() { return containers_; }

    // What the condition asks for has really happened to `on`.
    static bool holds(Condition condition, const Real* on, const ContainerState& believed);
    // No process lives and nothing is left on the host.
    void check_clean() const;

  private:
    std::map<ContainerId, Real> containers_;
};

// The endpoint's memory of what it has accepted.
class ControlPlane {
  public:
    // `life` counts the agent's lives: only a crash between two of them excuses telling an end twice.
    void accept(const StateChange& change, int life);
    std::optional<ReportedStatus> status(const TaskArn& task) const;
    // What the report says is true of the host.
    static void check_truth(const StateChange& change, Host& host, const TaskState& task);

  private:
    struct Told {
        ReportedStatus status = ReportedStatus::pending;
        std::map<std::string, ReportedStatus> containers;
        int stopped_in_life = 0;
    };
    std::map<TaskArn, Told> tasks_;
};

} // namespace berth::simulate
