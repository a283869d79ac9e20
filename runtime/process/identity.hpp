// What the process is, apart from what it sees: limits, user, groups, working directory, descriptors.
#pragma once

#include "berth/base/result.hpp"
#include "berth/runtime/container.hpp"

#include "runtime/spec/spec.hpp"

#include <vector>

namespace berth::runtime {

// Every signal to its default action and none blocked.
Status reset_signals();
// Everything from 3 up is closed, but for `kept`.
Status close_all_but(std::vector<int> kept);
// From 3+preserved up, all is closed by execve.
Status close_on_exec(unsigned preserved);
// The container's standard streams; its user may open them again by /dev/stdout.
Status set_stdio(const Stdio& stdio);
Status own_stdio(const Process& process);
Status set_terminal(int slave, const Process& process);

Status set_rlimits(const std::vector<Rlimit>& limits);
// setgroups, setresgid, setresuid, umask.
Status change_user(const Process& process);
// A session keyring of its own, so that the caller's keys stay the caller's.
Status new_keyring();
// False: not allowed yet, perhaps as the container's user.
Result<bool> enter_cwd(const std::string& cwd);
// A working directory outside the root (a leaked descriptor) shows as a path that does not begin with "/".
Status check_cwd(const std::string& cwd);

} // namespace berth::runtime
