// The rooms that a task needs on this host, opened together: by berthd, and by `berth run` without a cluster.
#pragma once

#include "berth/base/http/client.hpp"
#include "berth/config/config.hpp"
#include "berth/executor/engine.hpp"

#include <memory>
#include <string>

namespace berth {

// Owns the rooms; members are ended in reverse order, the ones that use others first.
struct Rooms {
    fs::path data_dir;
    fs::path shim_program;
    engine::HostResources host;
    std::unique_ptr<state::Store> store;
    std::unique_ptr<images::ImageService> images;
    std::unique_ptr<network::Network> network;
    std::unique_ptr<logs::Forwarder> forwarder;

    // For Engine::make: the callbacks are the caller's to fill in.
    executor::Parts parts(Executor executor, Pool& pool, Log log) const;
    executor::Settings settings(const config::Config& config) const;
};

struct RoomNames {
    std::string data_dir;
    std::string bridge; // of the nftables table too
    std::string subnet; // empty: the default
};

// Everything is below names.data_dir, which is locked. Errors say which room could not be opened.
Result<Rooms> open_rooms(Executor executor, Pool& pool, http::Client& client, Log log,
                         const config::Config& config, const RoomNames& names);

} // namespace berth
