// berth logs: what the containers of a task wrote, from their spools.
#include "berth/config/config.hpp"

#include "agent/cli/introspection_client.hpp"
#include "agent/cli/log_printer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace berth::cli {

namespace {

// Containers whose task ARN, task id, container id or name is meant by `what`.
std::vector<std::pair<std::string, std::string>> choose(const Json& tasks, const std::string& what) {
    std::vector<std::pair<std::string, std::string>> chosen; // name, id
    const auto text = [](const Json& object, const char* key) {
        return JsonReader(object).string(key).value_or(std::nullopt).value_or("");
    };
    for (const auto& task : tasks) {
        const auto arn = text(task, "Arn");
        const auto task_id = arn.substr(arn.rfind('/') + 1);
        const bool whole_task = arn == what || (what.size() >= 6 && task_id.starts_with(what));
        const auto containers = JsonReader(task).array("Containers");
        if (!containers || *containers == nullptr) continue;
        for (const auto& container : **containers) {
            const auto name = text(container, "Name"), id = text(container, "DockerId");
            if (whole_task || name == what || (what.size() >= 6 && id.starts_with(what)))
                chosen.emplace_back(name, id);
        }
    }
    return chosen;
}

std::string configured_data_dir() {
    const auto file = read_file("/etc/ecs/ecs.config", 1 << 20);
    const auto loaded =
        config::load(config::process_environment(), config::parse_ecs_config(file.value_or("")));
    return loaded ? loaded->config.data_dir : config::Config{}.data_dir;
}

} // namespace

int logs(const LogsOptions& options) {
    const auto tasks = fetch_tasks(options.agent);
    if (!tasks) return complain(tasks.error().message());
    const auto chosen = choose(*tasks, options.what);
    if (chosen.empty())
        return complain(fmt::format("no task or container of the agent is \"{}\" (berth ps -a lists them)",
                                    options.what));
    const fs::path data_dir = options.data_dir.empty() ? configured_data_dir() : options.data_dir;
    LogPrinter printer(options.timestamps);
    for (const auto& [name, id] : chosen)
        printer.add({.directory = data_dir / "containers" / id / "log",
                     .prefix = chosen.size() > 1 ? name + " | " : ""});
    auto printed = options.tail == UINT64_MAX ? printer.print_new() : printer.skip_to_tail(options.tail);
    if (!printed) return complain(printed.error().message());
    if (!options.follow) return 0;

    asio::io_context loop(1);
    asio::signal_set signals(loop, SIGINT, SIGTERM);
    signals.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });
    int code = 0;
    auto follow = [&]() -> Async<void> {
        if (const auto ended = co_await printer.follow(); !ended) code = complain(ended.error().message());
        loop.stop();
    };
    asio::co_spawn(loop, follow, [](const std::exception_ptr&) {});
    loop.run();
    return code;
}

} // namespace berth::cli
