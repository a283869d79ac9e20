// Fuzzes config.json: parsing, the checks, and the seccomp profile's compilation.
#include "runtime/security/seccomp.hpp"
#include "runtime/spec/spec.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace berth;
    const auto config = parse_json({reinterpret_cast<const char*>(data), size});
    if (!config) return 0;
    const auto spec = runtime::parse_spec(*config);
    if (!spec) {
        if (spec.error().message().empty()) __builtin_trap();
        return 0;
    }
    for (const auto& [path, value] : spec->sysctl)
        if (path.find("..") != std::string::npos || path.starts_with('/')) __builtin_trap();
    for (const auto& mount : spec->mounts)
        if (!mount.destination.starts_with('/')) __builtin_trap();
    // Compiling takes time by the number of rules; a small profile reaches every branch.
    if (spec->seccomp.is_object() && size < 4096) std::ignore = runtime::compile_seccomp(spec->seccomp);
    return 0;
}
