// Platforms: images for an older variant run on a newer machine, never the other way round.
#include "agent/images/platform.hpp"

#include "agent/images/text.hpp"

namespace berth::images {

namespace {

// "v8" → 8; the variant that the architecture has when none is named, else.
int variant_number(const Platform& platform) {
    if (platform.variant.size() == 2 && platform.variant[0] == 'v' && is_digit(platform.variant[1]))
        return platform.variant[1] - '0';
    if (!platform.variant.empty()) return 100; // one we do not know needs more than we have
    if (platform.architecture == "arm64") return 8;
    return platform.architecture == "arm" ? 7 : 1;
}

} // namespace

std::string Platform::str() const { return os + "/" + architecture + (variant.empty() ? "" : "/" + variant); }

Platform this_platform() {
#if defined(__x86_64__)
    return {.os = "linux", .architecture = "amd64", .variant = ""};
#elif defined(__aarch64__)
    return {.os = "linux", .architecture = "arm64", .variant = "v8"};
#else
#error "this architecture has no name here"
#endif
}

int fitness(const Platform& image, const Platform& machine) {
    if (image.os != machine.os || image.architecture != machine.architecture) return 0;
    const int wanted = variant_number(image), have = variant_number(machine);
    return wanted <= have ? 1 + wanted : 0;
}

} // namespace berth::images
