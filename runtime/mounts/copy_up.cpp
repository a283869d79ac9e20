// The "tmpcopyup" option: a tmpfs starts with a copy of the directory it covers.
#include "berth/base/files.hpp"

#include "runtime/mounts/in_root.hpp"
#include "runtime/mounts/mounts.hpp"

#include <climits>

#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

namespace berth::runtime {

namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

Status copy_attributes(int directory, const char* name, const struct stat& status) {
    if (::fchownat(directory, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(errno, "setting the owner of {}", name);
    if (!S_ISLNK(status.st_mode) && ::fchmodat(directory, name, status.st_mode & 07777, 0) != 0)
        return fail_errno(errno, "setting the mode of {}", name);
    const std::array<timespec, 2> times{status.st_atim, status.st_mtim};
    if (::utimensat(directory, name, times.data(), AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(errno, "setting the times of {}", name);
    return {};
}

Status copy_file(int from, int to, const char* name, const struct stat& status) {
    const UniqueFd source(::openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!source) return fail_errno(errno, "opening {}", name);
    const UniqueFd target(::openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!target) return fail_errno(errno, "making {}", name);
    for (off_t left = status.st_size; left > 0;) {
        const ssize_t sent = ::sendfile(target.get(), source.get(), nullptr, static_cast<std::size_t>(left));
        if (sent < 0) return fail_errno(errno, "copying {}", name);
        if (sent == 0) break;
        left -= sent;
    }
    return {};
}

Status copy_directory(UniqueFd from, int to, int depth);

Status copy_one(int from, int to, const char* name, int depth) {
    struct stat status = {};
    if (::fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(errno, "reading {}", name);
    if (S_ISREG(status.st_mode)) {
        if (auto copied = copy_file(from, to, name, status); !copied) return copied;
    } else if (S_ISLNK(status.st_mode)) {
        std::array<char, PATH_MAX> text;
        const ssize_t length = ::readlinkat(from, name, text.data(), text.size() - 1);
        if (length < 0) return fail_errno(errno, "reading the link {}", name);
        text[static_cast<std::size_t>(length)] = '\0';
        if (::symlinkat(text.data(), to, name) != 0) return fail_errno(errno, "making the link {}", name);
    } else if (S_ISDIR(status.st_mode)) {
        if (::mkdirat(to, name, 0700) != 0) return fail_errno(errno, "making {}", name);
        UniqueFd source(::openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        const UniqueFd target(::openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!source || !target) return fail_errno(errno, "opening {}", name);
        if (auto copied = copy_directory(std::move(source), target.get(), depth + 1); !copied) return copied;
    } else { // devices, pipes and sockets
        if (::mknodat(to, name, status.st_mode, status.st_rdev) != 0)
            return fail_errno(errno, "making {}", name);
    }
    return copy_attributes(to, name, status);
}

Status copy_directory(UniqueFd from, int to, int depth) {
    if (depth > 100) return fail(ErrorCode::limit, "nested deeper than 100 directories");
    std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(from.get()));
    if (!directory) return fail_errno(errno, "reading the directory");
    const int fd = from.release(); // now the DIR's
    while (const dirent* entry = ::readdir(directory.get())) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        if (auto copied = copy_one(fd, to, entry->d_name, depth); !copied) return copied;
    }
    return {};
}

} // namespace

Status copy_up(int from, int to, std::string_view name) {
    UniqueFd source(::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd target(::openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status = {};
    if (!source || !target || ::fstat(source.get(), &status) != 0)
        return fail_errno(errno, "opening {}", name);
    if (auto copied = copy_directory(std::move(source), target.get(), 0); !copied)
        return fail(std::move(copied.error()), "copying what {} holds into its tmpfs", name);
    if (::fchown(target.get(), status.st_uid, status.st_gid) != 0 ||
        ::fchmod(target.get(), status.st_mode & 07777) != 0)
        return fail_errno(errno, "setting owner and mode of {}", name);
    return {};
}

} // namespace berth::runtime
