// Effects as short lines, for tests and histories.
#include "tests/unit/engine/lines.hpp"

namespace berth::engine {

namespace {

struct LineMaker {
    std::string operator()(const AcknowledgePayload& e) const {
        return fmt::format("Acknowledge {} {}", e.message_id, e.complete ? "complete" : "incomplete");
    }
    std::string operator()(const Pull& e) const { return "Pull " + e.container; }
    std::string operator()(const Create& e) const { return "Create " + e.container; }
    std::string operator()(const Start& e) const { return (e.restart ? "Restart " : "Start ") + e.container; }
    std::string operator()(const Signal& e) const { return (e.kill ? "Kill " : "Signal ") + e.container; }
    std::string operator()(const Report& e) const {
        auto line = fmt::format("Report {}", to_string(e.change.status));
        for (const auto& change : e.change.containers)
            line += fmt::format(" {}={}", change.name, to_string(change.status));
        return line;
    }
    static std::string_view name(TimerKind kind) {
        return kind == TimerKind::stop_timeout    ? "stop_timeout"
               : kind == TimerKind::start_timeout ? "start_timeout"
                                                  : "cleanup";
    }
    std::string operator()(const ArmTimer& e) const {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(e.after).count();
        return e.container.empty() ? fmt::format("Arm {} {}s", name(e.kind), seconds)
                                   : fmt::format("Arm {} {} {}s", name(e.kind), e.container, seconds);
    }
    std::string operator()(const CancelTimer& e) const {
        return fmt::format("Cancel {} {}", name(e.kind), e.container);
    }
    std::string operator()(const Remove& e) const { return "Remove " + e.container; }
    std::string operator()(const ForgetTask&) const { return "Forget"; }
};

} // namespace

std::string to_line(const Effect& effect) { return std::visit(LineMaker(), effect); }

} // namespace berth::engine
