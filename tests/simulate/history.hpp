// The simulated agent and its surroundings: one object for each history.
#pragma once

#include "tests/simulate/simulation.hpp"
#include "tests/simulate/workload.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <set>
#include <tuple>

namespace berth::simulate {

template <class... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};

using What = decltype(Event::what);
using TimerKey = std::tuple<TaskArn, std::string, TimerKind>;

class Simulation {
  public:
    Simulation(std::uint64_t seed, Verdict& verdict, bool with_history)
        : random_(seed), verdict_(verdict), with_history_(with_history) {
        state_.host = make_host();
        state_.options = make_options(random_);
        crash_percent_ = static_cast<int>(random_.between(0, 3));
        strict_ = random_.percent(50);
    }
    void run();

  private:
    using Work = std::function<void()>;

    // ---- time
    void at(Time when, Work work) {
        agenda_.emplace(std::pair(std::max(when, now_), next_++), std::move(work));
    }
    void after(std::chrono::nanoseconds wait, Work work) { at(now_ + wait, std::move(work)); }
    // Work of this life of the agent: lost when it crashes.
    void agent_after(std::chrono::nanoseconds wait, Work work) {
        after(wait, [this, life = life_, work = std::move(work)] {
            if (alive_ && life == life_) work();
        });
    }
    void drain();

    // ---- the agent
    void feed(What what);
    // Events of one container keep their order.
    void feed_later(const std::string& container, const TaskArn& task, What what);
    void commit(const Outcome& outcome, std::vector<Effect> gated);
    void commit_next();
    void carry_out(std::vector<Effect> effects);
    void carry_out(const Effect& effect);
    void crash();
    void recover();
    Recovered look_at(const TaskArn& task, const std::string& name, const ContainerState& state);

    void pull(const Pull& effect);
    void create(const Create& effect);
    void start(const Start& effect);
    void signal(const Signal& effect);
    void remove(const Remove& effect);
    void submit(const StateChange& change);
    void arm(const ArmTimer& effect);
    void forget(const TaskArn& task);

    // ---- the world
    void deliver_payload(std::size_t number);
    void stop_task(const TaskArn& task);
    void run_container(const ContainerId& id);
    void end_container(const ContainerId& id, int run, int exit_code, bool oom_killed);
    void check_health(const ContainerId& id);
    const Behaviour& behaviour(const TaskArn& task, const std::string& name) {
        return behaviours_.at(task).at(name);
    }
    ContainerId id_of(const TaskArn& task, const std::string& name) {
        return state_.tasks.at(task).containers.at(name).id;
    }
    void note(const std::string& line) {
        if (with_history_)
            verdict_.history.push_back(
                fmt::format("{:>10} ms  {}", now_.time_since_epoch() / std::chrono::milliseconds(1), line));
    }

    struct Payload {
        std::vector<TaskSpec> tasks;
        bool acknowledged = false;
    };
    struct Commit {
        std::map<TaskArn, std::optional<TaskState>> tasks;
        std::vector<Effect> gated;
    };

    Random random_;
    Verdict& verdict_;
    bool with_history_;
    Time now_{std::chrono::seconds(1)};
    std::uint64_t next_ = 0;
    std::map<std::pair<Time, std::uint64_t>, Work> agenda_;

    EngineState state_;
    int life_ = 1;
    bool alive_ = true;
    bool strict_;       // every effect waits for the commit, instead of only those that must
    int crash_percent_; // at every event and effect boundary
    std::deque<Commit> commits_;
    std::map<TimerKey, std::uint64_t> timers_;
    std::map<std::pair<TaskArn, std::string>, Time> last_event_;
    std::set<ContainerId> starts_in_flight_;

    std::map<TaskArn, TaskState> durable_;
    Host host_;
    ControlPlane control_;
    std::map<TaskArn, std::map<std::string, Behaviour>> behaviours_;
    std::vector<Payload> payloads_;
    int next_id_ = 1;
    bool calm_ = false; // the endpoint works and nothing crashes any more
};

std::string describe(const What& event); // for the history
TaskArn task_of(const What& event);      // empty when it is about no task

} // namespace berth::simulate
