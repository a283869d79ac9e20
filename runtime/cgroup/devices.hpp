// linux.resources.devices: which devices the processes of a group may use.
#pragma once

#include "berth/runtime/cgroup.hpp"

#include <linux/bpf.h>

#include <string>
#include <vector>

namespace berth::runtime {

struct DeviceRule {
    bool allow = false;
    char type = 'a'; // a: every device and access, the other members do not matter; b, c
    std::optional<std::uint32_t> major, minor; // empty: any
    std::uint32_t access = 0;                  // BPF_DEVCG_ACC_* bits
};

// What can still have a say: the last rule for everything and what comes after it. Not empty unless there are
// no rules: what no rule is for is denied.
Result<std::vector<DeviceRule>> device_rules(const Json& resources);
// As devices.allow and devices.deny (v1) read it: "c 1:3 rwm".
std::string to_line(const DeviceRule& rule);
// Program for BPF_CGROUP_DEVICE (v2): the last rule that matches decides.
std::vector<bpf_insn> device_program(const std::vector<DeviceRule>& rules);

Status apply_device_rules(const CgroupLayout& layout, const std::string& path, const Json& resources);

} // namespace berth::runtime
