// The commands of berth-runtime. Each returns the exit status, or the error to print.
#pragma once

#include "berth/base/log.hpp"
#include "berth/base/result.hpp"

#include "runtime/cli/arguments.hpp"

namespace berth::runtime::cli {

using Outcome = Result<int>;

Outcome create_command(const Arguments& arguments, const Log& log);
Outcome run_command(const Arguments& arguments, const Log& log);
Outcome start_command(const Arguments& arguments, const Log& log);
Outcome state_command(const Arguments& arguments);
Outcome list_command(const Arguments& arguments);
Outcome kill_command(const Arguments& arguments);
Outcome delete_command(const Arguments& arguments, const Log& log);
Outcome features_command();
Outcome spec_command(const Arguments& arguments);

// foreground.cpp: passes signals on to the container, and its terminal (when `terminal` is one) to ours,
// until it ends; its exit status as a shell counts it. The signals must have been blocked before it was made.
void block_signals();
Outcome attend_foreground(int pidfd, int pid, int terminal);

} // namespace berth::runtime::cli
