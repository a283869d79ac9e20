// The compression of a layer, undone as its bytes arrive: gzip, zstd, or none.
#pragma once

#include "berth/base/result.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

namespace berth::images {

class Decompressor {
  public:
    using Output = std::function<Status(std::string_view)>;
    virtual ~Decompressor() = default;
    // Hands what the bytes stand for to the output. An error of the output ends it.
    virtual Status feed(std::string_view bytes) = 0;
    // All bytes were fed: an error when they end in the middle.
    virtual Status finish() = 0;
};

// How many of a stream's first bytes tell the kinds apart.
inline constexpr std::size_t kMagicBytes = 4;
// By the first bytes: what the media type says is often wrong.
std::unique_ptr<Decompressor> make_decompressor(std::string_view first_bytes, Decompressor::Output output);

std::unique_ptr<Decompressor> make_gzip(Decompressor::Output output);
std::unique_ptr<Decompressor> make_zstd(Decompressor::Output output);

} // namespace berth::images
