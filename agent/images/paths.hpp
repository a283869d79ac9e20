// Where things are in the image store. Names are built here and nowhere else.
//
//   <root>/                     e.g. /var/lib/berth/images, one process at a time
//     lock                      held (flock) while the store is open
//     l/<id>/                   a layer as overlayfs takes it: whiteouts, opaque marks and all. Complete and
//                               verified: it is unpacked below tmp and renamed to here
//     layers/<id>.json          its diffID and size. Without this file l/<id> is garbage
//     images/<key>.json         name, digests and diffIDs of an image; key from the name
//     blobs/<hex>               manifests and configs of images, as the registry gave them, by SHA-256
//     c/<container id>/         upper and work for overlayfs, layers.json (the layers below, topmost first)
//     empty/                    the lower directory of an image without layers
//     tmp/                      whatever is on its way in or out; removed at start
//
// A layer is stored once per diffID: whiteouts keep their meaning whatever lies below, so every image that
// holds the layer shares it. Ids and the names l and c are short because the options of one overlay mount,
// all lower directories in them, must fit into a page.
//
// Crashes. Things appear and vanish by rename(2). After a power cut a directory may have been renamed while
// its files are still empty; calling fsync for each of them would cost more than all the rest. So the file in
// layers/ first says in which boot of the machine it was written, and that boot's page cache vouches for the
// layer. One syncfs(2) after each pull, in the background, lets the mark be taken off. At start a layer with
// another boot's mark is thrown away.
#pragma once

#include "berth/base/files.hpp"
#include "berth/base/ids.hpp"
#include "berth/base/sha256.hpp"

#include "agent/images/text.hpp"

#include <string>

namespace berth::images {

class Paths {
  public:
    explicit Paths(fs::path root) : root_(std::move(root)) {}

    const fs::path& root() const { return root_; }
    fs::path lock() const { return root_ / "lock"; }
    fs::path layers() const { return root_ / "l"; }
    fs::path layer(const std::string& id) const { return layers() / id; }
    fs::path layer_records() const { return root_ / "layers"; }
    fs::path layer_record(const std::string& id) const { return layer_records() / (id + ".json"); }
    fs::path images() const { return root_ / "images"; }
    fs::path image(const std::string& name) const {
        return images() / (sha256_hex(name).substr(0, 32) + ".json");
    }
    fs::path blobs() const { return root_ / "blobs"; }
    fs::path blob(const Digest& digest) const { return blobs() / hex_of(digest); }
    fs::path containers() const { return root_ / "c"; }
    fs::path container(const ContainerId& id) const { return containers() / id.str(); }
    fs::path empty() const { return root_ / "empty"; }
    fs::path tmp() const { return root_ / "tmp"; }

    // As overlayfs gets them, relative to root.
    static std::string layer_below_root(const std::string& id) { return "l/" + id; }
    static std::string empty_below_root() { return "empty"; }
    static std::string container_below_root(const ContainerId& id) { return "c/" + id.str(); }

  private:
    fs::path root_;
};

} // namespace berth::images
