// The composition root of berthd: builds the rooms, connects them, and runs the agent's life.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/http/client.hpp"
#include "berth/base/http/server.hpp"
#include "berth/config/config.hpp"
#include "berth/control/control.hpp"
#include "berth/executor/engine.hpp"
#include "berth/resources/registry_login.hpp"
#include "berth/resources/task_credentials.hpp"

#include "agent/rooms.hpp"

#include <memory>
#include <string>

namespace berth {

// Exit codes that supervisors of amazon-ecs-agent act on.
enum class ExitCode : int { clean = 0, retry = 1, terminal = 5 };

class Agent {
  public:
    Agent(Executor executor, Pool& pool, config::Config config, Log log);
    // Everything from the data directory to the ACS loop; returns when stopped or when going on is pointless.
    Async<ExitCode> run();
    // State is committed, containers keep running.
    Async<void> stop();

  private:
    Status open();
    void connect_control(std::int64_t manifest_number);
    Async<Status> load_facts();
    Async<Result<control::Registration>> register_instance();
    Status serve_introspection();

    Executor executor_;
    Pool* pool_;
    config::Config config_;
    Log log_;
    http::Client client_;
    resources::TaskCredentialStore credentials_;
    std::shared_ptr<aws::CredentialsProvider> instance_credentials_;
    Rooms rooms_;
    std::unique_ptr<resources::RegistryLogins> logins_;
    std::unique_ptr<control::Control> control_;
    std::unique_ptr<executor::Engine> engine_;
    std::unique_ptr<http::Server> introspection_;
    std::string container_instance_arn_, saved_arn_, license_;
};

} // namespace berth
