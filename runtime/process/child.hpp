// What runs in the container's own process from its creation to execve.
#pragma once

#include "runtime/process/plan.hpp"

namespace berth::runtime {

// `channel` leads to the creator. Whatever goes wrong is told there, or to whoever asked for the start. The
// process is a copy of a single-threaded one, so it may use memory and locks as any program.
[[noreturn]] void run_container(LaunchPlan& plan, int channel);

} // namespace berth::runtime
