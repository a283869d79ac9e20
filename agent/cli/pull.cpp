// berth pull: an image into the store, with progress.
#include "berth/base/http/client.hpp"
#include "berth/config/config.hpp"
#include "berth/images/images.hpp"
#include "berth/resources/registry_login.hpp"

#include "agent/cli/commands.hpp"
#include "agent/cli/progress.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <unistd.h>

namespace berth::cli {

int pull(const PullOptions& options) {
    const auto file = read_file("/etc/ecs/ecs.config", 1 << 20);
    auto loaded = config::load(config::process_environment(), config::parse_ecs_config(file.value_or("")));
    if (!loaded) return complain(loaded.error().message());
    const auto& config = loaded->config;
    auto logins = resources::parse_engine_auth(config.engine_auth_type, config.engine_auth_data);
    if (!logins) return complain(logins.error().message());

    asio::io_context loop(1);
    Pool pool(3);
    http::Client client(loop.get_executor(), {});
    images::ImageServiceOptions store;
    store.root = fs::path(options.data_dir.empty() ? config.data_dir : options.data_dir) / "images";
    store.insecure_registries = config.insecure_registries;
    auto service = images::ImageService::open(loop.get_executor(), pool, client,
                                              Log::to_stderr(LogLevel::warn), std::move(store));
    if (!service) return complain(service.error().message());

    PullDisplay display(::isatty(STDOUT_FILENO) == 1);
    images::PullRequest request;
    request.name = options.image;
    request.login = resources::choose_login(*logins, options.image);
    request.on_progress = [&](const images::PullProgress& progress) { display.update(progress); };
    Result<images::Image> image = fail(ErrorCode::internal, "not pulled");
    auto work = [&]() -> Async<void> { image = co_await (*service)->pull(std::move(request)); };
    asio::co_spawn(loop, work, [](const std::exception_ptr& problem) {
        if (problem) std::rethrow_exception(problem);
    });
    loop.run();
    pool.join();
    if (!image) return complain(fmt::format("{}: {}", image.error().name(), image.error().message()));
    fmt::print("{} {}\n", image->name, image->manifest_digest);
    return 0;
}

} // namespace berth::cli
