// Waiting for the end of a process by its pidfd.
#include "runtime/shim/end_of_process.hpp"

#include <poll.h>
#include <sys/wait.h>

namespace berth::runtime {

Async<Status> wait_for_end(int pidfd, Deadline deadline) {
    for (;;) {
        auto woken = co_await wait_readable(pidfd, deadline);
        if (!woken) co_return woken;
        pollfd ended = {pidfd, POLLIN, 0};
        if (::poll(&ended, 1, 0) == 1) co_return Status{};
    }
}

siginfo_t reap(int pidfd) {
    siginfo_t info = {};
    ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG);
    return info;
}

} // namespace berth::runtime
