// One pull of one image: manifest, config, layers, store. And the parts of the service that pulls need.
#pragma once

#include "agent/images/layer_download.hpp"
#include "agent/images/registry_client.hpp"
#include "agent/images/store.hpp"

#include <functional>
#include <memory>
#include <string>

namespace berth::images {

struct PullHooks {
    std::function<void(PullProgress)> on_progress; // never empty
    std::function<void(Digest)> on_resolved;       // never empty
};

// What several pulls share. Lives on the event loop.
struct Workshop {
    Workshop(Executor executor_, Pool& pool_, http::Client& client, Log log_, std::shared_ptr<Store> store_,
             RegistryOptions options, std::chrono::nanoseconds pull_timeout_);

    Executor executor;
    Pool& pool;
    Log log;
    std::chrono::nanoseconds pull_timeout;
    std::shared_ptr<Store> store;
    RegistryClient registry;
    LayerDownloads layers;
};

// The errors have ECS names.
Async<Result<Image>> pull_image(std::shared_ptr<Workshop> shop, Reference reference, RegistryLogin login,
                                PullHooks hooks);

} // namespace berth::images
