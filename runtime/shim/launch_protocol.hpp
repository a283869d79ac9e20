// Between launch() and berth-shim: `berth-shim DIRECTORY NOTIFY_FD LOCK_FD [NETNS_FD]`.
//
// The lock descriptor is of the directory's lock file, locked. The shim writes one line of JSON to the notify
// descriptor and closes it: a StatusRecord when the container runs, or {"error": "why"}. Descriptors 0 to 2
// are /dev/null, others are not inherited.
#pragma once

namespace berth::runtime {

constexpr int kNotifyFd = 3;
constexpr int kLockFd = 4;
constexpr int kNetnsFd = 5;

} // namespace berth::runtime
