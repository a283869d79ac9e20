// UniqueFd: closing without disturbing errno.
#include "berth/base/unique_fd.hpp"

#include <unistd.h>

#include <cerrno>

namespace berth {

void UniqueFd::reset(int fd) {
    if (fd_ >= 0) {
        const int saved = errno;
        ::close(fd_); // never retried: Linux frees the descriptor even on EINTR
        errno = saved;
    }
    fd_ = fd;
}

} // namespace berth
