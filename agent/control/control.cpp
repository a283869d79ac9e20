// The control plane connection: what run_acs, submit and register_instance do in which order.
#include "berth/base/scope_exit.hpp"

#include "agent/control/control_impl.hpp"
#include "agent/control/registration.hpp"
#include "agent/control/state_change.hpp"

namespace berth::control {
namespace {

constexpr std::size_t kShownBody = 300;
constexpr auto kSubmitDeadline = std::chrono::seconds(120);

aws::Service ecs_service(const config::Config& config) {
    return {"ecs", "AmazonEC2ContainerServiceV20141113.", aws::endpoint_for(config, "ecs", config.region),
            config.region};
}

} // namespace

ControlImpl::ControlImpl(Executor executor, http::Client& client, config::Config config, Host host,
                         std::shared_ptr<aws::CredentialsProvider> credentials, Log log,
                         ControlHandlers handlers, Timing timing, aws::Random random)
    : executor_(std::move(executor)), client_(&client), config_(std::move(config)), host_(std::move(host)),
      credentials_(std::move(credentials)), log_(std::move(log)), handlers_(std::move(handlers)),
      timing_(timing), random_(std::move(random)), imds_(client, config_, random_),
      ecs_(executor_, client, credentials_, ecs_service(config_), random_),
      submissions_(executor_, client, credentials_, ecs_service(config_), random_),
      endpoint_(ecs_, config_.cluster, timing_, log_), manifests_(handlers_.manifest_number),
      stop_(executor_) {}

Async<Result<aws::InstanceIdentity>> ControlImpl::identify() {
    co_return co_await aws::instance_identity(&imds_, random_, log_);
}

Async<Result<Registration>> ControlImpl::register_instance(std::string saved_arn) {
    auto identity = co_await or_stopped(&stop_, identify());
    if (!identity) co_return fail(std::move(identity.error()));
    Registrar registrar{&ecs_, &config_, &host_, &stop_, &timing_, random_, log_};
    co_return co_await registrar.run(std::move(*identity), std::move(saved_arn));
}

Async<Result<std::shared_ptr<http::WebSocket>>> ControlImpl::connect(std::string container_instance_arn) {
    auto endpoints = co_await endpoint_.get(container_instance_arn);
    if (!endpoints) co_return fail(std::move(endpoints.error()));
    const AcsParameters parameters{config_.cluster,  container_instance_arn, host_.agent_version,
                                   host_.agent_hash, host_.docker_version,   !connected_before_};
    auto url = acs_url(endpoints->acs, parameters);
    if (!url) co_return fail(std::move(url.error()));
    auto credentials = co_await credentials_->get();
    if (!credentials) co_return fail(std::move(credentials.error()));
    const SigningScope scope{config_.region, "ecs", ecs_.service_time()};
    auto headers = sign_websocket(*url, "", *credentials, scope);
    auto socket = co_await http::connect_websocket(*url, std::move(headers), client_->options(),
                                                   timing_.max_frame, deadline_in(timing_.handshake));
    if (!socket) co_return fail(std::move(socket.error()));
    co_return std::shared_ptr<http::WebSocket>(std::move(*socket));
}

Async<SessionEnd> ControlImpl::connect_and_serve(std::string container_instance_arn) {
    auto socket = co_await or_stopped(&stop_, connect(std::move(container_instance_arn)));
    if (!socket) {
        SessionEnd end;
        end.why = socket.error().message().substr(0, kShownBody);
        end.inactive_instance =
            socket.error().message().find("InactiveInstanceException") != std::string::npos;
        co_return end;
    }
    connected_before_ = true;
    socket_ = *socket;
    state_.connected = true;
    state_.connected_since = now();
    const ScopeExit drop([this] {
        socket_.reset();
        state_.connected = false;
        state_.connected_since.reset();
    });
    log_.info("connected to ACS");
    SessionContext context{executor_, &timing_, random_, log_, &handlers_, &manifests_, &state_};
    AcsSession session(std::move(context), std::move(*socket));
    co_return co_await session.run();
}

void ControlImpl::ended(const SessionEnd& end, std::chrono::nanoseconds delay) {
    state_.last_error = end.why;
    const LogFields fields{{"why", end.why}, {"again_in_ms", delay / std::chrono::milliseconds(1)}};
    if (end.inactive_instance)
        log_.error("the container instance is inactive: deregistered, or unknown", fields);
    else if (!end.lasted)
        log_.warn("cannot connect to ACS", fields);
    else if (end.clean)
        log_.info("the ACS connection ended", fields);
    else
        log_.warn("the ACS connection broke", fields);
}

Async<void> ControlImpl::run_acs(std::string container_instance_arn) {
    ReconnectPolicy policy(timing_, random_);
    while (!stop_.raised()) {
        const auto end = co_await connect_and_serve(container_instance_arn);
        if (stop_.raised()) break;
        const auto delay = policy.delay_after(end);
        ended(end, delay);
        co_await or_stopped(&stop_, sleep_until(deadline_in(delay)));
    }
}

Async<Status> ControlImpl::submit(engine::StateChange change) {
    const auto request = state_change_request(config_.cluster, change);
    aws::Backoff backoff(timing_.submission, random_);
    std::string last_problem;
    for (;;) {
        auto answer = co_await or_stopped(
            &stop_, submissions_.call("SubmitTaskStateChange", request, deadline_in(kSubmitDeadline)));
        if (answer) co_return Status{};
        auto& error = answer.error();
        if (stop_.raised()) co_return fail(ErrorCode::cancelled, "stopping");
        if (error.name() == "InvalidParameterException") co_return fail(std::move(error), "{}", change.task);
        if (error.message() != std::exchange(last_problem, error.message()))
            log_.warn("cannot report a state change; trying on",
                      {{"task", change.task},
                       {"status", engine::to_string(change.status)},
                       {"why", error.message()}});
        co_await or_stopped(&stop_, sleep_until(deadline_in(backoff.next())));
        if (stop_.raised()) co_return fail(ErrorCode::cancelled, "stopping");
    }
}

void ControlImpl::stop() {
    stop_.raise();
    if (socket_) socket_->abort();
}

std::unique_ptr<Control> Control::make(Executor executor, http::Client& client, config::Config config,
                                       Host host, std::shared_ptr<aws::CredentialsProvider> credentials,
                                       Log log, ControlHandlers handlers) {
    return std::make_unique<ControlImpl>(std::move(executor), client, std::move(config), std::move(host),
                                         std::move(credentials), std::move(log), std::move(handlers),
                                         Timing(), aws::system_random());
}

} // namespace berth::control
