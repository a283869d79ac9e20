// berth run: one task of a task definition file, on this host, with the agent's own engine and no cluster.
#include "berth/base/encoding.hpp"

#include "agent/cli/commands.hpp"
#include "agent/cli/local_host.hpp"
#include "agent/cli/log_printer.hpp"
#include "agent/cli/task_file.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdio>
#include <optional>
#include <utility>

namespace berth::cli {

namespace {

constexpr int kCannotRun = 125; // as `docker run` says that it was not the container's fault

// One run: prints what the containers write, remembers how it ended.
class Run {
  public:
    Run(LocalHost& host, engine::TaskSpec task, bool quiet)
        : host_(&host), task_(std::move(task)), quiet_(quiet), printer_(false) {
        const bool several = task_.containers.size() > 1;
        std::size_t width = 0;
        for (const auto& container : task_.containers) width = std::max(width, container.name.size());
        for (const auto& container : task_.containers) {
            ids_.push_back(ContainerId(random_hex(64)));
            printer_.add({.directory = host_->engine().log_directory(ids_.back()),
                          .prefix = several ? fmt::format("{:<{}} | ", container.name, width) : ""});
        }
    }

    Async<int> go() {
        if (auto recovered = co_await host_->recover(); !recovered) {
            complain(recovered.error().message());
            co_return kCannotRun;
        }
        delivered_ = true;
        engine::PayloadReceived payload;
        payload.run.push_back(task_);
        payload.ids = ids_;
        if (auto made = make_log_directories(); !made) {
            complain(made.error().message());
            co_return kCannotRun;
        }
        spawn(host_->executor(), follow(), {});
        if (auto taken = co_await host_->engine().deliver(std::move(payload)); !taken) {
            complain(taken.error().message());
            co_return kCannotRun;
        }
        co_await host_->until_idle();
        co_await host_->tear_down();
        co_return code_;
    }

    // What the control plane would be told; called by the engine, which cleans up after STOPPED was answered.
    Async<Status> told(engine::StateChange change) {
        if (!delivered_) co_return Status{}; // about a task of an earlier run
        if (change.status == engine::ReportedStatus::stopped) {
            if (auto printed = printer_.print_new(); !printed) complain(printed.error().message());
            judge(change);
        }
        // Changes of single containers come with the task's status repeated.
        if (!quiet_ && std::exchange(last_told_, change.status) != change.status)
            fmt::print(stderr, "berth: task is {}\n", to_string(change.status));
        co_return Status{};
    }

    Async<void> interrupt() { co_await host_->engine().stop_task(task_.arn, "interrupted"); }

  private:
    Status make_log_directories() const {
        for (const auto& id : ids_)
            if (auto made = make_directories(host_->engine().log_directory(id), 0700); !made) return made;
        return {};
    }
    Async<void> follow() { co_await printer_.follow(); }

    // The exit code is that of the first essential container that ended; reasons are said.
    void judge(const engine::StateChange& change) {
        code_ = kCannotRun;
        if (!change.reason.empty()) complain(change.reason);
        for (const auto& container : change.containers) {
            if (!container.reason.empty()) complain(fmt::format("{}: {}", container.name, container.reason));
            const auto* spec = task_.find(container.name);
            if (spec != nullptr && spec->essential && container.exit_code && code_ == kCannotRun)
                code_ = *container.exit_code;
        }
    }

    LocalHost* host_;
    engine::TaskSpec task_;
    bool quiet_;
    LogPrinter printer_;
    std::vector<ContainerId> ids_;
    int code_ = kCannotRun;
    bool delivered_ = false;
    std::optional<engine::ReportedStatus> last_told_;
};

} // namespace

int run(const RunOptions& options) {
    auto task = read_task_file(options.file, options.network_mode);
    if (!task) {
        complain(task.error().message());
        return kCannotRun;
    }
    asio::io_context loop(1);
    auto host = LocalHost::open(loop.get_executor(), options.data_dir);
    if (!host) {
        complain(host.error().message());
        return kCannotRun;
    }
    Run one(**host, std::move(*task), options.quiet);
    (*host)->on_report([&](engine::StateChange change) { return one.told(std::move(change)); });
    asio::signal_set signals(loop, SIGINT, SIGTERM);
    signals.async_wait([&](const boost::system::error_code& error, int) {
        if (!error) spawn(loop.get_executor(), one.interrupt(), {});
    });
    int code = kCannotRun;
    auto life = [&]() -> Async<void> {
        code = co_await one.go();
        loop.stop();
    };
    asio::co_spawn(loop, life, [](const std::exception_ptr& problem) {
        if (problem) std::rethrow_exception(problem);
    });
    loop.run();
    std::fflush(nullptr);
    std::_Exit(code); // nothing is left to unwind: containers, network and files are gone
}

} // namespace berth::cli
