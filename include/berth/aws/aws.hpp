// AWS from a client's side: credentials, endpoints and JSON 1.1 service calls.
#pragma once

#include "berth/aws/backoff.hpp"
#include "berth/base/async.hpp"
#include "berth/base/http/client.hpp"
#include "berth/base/json.hpp"
#include "berth/base/log.hpp"
#include "berth/base/sigv4.hpp"
#include "berth/config/config.hpp"

#include <memory>
#include <string>

namespace berth::aws {

// Gives valid credentials, from its cache when they are. Event loop only. The chain: environment, shared
// files, instance role (IMDSv2).
class CredentialsProvider {
  public:
    virtual ~CredentialsProvider() = default;
    virtual Async<Result<AwsCredentials>> get() = 0;
};
std::shared_ptr<CredentialsProvider> make_instance_chain(const Executor& executor, http::Client& client,
                                                         const config::Config& config, Log log);
std::shared_ptr<CredentialsProvider> make_static(AwsCredentials credentials);

// "https://ecs.us-west-2.amazonaws.com"; overrides: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, and for ecs
// ECS_BACKEND_HOST before both.
std::string endpoint_for(const config::Config& config, const std::string& service, const std::string& region);

struct Service {
    std::string signing_name;  // "ecs"
    std::string target_prefix; // "AmazonEC2ContainerServiceV20141113."
    std::string endpoint;
    std::string region;
};

// POST / with X-Amz-Target. Errors carry the service's exception as name(), its message, the HTTP status;
// throttling, 5xx and connection errors are retried up to `attempts` with the reference's delays (1.5). When
// the service says that the signature's time is wrong, its clock is taken from the Date header, once and for
// all later calls. Event loop only; must outlive its calls. Copies share the clock and the retry quota.
class JsonClient {
  public:
    JsonClient(const Executor& executor, http::Client& client,
               std::shared_ptr<CredentialsProvider> credentials, Service service,
               Random random = system_random());
    Async<Result<Json>> call(std::string operation, Json input, Deadline deadline, int attempts = 3);
    const Service& service() const { return service_; }
    // The time as the service sees it.
    Time service_time() const;

  private:
    struct State;
    struct Attempt;
    Async<Attempt> attempt(std::string operation, std::string body, Deadline deadline);
    bool correct_clock(const Error& error, const http::Response& response);

    http::Client* client_;
    std::shared_ptr<CredentialsProvider> credentials_;
    Service service_;
    std::shared_ptr<State> state_;
};

} // namespace berth::aws
