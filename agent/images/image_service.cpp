// ImageService: joins equal pulls, and connects the event loop with the store.
#include "berth/base/sha256.hpp"

#include "agent/images/layer_view.hpp"
#include "agent/images/pull.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <ranges>

namespace berth::images {

namespace {

// One pull and all who wait for it.
struct Flight {
    explicit Flight(const Executor& executor) : done(executor) {}
    Event done;
    std::vector<PullRequest> waiting;
    Digest resolved;
    Result<Image> result = fail(ErrorCode::internal, "the pull was interrupted");
};

class Service final : public ImageService {
  public:
    explicit Service(std::shared_ptr<Workshop> shop) : shop_(std::move(shop)) {}

    Async<Result<Image>> pull(PullRequest request) override;
    std::optional<Image> find(const std::string& name) const override;
    std::vector<Image> list() const override { return shop_->store->list(); }
    Async<Status> remove(std::string name) override;
    Result<RootFilesystem> prepare(const ContainerId& container, const Image& image) override {
        return shop_->store->prepare(container, image);
    }
    Async<Status> discard(ContainerId container) override {
        auto work = [shop = shop_, container] { return shop->store->discard(container); };
        return offload(shop_->pool, std::move(work));
    }
    Result<std::optional<std::string>> read_image_file(const Image& image, const std::string& path,
                                                       std::size_t limit) const override;

  private:
    using Flights = std::map<std::string, std::shared_ptr<Flight>>;

    static Async<void> fly(std::shared_ptr<Workshop> shop, std::shared_ptr<Flights> flights,
                           std::shared_ptr<Flight> flight, std::string key, Reference reference,
                           RegistryLogin login);

    std::shared_ptr<Workshop> shop_;
    std::shared_ptr<Flights> flights_ = std::make_shared<Flights>();
};

// Pulls brought new layers: the disk may take its time, the container need not wait for it.
void sync_in_background(const std::shared_ptr<Workshop>& shop) {
    asio::post(shop->pool, [shop] {
        if (const auto synced = shop->store->make_durable(); !synced)
            shop->log.error("the image store could not be synced", {{"error", synced.error().message()}});
    });
}

PullHooks hooks_of(const std::shared_ptr<Flight>& flight) {
    PullHooks hooks;
    hooks.on_progress = [flight](PullProgress progress) {
        for (const auto& request : flight->waiting)
            if (request.on_progress) request.on_progress(progress);
    };
    hooks.on_resolved = [flight](Digest digest) {
        flight->resolved = digest;
        for (const auto& request : flight->waiting)
            if (request.on_resolved) request.on_resolved(digest);
    };
    return hooks;
}

Async<void> Service::fly(std::shared_ptr<Workshop> shop, std::shared_ptr<Flights> flights,
                         std::shared_ptr<Flight> flight, std::string key, Reference reference,
                         RegistryLogin login) {
    const auto start = std::chrono::steady_clock::now();
    auto hooks = hooks_of(flight);
    try {
        flight->result = co_await pull_image(shop, reference, std::move(login), std::move(hooks));
    } catch (const std::exception& problem) {
        flight->result = fail(ErrorCode::internal, "pulling {}: {}", reference.str(), problem.what());
    }
    flights->erase(key);
    flight->done.set();
    flight->waiting.clear(); // the hooks may hold on to their owners
    if (!flight->result) {
        shop->log.warn("pull failed",
                       {{"image", reference.str()}, {"error", flight->result.error().message()}});
        co_return;
    }
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    shop->log.info("pulled", {{"image", reference.str()},
                              {"digest", flight->result->manifest_digest},
                              {"layers", flight->result->layers.size()},
                              {"bytes", flight->result->size_bytes},
                              {"ms", took.count()}});
    sync_in_background(shop);
}

Async<Result<Image>> Service::pull(PullRequest request) {
    const auto name = request.name;
    const auto reference = parse_reference(name);
    if (!reference) co_return std::unexpected(Error(reference.error()).with_name("CannotPullContainerError"));
    if (request.prefer_cached)
        if (auto present = find(name)) co_return std::move(*present);

    // Pulls with other credentials are kept apart: one must not fail, nor succeed, by the other's.
    const auto key = reference->str() + "|" + sha256(request.login.username + '\0' + request.login.password);
    auto login = request.login;
    auto& flight_slot = (*flights_)[key];
    const bool first = flight_slot == nullptr;
    if (first) flight_slot = std::make_shared<Flight>(shop_->executor);
    const auto flight = flight_slot;
    if (!flight->resolved.empty() && request.on_resolved) request.on_resolved(flight->resolved);
    flight->waiting.push_back(std::move(request));
    if (first) {
        // The pull goes on when who asked first is gone: others may have joined.
        auto work = fly(shop_, flights_, flight, key, *reference, std::move(login));
        spawn(shop_->executor, std::move(work), {});
    }
    co_await flight->done.wait();
    auto result = flight->result;
    if (result) result->name = name;
    co_return result;
}

std::optional<Image> Service::find(const std::string& name) const {
    const auto reference = parse_reference(name);
    if (!reference) return std::nullopt;
    auto image = shop_->store->find(reference->str());
    if (image) image->name = name;
    return image;
}

Async<Status> Service::remove(std::string name) {
    auto reference = parse_reference(name);
    if (!reference) co_return std::unexpected(std::move(reference.error()));
    auto work = [shop = shop_, canonical = reference->str()] { return shop->store->remove_image(canonical); };
    co_return co_await offload(shop_->pool, std::move(work));
}

Result<std::optional<std::string>> Service::read_image_file(const Image& image, const std::string& path,
                                                            std::size_t limit) const {
    std::vector<fs::path> layers;
    for (const auto& id : std::views::reverse(image.layers))
        layers.push_back(shop_->store->paths().layer(id));
    return read_merged_file(layers, path, limit);
}

} // namespace

Result<std::unique_ptr<ImageService>> ImageService::open(Executor executor, Pool& pool, http::Client& client,
                                                         Log log, ImageServiceOptions options) {
    std::vector<fs::path> garbage;
    auto store = Store::open(options.root, log, garbage);
    if (!store) return fail(std::move(store.error()), "opening the image store");
    RegistryOptions registry{.insecure_registries = std::move(options.insecure_registries),
                             .inactivity_timeout = options.inactivity_timeout,
                             .retry = {.attempts = options.attempts}};
    auto shop = std::make_shared<Workshop>(std::move(executor), pool, client, std::move(log),
                                           std::move(*store), std::move(registry), options.pull_timeout);
    auto tidy = [shop, garbage = std::move(garbage)] {
        if (const auto removed = remove_trees(garbage); !removed)
            shop->log.warn("leftovers in the image store could not be removed",
                           {{"error", removed.error().message()}});
    };
    asio::post(pool, std::move(tidy));
    sync_in_background(shop);
    return std::make_unique<Service>(std::move(shop));
}

} // namespace berth::images
