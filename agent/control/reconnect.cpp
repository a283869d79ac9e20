// The reconnection schedule.
#include "agent/control/reconnect.hpp"

#include <algorithm>
#include <array>

namespace berth::control {

bool is_clean(const Error& error, std::uint16_t close_code) {
    if (error.code() == ErrorCode::timeout || error.code() == ErrorCode::limit) return false;
    constexpr std::array<std::uint16_t, 4> codes{1000, 1001, 1006, 1011};
    return std::ranges::find(codes, close_code) != codes.end();
}

std::chrono::nanoseconds ReconnectPolicy::delay_after(const SessionEnd& end) {
    if (end.inactive_instance) return timing_->inactive_instance;
    // A server that accepts and drops at once would otherwise be called in a tight loop.
    if (end.clean && end.lasted && *end.lasted >= timing_->shortest_clean) {
        backoff_.reset();
        return std::chrono::nanoseconds(0);
    }
    if (end.lasted && *end.lasted >= draw(timing_->stable_after, timing_->stable_spread, random_))
        backoff_.reset();
    return backoff_.next();
}

} // namespace berth::control
