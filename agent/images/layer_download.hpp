// Brings layers into the store: download and unpacking at once, several layers side by side, each only once.
//
// Lives on the event loop, which reads the sockets; the pool unpacks. While one buffer of a layer is being
// unpacked the next is being read: a slow disk holds the network back, and nothing piles up.
#pragma once

#include "agent/images/async_tools.hpp"
#include "agent/images/registry_client.hpp"
#include "agent/images/store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <utility>

namespace berth::images {

struct LayerRequest {
    LayerRequest() = default;
    Source source;
    Descriptor descriptor;
    Digest diff_id;
    Deadline deadline;
    std::function<void(PullProgress)> on_progress; // never empty
    std::shared_ptr<bool> given_up;                // set when the image failed elsewhere
};

class LayerDownloads {
  public:
    LayerDownloads(Executor executor, Pool& pool, std::shared_ptr<Store> store, RegistryClient& registry,
                   int at_once)
        : executor_(executor), pool_(&pool), store_(std::move(store)), registry_(&registry),
          slots_(executor, at_once) {}

    // The layer is in the store afterwards. Requests for one layer share the work, unless it fails for a
    // reason that lies with the other's source.
    Async<Status> ensure(LayerRequest request);

  private:
    struct Flight {
        Flight(const Executor& executor, std::string source_) : done(executor), source(std::move(source_)) {}
        Event done;
        std::string source;
        Status result;
        std::vector<std::function<void(PullProgress)>> listeners;
    };
    struct Transfer;

    Async<Status> download(LayerRequest request, std::shared_ptr<Flight> flight);
    Async<Status> transfer(std::shared_ptr<Transfer> work);
    Async<Status> receive(std::shared_ptr<Transfer> work);
    Async<Answer<Body>> open(std::shared_ptr<Transfer> work);
    Async<Status> skip(Body body, std::uint64_t count, Deadline deadline);

    Executor executor_;
    Pool* pool_;
    std::shared_ptr<Store> store_; // the pool's jobs hold it too
    RegistryClient* registry_;
    Slots slots_;
    std::map<Digest, std::shared_ptr<Flight>> flights_; // by diffID
};

} // namespace berth::images
