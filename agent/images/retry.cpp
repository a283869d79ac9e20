// Waiting between attempts.
#include "agent/images/retry.hpp"

namespace berth::images {

Async<bool> Retry::again(Refusal refusal, Deadline deadline) {
    if (!refusal.error.may_heal() || ++failures_ >= policy_.attempts) co_return false;
    // A server may ask for patience, not for us to stand still for hours.
    constexpr std::chrono::milliseconds kMostPatience = std::chrono::minutes(5);
    const std::chrono::milliseconds asked = refusal.retry_after.value_or(std::chrono::seconds(0));
    const auto wait = std::max(delay_, std::min(asked, kMostPatience));
    delay_ = std::min(delay_ * 2, policy_.longest_delay);
    const auto moment = deadline_in(wait);
    if (moment >= deadline) co_return false;
    co_return (co_await sleep_until(moment)).has_value();
}

} // namespace berth::images
