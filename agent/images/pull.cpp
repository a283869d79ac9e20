// The steps of a pull.
#include "agent/images/pull.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>

namespace berth::images {

namespace {

constexpr int kLayersAtOnce = 3;
// An index may point to an index, not more often than anybody has seen.
constexpr int kMaxIndexes = 3;

// Wrong credentials are told apart from a registry that wants some and got none.
std::string manifest_error_name(const Error& error, bool has_login) {
    return error.code() == ErrorCode::auth && has_login ? "CannotPullContainerAuthError"
                                                        : "CannotPullImageManifestError";
}

struct Resolved {
    Digest digest; // for the name
    Manifest manifest;
    ConfigDocument config;
    std::map<Digest, std::string> blobs;
};

// The layers of one image, and the first thing that goes wrong with any of them.
struct LayerSet {
    explicit LayerSet(const Executor& executor) : all_done(executor) {}
    Event all_done;
    std::size_t left = 0;
    Status result;
    std::shared_ptr<bool> given_up = std::make_shared<bool>(false);

    void finished(Status one) {
        if (!one && result) {
            result = std::move(one);
            *given_up = true;
        }
        if (--left == 0) all_done.set();
    }
};

Async<Result<Manifest>> fetch_manifest(std::shared_ptr<Workshop> shop, Source source, std::string what,
                                       std::shared_ptr<Resolved> resolved, PullHooks hooks,
                                       Deadline deadline) {
    for (int indexes = 0; indexes <= kMaxIndexes; ++indexes) {
        auto fetched = co_await shop->registry.manifest(source, what, deadline);
        if (!fetched) co_return std::unexpected(std::move(fetched.error()));
        auto document = parse_manifest(fetched->bytes, fetched->content_type);
        if (!document) co_return std::unexpected(std::move(document.error()));
        if (resolved->digest.empty()) {
            resolved->digest = fetched->digest;
            hooks.on_resolved(fetched->digest);
        }
        resolved->blobs.emplace(fetched->digest, std::move(fetched->bytes));
        if (auto* manifest = std::get_if<Manifest>(&*document)) co_return std::move(*manifest);
        const auto chosen = choose_platform(std::get<Index>(*document), this_platform());
        if (!chosen) co_return std::unexpected(chosen.error());
        what = chosen->digest.str();
    }
    co_return fail(ErrorCode::invalid, "indexes of indexes, more than {} deep", kMaxIndexes);
}

Async<Status> fetch_description(std::shared_ptr<Workshop> shop, Source source, std::string what,
                                std::shared_ptr<Resolved> resolved, PullHooks hooks, Deadline deadline) {
    auto manifest =
        co_await fetch_manifest(shop, source, std::move(what), resolved, std::move(hooks), deadline);
    if (!manifest) co_return std::unexpected(std::move(manifest.error()));
    resolved->manifest = std::move(*manifest);
    auto bytes = co_await shop->registry.small_blob(source, resolved->manifest.config, deadline);
    if (!bytes) co_return fail(std::move(bytes.error()), "image config {}", resolved->manifest.config.digest);
    auto config = parse_config(*bytes);
    if (!config) co_return std::unexpected(std::move(config.error()));
    resolved->config = std::move(*config);
    resolved->blobs.emplace(resolved->manifest.config.digest, std::move(*bytes));
    if (resolved->config.diff_ids.size() != resolved->manifest.layers.size())
        co_return fail(ErrorCode::invalid, "the manifest has {} layers, the config {}",
                       resolved->manifest.layers.size(), resolved->config.diff_ids.size());
    co_return Status{};
}

Async<Status> fetch_layers(std::shared_ptr<Workshop> shop, Source source, std::shared_ptr<Resolved> resolved,
                           PullHooks hooks, Deadline deadline) {
    auto set = std::make_shared<LayerSet>(shop->executor);
    const auto& layers = resolved->manifest.layers;
    set->left = layers.size();
    for (std::size_t i = 0; i < layers.size(); ++i) {
        LayerRequest request;
        request.source = source;
        request.descriptor = layers[i];
        request.diff_id = resolved->config.diff_ids[i];
        request.deadline = deadline;
        request.on_progress = hooks.on_progress;
        request.given_up = set->given_up;
        auto finished = [set](const std::exception_ptr& problem, Status status) {
            set->finished(problem ? fail(ErrorCode::internal, "the download of a layer ended in an exception")
                                  : std::move(status));
        };
        asio::co_spawn(shop->executor, shop->layers.ensure(std::move(request)), std::move(finished));
    }
    if (set->left > 0) co_await set->all_done.wait();
    co_return set->result;
}

// A present image whose name still means the same needs nothing more.
Async<Result<std::optional<Image>>> still_current(std::shared_ptr<Workshop> shop, Source source,
                                                  Reference reference, PullHooks hooks, Deadline deadline) {
    auto present = shop->store->find(reference.str());
    if (!present) co_return std::optional<Image>();
    if (!reference.digest.empty()) {
        hooks.on_resolved(reference.digest);
        co_return present;
    }
    auto digest = co_await shop->registry.resolve(std::move(source), reference.tag, deadline);
    // Some registries know no HEAD: the GET will tell.
    if (!digest && (digest.error().may_heal() || digest.error().code() == ErrorCode::auth))
        co_return std::unexpected(std::move(digest.error()));
    if (!digest || !*digest || **digest != present->manifest_digest) co_return std::optional<Image>();
    hooks.on_resolved(present->manifest_digest);
    co_return present;
}

Status commit(Store& store, const Reference& reference, Resolved& resolved) {
    NewImage image{.name = reference.str(),
                   .manifest_digest = resolved.digest,
                   .config_digest = resolved.manifest.config.digest,
                   .config = resolved.config.config,
                   .diff_ids = resolved.config.diff_ids,
                   .blobs = std::move(resolved.blobs)};
    return store.commit_image(image);
}

std::unexpected<Error> named(Error error, std::string name, const Reference& reference) {
    return std::unexpected(
        std::move(error).with_name(std::move(name)).while_doing(fmt::format("pulling {}", reference.str())));
}

} // namespace

Workshop::Workshop(Executor executor_, Pool& pool_, http::Client& client, Log log_,
                   std::shared_ptr<Store> store_, RegistryOptions options,
                   std::chrono::nanoseconds pull_timeout_)
    : executor(executor_), pool(pool_), log(std::move(log_)), pull_timeout(pull_timeout_),
      store(std::move(store_)), registry(client, std::move(options)),
      layers(executor_, pool_, store, registry, kLayersAtOnce) {}

Async<Result<Image>> pull_image(std::shared_ptr<Workshop> shop, Reference reference, RegistryLogin login,
                                PullHooks hooks) {
    const auto deadline = deadline_in(shop->pull_timeout);
    const bool has_login = !login.empty();
    Source source;
    source.registry = reference.registry;
    source.repository = reference.repository;
    source.login = std::move(login);

    auto current = co_await still_current(shop, source, reference, hooks, deadline);
    if (!current) {
        auto name = manifest_error_name(current.error(), has_login);
        co_return named(std::move(current.error()), std::move(name), reference);
    }
    if (*current) co_return std::move(**current);

    auto resolved = std::make_shared<Resolved>();
    const auto what = reference.digest.empty() ? reference.tag : reference.digest.str();
    auto described = co_await fetch_description(shop, source, what, resolved, hooks, deadline);
    if (!described) {
        auto name = manifest_error_name(described.error(), has_login);
        co_return named(std::move(described.error()), std::move(name), reference);
    }
    const Store::Pin pin(*shop->store, resolved->config.diff_ids);
    auto layers = co_await fetch_layers(shop, source, resolved, hooks, deadline);
    if (!layers) co_return named(std::move(layers.error()), "CannotPullContainerError", reference);

    auto write = [shop, resolved, reference] { return commit(*shop->store, reference, *resolved); };
    if (auto committed = co_await offload(shop->pool, std::move(write)); !committed)
        co_return named(std::move(committed.error()), "CannotPullContainerError", reference);
    auto image = shop->store->find(reference.str());
    if (!image)
        co_return named({ErrorCode::not_found, "the image was removed while it was being pulled"},
                        "CannotPullContainerError", reference);
    co_return std::move(*image);
}

} // namespace berth::images
