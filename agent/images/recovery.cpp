// The store at start: what is complete is taken over, what a crash or power cut left half-done is dropped.
#include "agent/images/manifest.hpp"
#include "agent/images/store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace berth::images {

namespace {

Result<UniqueFd> lock_store(const Paths& paths) {
    auto lock = open_file(paths.lock(), O_RDWR | O_CREAT, 0600);
    if (!lock) return lock;
    if (::flock(lock->get(), LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno == EWOULDBLOCK)
        return fail(ErrorCode::exists, "the image store {} is in use by another process",
                    paths.root().string());
    return fail_errno(errno, "locking {}", paths.lock().string());
}

bool exists_as_directory(const fs::path& path) {
    std::error_code ignored;
    return fs::is_directory(path, ignored);
}

Result<std::vector<Digest>> digests_of(const JsonReader& reader, std::string_view key) {
    const auto texts = reader.strings(key);
    if (!texts) return std::unexpected(texts.error());
    std::vector<Digest> digests;
    for (const auto& text : texts->value_or(std::vector<std::string>{})) {
        if (!is_sha256_digest(text)) return fail(ErrorCode::invalid, "{}: not a digest", reader.path_of(key));
        digests.emplace_back(text);
    }
    return digests;
}

Result<Json> read_json(const fs::path& file) {
    const auto text = read_file(file);
    if (!text) return std::unexpected(text.error());
    auto json = parse_json(*text);
    if (json && !json->is_object()) return fail(ErrorCode::invalid, "{}: not an object", file.string());
    return json;
}

} // namespace

Result<StoredLayer> layer_from_json(const Json& json) {
    const JsonReader reader(json);
    const auto diff_id = reader.required_string("diffId");
    const auto bytes = reader.required_integer("bytes");
    const auto root_entry = reader.boolean("rootEntry"), opaque_root = reader.boolean("opaqueRoot");
    auto implied = reader.strings("impliedDirectories");
    const auto boot = reader.string("boot");
    if (!diff_id) return std::unexpected(diff_id.error());
    if (!bytes) return std::unexpected(bytes.error());
    if (!root_entry) return std::unexpected(root_entry.error());
    if (!opaque_root) return std::unexpected(opaque_root.error());
    if (!implied) return std::unexpected(implied.error());
    if (!boot) return std::unexpected(boot.error());
    if (!is_sha256_digest(*diff_id)) return fail(ErrorCode::invalid, "diffId: not a digest");
    return StoredLayer{.id = {},
                       .diff_id = Digest(*diff_id),
                       .bytes = static_cast<std::uint64_t>(*bytes),
                       .root_entry = root_entry->value_or(false),
                       .opaque_root = opaque_root->value_or(false),
                       .implied = std::move(*implied).value_or(std::vector<std::string>{}),
                       .boot = boot->value_or("")};
}

Result<std::unique_ptr<Store>> Store::open(const fs::path& root, Log log, std::vector<fs::path>& garbage) {
    std::error_code error;
    Paths paths(fs::absolute(root, error));
    if (error) return fail(ErrorCode::io, "{}: {}", root.string(), error.message());
    // Images may hold anything, set-uid programs too: nobody else may look in.
    if (auto made = make_directories(paths.root(), 0700); !made) return std::unexpected(made.error());
    for (const auto& directory : {paths.layers(), paths.layer_records(), paths.images(), paths.blobs(),
                                  paths.containers(), paths.empty(), paths.tmp()})
        if (auto made = make_directories(directory, 0755); !made) return std::unexpected(made.error());
    auto lock = lock_store(paths);
    if (!lock) return std::unexpected(std::move(lock.error()));
    auto boot = read_file("/proc/sys/kernel/random/boot_id");
    if (!boot) return std::unexpected(std::move(boot.error()));
    while (boot->ends_with('\n')) boot->pop_back();
    std::unique_ptr<Store> store(
        new Store(std::move(paths), std::move(log), std::move(*lock), std::move(*boot)));
    if (auto loaded = store->load(garbage); !loaded) return std::unexpected(std::move(loaded.error()));
    return store;
}

Status Store::load(std::vector<fs::path>& garbage) {
    auto leftovers = entries_of(paths_.tmp());
    if (!leftovers) return std::unexpected(std::move(leftovers.error()));
    garbage = std::move(*leftovers);
    if (auto loaded = load_containers(garbage); !loaded) return loaded;
    if (auto loaded = load_layers(garbage); !loaded) return loaded;
    if (auto loaded = load_images(); !loaded) return loaded;
    // Layers of pulls that did not get to their end stay: they will be asked for again.
    return drop_stray_blobs();
}

Status Store::load_containers(std::vector<fs::path>& garbage) {
    const auto entries = entries_of(paths_.containers());
    if (!entries) return std::unexpected(entries.error());
    for (const auto& entry : *entries) {
        const auto json = read_json(entry / "layers.json");
        const auto layers = json ? JsonReader(*json).strings("layers") : std::unexpected(json.error());
        if (layers && *layers) {
            containers_.emplace(entry.filename().string(), **layers);
            continue;
        }
        log_.warn("a container's writable layer is unusable", {{"container", entry.filename().string()}});
        auto moved = move_to_tmp(entry);
        if (!moved) return std::unexpected(std::move(moved.error()));
        garbage.push_back(std::move(*moved));
    }
    return {};
}

Status Store::load_layers(std::vector<fs::path>& garbage) {
    const auto directories = entries_of(paths_.layers());
    if (!directories) return std::unexpected(directories.error());
    const auto records = entries_of(paths_.layer_records());
    if (!records) return std::unexpected(records.error());
    std::set<std::string> complete;
    for (const auto& file : *records) {
        const auto id = file.stem().string();
        const auto json = read_json(file);
        auto layer = json ? layer_from_json(*json) : std::unexpected(json.error());
        const bool vouched = layer && (layer->boot.empty() || layer->boot == boot_);
        if (file.extension() != ".json" || !vouched || !exists_as_directory(paths_.layer(id))) {
            ::unlink(file.c_str());
            continue;
        }
        layer->id = id;
        complete.insert(id);
        const auto diff_id = layer->diff_id;
        layers_.emplace(diff_id, std::move(*layer));
    }
    for (const auto& directory : *directories) {
        const auto id = directory.filename().string();
        std::uint64_t number = 0;
        std::from_chars(id.data(), id.data() + id.size(), number, 16);
        next_id_ = std::max(next_id_, number + 1);
        if (complete.contains(id)) continue;
        auto moved = move_to_tmp(directory);
        if (!moved) return std::unexpected(std::move(moved.error()));
        garbage.push_back(std::move(*moved));
    }
    return {};
}

Json Store::image_record(const StoredImage& stored) {
    const auto texts = [](const std::vector<Digest>& digests) {
        Json list = Json::array();
        for (const auto& digest : digests) list.push_back(digest.str());
        return list;
    };
    return {{"name", stored.image.name},
            {"manifestDigest", stored.image.manifest_digest.str()},
            {"configDigest", stored.image.config_digest.str()},
            {"diffIds", texts(stored.diff_ids)},
            {"blobs", texts(stored.blobs)}};
}

Result<Store::StoredImage> Store::load_image(const fs::path& file) const {
    const auto json = read_json(file);
    if (!json) return std::unexpected(json.error());
    const JsonReader reader(*json);
    auto name = reader.required_string("name");
    if (!name) return std::unexpected(name.error());
    const auto manifest = reader.required_string("manifestDigest"),
               config = reader.required_string("configDigest");
    if (!manifest || !is_sha256_digest(*manifest) || !config || !is_sha256_digest(*config))
        return fail(ErrorCode::invalid, "not a digest");
    auto diff_ids = digests_of(reader, "diffIds"), blobs = digests_of(reader, "blobs");
    if (!diff_ids) return std::unexpected(diff_ids.error());
    if (!blobs) return std::unexpected(blobs.error());
    const auto text = read_file(paths_.blob(Digest(*config)));
    if (!text) return std::unexpected(text.error());
    if (sha256_hex(*text) != config->substr(7)) return fail(ErrorCode::invalid, "its config is damaged");
    auto document = parse_config(*text);
    if (!document) return std::unexpected(document.error());
    Image image;
    image.name = std::move(*name);
    image.manifest_digest = Digest(*manifest);
    image.config_digest = Digest(*config);
    image.config = std::move(document->config);
    auto assembled = assemble(std::move(image), *diff_ids);
    if (!assembled) return std::unexpected(std::move(assembled.error()));
    return StoredImage{
        .image = std::move(*assembled), .diff_ids = std::move(*diff_ids), .blobs = std::move(*blobs)};
}

Status Store::load_images() {
    const auto files = entries_of(paths_.images());
    if (!files) return std::unexpected(files.error());
    for (const auto& file : *files) {
        auto stored = load_image(file);
        if (stored && file == paths_.image(stored->image.name)) {
            auto name = stored->image.name;
            images_.emplace(std::move(name), std::move(*stored));
            continue;
        }
        log_.warn("an image in the store is incomplete and will be pulled again when needed",
                  {{"file", file.string()}, {"error", stored ? "wrong name" : stored.error().message()}});
        ::unlink(file.c_str());
    }
    return {};
}

} // namespace berth::images
