// Waiting for the end of a process by its pidfd. Private to this room.
#pragma once

#include "berth/base/async.hpp"

#include <csignal>

namespace berth::runtime {

// The event loop may wake a waiter for what a descriptor before this one said. Nothing is taken for dead on
// its word alone: the descriptor itself is asked.
Async<Status> wait_for_end(int pidfd, Deadline deadline);
// Frees the process if it is a child of ours and has ended; how it ended (si_pid is 0 otherwise).
siginfo_t reap(int pidfd);

} // namespace berth::runtime
