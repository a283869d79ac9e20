// Resolution inside a root: openat2(2), and a walk by hand where something has to be made.
#include "runtime/mounts/in_root.hpp"

#include <climits>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

namespace berth::runtime {

namespace {

int open_inside(int root, const std::string& path, std::uint64_t resolve) {
    open_how how = {};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;
    // EAGAIN: a rename on the way made ".." doubtful; the kernel asks for another try.
    for (int attempt = 0; attempt < 100; ++attempt) {
        const auto fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
        if (fd >= 0 || errno != EAGAIN) return static_cast<int>(fd);
    }
    return -1;
}

std::string inside_path(std::string_view path) {
    // An empty path is refused by the kernel; the root is meant.
    return path.empty() ? std::string("/") : std::string(path);
}

// Names still to be walked, the next one last.
void push_names(std::vector<std::string>& names, std::string_view path) {
    std::vector<std::string> forward;
    while (!path.empty()) {
        const auto end = std::min(path.find('/'), path.size());
        if (end > 0 && path.substr(0, end) != ".") forward.emplace_back(path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    names.insert(names.end(), forward.rbegin(), forward.rend());
}

Result<std::string> read_link(int fd, std::string_view path) {
    std::array<char, PATH_MAX> target;
    const ssize_t length = ::readlinkat(fd, "", target.data(), target.size());
    if (length < 0) return fail_errno(errno, "reading a link on the way to {}", path);
    return std::string(target.data(), static_cast<std::size_t>(length));
}

Status make_one(int directory, const std::string& name, bool is_directory, std::string_view path) {
    const int made = is_directory ? ::mkdirat(directory, name.c_str(), 0755)
                                  : ::mknodat(directory, name.c_str(), S_IFREG | 0644, 0);
    if (made != 0 && errno != EEXIST) return fail_errno(errno, "making {} in the container", path);
    return {};
}

// One step at a time, each from an open directory and never through a link that was not read by us.
Result<UniqueFd> walk_and_make(int root, std::string_view path, Make make) {
    std::vector<std::string> names;
    push_names(names, path);
    std::vector<UniqueFd> above; // the directories from below the root to the current one
    int links_left = 40;
    while (!names.empty()) {
        const auto name = std::move(names.back());
        names.pop_back();
        if (name == "..") {
            if (!above.empty()) above.pop_back();
            continue;
        }
        const int current = above.empty() ? root : above.back().get();
        const auto open_next = [&] {
            return UniqueFd(::openat(current, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        };
        auto next = open_next();
        if (!next && errno == ENOENT) {
            if (auto made = make_one(current, name, !names.empty() || make == Make::directory, path); !made)
                return std::unexpected(std::move(made.error()));
            next = open_next();
        }
        struct stat status = {};
        if (!next || ::fstat(next.get(), &status) != 0)
            return fail_errno(errno, "opening {} in the container", path);
        if (!S_ISLNK(status.st_mode)) {
            above.push_back(std::move(next));
            continue;
        }
        if (--links_left == 0) return fail_errno(ELOOP, "opening {} in the container", path);
        const auto target = read_link(next.get(), path);
        if (!target) return std::unexpected(target.error());
        if (target->starts_with('/')) above.clear();
        push_names(names, *target);
    }
    if (above.empty()) return open_in_root(root, "/");
    return std::move(above.back());
}

} // namespace

Result<UniqueFd> open_in_root(int root, std::string_view path, Links links) {
    const auto text = inside_path(path);
    UniqueFd fd(open_inside(root, text, links == Links::refused ? RESOLVE_NO_SYMLINKS : 0));
    if (!fd && errno == ELOOP && links == Links::refused)
        return fail(ErrorCode::invalid,
                    "{} in the container is or goes through a symbolic link, which is refused", path);
    if (!fd) return fail_errno(errno, "opening {} in the container", path);
    return fd;
}

Result<UniqueFd> make_in_root(int root, std::string_view path, Make make, Links links) {
    auto fd = open_in_root(root, path, links);
    if (fd || fd.error().sys() != ENOENT) return fd;
    auto made = walk_and_make(root, path, make);
    // The walk follows links; what must not be one is looked at again.
    return made && links == Links::refused ? open_in_root(root, path, links) : std::move(made);
}

std::string fd_path(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

} // namespace berth::runtime
