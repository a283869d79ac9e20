// AWS from a client's side: credentials, endpoints and JSON 1.1 service calls.
#pragma once

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
std::shared_ptr<CredentialsProvider> make_instance_chain(Executor executor, http::Client& client,
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
// throttling, 5xx and connection errors are retried up to `attempts` with the reference's delays (1.5).
class JsonClient {
  public:
    JsonClient(Executor executor, http::Client& client, std::shared_ptr<CredentialsProvider> credentials,
               Service service)
        : executor_(std::move(executor)), client_(&client), credentials_(std::move(credentials)),
          service_(std::move(service)) {}
    Async<Result<Json>> call(std::string operation, Json input, Deadline deadline, int attempts = 3);
    const Service& service() const { return service_; }

  private:
    Executor executor_;
    http::Client* client_;
    std::shared_ptr<CredentialsProvider> credentials_;
    Service service_;
};

} // namespace berth::aws
