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
    // Task manifests (reference 3.7): the tasks whose desired status is RUNNING, and how to stop one of them
    // when the service says that it should not run. Without running_tasks no task is ever a candidate.
    std::function<std::vector<TaskArn>()> running_tasks;
    std::function<void(TaskArn)> stop_task;
    // The manifest number remembered across restarts: -1 without saved state. save_manifest_number resumes
    // when it is committed; the manifest is acknowledged only then.
    std::int64_t manifest_number = -1;
    std::function<Async<Status>(std::int64_t)> save_manifest_number;
};

class Control {
  public:
    static std::unique_ptr<Control> make(Executor executor, http::Client& client, config::Config config,
                                         Host host, std::shared_ptr<aws::CredentialsProvider> credentials,
                                         Log log, ControlHandlers handlers);
    // stop() first, and wait until run_acs and every submit have returned.
    virtual ~Control() = default;

    // One registration with the reference's retries. is_terminal() tells errors that no restart heals (exit
    // 5).
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

// Whether a registration error stays whatever is tried: a refused parameter, or an attribute that was not
// taken over.
bool is_terminal(const Error& error);

// Capability attributes that are true of this host with what berth can do today (reference 2).
std::vector<std::pair<std::string, std::string>> capability_attributes(const config::Config& config);

} // namespace berth::control
