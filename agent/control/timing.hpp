// The reference's delays and limits (1.6, 3.11, 5.4) in one value, so that tests can shorten them.
#pragma once

#include "berth/aws/backoff.hpp"

#include <chrono>
#include <cstddef>

namespace berth::control {

struct Timing {
    using Duration = std::chrono::nanoseconds;

    aws::BackoffPolicy registration{std::chrono::seconds(3), 2, std::chrono::seconds(192)};
    Duration registration_limit = std::chrono::hours(1);
    aws::BackoffPolicy submission{std::chrono::seconds(1), 1.3, std::chrono::seconds(30)};
    aws::BackoffPolicy reconnect{std::chrono::milliseconds(250), 1.5, std::chrono::minutes(2)};

    // Each of these three is drawn anew for every connection, up to its spread longer.
    Duration inactivity = std::chrono::minutes(1), inactivity_spread = std::chrono::minutes(1);
    Duration max_age = std::chrono::minutes(30), max_age_spread = std::chrono::minutes(5);
    Duration stable_after = std::chrono::minutes(1), stable_spread = std::chrono::minutes(1);

    // A connection that ends sooner is not worth reconnecting at once, however cleanly it ended.
    Duration shortest_clean = std::chrono::seconds(10);
    Duration inactive_instance = std::chrono::hours(1);
    Duration handshake = std::chrono::seconds(60);
    Duration write = std::chrono::minutes(3);
    Duration close_grace = std::chrono::seconds(30);
    Duration discovery_lifetime = std::chrono::hours(12), discovery_limit = std::chrono::seconds(126);
    std::size_t max_frame = std::size_t{8} << 20;
};

inline Timing::Duration draw(Timing::Duration least, Timing::Duration spread, const aws::Random& random) {
    return least +
           Timing::Duration(static_cast<std::int64_t>(static_cast<double>(spread.count()) * random()));
}

} // namespace berth::control
