// linux.resources of config.json as writes to cgroup files. Pure.
#pragma once

#include "berth/runtime/cgroup.hpp"

#include <string>
#include <vector>

namespace berth::runtime {

struct Setting {
    bool v2 = false;
    std::string controller; // hierarchy (v1) or controller to be enabled (v2); empty: none is needed
    std::string file;
    std::string value;
    std::string instead;   // file to use when `file` does not exist
    bool optional = false; // neither exists: nothing is written
};

// In the order to be written. A resource whose controller the machine lacks is an error that names it.
Result<std::vector<Setting>> settings_for(const CgroupLayout& layout, const Json& resources);

// cpu.shares (2..262144) to cpu.weight (1..10000), and blkio.weight (10..1000) to io.weight (1..10000):
// linear, so that the proportions between containers stay as they were asked for.
std::uint64_t weight_from_shares(std::uint64_t shares);
std::uint64_t io_weight_from_blkio(std::uint64_t weight);

} // namespace berth::runtime
