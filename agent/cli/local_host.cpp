// Building the rooms that a task needs when there is no cluster.
#include "agent/cli/local_host.hpp"

#include "berth/resources/registry_login.hpp"
#include "berth/runtime/cgroup.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace berth::cli {

namespace {
constexpr const char* kCgroupParent = "berth-run";
}

LocalHost::LocalHost(Executor executor, config::Config config)
    : executor_(executor), config_(std::move(config)), client_(executor, {}) {}

Result<std::unique_ptr<LocalHost>> LocalHost::open(Executor executor, const std::string& data_dir) {
    const auto file = read_file("/etc/ecs/ecs.config", 1 << 20);
    auto loaded = config::load(config::process_environment(), config::parse_ecs_config(file.value_or("")));
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    auto host = std::make_unique<LocalHost>(std::move(executor), std::move(loaded->config));
    if (auto opened = host->open_rooms(data_dir); !opened) return std::unexpected(std::move(opened.error()));
    return host;
}

Status LocalHost::open_rooms(const std::string& data_dir) {
    auto logins = resources::parse_engine_auth(config_.engine_auth_type, config_.engine_auth_data);
    if (!logins) return std::unexpected(std::move(logins.error()));
    logins_ = std::move(*logins);
    const RoomNames names{.data_dir = data_dir, .bridge = "berthrun0", .subnet = "172.31.204.0/24"};
    auto rooms = berth::open_rooms(executor_, pool_, client_, log_, config_, names);
    if (!rooms) return std::unexpected(std::move(rooms.error()));
    rooms_ = std::move(*rooms);

    auto parts = rooms_.parts(executor_, pool_, log_);
    parts.login = [this](engine::TaskSpec task,
                         std::string container) -> Async<Result<images::RegistryLogin>> {
        const auto* spec = task.find(container);
        co_return spec != nullptr ? resources::choose_login(logins_, spec->image) : images::RegistryLogin{};
    };
    parts.submit = [this](engine::StateChange change) -> Async<Status> {
        if (report_) co_return co_await report_(std::move(change));
        co_return Status{};
    };
    auto settings = rooms_.settings(config_);
    settings.cgroup_parent = kCgroupParent;
    engine::EngineOptions options;
    options.stop_timeout = config_.stop_timeout;
    options.cleanup_wait = std::chrono::nanoseconds(0);
    engine_ = executor::Engine::make(std::move(parts), std::move(settings), std::move(options), rooms_.host);
    return {};
}

Async<void> LocalHost::until_idle() {
    asio::steady_timer idle(executor_, asio::steady_timer::time_point::max());
    engine_->on_change([this, &idle](const auto&) {
        if (engine_->state().tasks.empty()) idle.cancel();
    });
    if (!engine_->state().tasks.empty()) co_await idle.async_wait(asio::as_tuple(asio::use_awaitable));
}

Async<void> LocalHost::tear_down() {
    co_await engine_->stop(); // the last deletion is on disk
    co_await rooms_.network->tear_down();
    auto remove_parent = []() -> Status {
        const auto layout = runtime::CgroupLayout::detect();
        if (!layout) return std::unexpected(layout.error());
        return runtime::Cgroup::open(*layout, kCgroupParent).remove();
    };
    if (const auto removed = co_await offload(pool_, remove_parent); !removed)
        log_.error("the cgroup of the run is left behind", {{"error", removed.error().message()}});
}

Async<Status> LocalHost::recover() {
    if (auto recovered = co_await engine_->recover(); !recovered) co_return recovered;
    std::vector<TaskArn> left;
    for (const auto& [arn, task] : engine_->state().tasks) left.push_back(arn);
    for (const auto& arn : left) co_await engine_->stop_task(arn, "left by an earlier run");
    co_await until_idle();
    co_return Status{};
}

} // namespace berth::cli
