// Opening the rooms of one host.
#include "agent/rooms.hpp"

#include "agent/host.hpp"

namespace berth {

executor::Parts Rooms::parts(Executor executor, Pool& pool, Log log) const {
    return {.executor = std::move(executor),
            .pool = &pool,
            .store = store.get(),
            .images = images.get(),
            .network = network.get(),
            .forwarder = forwarder.get(),
            .log = std::move(log),
            .login = {},
            .log_target = {},
            .log_credentials = {},
            .submit = {}};
}

executor::Settings Rooms::settings(const config::Config& config) const {
    executor::Settings settings;
    settings.data_dir = data_dir;
    settings.shim_program = shim_program;
    settings.cgroup_parent = config.cgroup_parent;
    settings.region = config.region;
    settings.prefer_cached = config.pull_behavior == config::PullBehavior::prefer_cached ||
                             config.pull_behavior == config::PullBehavior::once;
    settings.start_timeout = config.start_timeout;
    return settings;
}

Result<Rooms> open_rooms(Executor executor, Pool& pool, http::Client& client, Log log,
                         const config::Config& config, const RoomNames& names) {
    Rooms rooms;
    rooms.data_dir = names.data_dir;
    if (auto made = make_directories(rooms.data_dir / "containers", 0700); !made)
        return fail(std::move(made.error()), "data directory");
    auto host = host_resources(config);
    if (!host) return std::unexpected(std::move(host.error()));
    rooms.host = std::move(*host);
    auto shim = helper_program("berth-shim");
    if (!shim) return std::unexpected(std::move(shim.error()));
    rooms.shim_program = std::move(*shim);

    auto store = state::Store::open(executor, rooms.data_dir);
    if (!store) return std::unexpected(std::move(store.error()));
    rooms.store = std::move(*store);

    images::ImageServiceOptions image_options;
    image_options.root = rooms.data_dir / "images";
    image_options.insecure_registries = config.insecure_registries;
    image_options.inactivity_timeout = config.pull_inactivity_timeout;
    image_options.pull_timeout = config.pull_timeout;
    auto images = images::ImageService::open(executor, pool, client, log, std::move(image_options));
    if (!images) return fail(std::move(images.error()), "image store");
    rooms.images = std::move(*images);

    network::NetworkOptions network_options;
    network_options.bridge = network_options.table = names.bridge;
    if (!names.subnet.empty()) network_options.subnet = names.subnet;
    network_options.dynamic_port_first = config.dynamic_port_first;
    network_options.dynamic_port_last = config.dynamic_port_last;
    auto network = network::Network::open(executor, pool, log, std::move(network_options));
    if (!network) return fail(std::move(network.error()), "network");
    rooms.network = std::move(*network);

    rooms.forwarder = logs::Forwarder::make(executor, pool, client, log);
    return rooms;
}

} // namespace berth
