// Describing trees.
#include "tests/integration/images/tree.hpp"

#include "berth/base/encoding.hpp"
#include "berth/base/sha256.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <set>
#include <stdexcept>

namespace berth::images::test {

namespace {

std::string xattrs_of(const fs::path& path) {
    std::string names(65536, '\0');
    const auto size = ::llistxattr(path.c_str(), names.data(), names.size());
    if (size < 0) throw std::runtime_error("llistxattr " + path.string());
    names.resize(static_cast<std::size_t>(size));
    std::set<std::string> all;
    for (std::size_t at = 0; at < names.size(); at = names.find('\0', at) + 1) {
        const std::string name = names.c_str() + at;
        if (name.starts_with("trusted.overlay.") || name == "security.selinux") continue;
        std::string value(65536, '\0');
        const auto length = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
        value.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
        all.insert(name + "=" + to_hex(value));
    }
    std::string text;
    for (const auto& one : all) text += " " + one;
    return text;
}

} // namespace

std::map<std::string, std::string> describe_tree(const fs::path& root, bool xattrs) {
    std::map<std::string, std::string> tree;
    std::map<ino_t, std::string> linked;
    const auto describe = [&](const fs::path& path) {
        struct stat status = {};
        if (::lstat(path.c_str(), &status) != 0) throw std::runtime_error("lstat " + path.string());
        const auto name = path == root ? "." : path.lexically_relative(root).string();
        auto text = fmt::format("{:o} {}:{} {}.{:09}", status.st_mode, status.st_uid, status.st_gid,
                                status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
        if (S_ISLNK(status.st_mode)) text += " -> " + fs::read_symlink(path).string();
        if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
            text += fmt::format(" dev {}", status.st_rdev);
        if (S_ISREG(status.st_mode))
            text += fmt::format(" {} {}", status.st_size,
                                sha256_hex(read_file(path, 1 << 30).value()).substr(0, 16));
        if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) {
            const auto first = linked.emplace(status.st_ino, name).first;
            text += " same as " + first->second;
        }
        tree[name] = text + (xattrs ? xattrs_of(path) : "");
    };
    describe(root);
    // In the order of names, so that the first of several hard links is always the same one.
    std::set<fs::path> paths;
    for (const auto& entry : fs::recursive_directory_iterator(root)) paths.insert(entry.path());
    for (const auto& path : paths) describe(path);
    return tree;
}

} // namespace berth::images::test
