// Parsing of manifests and indexes. A document that could be read as both is refused (CVE-2021-41190).
#include "agent/images/manifest.hpp"

#include "berth/base/json.hpp"

#include "agent/images/text.hpp"

namespace berth::images {

namespace {

constexpr std::size_t kMaxIndexEntries = 1000;

// Uncompressed and gzip by Docker, uncompressed, gzip and zstd by OCI; both also as "not to be distributed".
// Which of them a layer is, its first bytes say.
bool is_layer_type(std::string_view type) {
    for (const std::string_view prefix :
         {"application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar",
          "application/vnd.docker.image.rootfs.diff.tar",
          "application/vnd.docker.image.rootfs.foreign.diff.tar"}) {
        if (!type.starts_with(prefix)) continue;
        const auto suffix = type.substr(prefix.size());
        if (suffix.empty() || suffix == "+gzip" || suffix == ".gzip" || suffix == "+zstd" ||
            suffix == ".zstd")
            return true;
    }
    return false;
}

Result<Platform> read_platform(const JsonReader& descriptor) {
    Platform platform;
    const auto object = descriptor.object("platform");
    if (!object) return std::unexpected(object.error());
    if (*object == nullptr) return platform;
    const JsonReader reader(**object, descriptor.path_of("platform"));
    for (auto [key, field] :
         {std::pair("os", &Platform::os), std::pair("architecture", &Platform::architecture),
          std::pair("variant", &Platform::variant)}) {
        auto value = reader.string(key);
        if (!value) return std::unexpected(value.error());
        platform.*field = value->value_or("");
    }
    return platform;
}

Result<Descriptor> read_descriptor(const Json& json, const std::string& path) {
    if (!json.is_object()) return fail(ErrorCode::invalid, "{}: expected an object", path);
    const JsonReader reader(json, path);
    auto type = reader.string("mediaType");
    if (!type) return std::unexpected(type.error());
    const auto digest = reader.required_string("digest");
    if (!digest) return std::unexpected(digest.error());
    if (!is_sha256_digest(*digest))
        return fail(ErrorCode::invalid,
                    "{}.digest: \"{}\" is not a sha256 digest, the only kind that is supported", path,
                    printable(*digest));
    const auto size = reader.required_integer("size");
    if (!size) return std::unexpected(size.error());
    if (*size < 0 || static_cast<std::uint64_t>(*size) > kMaxLayerBytes)
        return fail(ErrorCode::invalid, "{}.size: {} is not in 0..{}", path, *size, kMaxLayerBytes);
    auto platform = read_platform(reader);
    if (!platform) return std::unexpected(platform.error());
    return Descriptor{.media_type = type->value_or(""),
                      .digest = Digest(*digest),
                      .size = static_cast<std::uint64_t>(*size),
                      .platform = std::move(*platform)};
}

Result<std::vector<Descriptor>> read_descriptors(const Json& list, const std::string& path,
                                                 std::size_t most) {
    if (list.size() > most)
        return fail(ErrorCode::limit, "{}: {} entries are more than {}", path, list.size(), most);
    std::vector<Descriptor> descriptors;
    for (const auto& json : list) {
        auto one = read_descriptor(json, fmt::format("{}[{}]", path, descriptors.size()));
        if (!one) return std::unexpected(one.error());
        descriptors.push_back(std::move(*one));
    }
    return descriptors;
}

Result<ManifestDocument> read_manifest(const Json& layers, const JsonReader& reader) {
    const auto config = reader.object("config");
    if (!config) return std::unexpected(config.error());
    if (*config == nullptr) return fail(ErrorCode::invalid, "config: missing");
    auto described = read_descriptor(**config, "config");
    if (!described) return std::unexpected(described.error());
    if (described->size > kMaxConfigBytes)
        return fail(ErrorCode::limit, "config.size: {} is more than {}", described->size, kMaxConfigBytes);
    auto listed = read_descriptors(layers, "layers", kMaxLayers);
    if (!listed) return std::unexpected(listed.error());
    for (const auto& layer : *listed)
        if (!is_layer_type(layer.media_type))
            return fail(ErrorCode::invalid,
                        "layer {} has the type \"{}\"; tar, tar with gzip and tar with zstd are supported",
                        layer.digest, printable(layer.media_type));
    return Manifest{.config = std::move(*described), .layers = std::move(*listed)};
}

} // namespace

const char* const kManifestTypes = "application/vnd.oci.image.index.v1+json, "
                                   "application/vnd.docker.distribution.manifest.list.v2+json, "
                                   "application/vnd.oci.image.manifest.v1+json, "
                                   "application/vnd.docker.distribution.manifest.v2+json";

Result<ManifestDocument> parse_manifest(std::string_view bytes, std::string_view content_type) {
    const auto json = parse_json(bytes, {.max_bytes = kMaxManifestBytes, .max_depth = 32});
    if (!json) return fail(json.error(), "manifest");
    if (!json->is_object()) return fail(ErrorCode::invalid, "manifest: expected a JSON object");
    const JsonReader reader(*json);
    const auto version = reader.integer("schemaVersion");
    if (!version) return fail(version.error(), "manifest");
    const auto own_type = reader.string("mediaType");
    if (!own_type) return fail(own_type.error(), "manifest");
    const auto type = own_type->value_or(std::string(content_type));
    if (version->value_or(2) == 1 || type.starts_with("application/vnd.docker.distribution.manifest.v1"))
        return fail(ErrorCode::invalid,
                    "the image is stored in the retired schema 1 format: push it again with "
                    "a Docker of 2016 or later");
    const auto manifests = reader.array("manifests"), layers = reader.array("layers");
    if (!manifests) return fail(manifests.error(), "manifest");
    if (!layers) return fail(layers.error(), "manifest");
    if (*manifests != nullptr && *layers != nullptr)
        return fail(ErrorCode::invalid,
                    "manifest: it has both layers and manifests, so its meaning is unclear");
    if (*layers != nullptr) {
        auto manifest = read_manifest(**layers, reader);
        if (!manifest) return fail(manifest.error(), "manifest");
        return manifest;
    }
    if (*manifests == nullptr)
        return fail(ErrorCode::invalid, "manifest: type \"{}\" is not an image or an index of images",
                    printable(type));
    auto entries = read_descriptors(**manifests, "manifests", kMaxIndexEntries);
    if (!entries) return fail(entries.error(), "manifest");
    return Index{.manifests = std::move(*entries)};
}

Result<Descriptor> choose_platform(const Index& index, const Platform& machine) {
    const Descriptor* best = nullptr;
    int best_fitness = 0;
    std::string offered;
    for (const auto& entry : index.manifests) {
        const auto fit = fitness(entry.platform, machine);
        if (fit > best_fitness) best = &entry, best_fitness = fit;
        if (entry.platform.os.empty() || entry.platform.os == "unknown") continue; // attestations
        offered += (offered.empty() ? "" : ", ") + printable(entry.platform.str(), 60);
        if (offered.size() > 500) break;
    }
    if (best == nullptr)
        return fail(ErrorCode::not_found, "the image is not offered for {}, only for: {}", machine.str(),
                    offered.empty() ? "nothing" : offered);
    return *best;
}

} // namespace berth::images
