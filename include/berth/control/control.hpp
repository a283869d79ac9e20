// The control plane connection: registration, the ACS session, state-change submission.
//
// Knows the wire, not the rules: payloads go to `on_payload` as parsed tasks, and state changes come in by
// submit(). Event loop only.
#pragma once

#include "berth/aws/aws.hpp"
#include "berth/base/async.hpp"
#include "berth/base/log.hpp"
#include "berth/config/config.hpp"
#include "berth/engine/core.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace berth::control {

struct TaskCredentials {
    std::string credentials_id, role_arn, access_key_id, secret_access_key, session_token, expiration;
    bool execution_role = false;
    TaskArn task;
};

struct Host {
    engine::HostResources resources;
    std::string agent_version, agent_hash;
    std::string docker_version = "20.10.24"; // what placement and the service see as engine version
};

struct Registration {
    std::string container_instance_arn;
    std::string availability_zone;
};

// What the connection was doing last, for introspection and `berth doctor`.
struct ConnectionState {
    bool connected = false;
    std::optional<Time> connected_since, last_message;
    std::string last_error; // why the last connection ended
};

struct ControlHandlers {
    // Resumes when the payload's tasks are committed: then it is acknowledged (only if no task was invalid).
    // An error means no acknowledgement.
    std::function<Async<Status>(engine::PayloadReceived)> on_payload;
    std::function<void(TaskCredentials)> on_credentials;
};

class Control {
  public:
    static std::unique_ptr<Control> make(Executor executor, http::Client& client, config::Config config,
                                         Host host, std::shared_ptr<aws::CredentialsProvider> credentials,
                                         Log log, ControlHandlers handlers);
    virtual ~Control() = default;

    // One registration with the reference's retries. name() of the error tells terminal ones (exit 5):
    // "InvalidParameterException", "ClientException"; anything else: exit 1.
    virtual Async<Result<Registration>> register_instance(std::string saved_arn) = 0;
    // ACS for ever: connect, serve, reconnect with backoff and jitter. Returns when cancelled by stop().
    virtual Async<void> run_acs(std::string container_instance_arn) = 0;
    // Sends one state change, retrying for as long as it takes (backoff to 30 s). Returns ok when answered;
    // an error only when the service refuses it for good (InvalidParameterException) or stop() was called
    // (ErrorCode::cancelled).
    virtual Async<Status> submit(engine::StateChange change) = 0;
    virtual ConnectionState connection() const = 0;
    virtual void stop() = 0;
};

// Capability attributes that are true of this host with what berth can do today (reference 2).
std::vector<std::pair<std::string, std::string>> capability_attributes(const config::Config& config);

} // namespace berth::control
