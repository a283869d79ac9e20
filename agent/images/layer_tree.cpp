// Directories of a layer being unpacked, by openat2(2).
#include "agent/images/layer_tree.hpp"

#include "berth/base/files.hpp"

#include "agent/images/text.hpp"

#include <climits>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace berth::images {

namespace {

// Deep enough for every real image, and shallow enough to be removed with one descriptor per level.
constexpr std::size_t kMaxDepth = 256;
constexpr mode_t kImpliedMode = 0755;

UniqueFd open_in(int root, const std::string& path, std::uint64_t resolve) {
    open_how how = {};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;
    long fd = -1;
    do fd = ::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how);
    while (fd < 0 && (errno == EINTR || errno == EAGAIN)); // EAGAIN: a rename elsewhere disturbed ".."
    return UniqueFd(static_cast<int>(fd));
}

// Links can make a tree deeper than any name in the archive.
Status check_depth(int fd) {
    std::array<char, 2 * PATH_MAX> target;
    const auto length = ::readlink(path_at(fd).c_str(), target.data(), target.size());
    if (length < 0) return fail_errno(errno, "reading where a link leads");
    const std::string_view path(target.data(), static_cast<std::size_t>(length));
    if (path.size() >= PATH_MAX || static_cast<std::size_t>(std::ranges::count(path, '/')) > 2 * kMaxDepth)
        return fail(ErrorCode::limit, "links lead too deep");
    return {};
}

} // namespace

Result<std::string> clean_path(std::string_view path) {
    if (path.size() >= PATH_MAX)
        return fail(ErrorCode::limit, "the name is longer than {} bytes", PATH_MAX - 1);
    std::vector<std::string_view> components;
    for (const auto piece : split(path, '/')) {
        if (piece.empty() || piece == ".") continue;
        if (piece != "..") {
            components.push_back(piece);
        } else if (components.empty()) {
            return fail(ErrorCode::invalid, "the name leads out of the layer");
        } else {
            components.pop_back();
        }
    }
    if (components.size() > kMaxDepth)
        return fail(ErrorCode::limit, "the name has more than {} directories", kMaxDepth);
    std::string clean;
    for (const auto component : components) {
        if (!clean.empty()) clean += '/';
        clean += component;
    }
    return clean;
}

SplitPath split_path(std::string_view clean) {
    const auto slash = clean.rfind('/');
    if (slash == std::string_view::npos) return {.parent = {}, .name = clean};
    return {.parent = clean.substr(0, slash), .name = clean.substr(slash + 1)};
}

std::string path_at(int directory, std::string_view name) {
    return fmt::format("/proc/self/fd/{}{}{}", directory, name.empty() ? "" : "/", name);
}

Result<UniqueFd> LayerTree::open_directory(std::string_view clean) const {
    const std::string path(clean);
    auto fd = open_in(root_.get(), path, RESOLVE_NO_SYMLINKS);
    if (fd) return fd;
    if (errno == ELOOP) {
        fd = open_in(root_.get(), path, 0);
        if (fd) {
            if (auto checked = check_depth(fd.get()); !checked)
                return std::unexpected(std::move(checked.error()));
            return fd;
        }
    }
    return fail_errno(errno, "directory \"{}\"", printable(path));
}

Result<int> LayerTree::directory(std::string_view clean) {
    if (clean.empty()) return root_.get();
    if (cached_ && cached_path_ == clean) return cached_.get();
    auto found = open_directory(clean);
    if (!found && found.error().code() == ErrorCode::not_found) {
        const auto [parent_path, last] = split_path(clean);
        const auto parent = directory(parent_path);
        if (!parent) return parent;
        const std::string name(last);
        if (::mkdirat(*parent, name.c_str(), kImpliedMode) != 0)
            return errno == EEXIST // there, and yet not found
                       ? fail(ErrorCode::invalid, "directory \"{}\" is a link to nowhere", printable(clean))
                       : fail_errno(errno, "making directory \"{}\"", printable(clean));
        // mkdir(2) takes the umask off.
        if (::fchmodat(*parent, name.c_str(), kImpliedMode, 0) != 0)
            return fail_errno(errno, "setting the mode of \"{}\"", printable(clean));
        implied_.emplace_back(clean);
        found = open_directory(clean);
    }
    if (!found) return std::unexpected(std::move(found.error()));
    cached_path_ = clean;
    cached_ = std::move(*found);
    return cached_.get();
}

Status LayerTree::remove(int directory, const std::string& name) {
    if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return fail_errno(errno, "replacing \"{}\"", printable(name));
    auto removed = remove_tree(path_at(directory, name));
    cached_path_.clear();
    // The caller's descriptor may be the cached one: it stays open until the next directory() call.
    return removed;
}

} // namespace berth::images
