// One layer's way from its compressed bytes to a directory, in a single pass.
//
// compressed bytes → SHA-256 → decompression → SHA-256 (the diffID) → tar → files. Bytes are pushed in as
// they arrive, so nothing waits for the network here. Blocking; one thread at a time, on the pool.
#pragma once

#include "berth/base/files.hpp"
#include "berth/base/ids.hpp"
#include "berth/base/sha256.hpp"

#include "agent/images/decompressor.hpp"
#include "agent/images/layer_writer.hpp"

#include <memory>
#include <string>

namespace berth::images {

struct UnpackedLayer {
    Digest digest;  // of the compressed bytes
    Digest diff_id; // of the tar archive
    LayerContents contents;
};

class LayerUnpack {
  public:
    // Makes the directory.
    static Result<std::unique_ptr<LayerUnpack>> begin(const fs::path& directory, LayerLimits limits);

    Status feed(std::string_view bytes);
    // The digests are the caller's to compare; until then the directory must be seen by nobody.
    Result<UnpackedLayer> finish();

  private:
    LayerUnpack(UniqueFd root, LayerLimits limits, fs::path directory);
    Status start_decompression();
    Status check_space() const;

    fs::path directory_;
    int root_; // the writer's
    LayerWriter writer_;
    TarReader tar_;
    Sha256 compressed_, uncompressed_;
    std::string head_; // until it is long enough to tell the compression
    std::unique_ptr<Decompressor> decompressor_;
};

// The error for a file system that is full: says which one it is.
Error disk_full(const fs::path& somewhere_on_it, std::string_view why);

} // namespace berth::images
