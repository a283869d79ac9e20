// Events as short lines.
#include "tests/simulate/history.hpp"

namespace berth::simulate {

std::string describe(const What& what) {
    return std::visit(
        Overloaded{
            [](const PayloadReceived& e) {
                return fmt::format("payload run={} stop={}", e.run.size(), e.stop.size());
            },
            [](const StopTask& e) { return "stop " + e.task.str(); },
            [](const ManifestResolved& e) { return "resolved " + e.container; },
            [](const PullFinished& e) { return "pulled " + e.container; },
            [](const PullFailed& e) { return "pull failed " + e.container; },
            [](const Created& e) { return "created " + e.container; },
            [](const Started& e) { return "started " + e.container; },
            [](const StepFailed& e) { return fmt::format("{} failed {}", to_string(e.step), e.container); },
            [](const Exited& e) { return fmt::format("exited {} with {}", e.container, e.exit_code); },
            [](const HealthChanged& e) { return fmt::format("health {} {}", e.container, e.healthy); },
            [](const TimerFired& e) {
                return fmt::format("timer {} {}", static_cast<int>(e.kind), e.container);
            },
            [](const ReportAnswered& e) { return fmt::format("answered {}", to_string(e.change.status)); },
            [](const Removed& e) { return "removed " + e.container; },
            [](const Recovered& e) {
                return fmt::format("recovered {} what={}", e.container, static_cast<int>(e.what));
            },
            [](const RecoveryDone&) { return std::string("recovery done"); },
        },
        what);
}

TaskArn task_of(const What& what) {
    return std::visit(
        [](const auto& event) {
            if constexpr (requires { event.task; })
                return event.task;
            else
                return TaskArn();
        },
        what);
}

} // namespace berth::simulate
