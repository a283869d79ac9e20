// AppArmor profile and SELinux label of the process to be.
#pragma once

#include "berth/base/result.hpp"
#include "berth/base/unique_fd.hpp"

#include "runtime/spec/spec.hpp"

namespace berth::runtime {

bool apparmor_enabled();
bool selinux_enabled();

// The label to write at execve, and where.
struct LsmLabel {
    UniqueFd attribute; // /proc/self/attr/…exec of the process that opened it; empty: nothing to do
    std::string text;
};
// Whether what the spec asks for can be given on this host; called before anything is made.
Status check_lsm(const Spec& spec);
// In the child while the host's /proc is still in sight.
Result<LsmLabel> open_lsm(const Process& process);
// Last before the user is changed.
Status write_lsm(const LsmLabel& label);

} // namespace berth::runtime
