// Control put together from its parts. Tests make it with shorter delays.
#pragma once

#include "berth/aws/imds.hpp"
#include "berth/control/control.hpp"

#include "agent/control/acs_session.hpp"
#include "agent/control/acs_url.hpp"
#include "agent/control/poll_endpoint.hpp"
#include "agent/control/reconnect.hpp"
#include "agent/control/stop_signal.hpp"
#include "agent/control/timing.hpp"

namespace berth::control {

class ControlImpl final : public Control {
  public:
    ControlImpl(Executor executor, http::Client& client, config::Config config, Host host,
                std::shared_ptr<aws::CredentialsProvider> credentials, Log log, ControlHandlers handlers,
                Timing timing, aws::Random random);

    Async<Result<Registration>> register_instance(std::string saved_arn) override;
    Async<void> run_acs(std::string container_instance_arn) override;
    Async<Status> submit(engine::StateChange change) override;
    ConnectionState connection() const override { return state_; }
    void stop() override;

  private:
    Async<Result<aws::InstanceIdentity>> identify();
    Async<SessionEnd> connect_and_serve(std::string container_instance_arn);
    Async<Result<std::shared_ptr<http::WebSocket>>> connect(std::string container_instance_arn);
    void ended(const SessionEnd& end, std::chrono::nanoseconds delay);

    Executor executor_;
    http::Client* client_;
    config::Config config_;
    Host host_;
    std::shared_ptr<aws::CredentialsProvider> credentials_;
    Log log_;
    ControlHandlers handlers_;
    Timing timing_;
    aws::Random random_;

    aws::Imds imds_;
    aws::JsonClient ecs_, submissions_; // apart, so that a storm of one does not use up the other's retries
    PollEndpoint endpoint_;
    ManifestTracker manifests_;
    StopSignal stop_;
    ConnectionState state_;
    bool connected_before_ = false;
    std::shared_ptr<http::WebSocket> socket_; // of the session that runs
};

} // namespace berth::control
