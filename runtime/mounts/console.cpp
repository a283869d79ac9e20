// A terminal for the container: /dev/console, and its master handed to whoever asked for it.
#include "berth/base/files.hpp"

#include "runtime/mounts/in_root.hpp"
#include "runtime/mounts/mount_calls.hpp"
#include "runtime/mounts/mounts.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace berth::runtime {

namespace {

// The container's own devpts, so that ttyname works inside; the host's when it has none.
Result<UniqueFd> open_multiplexer(int root) {
    const auto inside = open_in_root(root, "/dev/pts/ptmx", Links::refused);
    if (!inside) return open_file("/dev/ptmx", O_RDWR | O_NOCTTY);
    struct stat status = {};
    if (::fstat(inside->get(), &status) != 0 || !S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2))
        return fail(ErrorCode::invalid, "/dev/pts/ptmx in the container is not the terminal multiplexer");
    return open_file(fd_path(inside->get()), O_RDWR | O_NOCTTY);
}

Status send_descriptor(int socket, int fd, std::string_view name) {
    std::string text(name); // sendmsg wants it writable
    iovec part{.iov_base = text.data(), .iov_len = text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    if (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0)
        return fail_errno(errno, "sending the terminal over the console socket");
    return {};
}

Status mount_on_console(int root, int slave) {
    const auto dev = make_in_root(root, "/dev", Make::directory);
    if (!dev) return std::unexpected(dev.error());
    if (::mknodat(dev->get(), "console", S_IFREG | 0600, 0) != 0 && errno != EEXIST)
        return fail_errno(errno, "making /dev/console");
    const auto target = open_in_root(dev->get(), "console", Links::refused);
    if (!target) return std::unexpected(target.error());
    const auto tree = clone_tree(slave, false, "the terminal");
    if (!tree) return std::unexpected(tree.error());
    return attach_tree(tree->get(), target->get(), "/dev/console");
}

} // namespace

Result<UniqueFd> make_console(const MountContext& context, int socket) {
    const auto master = open_multiplexer(context.root);
    if (!master) return std::unexpected(master.error());
    int unlock = 0;
    if (::ioctl(master->get(), TIOCSPTLCK, &unlock) != 0) return fail_errno(errno, "unlocking the terminal");
    UniqueFd slave(::ioctl(master->get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!slave) return fail_errno(errno, "opening the terminal");
    const auto& process = context.spec.process;
    if (process.console_rows != 0 || process.console_columns != 0) {
        const winsize size{.ws_row = process.console_rows, .ws_col = process.console_columns};
        if (::ioctl(master->get(), TIOCSWINSZ, &size) != 0) return fail_errno(errno, "sizing the terminal");
    }
    if (auto mounted = mount_on_console(context.root, slave.get()); !mounted)
        return std::unexpected(std::move(mounted.error()));
    if (auto sent = send_descriptor(socket, master->get(), "/dev/ptmx"); !sent)
        return std::unexpected(std::move(sent.error()));
    return slave;
}

} // namespace berth::runtime
