// Parsing of an image's config: how to run it, and the digests of its uncompressed layers.
#include "berth/base/json.hpp"

#include "agent/images/manifest.hpp"
#include "agent/images/text.hpp"

namespace berth::images {

namespace {

// Sets of names are objects with empty values (Volumes, ExposedPorts).
Result<std::vector<std::string>> read_keys(const JsonReader& reader, std::string_view key) {
    const auto object = reader.object(key);
    if (!object) return std::unexpected(object.error());
    std::vector<std::string> keys;
    if (*object != nullptr)
        for (const auto& [name, value] : (*object)->items()) keys.push_back(name);
    return keys;
}

Result<ImageConfig> read_run_config(const JsonReader& reader) {
    ImageConfig config;
    for (auto [key, field] :
         {std::pair("Entrypoint", &ImageConfig::entrypoint), std::pair("Cmd", &ImageConfig::command),
          std::pair("Env", &ImageConfig::environment)}) {
        auto list = reader.strings(key);
        if (!list) return std::unexpected(list.error());
        config.*field = std::move(*list).value_or(std::vector<std::string>{});
    }
    for (auto [key, field] :
         {std::pair("User", &ImageConfig::user), std::pair("WorkingDir", &ImageConfig::working_dir),
          std::pair("StopSignal", &ImageConfig::stop_signal)}) {
        auto text = reader.string(key);
        if (!text) return std::unexpected(text.error());
        config.*field = std::move(*text).value_or("");
    }
    for (auto [key, field] : {std::pair("Volumes", &ImageConfig::volumes),
                              std::pair("ExposedPorts", &ImageConfig::exposed_ports)}) {
        auto keys = read_keys(reader, key);
        if (!keys) return std::unexpected(keys.error());
        config.*field = std::move(*keys);
    }
    auto labels = reader.string_map("Labels");
    if (!labels) return std::unexpected(labels.error());
    config.labels = std::move(*labels).value_or(std::map<std::string, std::string>{});
    return config;
}

Result<std::vector<Digest>> read_diff_ids(const JsonReader& image) {
    const auto rootfs = image.object("rootfs");
    if (!rootfs) return std::unexpected(rootfs.error());
    if (*rootfs == nullptr) return fail(ErrorCode::invalid, "rootfs: missing");
    const auto ids = JsonReader(**rootfs, "rootfs").strings("diff_ids");
    if (!ids) return std::unexpected(ids.error());
    std::vector<Digest> digests;
    for (const auto& id : ids->value_or(std::vector<std::string>{})) {
        if (!is_sha256_digest(id))
            return fail(ErrorCode::invalid, "rootfs.diff_ids[{}]: \"{}\" is not a sha256 digest",
                        digests.size(), printable(id));
        digests.emplace_back(id);
    }
    if (digests.size() > kMaxLayers)
        return fail(ErrorCode::limit, "rootfs.diff_ids: {} entries are more than {}", digests.size(),
                    kMaxLayers);
    return digests;
}

Result<ConfigDocument> read_document(const Json& json) {
    const JsonReader image(json);
    const auto os = image.string("os");
    if (!os) return std::unexpected(os.error());
    if (const auto name = os->value_or(""); !name.empty() && name != "linux")
        return fail(ErrorCode::invalid, "the image is for the operating system \"{}\"", printable(name, 40));
    ConfigDocument document;
    const auto run = image.object("config");
    if (!run) return std::unexpected(run.error());
    if (*run != nullptr) {
        auto config = read_run_config(JsonReader(**run, "config"));
        if (!config) return std::unexpected(config.error());
        document.config = std::move(*config);
    }
    auto diff_ids = read_diff_ids(image);
    if (!diff_ids) return std::unexpected(diff_ids.error());
    document.diff_ids = std::move(*diff_ids);
    return document;
}

} // namespace

Result<ConfigDocument> parse_config(std::string_view bytes) {
    const auto json = parse_json(bytes, {.max_bytes = kMaxConfigBytes, .max_depth = 64});
    if (!json) return fail(json.error(), "image config");
    if (!json->is_object()) return fail(ErrorCode::invalid, "image config: expected a JSON object");
    auto document = read_document(*json);
    if (!document) return fail(std::move(document.error()), "image config");
    return document;
}

} // namespace berth::images
