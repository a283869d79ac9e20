// When to connect to ACS again (reference 3.11). Pure.
#pragma once

#include "berth/base/result.hpp"

#include "agent/control/timing.hpp"

#include <cstdint>
#include <optional>

namespace berth::control {

// How a connection, or the attempt to make one, ended.
struct SessionEnd {
    // How long it was up; nothing when it never was.
    std::optional<std::chrono::nanoseconds> lasted;
    bool clean = false;
    bool inactive_instance = false;
    std::string why;
};

// The end that a failed read means: the close codes 1000, 1001, 1006 and 1011 are clean.
bool is_clean(const Error& error, std::uint16_t close_code);

class ReconnectPolicy {
  public:
    ReconnectPolicy(const Timing& timing, aws::Random random)
        : timing_(&timing), random_(std::move(random)), backoff_(timing.reconnect, random_) {}
    std::chrono::nanoseconds delay_after(const SessionEnd& end);

  private:
    const Timing* timing_;
    aws::Random random_;
    aws::Backoff backoff_;
};

} // namespace berth::control
