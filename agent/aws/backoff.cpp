// The kernel's generator as a source of jitter.
#include "berth/aws/backoff.hpp"

#include "berth/base/encoding.hpp"

#include <cstdint>
#include <cstring>

namespace berth::aws {

Random system_random() {
    return [] {
        std::uint64_t bits = 0;
        const auto bytes = random_bytes(sizeof bits);
        std::memcpy(&bits, bytes.data(), sizeof bits);
        constexpr double kTwoTo53 = 9007199254740992.0;
        return static_cast<double>(bits >> 11) / kTwoTo53;
    };
}

} // namespace berth::aws
