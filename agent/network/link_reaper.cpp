// Links on their way out, removed in groups.
#include "agent/network/link_reaper.hpp"

#include "agent/network/host_side.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <string>

namespace berth::network {

LinkReaper::LinkReaper(Executor executor, Pool& pool, Log log, std::shared_ptr<AddressPool> addresses)
    : executor_(executor),
      state_(std::make_shared<State>(executor, pool, std::move(log), std::move(addresses))) {}

LinkReaper::State::State(Executor executor, Pool& pool_, Log log_, std::shared_ptr<AddressPool> addresses_)
    : pool(&pool_), log(std::move(log_)), addresses(std::move(addresses_)),
      round_ended(std::move(executor), Deadline::max()) {}

void LinkReaper::take(ContainerId container, Ipv4 address) {
    state_->waiting.push_back({std::move(container), address});
    const auto say = [log = state_->log](const std::string& what) {
        log.error("removing links", {{"error", what}});
    };
    // One at a time: what comes meanwhile makes the next group.
    if (state_->going.empty() && state_->waiting.size() == 1) spawn(executor_, reap(state_), say);
}

bool LinkReaper::State::has(const ContainerId& container) const {
    const auto is_it = [&](const Leaving& leaving) { return leaving.container == container; };
    return std::ranges::any_of(waiting, is_it) || std::ranges::any_of(going, is_it);
}

Async<void> LinkReaper::done_with(ContainerId container) {
    const auto state = state_;
    while (state->has(container)) co_await state->round_ended.async_wait(asio::as_tuple(asio::use_awaitable));
}

Async<void> LinkReaper::reap(std::shared_ptr<State> state) {
    while (!state->waiting.empty()) {
        state->going.swap(state->waiting);
        std::vector<std::string> names;
        for (const auto& leaving : state->going) names.push_back(link_name(leaving.container.str()));
        const auto work = [names]() -> Status {
            auto links = Links::open();
            if (!links) return fail(std::move(links.error()));
            return links->remove(names);
        };
        const auto removed = co_await offload(*state->pool, work);
        if (!removed)
            state->log.warn("links of ended containers are left until the next start",
                            {{"error", removed.error().message()}});
        for (const auto& leaving : state->going) state->addresses->give_back(leaving.address);
        state->going.clear();
        state->round_ended.cancel();
    }
}

} // namespace berth::network
