// Building and running the agent.
#include "agent/agent.hpp"

#include "berth/endpoints/introspection.hpp"
#include "berth/resources/log_target.hpp"

#include "agent/host.hpp"

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

Status Agent::open_rooms() {
    const fs::path data = config_.data_dir;
    if (auto made = make_directories(data / "containers", 0700); !made)
        return fail(std::move(made.error()), "ECS_DATADIR");
    auto host = host_resources(config_);
    if (!host) return std::unexpected(std::move(host.error()));
    auto shim = helper_program("berth-shim");
    if (!shim) return std::unexpected(std::move(shim.error()));
    auto fixed_logins = resources::parse_engine_auth(config_.engine_auth_type, config_.engine_auth_data);
    if (!fixed_logins) return std::unexpected(std::move(fixed_logins.error()));
    if (const auto path = document("LICENSE")) license_ = read_file(*path).value_or("");

    auto store = state::Store::open(executor_, data);
    if (!store) return std::unexpected(std::move(store.error()));
    store_ = std::move(*store);

    images::ImageServiceOptions image_options;
    image_options.root = data / "images";
    image_options.insecure_registries = config_.insecure_registries;
    image_options.inactivity_timeout = config_.pull_inactivity_timeout;
    image_options.pull_timeout = config_.pull_timeout;
    auto images = images::ImageService::open(executor_, *pool_, client_, log_, std::move(image_options));
    if (!images) return fail(std::move(images.error()), "image store");
    images_ = std::move(*images);

    network::NetworkOptions network_options;
    network_options.bridge = network_options.table = config_.bridge_name;
    if (!config_.bridge_subnet.empty()) network_options.subnet = config_.bridge_subnet;
    network_options.dynamic_port_first = config_.dynamic_port_first;
    network_options.dynamic_port_last = config_.dynamic_port_last;
    auto network = network::Network::open(executor_, *pool_, log_, std::move(network_options));
    if (!network) return fail(std::move(network.error()), "network");
    network_ = std::move(*network);

    forwarder_ = logs::Forwarder::make(executor_, *pool_, client_, log_);
    instance_credentials_ = aws::make_instance_chain(executor_, client_, config_, log_);
    logins_ = std::make_unique<resources::RegistryLogins>(executor_, client_, config_, instance_credentials_,
                                                          credentials_, std::move(*fixed_logins));

    control::Host control_host;
    control_host.resources = *host;
    control_host.agent_version = BERTH_VERSION;
    control_host.agent_hash = "berth";
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
    control_ = control::Control::make(executor_, client_, config_, std::move(control_host),
                                      instance_credentials_, log_, std::move(handlers));

    executor::Parts parts{.executor = executor_,
                          .pool = pool_,
                          .store = store_.get(),
                          .images = images_.get(),
                          .network = network_.get(),
                          .forwarder = forwarder_.get(),
                          .log = log_,
                          .login = {},
                          .log_target = {},
                          .log_credentials = {},
                          .submit = {}};
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
    executor::Settings settings;
    settings.data_dir = data;
    settings.shim_program = std::move(*shim);
    settings.cgroup_parent = config_.cgroup_parent;
    settings.region = config_.region;
    settings.prefer_cached = config_.pull_behavior == config::PullBehavior::prefer_cached ||
                             config_.pull_behavior == config::PullBehavior::once;
    settings.start_timeout = config_.start_timeout;
    engine_ = executor::Engine::make(std::move(parts), std::move(settings), engine_options(config_),
                                     std::move(*host));
    return {};
}

Async<Status> Agent::load_facts() {
    auto contents = store_->load();
    if (!contents) co_return std::unexpected(std::move(contents.error()));
    const auto cluster = contents->facts.find("cluster");
    if (cluster != contents->facts.end() && cluster->second != config_.cluster)
        co_return fail(ErrorCode::invalid,
                       "this host's saved state belongs to cluster \"{}\", ECS_CLUSTER says \"{}\": set it "
                       "back, or remove {}/berth.db to join the new cluster as a new instance",
                       cluster->second, config_.cluster, config_.data_dir);
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
    auto saved = co_await store_->commit(std::move(facts));
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
    if (const auto opened = open_rooms(); !opened) {
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
