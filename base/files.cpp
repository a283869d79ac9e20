// Whole-file reads, durable writes, and removal of trees that stays inside them.
#include "berth/base/files.hpp"

#include "berth/base/encoding.hpp"
#include "berth/base/scope_exit.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

namespace berth {

Result<UniqueFd> open_file(const fs::path& path, int flags, mode_t mode) {
    for (;;) {
        const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
        if (fd >= 0) return UniqueFd(fd);
        if (errno != EINTR) return fail_errno(errno, "opening {}", path.string());
    }
}

Result<std::string> read_fd(int fd, std::string_view what, std::size_t limit) {
    std::string text;
    std::array<char, 16384> buffer;
    for (;;) {
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(errno, "reading {}", what);
        if (got == 0) return text;
        if (text.size() + static_cast<std::size_t>(got) > limit)
            return fail(ErrorCode::limit, "{} is larger than {} bytes", what, limit);
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

Result<std::string> read_file(const fs::path& path, std::size_t limit) {
    auto fd = open_file(path, O_RDONLY);
    if (!fd) return std::unexpected(std::move(fd.error()));
    return read_fd(fd->get(), path.native(), limit);
}

Status write_all(int fd, std::string_view bytes, std::string_view what) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(fd, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail_errno(errno, "writing {}", what);
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
}

Status write_control_file(const fs::path& path, std::string_view text) {
    auto fd = open_file(path, O_WRONLY);
    if (!fd) return std::unexpected(std::move(fd.error()));
    // One write: the kernel parses each write as a whole command.
    const ssize_t put = ::write(fd->get(), text.data(), text.size());
    if (put < 0) return fail_errno(errno, "writing \"{}\" to {}", text, path.string());
    return {};
}

Status write_file_atomic(const fs::path& path, std::string_view bytes, mode_t mode, bool durable) {
    auto temporary = path;
    temporary += fmt::format(".{}.tmp", random_hex(8));
    auto fd = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (!fd) return std::unexpected(std::move(fd.error()));
    ScopeExit cleanup([&] { ::unlink(temporary.c_str()); });
    if (auto written = write_all(fd->get(), bytes, path.native()); !written) return written;
    if (durable && ::fsync(fd->get()) != 0) return fail_errno(errno, "syncing {}", path.string());
    if (::rename(temporary.c_str(), path.c_str()) != 0)
        return fail_errno(errno, "renaming {} to {}", temporary.string(), path.string());
    cleanup.dismiss();
    if (!durable) return {};
    const auto parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
    auto directory = open_file(parent, O_RDONLY | O_DIRECTORY);
    if (!directory) return std::unexpected(std::move(directory.error()));
    if (::fsync(directory->get()) != 0) return fail_errno(errno, "syncing {}", parent.string());
    return {};
}

Status make_directories(const fs::path& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) == 0) return {};
    if (errno == ENOENT && path.has_parent_path() && path.parent_path() != path) {
        if (auto parent = make_directories(path.parent_path(), mode); !parent) return parent;
        if (::mkdir(path.c_str(), mode) == 0) return {};
    }
    struct stat status = {};
    if (errno == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
    return fail_errno(errno, "making directory {}", path.string());
}

namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

// Everything below an open directory. Works by descriptors, so a link swapped in under us is removed, not
// followed.
Status remove_contents(UniqueFd directory_fd, dev_t device, const std::string& path, int depth) {
    if (depth > 2000) return fail(ErrorCode::limit, "removing {}: nested too deeply", path);
    std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(directory_fd.get()));
    if (!directory) return fail_errno(errno, "reading {}", path);
    const int fd = directory_fd.release(); // now the DIR's
    while (const dirent* entry = ::readdir(directory.get())) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        if (entry->d_type != DT_DIR && ::unlinkat(fd, entry->d_name, 0) == 0) continue;
        if (entry->d_type != DT_DIR && errno != EISDIR && errno != EPERM) {
            if (errno == ENOENT) continue;
            return fail_errno(errno, "removing {}/{}", path, name);
        }
        UniqueFd child(::openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!child && errno == ENOENT) continue;
        if (!child) return fail_errno(errno, "opening {}/{}", path, name);
        struct stat status = {};
        if (::fstat(child.get(), &status) != 0) return fail_errno(errno, "reading {}/{}", path, name);
        if (status.st_dev != device)
            return fail(ErrorCode::permission, "removing {}/{}: another file system is mounted there", path,
                        name);
        if (auto below =
                remove_contents(std::move(child), device, fmt::format("{}/{}", path, name), depth + 1);
            !below)
            return below;
        if (::unlinkat(fd, entry->d_name, AT_REMOVEDIR) != 0 && errno != ENOENT)
            return fail_errno(errno, "removing {}/{}", path, name);
    }
    return {};
}

} // namespace

Status remove_tree(const fs::path& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return fail_errno(errno, "removing {}", path.string());
    auto fd = open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!fd) return std::unexpected(std::move(fd.error()));
    struct stat status = {};
    if (::fstat(fd->get(), &status) != 0) return fail_errno(errno, "reading {}", path.string());
    if (auto below = remove_contents(std::move(*fd), status.st_dev, path.string(), 0); !below) return below;
    if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, "removing {}", path.string());
    return {};
}

} // namespace berth
