// The image store on disk: layers, images, writable layers of containers. See paths.hpp for its layout.
//
// Thread-safe. Calls may block on the disk; what removes whole trees says so and belongs on the pool.
#pragma once

#include "berth/base/json.hpp"
#include "berth/base/log.hpp"
#include "berth/base/time.hpp"
#include "berth/images/images.hpp"

#include "agent/images/layer_writer.hpp"
#include "agent/images/paths.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace berth::images {

struct StoredLayer {
    std::string id;
    Digest diff_id;
    std::uint64_t bytes = 0;
    bool root_entry = false;  // its root directory's owner and mode mean something
    bool opaque_root = false; // hides everything below
    std::vector<std::string> implied;
    std::string boot; // not known to be on disk; written in this boot of the machine
};

struct NewImage {
    std::string name; // canonical
    Digest manifest_digest, config_digest;
    ImageConfig config;
    std::vector<Digest> diff_ids;
    std::map<Digest, std::string> blobs; // config and manifests
};

class Store {
  public:
    // Takes the lock and repairs what a crash left. `garbage` is filled with trees to be removed in the
    // background.
    static Result<std::unique_ptr<Store>> open(const fs::path& root, Log log, std::vector<fs::path>& garbage);

    // Keeps layers from being collected while a pull is on its way to an image.
    class Pin {
      public:
        Pin(Store& store, std::vector<Digest> diff_ids);
        Pin(const Pin&) = delete;
        Pin& operator=(const Pin&) = delete;
        ~Pin();

      private:
        Store* store_;
        std::vector<Digest> diff_ids_;
    };

    const Paths& paths() const { return paths_; }
    // A new name below tmp.
    fs::path temporary() const;

    bool has_layer(const Digest& diff_id) const;
    // Makes an unpacked and verified directory a layer. When it is there already, the directory is left.
    Status commit_layer(const Digest& diff_id, const fs::path& directory, const LayerContents& contents);
    // All layers must be there. Replaces an image of the same name; blocks on what that sets free.
    Status commit_image(const NewImage& image);
    // Writes what pulls have brought to disk for good. Blocks.
    Status make_durable();

    std::optional<Image> find(const std::string& name) const;
    std::vector<Image> list() const;
    // Blocks on removing what nobody uses any more. not_found when there is no such image.
    Status remove_image(const std::string& name);

    Result<RootFilesystem> prepare(const ContainerId& container, const Image& image);
    // Blocks on removing the tree. Missing is success.
    Status discard(const ContainerId& container);

  private:
    struct StoredImage {
        Image image;
        std::vector<Digest> diff_ids;
        std::vector<Digest> blobs;
    };

    Store(Paths paths, Log log, UniqueFd lock, std::string boot)
        : paths_(std::move(paths)), log_(std::move(log)), lock_(std::move(lock)), boot_(std::move(boot)) {}

    // Start-up, see recovery.cpp.
    Status load(std::vector<fs::path>& garbage);
    Status load_layers(std::vector<fs::path>& garbage);
    Status load_images();
    Status load_containers(std::vector<fs::path>& garbage);
    Result<StoredImage> load_image(const fs::path& file) const;
    static Json image_record(const StoredImage& stored);

    // With the mutex held:
    Status write_layer_record(const StoredLayer& layer) const;
    Result<Image> assemble(Image image, const std::vector<Digest>& diff_ids) const;
    Status copy_root_attributes(const std::vector<std::string>& layers, const fs::path& upper) const;
    // Takes layers that are not in use out of the store; the caller removes the trees without the mutex.
    // Without candidates all of them: also what failed pulls have left for their next attempt.
    std::vector<fs::path> take_unused(const std::optional<std::vector<std::string>>& candidates);
    Status drop_stray_blobs() const;
    Result<fs::path> move_to_tmp(const fs::path& path) const;

    Paths paths_;
    Log log_;
    UniqueFd lock_;
    std::string boot_;

    mutable std::mutex mutex_;
    std::map<Digest, StoredLayer> layers_;
    std::map<std::string, StoredImage> images_; // by canonical name
    std::map<ContainerId, std::vector<std::string>> containers_;
    std::map<Digest, int> pins_;
    std::uint64_t next_id_ = 1;
};

// Records on disk.
Json to_json(const StoredLayer& layer);
Result<StoredLayer> layer_from_json(const Json& json);

Result<std::vector<fs::path>> entries_of(const fs::path& directory);
Status remove_trees(const std::vector<fs::path>& trees);

} // namespace berth::images
