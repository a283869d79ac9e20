// Joining partial lines.
#include "agent/logs/line_joiner.hpp"

#include "agent/logs/text.hpp"

#include <utility>

namespace berth::logs {

void LineJoiner::add(std::vector<runtime::SpoolLine> lines, std::vector<LogEvent>& events) {
    for (auto& line : lines) {
        last_ms_ = to_milliseconds(line.time);
        auto& pending = pending_[line.is_stderr ? 1 : 0];
        if (pending.empty())
            pending = std::move(line.text);
        else
            pending += line.text;
        while (pending.size() > kMaxEventBytes) {
            const auto cut = cut_between_code_points(pending, kMaxEventBytes);
            events.push_back({last_ms_, pending.substr(0, cut)});
            pending.erase(0, cut);
        }
        if (!line.partial) events.push_back({last_ms_, std::exchange(pending, {})});
    }
}

void LineJoiner::finish(std::vector<LogEvent>& events) {
    const auto now_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch()).count();
    for (auto& pending : pending_)
        if (!pending.empty())
            events.push_back({last_ms_ != 0 ? last_ms_ : now_ms, std::exchange(pending, {})});
}

} // namespace berth::logs
