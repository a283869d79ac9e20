// From the starter to the shim: a started container in one message with its descriptors.
#include "runtime/shim/container.hpp"

#include <linux/limits.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace berth::runtime {

namespace {

struct Head {
    int pid;
    int log_segments;
    std::uint64_t log_segment_bytes;
    std::uint64_t oom_kills_before;
};

constexpr std::size_t kMaxFds = 2;
using Control = std::array<char, CMSG_SPACE(kMaxFds * sizeof(int))>;

} // namespace

Status hand_over(int socket, const StartedContainer& container) {
    Head head = {container.pid, container.log_segments, container.log_segment_bytes,
                 container.oom_kills_before};
    std::string cgroup = container.cgroup; // sendmsg wants it writable
    std::array<iovec, 2> parts = {iovec{&head, sizeof head}, iovec{cgroup.data(), cgroup.size()}};
    std::array<int, kMaxFds> fds = {container.outputs[0].get(), container.outputs[1].get()};
    const auto fds_size = (container.outputs[1] ? 2 : 1) * sizeof(int);
    alignas(cmsghdr) Control control = {};
    msghdr message = {};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds_size);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds_size);
    std::memcpy(CMSG_DATA(header), fds.data(), fds_size);
    if (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0) return fail_errno(errno, "handing the container over");
    return {};
}

Result<StartedContainer> take_over(int socket) {
    Head head = {};
    std::string cgroup(PATH_MAX, '\0');
    std::array<iovec, 2> parts = {iovec{&head, sizeof head}, iovec{cgroup.data(), cgroup.size()}};
    alignas(cmsghdr) Control control = {};
    msghdr message = {};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t got = 0;
    while ((got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
    }
    if (got < 0) return fail_errno(errno, "taking the container over");
    if (got == 0) return fail(ErrorCode::closed, "the container was not started");
    StartedContainer container;
    const auto* header = CMSG_FIRSTHDR(&message);
    if (static_cast<std::size_t>(got) <= sizeof head || header == nullptr || header->cmsg_type != SCM_RIGHTS)
        return fail(ErrorCode::protocol, "the starter's message is not as it should be");
    std::array<int, kMaxFds> fds = {-1, -1};
    std::memcpy(fds.data(), CMSG_DATA(header), std::min(header->cmsg_len - CMSG_LEN(0), sizeof fds));
    for (std::size_t i = 0; i < kMaxFds; ++i) container.outputs[i].reset(fds[i]);
    container.pid = head.pid;
    container.log_segments = head.log_segments;
    container.log_segment_bytes = head.log_segment_bytes;
    container.oom_kills_before = head.oom_kills_before;
    container.cgroup.assign(cgroup, 0, static_cast<std::size_t>(got) - sizeof head);
    return container;
}

} // namespace berth::runtime
