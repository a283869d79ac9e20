// Connecting to a console socket, and being one's own.
#include "runtime/cli/console_socket.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace berth::runtime::cli {

Result<UniqueFd> connect_console(const std::string& path) {
    if (path.empty()) return UniqueFd();
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail(ErrorCode::limit, "--console-socket: {} is longer than {} bytes", path,
                    sizeof address.sun_path - 1);
    std::ranges::copy(path, address.sun_path);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail_errno(errno, "--console-socket: connecting to {}", path);
    return socket;
}

Result<ConsolePair> make_console_pair() {
    std::array<int, 2> ends = {};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return fail_errno(errno, "making a socket pair for the terminal");
    return ConsolePair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<UniqueFd> receive_terminal(const UniqueFd& socket) {
    if (!socket) return UniqueFd();
    std::array<char, 64> name = {};
    iovec part{.iov_base = name.data(), .iov_len = name.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto got = ::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    // A container that is ready and has sent nothing has no terminal; its end of the pair may be closed by
    // then.
    if (got == 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))) return UniqueFd();
    if (got < 0) return fail_errno(errno, "receiving the terminal");
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
        return fail(ErrorCode::protocol, "the container's process sent no terminal");
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return UniqueFd(fd);
}

} // namespace berth::runtime::cli
