// berthd: the node agent.
#include "berth/base/files.hpp"

#include "agent/agent.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace berth;

void print_variables() {
    for (const auto& variable : config::documentation())
        fmt::print("{} ({}, default {})\n    {}\n", variable.name, variable.type,
                   variable.default_value.empty() ? "none" : variable.default_value, variable.meaning);
}

Result<config::Loaded> load_config(const std::string& path, bool required) {
    auto text = read_file(path, 1 << 20);
    if (!text && (required || text.error().code() != ErrorCode::not_found))
        return std::unexpected(text.error());
    return config::load(config::process_environment(), config::parse_ecs_config(text.value_or("")));
}

int run_agent(config::Config config, const Log& log) {
    asio::io_context loop(1);
    Pool pool(3);
    Agent agent(loop.get_executor(), pool, std::move(config), log);
    auto code = ExitCode::clean;

    asio::signal_set signals(loop, SIGTERM, SIGINT);
    bool stopping = false;
    auto shut_down = [&]() -> Async<void> {
        co_await agent.stop();
        loop.stop();
    };
    signals.async_wait([&](const boost::system::error_code& error, int signal) {
        if (error) return;
        log.info("stopping; containers keep running", {{"signal", signal}});
        stopping = true;
        asio::co_spawn(loop, shut_down, asio::detached);
    });
    auto life = [&]() -> Async<void> {
        code = co_await agent.run();
        if (!stopping) loop.stop();
    };
    asio::co_spawn(loop, life, [&](const std::exception_ptr& problem) {
        if (problem) std::rethrow_exception(problem);
    });
    loop.run();
    // Crash-only: everything that matters is committed, so there is nothing to unwind.
    std::fflush(nullptr);
    std::_Exit(static_cast<int>(code));
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"The berth node agent for Amazon ECS.\n\nConfiguration comes from the environment and from "
                 "the file; the environment wins.",
                 "berthd"};
    std::string file = "/etc/ecs/ecs.config";
    bool variables = false;
    auto* file_option = app.add_option("--config", file, "file of KEY=VALUE lines")->capture_default_str();
    app.add_flag("--variables", variables, "list the variables that are understood and exit");
    app.set_version_flag("--version,-v", std::string("berth ") + BERTH_VERSION);
    CLI11_PARSE(app, argc, argv);
    if (variables) {
        print_variables();
        return 0;
    }
    try {
        auto loaded = load_config(file, file_option->count() > 0);
        if (!loaded) {
            Log::to_stderr(LogLevel::info)
                .crit("the configuration is wrong", {{"error", loaded.error().message()}});
            return static_cast<int>(ExitCode::terminal);
        }
        const auto log = Log::to_stderr(loaded->config.log_level, loaded->config.log_format);
        for (const auto& warning : loaded->warnings) log.warn(warning);
        return run_agent(std::move(loaded->config), log);
    } catch (const std::exception& e) {
        Log::to_stderr(LogLevel::info).crit("berthd ends by an exception", {{"error", e.what()}});
        return static_cast<int>(ExitCode::retry);
    }
}
