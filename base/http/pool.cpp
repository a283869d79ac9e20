// IdlePool: last in, first out, so that what is not needed grows old and goes.
#include "base/http/pool.hpp"

namespace berth::http {

// Load balancers drop idle connections after 60 s (ELB's default); leave before they do.
constexpr std::chrono::seconds kMaxIdle{50};

std::shared_ptr<Connection> IdlePool::take(const std::string& origin) {
    sweep();
    auto found = idle_.find(origin);
    while (found != idle_.end() && !found->second.empty()) {
        auto connection = std::move(found->second.back().connection);
        found->second.pop_back();
        if (connection->quiet()) return connection;
    }
    return nullptr;
}

void IdlePool::put(const std::string& origin, std::shared_ptr<Connection> connection) {
    sweep();
    connection->rest();
    auto& list = idle_[origin];
    if (list.size() < max_per_origin_)
        list.push_back({std::move(connection), std::chrono::steady_clock::now()});
}

void IdlePool::sweep() {
    const Deadline oldest = std::chrono::steady_clock::now() - kMaxIdle;
    for (auto& [origin, list] : idle_)
        std::erase_if(list, [&](const Idle& idle) { return idle.since < oldest; });
    std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
}

} // namespace berth::http
