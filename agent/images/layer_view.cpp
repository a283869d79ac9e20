// Looking names up through the layers, topmost first, as overlayfs does: whiteouts hide, opaque directories
// hide all below, and only directories are merged.
#include "agent/images/layer_view.hpp"

#include "agent/images/layer_tree.hpp"
#include "agent/images/text.hpp"

#include <climits>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace berth::images {

namespace {

constexpr int kMaxLinks = 40; // as the kernel

bool is_opaque(int directory) {
    char value = 0;
    return ::fgetxattr(directory, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

struct Found {
    UniqueFd directory; // in one layer, holding the name
    struct stat status = {};
};
// One layer's word on a name.
struct Answer {
    std::optional<Found> found;
    bool ends = false; // the layers below do not count
};

// Walks down to the directory in one layer.
Result<Answer> ask_layer(const fs::path& layer, const std::vector<std::string>& parents,
                         const std::string& name) {
    auto opened = open_file(layer, O_RDONLY | O_DIRECTORY);
    if (!opened) return std::unexpected(std::move(opened.error()));
    auto directory = std::move(*opened);
    Answer answer;
    for (const auto& parent : parents) {
        UniqueFd next(
            ::openat(directory.get(), parent.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!next) {
            // A whiteout, a file or a link in its place hides what is below.
            answer.ends |= errno != ENOENT;
            return answer;
        }
        answer.ends |= is_opaque(next.get());
        directory = std::move(next);
    }
    Found found;
    if (::fstatat(directory.get(), name.c_str(), &found.status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT) return fail_errno(errno, "\"{}\" in {}", printable(name), layer.string());
        return answer;
    }
    answer.ends = true;
    if (S_ISCHR(found.status.st_mode) && found.status.st_rdev == 0) return answer; // whiteout
    found.directory = std::move(directory);
    answer.found = std::move(found);
    return answer;
}

Result<std::optional<Found>> look_up(const std::vector<fs::path>& layers,
                                     const std::vector<std::string>& parents, const std::string& name) {
    for (const auto& layer : layers) {
        auto answer = ask_layer(layer, parents, name);
        if (!answer) return std::unexpected(std::move(answer.error()));
        if (answer->found) return std::move(answer->found);
        if (answer->ends) break;
    }
    return std::optional<Found>();
}

Result<std::string> read_link(const Found& found, const std::string& name) {
    std::array<char, PATH_MAX> target;
    const auto length = ::readlinkat(found.directory.get(), name.c_str(), target.data(), target.size());
    if (length < 0) return fail_errno(errno, "reading the link \"{}\"", printable(name));
    return std::string(target.data(), static_cast<std::size_t>(length));
}

// Puts the components of a path in front of what is still to be walked (kept in reverse order).
void push_components(std::vector<std::string>& todo, std::string_view path) {
    const auto pieces = split(path, '/');
    for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece)
        if (!piece->empty() && *piece != ".") todo.emplace_back(*piece);
}

} // namespace

Result<std::optional<std::string>> read_merged_file(const std::vector<fs::path>& layers,
                                                    const std::string& path, std::size_t limit) {
    std::vector<std::string> walked, todo;
    push_components(todo, path);
    int links = 0;
    while (!todo.empty()) {
        auto name = std::move(todo.back());
        todo.pop_back();
        if (name == "..") {
            if (!walked.empty()) walked.pop_back();
            continue;
        }
        auto found = look_up(layers, walked, name);
        if (!found) return std::unexpected(std::move(found.error()));
        if (!*found) return std::nullopt;
        const auto mode = (*found)->status.st_mode;
        if (S_ISLNK(mode)) {
            if (++links > kMaxLinks)
                return fail(ErrorCode::limit, "\"{}\" in the image: too many links", printable(path));
            const auto target = read_link(**found, name);
            if (!target) return std::unexpected(target.error());
            if (target->starts_with('/')) walked.clear();
            push_components(todo, *target);
        } else if (S_ISDIR(mode)) {
            walked.push_back(std::move(name));
        } else if (!S_ISREG(mode) || !todo.empty()) {
            return std::nullopt;
        } else {
            const UniqueFd file(::openat((*found)->directory.get(), name.c_str(),
                                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
            if (!file) return fail_errno(errno, "opening \"{}\" in the image", printable(path));
            auto text = read_fd(file.get(), "\"" + printable(path) + "\" in the image", limit);
            if (!text) return std::unexpected(std::move(text.error()));
            return std::optional(std::move(*text));
        }
    }
    return std::nullopt;
}

} // namespace berth::images
