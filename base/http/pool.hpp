// Connections that wait for their next request, by origin. Not timed: looked at when one is needed.
#pragma once

#include "base/http/connection.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace berth::http {

class IdlePool {
  public:
    explicit IdlePool(std::size_t max_per_origin) : max_per_origin_(max_per_origin) {}

    // One that is still alive, nullptr if there is none.
    std::shared_ptr<Connection> take(const std::string& origin);
    void put(const std::string& origin, std::shared_ptr<Connection> connection);
    void drop(const std::string& origin) { idle_.erase(origin); }

  private:
    struct Idle {
        std::shared_ptr<Connection> connection;
        Deadline since;
    };
    void sweep();

    std::size_t max_per_origin_;
    std::map<std::string, std::vector<Idle>> idle_;
};

} // namespace berth::http
