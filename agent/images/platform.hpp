// Which entry of an image index is for this machine.
#pragma once

#include <string>
#include <string_view>

namespace berth::images {

struct Platform {
    std::string os, architecture, variant;
    std::string str() const;
    bool operator==(const Platform&) const = default;
};

// What this program was built for, in Go's words.
Platform this_platform();

// How well an image fits a machine: 0 not at all, more is better.
int fitness(const Platform& image, const Platform& machine);

} // namespace berth::images
