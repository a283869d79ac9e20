// Building and running the agent.
#include "agent/agent.hpp"

#include "berth/endpoints/introspection.hpp"
#include "berth/resources/log_target.hpp"

#include "agent/host.hpp"

#include <charconv>
#include <utility>

namespace berth {

namespace {

http::ClientOptions client_options(const config::Config& config) {
    http::ClientOptions options;
    options.user_agent =
        fmt::format("Amazon ECS Agent - v{} (berth) (linux; {}) (+http://aws.amazon.com/ecs/)", BERTH_VERSION,
                    config.os_family);
    if (!config.ca_bundle.empty()) options.ca_file = config.ca_bundle;
    return options;
}

engine::EngineOptions engine_options(const config::Config& config) {
    engine::EngineOptions options;
    options.stop_timeout = config.stop_timeout;
    options.cleanup_wait = config.cleanup_wait;
    options.pull_failure_is_fatal = config.pull_behavior == config::PullBehavior::always ||
                                    config.pull_behavior == config::PullBehavior::once;
    return options;
}

} // namespace

Agent::Agent(Executor executor, Pool& pool, config::Config config, Log log)
    : executor_(std::move(executor)), pool_(&pool), config_(std::move(config)), log_(std::move(log)),
      client_(executor_, client_options(config_)) {}

Status Agent::open() {
    auto fixed_logins = resources::parse_engine_auth(config_.engine_auth_type, config_.engine_auth_data);
    if (!fixed_logins) return std::unexpected(std::move(fixed_logins.error()));
    if (const auto path = document("LICENSE")) license_ = read_file(*path).value_or("");
    const RoomNames names{
        .data_dir = config_.data_dir, .bridge = config_.bridge_name, .subnet = config_.bridge_subnet};
    auto rooms = open_rooms(executor_, *pool_, client_, log_, config_, names);
    if (!rooms) return std::unexpected(std::move(rooms.error()));
    rooms_ = std::move(*rooms);
    instance_credentials_ = aws::make_instance_chain(executor_, client_, config_, log_);
    logins_ = std::make_unique<resources::RegistryLogins>(executor_, client_, config_, instance_credentials_,
                                                          credentials_, std::move(*fixed_logins));

    auto parts = rooms_.parts(executor_, *pool_, log_);
    parts.login = [this](engine::TaskSpec task, std::string container) {
        return logins_->login(std::move(task), std::move(container));
    };
    parts.log_target = [this](const engine::TaskSpec& task, const engine::ContainerSpec& container) {
        return resources::log_target(config_, task, container);
    };
    parts.log_credentials = [this](const engine::TaskSpec& task,
                                   const engine::ContainerSpec& container) -> logs::CredentialsSource {
        if (!container.logs_use_execution_role)
            return [provider = instance_credentials_] { return provider->get(); };
        return [this, id = task.execution_role_credentials_id,
                arn = task.arn]() -> Async<Result<AwsCredentials>> {
            auto found = credentials_.get(id, arn);
            co_return found;
        };
    };
    parts.submit = [this](engine::StateChange change) { return control_->submit(std::move(change)); };
    engine_ = executor::Engine::make(std::move(parts), rooms_.settings(config_), engine_options(config_),
                                     rooms_.host);
    return {};
}

void Agent::connect_control(std::int64_t manifest_number) {
    control::Host host;
    host.resources = rooms_.host;
    host.agent_version = BERTH_VERSION;
    host.agent_hash = "berth";
    control::ControlHandlers handlers;
    handlers.on_payload = [this](engine::PayloadReceived payload) {
        return engine_->deliver(std::move(payload));
    };
    handlers.on_credentials = [this](control::TaskCredentials received) {
        AwsCredentials credentials{.access_key_id = received.access_key_id,
                                   .secret_access_key = received.secret_access_key,
                                   .session_token = received.session_token,
                                   .expiration = std::nullopt};
        credentials_.put(received.credentials_id, std::move(credentials));
    };
    handlers.running_tasks = [this] {
        std::vector<TaskArn> running;
        for (const auto& [arn, task] : engine_->state().tasks)
            if (task.desired == engine::TaskStatus::running) running.push_back(arn);
        return running;
    };
    handlers.stop_task = [this](TaskArn task) {
        auto stop = [](executor::Engine& engine, TaskArn arn) -> Async<void> {
            co_await engine.stop_task(std::move(arn), "");
        };
        spawn(executor_, stop(*engine_, std::move(task)), {});
    };
    handlers.manifest_number = manifest_number;
    handlers.save_manifest_number = [this](std::int64_t number) {
        state::Changes facts;
        facts.facts.emplace_back("task-manifest-seq-num", std::to_string(number));
        return rooms_.store->commit(std::move(facts));
    };
    control_ = control::Control::make(executor_, client_, config_, std::move(host), instance_credentials_,
                                      log_, std::move(handlers));
}

Async<Status> Agent::load_facts() {
    auto contents = rooms_.store->load();
    if (!contents) co_return std::unexpected(std::move(contents.error()));
    const auto cluster = contents->facts.find("cluster");
    if (cluster != contents->facts.end() && cluster->second != config_.cluster)
        co_return fail(ErrorCode::invalid,
                       "this host's saved state belongs to cluster \"{}\", ECS_CLUSTER says \"{}\": set it "
                       "back, or remove {}/berth.db to join the new cluster as a new instance",
                       cluster->second, config_.cluster, config_.data_dir);
    std::int64_t manifest_number = -1;
    if (const auto saved = contents->facts.find("task-manifest-seq-num"); saved != contents->facts.end())
        std::from_chars(saved->second.data(), saved->second.data() + saved->second.size(), manifest_number);
    connect_control(manifest_number);
    if (const auto arn = contents->facts.find("container-instance-arn"); arn != contents->facts.end())
        saved_arn_ = arn->second;
    co_return Status{};
}

Async<Result<control::Registration>> Agent::register_instance() {
    auto registration = co_await control_->register_instance(saved_arn_);
    if (!registration) co_return registration;
    container_instance_arn_ = registration->container_instance_arn;
    state::Changes facts;
    facts.facts.emplace_back("cluster", config_.cluster);
    facts.facts.emplace_back("container-instance-arn", registration->container_instance_arn);
    facts.facts.emplace_back("availability-zone", registration->availability_zone);
    facts.facts.emplace_back("agent-version", BERTH_VERSION);
    auto saved = co_await rooms_.store->commit(std::move(facts));
    if (!saved) co_return fail(std::move(saved.error()), "saving the registration");
    co_return registration;
}

Status Agent::serve_introspection() {
    const auto address =
        config_.introspection_address.empty() ? std::string("127.0.0.1") : config_.introspection_address;
    auto handler = [this](http::Request request, http::Peer) -> Async<http::Response> {
        const endpoints::AgentView view{.cluster = config_.cluster,
                                        .container_instance_arn = container_instance_arn_,
                                        .version = BERTH_VERSION,
                                        .hash = "berth",
                                        .license = license_,
                                        .state = &engine_->state()};
        co_return endpoints::answer_introspection(request, view);
    };
    auto server = http::Server::listen(executor_, address, config_.introspection_port, std::move(handler));
    if (!server)
        return fail(std::move(server.error()),
                    "introspection on {}:{} (BERTH_INTROSPECTION_PORT changes the port)", address,
                    config_.introspection_port);
    introspection_ = std::move(*server);
    return {};
}

Async<ExitCode> Agent::run() {
    if (const auto opened = open(); !opened) {
        log_.crit("the agent cannot start", {{"error", opened.error().message()}});
        co_return ExitCode::terminal;
    }
    if (const auto loaded = co_await load_facts(); !loaded) {
        log_.crit("the agent cannot start", {{"error", loaded.error().message()}});
        co_return ExitCode::terminal;
    }
    // What runs is looked after before anybody is asked for permission.
    if (const auto recovered = co_await engine_->recover(); !recovered) {
        log_.crit("the saved state cannot be recovered", {{"error", recovered.error().message()}});
        co_return ExitCode::terminal;
    }
    const auto registration = co_await register_instance();
    if (!registration) {
        log_.crit("this host cannot be registered",
                  {{"cluster", config_.cluster}, {"error", registration.error().message()}});
        co_return control::is_terminal(registration.error()) ? ExitCode::terminal : ExitCode::retry;
    }
    log_.info("registered", {{"cluster", config_.cluster}, {"containerInstance", container_instance_arn_}});
    if (const auto serving = serve_introspection(); !serving) {
        log_.crit("the agent cannot start", {{"error", serving.error().message()}});
        co_return ExitCode::terminal;
    }
    co_await control_->run_acs(container_instance_arn_);
    co_return ExitCode::clean;
}

Async<void> Agent::stop() {
    if (introspection_) introspection_->stop();
    if (control_) control_->stop();
    if (engine_) co_await engine_->stop();
}

} // namespace berth
