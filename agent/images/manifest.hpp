// Manifests, indexes and configs of images (Docker schema 2 and OCI), from bytes to checked values. Pure.
#pragma once

#include "berth/images/images.hpp"

#include "agent/images/platform.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace berth::images {

inline constexpr std::size_t kMaxManifestBytes = std::size_t{4} << 20;
inline constexpr std::size_t kMaxConfigBytes = std::size_t{8} << 20;
// overlayfs takes 500 lower directories.
inline constexpr std::size_t kMaxLayers = 500;
inline constexpr std::uint64_t kMaxLayerBytes = std::uint64_t{1} << 40;

struct Descriptor {
    std::string media_type;
    Digest digest;
    std::uint64_t size = 0;
    Platform platform; // entries of an index only; may be empty
};

struct Index {
    std::vector<Descriptor> manifests;
};
struct Manifest {
    Descriptor config;
    std::vector<Descriptor> layers; // lowest first
};
using ManifestDocument = std::variant<Index, Manifest>;

// For the Accept header, in the order of our preference.
extern const char* const kManifestTypes;

// `content_type` of the answer is used when the document does not name its own type.
Result<ManifestDocument> parse_manifest(std::string_view bytes, std::string_view content_type);
Result<Descriptor> choose_platform(const Index& index, const Platform& machine);

struct ConfigDocument {
    ImageConfig config;
    std::vector<Digest> diff_ids; // of the uncompressed layers, lowest first
};
Result<ConfigDocument> parse_config(std::string_view bytes);

} // namespace berth::images
