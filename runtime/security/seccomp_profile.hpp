// The parts of a seccomp profile that do not go into the BPF program.
#pragma once

#include "berth/base/json.hpp"
#include "berth/base/result.hpp"

namespace berth::runtime {

// SECCOMP_FILTER_FLAG_… of linux.seccomp.flags.
Result<unsigned> seccomp_flags(const Json& profile);
// For `berth-runtime features`.
std::vector<std::string> seccomp_actions();
std::vector<std::string> seccomp_operators();
std::vector<std::string> seccomp_architectures();

} // namespace berth::runtime
