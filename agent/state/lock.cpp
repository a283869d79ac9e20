// flock(2) on a file that holds the owner's pid: the kernel gives the lock back however the owner ends.
#include "agent/state/lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace berth::state {

namespace {

std::string holder(int fd, const fs::path& file) {
    auto text = read_fd(fd, file.native(), 64);
    if (text)
        while (!text->empty() && text->back() == '\n') text->pop_back();
    return text && !text->empty() ? "process " + *text : "another process";
}

} // namespace

Result<UniqueFd> take_lock(const fs::path& file) {
    auto lock = open_file(file, O_RDWR | O_CREAT, 0600);
    if (!lock) return fail(std::move(lock.error()), "lock of the state store");
    if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return fail_errno(errno, "locking {}", file.native());
        return fail(
            ErrorCode::exists,
            "the data directory {} is in use by {}: two agents cannot share it; stop that one or set another "
            "ECS_DATADIR",
            file.parent_path().native(), holder(lock->get(), file));
    }
    if (::ftruncate(lock->get(), 0) != 0) return fail_errno(errno, "truncating {}", file.native());
    // The pid only serves the message, so a full disk must not keep the agent from starting.
    (void)write_all(lock->get(), fmt::format("{}\n", ::getpid()), file.native());
    return lock;
}

} // namespace berth::state
