// Messages between a container's process and its creator.
#include "runtime/process/channel.hpp"

#include "berth/base/files.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace berth::runtime {

namespace {

struct Address {
    sockaddr_un socket = {};
    UniqueFd directory;
};

// By way of the directory's descriptor: a path may be longer than the 107 bytes that fit an address.
Result<Address> address_in(const std::string& directory) {
    Address address;
    auto opened = open_file(directory, O_PATH | O_DIRECTORY);
    if (!opened) return std::unexpected(std::move(opened.error()));
    address.directory = std::move(*opened);
    const auto path = fmt::format("/proc/self/fd/{}/{}", address.directory.get(), kStartSocket);
    address.socket.sun_family = AF_UNIX;
    std::ranges::copy(path, address.socket.sun_path);
    return address;
}

const sockaddr* generic(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

Result<UniqueFd> make_socket() {
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket) return fail_errno(errno, "making a socket");
    return socket;
}

} // namespace

Message failure(const Error& error) {
    Message message;
    message.code = error.code();
    message.error = error.sys();
    const auto length = std::min(error.message().size(), message.text.size() - 1);
    std::copy_n(error.message().data(), length, message.text.data());
    return message;
}

Error to_error(const Message& message) {
    const std::string_view text(message.text.data(), ::strnlen(message.text.data(), message.text.size()));
    return Error(message.code, std::string(text)).with_errno(message.error);
}

Result<std::pair<UniqueFd, UniqueFd>> make_channel() {
    std::array<int, 2> ends = {};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return fail_errno(errno, "making a socket pair");
    return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Status send(int channel, const Message& message) {
    if (::send(channel, &message, sizeof message, MSG_NOSIGNAL) < 0)
        return fail_errno(errno, "talking to the container's process");
    return {};
}

Result<Message> receive(int channel) {
    Message message;
    ssize_t got = 0;
    do got = ::recv(channel, &message, sizeof message, 0);
    while (got < 0 && errno == EINTR);
    if (got == 0 || (got < 0 && errno == ECONNRESET))
        return fail(ErrorCode::closed, "the other process is gone");
    if (got < 0) return fail_errno(errno, "hearing from the container's process");
    if (got != sizeof message)
        return fail(ErrorCode::protocol, "a message of {} bytes on the start socket", got);
    return message;
}

Result<Message> expect(int channel, Tell tell) {
    auto message = receive(channel);
    if (!message) return message;
    if (message->tell == Tell::failed) return std::unexpected(to_error(*message));
    if (message->tell != tell) return fail(ErrorCode::protocol, "an unexpected message on the start socket");
    return message;
}

Result<UniqueFd> listen_at(const std::string& directory) {
    const auto address = address_in(directory);
    if (!address) return std::unexpected(address.error());
    auto socket = make_socket();
    if (!socket) return socket;
    if (::bind(socket->get(), generic(address->socket), sizeof address->socket) != 0 ||
        ::listen(socket->get(), 1) != 0)
        return fail_errno(errno, "making {}/{}", directory, kStartSocket);
    return socket;
}

Result<UniqueFd> connect_to(const std::string& directory) {
    const auto address = address_in(directory);
    if (!address) return std::unexpected(address.error());
    auto socket = make_socket();
    if (!socket) return socket;
    if (::connect(socket->get(), generic(address->socket), sizeof address->socket) != 0)
        return fail_errno(errno, "connecting to {}/{}", directory, kStartSocket);
    return socket;
}

} // namespace berth::runtime
