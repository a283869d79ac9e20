// Unpacking: one function per kind of entry.
#include "agent/images/layer_writer.hpp"

#include "agent/images/attributes.hpp"
#include "agent/images/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <set>

namespace berth::images {

namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.", kAufsPrefix = ".wh..wh.", kOpaque = ".wh..wh..opq";

enum class Kind { none, whiteout, directory, other };

Result<Kind> kind_at(int parent, const std::string& name) {
    struct stat status = {};
    if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return Kind::none;
        return fail_errno(errno, "looking at \"{}\"", printable(name));
    }
    if (S_ISDIR(status.st_mode)) return Kind::directory;
    return S_ISCHR(status.st_mode) && status.st_rdev == 0 ? Kind::whiteout : Kind::other;
}

} // namespace

template <class Create>
Status LayerWriter::replace(int parent, std::string_view what, Create create) {
    if (create()) return {};
    if (errno == EEXIST) {
        if (auto removed = tree_.remove(parent, name_); !removed) return removed;
        if (create()) return {};
    }
    return fail_errno(errno, "making the {}", what);
}

Status LayerWriter::set_opaque(const std::string& path) {
    if (::setxattr(path.c_str(), "trusted.overlay.opaque", "y", 1, 0) == 0) return {};
    return fail_errno(errno, "marking a directory opaque");
}

Status LayerWriter::begin(const TarEntry& entry) {
    if (++entries_ > limits_.entries)
        return fail(ErrorCode::limit, "the layer has more than {} entries", limits_.entries);
    auto clean = clean_path(entry.path);
    if (!clean) return std::unexpected(std::move(clean.error()));
    path_ = std::move(*clean);
    if (path_.empty()) return make_root(entry);
    const auto [parent_path, last] = split_path(path_);
    name_ = last;
    const auto parent = tree_.directory(parent_path);
    if (!parent) return std::unexpected(parent.error());
    if (name_ == kOpaque) {
        contents_.opaque_root |= parent_path.empty();
        return set_opaque(path_at(*parent));
    }
    // What AUFS keeps for itself
    if (name_.starts_with(kAufsPrefix)) return {};
    if (name_.starts_with(kWhiteoutPrefix))
        return make_whiteout(*parent, name_.substr(kWhiteoutPrefix.size()));
    switch (entry.type) {
    case EntryType::file: return make_file(*parent, entry);
    case EntryType::directory: return make_directory(*parent, entry);
    case EntryType::hard_link: return make_hard_link(*parent, entry);
    default: return make_special(*parent, entry);
    }
}

Status LayerWriter::make_root(const TarEntry& entry) {
    if (entry.type != EntryType::directory)
        return fail(ErrorCode::invalid, "the root of the layer is not a directory");
    contents_.root_entry = true;
    directory_times_.push_back(
        {.path = {}, .atime = entry.atime.value_or(entry.mtime), .mtime = entry.mtime});
    return set_attributes(tree_.root(), ".", entry);
}

// A whiteout speaks of the layers below. What this layer has under the name stays, but as the only one.
Status LayerWriter::make_whiteout(int parent, const std::string& name) {
    if (name.empty() || name == "." || name == "..")
        return fail(ErrorCode::invalid, "a whiteout of a directory that holds it");
    const auto kind = kind_at(parent, name);
    if (!kind) return std::unexpected(kind.error());
    if (*kind == Kind::directory) return set_opaque(path_at(parent, name));
    if (*kind != Kind::none) return {};
    if (::mknodat(parent, name.c_str(), S_IFCHR, makedev(0, 0)) == 0) return {};
    return fail_errno(errno, "making a whiteout");
}

Status LayerWriter::make_file(int parent, const TarEntry& entry) {
    const auto create = [&] {
        file_.reset(
            ::openat(parent, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        return static_cast<bool>(file_);
    };
    entry_ = entry;
    written_to_ = 0;
    return replace(parent, "file", create);
}

Status LayerWriter::data(std::uint64_t offset, std::string_view bytes) {
    if (!file_) return {}; // of an entry that is skipped
    contents_.bytes += bytes.size();
    if (contents_.bytes > limits_.unpacked_bytes)
        return fail(ErrorCode::limit, "the layer unpacks to more than {} bytes", limits_.unpacked_bytes);
    while (!bytes.empty()) {
        const auto put = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail_errno(errno, "writing the file");
        bytes.remove_prefix(static_cast<std::size_t>(put));
        offset += static_cast<std::uint64_t>(put);
    }
    written_to_ = offset;
    return {};
}

Status LayerWriter::end() {
    if (!file_) return {};
    const auto file = std::exchange(file_, {});
    // A hole at the end of a sparse file
    if (written_to_ < entry_.size && ::ftruncate(file.get(), static_cast<off_t>(entry_.size)) != 0)
        return fail_errno(errno, "setting the size of the file");
    return set_file_attributes(file.get(), entry_);
}

Status LayerWriter::make_directory(int parent, const TarEntry& entry) {
    const auto kind = kind_at(parent, name_);
    if (!kind) return std::unexpected(kind.error());
    if (*kind != Kind::directory) {
        if (*kind != Kind::none)
            if (auto removed = tree_.remove(parent, name_); !removed) return removed;
        if (::mkdirat(parent, name_.c_str(), 0700) != 0) return fail_errno(errno, "making the directory");
        // What the layers below had was taken away before: nothing of it may shine through.
        if (*kind == Kind::whiteout)
            if (auto set = set_opaque(path_at(parent, name_)); !set) return set;
    }
    if (directory_times_.size() >= limits_.directories)
        return fail(ErrorCode::limit, "the layer has more than {} directories", limits_.directories);
    directory_times_.push_back(
        {.path = path_, .atime = entry.atime.value_or(entry.mtime), .mtime = entry.mtime});
    return set_attributes(parent, name_, entry);
}

Status LayerWriter::make_hard_link(int parent, const TarEntry& entry) {
    const auto target = clean_path(entry.link);
    if (!target) return fail(target.error(), "hard link to \"{}\"", printable(entry.link));
    if (target->empty() || *target == path_)
        return fail(ErrorCode::invalid, "hard link to \"{}\"", printable(entry.link));
    const auto [target_parent, target_name] = split_path(*target);
    const auto from = tree_.open_directory(target_parent);
    if (!from) return fail(from.error(), "hard link to \"{}\"", printable(entry.link));
    const std::string from_name(target_name);
    const auto create = [&] {
        return ::linkat(from->get(), from_name.c_str(), parent, name_.c_str(), 0) == 0;
    };
    return replace(parent, fmt::format("hard link to \"{}\"", printable(entry.link)), create);
}

Status LayerWriter::make_special(int parent, const TarEntry& entry) {
    const auto create = [&] {
        if (entry.type == EntryType::symlink)
            return ::symlinkat(entry.link.c_str(), parent, name_.c_str()) == 0;
        const mode_t kind = entry.type == EntryType::fifo          ? S_IFIFO
                            : entry.type == EntryType::char_device ? S_IFCHR
                                                                   : S_IFBLK;
        return ::mknodat(parent, name_.c_str(), kind | 0600,
                         makedev(entry.device_major, entry.device_minor)) == 0;
    };
    const char* what = entry.type == EntryType::symlink ? "symbolic link"
                       : entry.type == EntryType::fifo  ? "fifo"
                                                        : "device";
    if (auto made = replace(parent, what, create); !made) return made;
    if (auto set = set_attributes(parent, name_, entry); !set) return set;
    return set_times(parent, name_, entry.atime.value_or(entry.mtime), entry.mtime);
}

Result<LayerContents> LayerWriter::finish() {
    // Writing into a directory has changed its times. A later entry may have replaced it: no matter then.
    for (const auto& [path, atime, mtime] : directory_times_) {
        const auto [parent_path, last] = split_path(path);
        const auto parent = tree_.open_directory(parent_path);
        if (!parent) continue;
        const auto name = path.empty() ? std::string(".") : std::string(last);
        auto set = set_times(parent->get(), name, atime, mtime);
        if (!set && set.error().code() != ErrorCode::not_found)
            return fail(std::move(set.error()), "directory \"{}\"", printable(path));
    }
    std::set<std::string_view> described;
    for (const auto& directory : directory_times_) described.insert(directory.path);
    for (const auto& path : tree_.implied())
        if (!described.contains(path)) contents_.implied.push_back(path);
    return std::move(contents_);
}

} // namespace berth::images
