// Delays that grow with every failure, with jitter. Pure: randomness comes in from outside.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

namespace berth::aws {

// Numbers in [0, 1).
using Random = std::function<double()>;
Random system_random();

struct BackoffPolicy {
    std::chrono::nanoseconds first;
    double factor;
    std::chrono::nanoseconds max;
    double jitter = 0.2; // each delay is lengthened by up to this part of itself
};

class Backoff {
  public:
    Backoff(BackoffPolicy policy, Random random)
        : policy_(policy), random_(std::move(random)), base_(policy.first) {}

    std::chrono::nanoseconds next() {
        const auto delay = scale(base_, 1 + policy_.jitter * random_());
        base_ = std::min(scale(base_, policy_.factor), policy_.max);
        return delay;
    }
    void reset() { base_ = policy_.first; }

  private:
    static std::chrono::nanoseconds scale(std::chrono::nanoseconds value, double by) {
        return std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(value.count()) * by));
    }

    BackoffPolicy policy_;
    Random random_;
    std::chrono::nanoseconds base_;
};

} // namespace berth::aws
