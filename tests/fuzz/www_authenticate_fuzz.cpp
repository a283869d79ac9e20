// Fuzzes the WWW-Authenticate header of registries.
#include "agent/images/www_authenticate.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto challenges = berth::images::parse_challenges({reinterpret_cast<const char*>(data), size});
    if (!challenges) return 0;
    for (const auto& challenge : *challenges)
        if (challenge.scheme.empty()) __builtin_trap();
    return 0;
}
