// The unpacking pipeline, and what is said when the disk is full.
#include "agent/images/layer_unpack.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

namespace berth::images {

namespace {

// A pull leaves this much of the file system to the tasks that are running.
std::uint64_t reserve_of(std::uint64_t file_system_bytes) {
    return std::min<std::uint64_t>(file_system_bytes / 50, std::uint64_t{256} << 20);
}

// The highest directory on the same device: where the file system is mounted.
fs::path mount_point(fs::path path) {
    struct stat here = {}, above = {};
    if (::stat(path.c_str(), &here) != 0) return path;
    while (path.has_parent_path() && path.parent_path() != path) {
        if (::stat(path.parent_path().c_str(), &above) != 0 || above.st_dev != here.st_dev) break;
        path = path.parent_path();
    }
    return path;
}

} // namespace

Error disk_full(const fs::path& somewhere_on_it, std::string_view why) {
    struct statvfs space = {};
    std::string left;
    if (::statvfs(somewhere_on_it.c_str(), &space) == 0)
        left = fmt::format(" ({} of {} MiB and {} inodes are free)", space.f_bavail * space.f_frsize >> 20,
                           space.f_blocks * space.f_frsize >> 20, space.f_favail);
    return {ErrorCode::no_space, fmt::format("the file system at {} is full{}: {}",
                                             mount_point(somewhere_on_it).string(), left, why)};
}

LayerUnpack::LayerUnpack(UniqueFd root, LayerLimits limits, fs::path directory)
    : directory_(std::move(directory)), root_(root.get()), writer_(std::move(root), limits), tar_(writer_) {}

Result<std::unique_ptr<LayerUnpack>> LayerUnpack::begin(const fs::path& directory, LayerLimits limits) {
    if (::mkdir(directory.c_str(), 0755) != 0 || ::chmod(directory.c_str(), 0755) != 0)
        return fail_errno(errno, "making directory {}", directory.string());
    auto root = open_file(directory, O_RDONLY | O_DIRECTORY);
    if (!root) return std::unexpected(std::move(root.error()));
    return std::unique_ptr<LayerUnpack>(new LayerUnpack(std::move(*root), limits, directory));
}

Status LayerUnpack::start_decompression() {
    auto output = [this](std::string_view bytes) {
        uncompressed_.update(bytes);
        return tar_.feed(bytes);
    };
    decompressor_ = make_decompressor(head_, std::move(output));
    return decompressor_->feed(std::exchange(head_, {}));
}

Status LayerUnpack::check_space() const {
    struct statvfs space = {};
    if (::fstatvfs(root_, &space) != 0) return {};
    const auto reserve = reserve_of(space.f_blocks * space.f_frsize);
    if (space.f_bavail * space.f_frsize >= reserve) return {};
    return fail(
        disk_full(directory_.parent_path(), fmt::format("{} MiB are kept for running tasks", reserve >> 20)));
}

Status LayerUnpack::feed(std::string_view bytes) {
    if (auto space = check_space(); !space) return space;
    compressed_.update(bytes);
    Status fed;
    if (decompressor_) {
        fed = decompressor_->feed(bytes);
    } else {
        head_ += bytes;
        if (head_.size() < kMagicBytes) return {};
        fed = start_decompression();
    }
    if (!fed && fed.error().code() == ErrorCode::no_space)
        return fail(disk_full(directory_.parent_path(), fed.error().message()));
    return fed;
}

Result<UnpackedLayer> LayerUnpack::finish() {
    if (!decompressor_)
        if (auto started = start_decompression(); !started)
            return std::unexpected(std::move(started.error()));
    if (auto ended = decompressor_->finish(); !ended) return std::unexpected(std::move(ended.error()));
    if (auto ended = tar_.finish(); !ended) return std::unexpected(std::move(ended.error()));
    auto contents = writer_.finish();
    if (!contents) return std::unexpected(std::move(contents.error()));
    return UnpackedLayer{.digest = Digest("sha256:" + compressed_.finish_hex()),
                         .diff_id = Digest("sha256:" + uncompressed_.finish_hex()),
                         .contents = std::move(*contents)};
}

} // namespace berth::images
