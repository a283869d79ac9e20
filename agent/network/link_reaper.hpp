// Removes links behind the scenes: the kernel takes some 30 ms for one, for it waits until no processor can
// see it any more, and hardly longer for many at once.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/ids.hpp"
#include "berth/base/log.hpp"

#include "agent/network/address.hpp"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <vector>

namespace berth::network {

// Event loop only.
class LinkReaper {
  public:
    LinkReaper(Executor executor, Pool& pool, Log log, std::shared_ptr<AddressPool> addresses);

    // The address is free again when the link is gone.
    void take(ContainerId container, Ipv4 address);
    // Its link may still be there.
    bool has(const ContainerId& container) const { return state_->has(container); }
    // Returns when that is over.
    Async<void> done_with(ContainerId container);

  private:
    struct Leaving {
        ContainerId container;
        Ipv4 address;
    };
    // Outlives the reaper as long as a removal is under way.
    struct State {
        State(Executor executor, Pool& pool_, Log log_, std::shared_ptr<AddressPool> addresses_);
        bool has(const ContainerId& container) const;
        Pool* pool;
        Log log;
        std::shared_ptr<AddressPool> addresses;
        std::vector<Leaving> waiting, going;
        asio::steady_timer round_ended; // never expires; cancelled to wake who waits
    };
    static Async<void> reap(std::shared_ptr<State> state);

    Executor executor_;
    std::shared_ptr<State> state_;
};

} // namespace berth::network
