// berth-cluster: builds the parts, connects them, and runs until SIGTERM or SIGINT.
#include "berth/base/files.hpp"
#include "berth/base/http/server.hpp"

#include "cluster/options.hpp"
#include "cluster/server/endpoint.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>

#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace berth::cluster {
namespace {

constexpr std::size_t kMaxBody = std::size_t{8} << 20; // 10 000 log events, escaped
constexpr std::size_t kMaxFrame = std::size_t{2} << 20;

Settings settings_of(const Options& options) {
    Settings settings;
    settings.access_key_id = options.access_key_id;
    settings.secret_access_key = options.secret_access_key;
    settings.registry_endpoint = options.registry_endpoint;
    settings.registry_user = options.registry_user.empty() ? "AWS" : options.registry_user;
    settings.registry_password = options.registry_password;
    return settings;
}

Result<World> load_world(const Options& options, const Store& store) {
    World world;
    world.identity = {options.region, options.account};
    const auto rows = store.read();
    if (!rows) return fail(rows.error(), "{}", options.state);
    if (Status loaded = load_rows(world, *rows); !loaded)
        return fail(std::move(loaded.error()), "{} cannot be read", options.state);
    return world;
}

Status serve(const Options& options) {
    const Log log = Log::to_stderr(options.log_level);
    auto store = Store::open(options.state);
    if (!store) return fail(std::move(store.error()));
    auto world = load_world(options, *store);
    if (!world) return fail(std::move(world.error()));

    asio::io_context loop(1);
    Pool pool(1);
    Endpoint endpoint(loop.get_executor(), pool, std::move(*world), settings_of(options), std::move(*store),
                      log);
    http::ServerOptions limits;
    limits.max_body_bytes = kMaxBody;
    limits.max_message_bytes = kMaxFrame;
    auto server = http::Server::listen(
        loop.get_executor(), options.address, options.port,
        [&](http::Request request, http::Peer peer) {
            return endpoint.handle(std::move(request), std::move(peer));
        },
        limits,
        [&](http::Request request, http::Peer peer) {
            return endpoint.upgrade(std::move(request), std::move(peer));
        });
    if (!server) return fail(std::move(server.error()));
    const auto host = options.address == "::1" ? std::string("[::1]") : options.address;
    const auto url = fmt::format("http://{}:{}", host, (*server)->port());
    endpoint.set_url(url);

    asio::signal_set signals(loop, SIGTERM, SIGINT);
    signals.async_wait([&](const auto& error, int) {
        if (error) return;
        // All that runs ends by itself now, and with it the loop.
        (*server)->stop();
        endpoint.stop();
    });
    spawn(loop.get_executor(), endpoint.keep_time(),
          [&](const std::string& problem) { log.error("keeping time", {{"reason", problem}}); });
    const int ready = options.ready_fd >= 0 ? options.ready_fd : STDOUT_FILENO;
    if (Status told = write_all(ready, fmt::format("ready {}\n", url), "the ready line"); !told) return told;
    log.info("serving", {{"url", url}, {"region", options.region}, {"state", options.state}});
    loop.run();
    pool.join(); // what was answered is saved already; this ends a write that nobody waits for
    return {};
}

} // namespace
} // namespace berth::cluster

int main(int argc, char** argv) {
    const auto options = berth::cluster::parse_options(argc, argv);
    if (!options) {
        std::fputs(options.error().text.c_str(), options.error().code == 0 ? stdout : stderr);
        return options.error().code;
    }
    if (const auto served = berth::cluster::serve(*options); !served) {
        std::fprintf(stderr, "berth-cluster: %s\n", served.error().message().c_str());
        return 1;
    }
    return 0;
}
