// The store while it runs: layers and images coming in, and leaving when nobody needs them.
#include "agent/images/store.hpp"

#include "berth/base/encoding.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <ranges>

namespace berth::images {

Store::Pin::Pin(Store& store, std::vector<Digest> diff_ids) : store_(&store), diff_ids_(std::move(diff_ids)) {
    const std::lock_guard lock(store_->mutex_);
    for (const auto& id : diff_ids_) ++store_->pins_[id];
}

Store::Pin::~Pin() {
    const std::lock_guard lock(store_->mutex_);
    for (const auto& id : diff_ids_)
        if (const auto pin = store_->pins_.find(id); --pin->second == 0) store_->pins_.erase(pin);
}

fs::path Store::temporary() const { return paths_.tmp() / random_hex(16); }

bool Store::has_layer(const Digest& diff_id) const {
    const std::lock_guard lock(mutex_);
    return layers_.contains(diff_id);
}

Json to_json(const StoredLayer& layer) {
    Json json{{"diffId", layer.diff_id.str()},
              {"bytes", layer.bytes},
              {"rootEntry", layer.root_entry},
              {"opaqueRoot", layer.opaque_root},
              {"impliedDirectories", layer.implied}};
    if (!layer.boot.empty()) json["boot"] = layer.boot;
    return json;
}

Status Store::write_layer_record(const StoredLayer& layer) const {
    // Not durable by itself: make_durable() is.
    return write_file_atomic(paths_.layer_record(layer.id), dump_json(to_json(layer)), 0600, false);
}

Status Store::commit_layer(const Digest& diff_id, const fs::path& directory, const LayerContents& contents) {
    const std::lock_guard lock(mutex_);
    if (layers_.contains(diff_id)) return {};
    StoredLayer layer{.id = fmt::format("{:x}", next_id_),
                      .diff_id = diff_id,
                      .bytes = contents.bytes,
                      .root_entry = contents.root_entry,
                      .opaque_root = contents.opaque_root,
                      .implied = contents.implied,
                      .boot = boot_};
    if (::rename(directory.c_str(), paths_.layer(layer.id).c_str()) != 0)
        return fail_errno(errno, "renaming {} to {}", directory.string(), paths_.layer(layer.id).string());
    ++next_id_;
    if (auto written = write_layer_record(layer); !written) {
        ::rename(paths_.layer(layer.id).c_str(), directory.c_str()); // the caller removes it
        return written;
    }
    layers_.emplace(diff_id, std::move(layer));
    return {};
}

Result<Image> Store::assemble(Image image, const std::vector<Digest>& diff_ids) const {
    image.layers.clear();
    image.size_bytes = 0;
    std::set<Digest> seen;
    for (const auto& diff_id : std::views::reverse(diff_ids)) {
        const auto found = layers_.find(diff_id);
        if (found == layers_.end()) return fail(ErrorCode::not_found, "layer {} is missing", diff_id);
        // Given twice, a layer counts where it is on top: overlayfs refuses a directory that comes again, and
        // whatever the lower one would show is covered by the upper one.
        if (!seen.insert(diff_id).second) continue;
        image.layers.push_back(found->second.id);
        image.size_bytes += found->second.bytes;
        // overlayfs does not look at the opaque mark of a root directory.
        if (found->second.opaque_root) break;
    }
    std::ranges::reverse(image.layers);
    return image;
}

Status Store::commit_image(const NewImage& from) {
    std::vector<fs::path> garbage;
    {
        const std::lock_guard lock(mutex_);
        Image image;
        image.name = from.name;
        image.manifest_digest = from.manifest_digest;
        image.config_digest = from.config_digest;
        image.config = from.config;
        auto assembled = assemble(std::move(image), from.diff_ids);
        if (!assembled) return std::unexpected(std::move(assembled.error()));
        StoredImage stored{.image = std::move(*assembled), .diff_ids = from.diff_ids, .blobs = {}};
        for (const auto& [digest, bytes] : from.blobs) {
            stored.blobs.push_back(digest);
            if (auto written = write_file_atomic(paths_.blob(digest), bytes, 0600, false); !written)
                return written;
        }
        if (auto written =
                write_file_atomic(paths_.image(from.name), dump_json(image_record(stored)), 0600, false);
            !written)
            return written;
        const auto old = images_.find(from.name);
        auto replaced =
            old != images_.end() ? std::move(old->second.image.layers) : std::vector<std::string>();
        images_.insert_or_assign(from.name, std::move(stored));
        garbage = take_unused(std::move(replaced));
    }
    return remove_trees(garbage);
}

Status Store::make_durable() {
    std::vector<Digest> written;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [diff_id, layer] : layers_)
            if (!layer.boot.empty()) written.push_back(diff_id);
    }
    if (written.empty()) return {};
    const auto root = open_file(paths_.root(), O_RDONLY | O_DIRECTORY);
    if (!root) return std::unexpected(root.error());
    if (::syncfs(root->get()) != 0) return fail_errno(errno, "syncing {}", paths_.root().string());
    const std::lock_guard lock(mutex_);
    for (const auto& diff_id : written) {
        const auto layer = layers_.find(diff_id);
        if (layer == layers_.end()) continue;
        layer->second.boot.clear();
        if (auto done = write_layer_record(layer->second); !done) return done;
    }
    return {};
}

std::optional<Image> Store::find(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = images_.find(name);
    return found != images_.end() ? std::optional(found->second.image) : std::nullopt;
}

std::vector<Image> Store::list() const {
    const std::lock_guard lock(mutex_);
    std::vector<Image> all;
    for (const auto& [name, stored] : images_) all.push_back(stored.image);
    return all;
}

Status Store::remove_image(const std::string& name) {
    std::vector<fs::path> garbage;
    {
        const std::lock_guard lock(mutex_);
        const auto found = images_.find(name);
        if (found == images_.end()) return fail(ErrorCode::not_found, "no image {} on this host", name);
        if (::unlink(paths_.image(name).c_str()) != 0 && errno != ENOENT)
            return fail_errno(errno, "removing {}", paths_.image(name).string());
        images_.erase(found);
        garbage = take_unused(std::nullopt);
    }
    return remove_trees(garbage);
}

Result<fs::path> Store::move_to_tmp(const fs::path& path) const {
    auto grave = temporary();
    if (::rename(path.c_str(), grave.c_str()) == 0) return grave;
    return fail_errno(errno, "renaming {} to {}", path.string(), grave.string());
}

std::vector<fs::path> Store::take_unused(const std::optional<std::vector<std::string>>& candidates) {
    std::set<Digest> used;
    std::set<std::string> used_ids;
    for (const auto& [name, image] : images_) used.insert(image.diff_ids.begin(), image.diff_ids.end());
    for (const auto& [diff_id, count] : pins_) used.insert(diff_id);
    for (const auto& [id, layers] : containers_) used_ids.insert(layers.begin(), layers.end());

    std::vector<fs::path> garbage;
    std::erase_if(layers_, [&](const auto& entry) {
        const auto& [diff_id, layer] = entry;
        if (used.contains(diff_id) || used_ids.contains(layer.id)) return false;
        if (candidates && std::ranges::find(*candidates, layer.id) == candidates->end()) return false;
        // The record first: what has none is garbage, also after a crash.
        ::unlink(paths_.layer_record(layer.id).c_str());
        if (auto moved = move_to_tmp(paths_.layer(layer.id)))
            garbage.push_back(std::move(*moved));
        else
            log_.warn("a layer could not be removed",
                      {{"layer", layer.id}, {"error", moved.error().message()}});
        return true;
    });
    if (auto dropped = drop_stray_blobs(); !dropped)
        log_.warn("blobs could not be removed", {{"error", dropped.error().message()}});
    return garbage;
}

Status Store::drop_stray_blobs() const {
    std::set<std::string> used;
    for (const auto& [name, image] : images_)
        for (const auto& digest : image.blobs) used.insert(hex_of(digest));
    const auto blobs = entries_of(paths_.blobs());
    if (!blobs) return std::unexpected(blobs.error());
    for (const auto& blob : *blobs)
        if (!used.contains(blob.filename().string())) ::unlink(blob.c_str());
    return {};
}

Result<std::vector<fs::path>> entries_of(const fs::path& directory) {
    std::error_code error;
    std::vector<fs::path> entries;
    for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
        entries.push_back(at->path());
    if (error) return fail(ErrorCode::io, "reading {}: {}", directory.string(), error.message());
    return entries;
}

Status remove_trees(const std::vector<fs::path>& trees) {
    Status first;
    for (const auto& tree : trees)
        if (auto removed = remove_tree(tree); !removed && first) first = std::move(removed);
    return first;
}

} // namespace berth::images
