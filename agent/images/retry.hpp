// When a failed request is made again: only for errors that may heal, with growing delays, or when the server
// says.
#pragma once

#include "berth/base/async.hpp"

#include <chrono>
#include <expected>
#include <optional>

namespace berth::images {

// Why a registry did not give what was asked for.
struct Refusal {
    Error error;
    std::optional<std::chrono::seconds> retry_after;
};
template <class T>
using Answer = std::expected<T, Refusal>;
inline std::unexpected<Refusal> refuse(Error error) {
    return std::unexpected(Refusal{.error = std::move(error), .retry_after = std::nullopt});
}

struct RetryPolicy {
    int attempts = 5;
    std::chrono::milliseconds first_delay{1100}, longest_delay{5000}; // doubling
};

class Retry {
  public:
    explicit Retry(RetryPolicy policy) : policy_(policy), delay_(policy.first_delay) {}

    // Waits; false when the error is final: it cannot heal, or attempts or time are used up.
    Async<bool> again(Refusal refusal, Deadline deadline);
    // Something was achieved: start counting anew.
    void reset() { *this = Retry(policy_); }

  private:
    RetryPolicy policy_;
    std::chrono::milliseconds delay_;
    int failures_ = 0;
};

} // namespace berth::images
