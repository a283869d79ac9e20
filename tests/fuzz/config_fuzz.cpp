// Fuzzes the ecs.config parser and every variable's value.
#include "berth/config/config.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace berth;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto file = config::parse_ecs_config(text);
    for (const auto& [name, value] : file)
        if (name.find('=') != std::string::npos || value.find('\n') != std::string::npos) __builtin_trap();
    const auto loaded = config::load({}, file);
    if (!loaded && loaded.error().message().empty()) __builtin_trap();
    return 0;
}
