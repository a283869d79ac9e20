// Puts lines together again that the spool holds in pieces. Pure.
#pragma once

#include "berth/logs/forwarder.hpp"
#include "berth/runtime/log_spool.hpp"

#include <array>
#include <chrono>
#include <string>
#include <vector>

namespace berth::logs {

inline std::int64_t to_milliseconds(Time time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

class LineJoiner {
  public:
    // What has been read of a line that is not complete yet, of each stream. Never longer than one event.
    using Pending = std::array<std::string, 2>;

    LineJoiner() = default;
    explicit LineJoiner(Pending pending) : pending_(std::move(pending)) {}

    // Appends the lines that are complete; longer ones than an event may be come as several. A line bears the
    // time of its end, so that what comes out is in the order of time.
    void add(std::vector<runtime::SpoolLine> lines, std::vector<LogEvent>& events);
    // There will be no more: what is incomplete is a line.
    void finish(std::vector<LogEvent>& events);

    const Pending& pending() const { return pending_; }

  private:
    Pending pending_;
    std::int64_t last_ms_ = 0;
};

} // namespace berth::logs
