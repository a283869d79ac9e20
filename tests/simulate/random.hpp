// Random choices that come out the same for the same seed on every machine.
#pragma once

#include <chrono>
#include <cstdint>

namespace berth::simulate {

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() { // SplitMix64
        state_ += 0x9e3779b97f4a7c15U;
        auto z = state_;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }
    // min..max, both included.
    std::int64_t between(std::int64_t min, std::int64_t max) {
        return min + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(max - min + 1));
    }
    bool percent(int chance) { return between(0, 99) < chance; }
    std::chrono::milliseconds ms(std::int64_t min, std::int64_t max) {
        return std::chrono::milliseconds(between(min, max));
    }

  private:
    std::uint64_t state_;
};

} // namespace berth::simulate
