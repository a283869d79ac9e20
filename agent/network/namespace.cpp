// Making network namespaces without leaving one's own.
#include "agent/network/namespace.hpp"

#include "berth/base/files.hpp"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <optional>
#include <system_error>
#include <thread>

namespace berth::network {
namespace {

Result<Namespace> make_here() {
    if (::unshare(CLONE_NEWNET) != 0) return fail_errno(errno, "making a network namespace");
    auto fd = open_file("/proc/thread-self/ns/net", O_RDONLY);
    if (!fd) return fail(std::move(fd.error()));
    auto links = Links::open();
    if (!links) return fail(std::move(links.error()));
    return Namespace{.fd = std::move(*fd), .links = std::move(*links)};
}

} // namespace

Result<Namespace> make_namespace() {
    // A thread of its own: one that cannot find back must not go on serving others. What it opened inside
    // stays inside.
    std::optional<Result<Namespace>> made;
    try {
        std::thread([&] { made = make_here(); }).join();
    } catch (const std::system_error& e) {
        return fail(ErrorCode::limit, "making a network namespace: starting a thread: {}", e.what());
    }
    return std::move(*made);
}

} // namespace berth::network
