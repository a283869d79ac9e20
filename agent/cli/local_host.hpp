// The agent's rooms without a control plane: for running a task on this host alone.
#pragma once

#include "berth/base/http/client.hpp"
#include "berth/config/config.hpp"
#include "berth/executor/engine.hpp"

#include "agent/rooms.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace berth::cli {

class LocalHost {
  public:
    LocalHost(Executor executor, config::Config config);
    // Locks data_dir: one run at a time.
    static Result<std::unique_ptr<LocalHost>> open(Executor executor, const std::string& data_dir);

    executor::Engine& engine() { return *engine_; }
    Executor executor() const { return executor_; }
    // Must be set before a task is delivered.
    void on_report(std::function<Async<Status>(engine::StateChange)> listener) {
        report_ = std::move(listener);
    }
    // Ends and removes what an earlier run that was killed left behind.
    Async<Status> recover();
    // Resumes when every task is gone without trace.
    Async<void> until_idle();
    // Takes down what the host itself got: bridge, nftables table, cgroup.
    Async<void> tear_down();

  private:
    Status open_rooms(const std::string& data_dir);

    Executor executor_;
    config::Config config_;
    Log log_ = Log::to_stderr(LogLevel::error);
    Pool pool_{3};
    http::Client client_;
    std::map<std::string, images::RegistryLogin> logins_;
    Rooms rooms_;
    std::unique_ptr<executor::Engine> engine_;
    std::function<Async<Status>(engine::StateChange)> report_;
};

} // namespace berth::cli
