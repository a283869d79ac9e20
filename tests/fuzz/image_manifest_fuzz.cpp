// Fuzzes what a registry describes an image with: manifests, indexes and configs.
#include "agent/images/manifest.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace berth::images;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto document = parse_manifest(text, "")) {
        if (const auto* index = std::get_if<Index>(&*document)) {
            const auto chosen = choose_platform(*index, this_platform());
            if (chosen && chosen->digest.str().size() != 71) __builtin_trap();
        } else if (std::get<Manifest>(*document).layers.size() > kMaxLayers) {
            __builtin_trap();
        }
    }
    if (const auto config = parse_config(text))
        for (const auto& diff_id : config->diff_ids)
            if (diff_id.str().size() != 71) __builtin_trap();
    return 0;
}
