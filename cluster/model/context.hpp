// What an operation works on: the world, the time, and what makes ids. Given by whoever calls, so that all
// of the logic is a function of its input.
#pragma once

#include "cluster/model/world.hpp"

#include <cstddef>
#include <string>

namespace berth::cluster {

struct Settings {
    std::string url; // where this endpoint is reached, "http://127.0.0.1:51700"
    std::string access_key_id, secret_access_key;
    // The registry that ECR's GetAuthorizationToken answers for; empty: none.
    std::string registry_endpoint, registry_user, registry_password;
};

class LogEvents;

struct Context {
    World& world;
    LogEvents& logs;
    const Settings& settings;
    Time now;
    const MakeId& make_id; // hex digits

    std::string make_uuid() const;
    std::size_t random(std::size_t count) const;
    std::string make_digits() const; // 19 decimal digits
};

} // namespace berth::cluster
