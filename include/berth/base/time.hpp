// The two clocks: Time is wall time (what users and AWS see), Deadline is monotonic (how long we wait).
#pragma once

#include "berth/base/result.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace berth {

using Time = std::chrono::sys_time<std::chrono::nanoseconds>;
using Deadline = std::chrono::steady_clock::time_point;

inline Time now() {
    return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}
template <class Rep, class Period>
Deadline deadline_in(std::chrono::duration<Rep, Period> wait) {
    return std::chrono::steady_clock::now() + std::chrono::duration_cast<Deadline::duration>(wait);
}

// "2026-01-02T03:04:05.123456789Z"; digits of the fraction: 0, 3, 6 or 9.
std::string to_rfc3339(Time time, int fraction_digits = 9);
Result<Time> parse_rfc3339(std::string_view text);
// Seconds since the epoch with milliseconds, as the AWS JSON protocols carry timestamps.
double to_epoch_seconds(Time time);
Time from_epoch_seconds(double seconds);
// Go's duration syntax ("90s", "1h30m", "100ms"), which the ECS_* variables use.
Result<std::chrono::nanoseconds> parse_go_duration(std::string_view text);

} // namespace berth
