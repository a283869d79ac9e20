// The EC2 instance metadata service: who this instance is, its region, its role's credentials.
//
// Version 2 with tokens, falling back to version 1 where tokens are refused. A host outside EC2 must not wait
// for it: as long as it has never answered, a request is one short probe (at most a second when nothing
// answers at all, at once when the connection is refused); after the first answer, failures are retried.
#pragma once

#include "berth/aws/backoff.hpp"
#include "berth/base/async.hpp"
#include "berth/base/http/client.hpp"
#include "berth/base/log.hpp"
#include "berth/config/config.hpp"

#include <memory>
#include <string>

namespace berth::aws {

// Event loop only; must outlive its calls.
class Imds {
  public:
    Imds(http::Client& client, const config::Config& config, Random random = system_random());

    // The body at e.g. "/latest/meta-data/instance-id". not_found: answered 404, or the service is disabled.
    Async<Result<std::string>> get(std::string path);
    // Whether anything has ever answered there.
    bool answered() const { return answered_; }

  private:
    enum class Tokens : std::uint8_t { wanted, unreachable, refused };
    Async<Result<std::string>> attempt(std::string path);
    Async<Status> refresh_token();
    Async<Result<http::Response>> send(std::string method, std::string path, http::Headers headers);

    http::Client* client_;
    std::string endpoint_;
    bool disabled_;
    Random random_;
    bool answered_ = false;
    Tokens tokens_ = Tokens::wanted;
    std::string token_;
    Deadline token_until_{};
};

// Sent with the registration; both empty when they cannot be had (reference 1.4).
struct InstanceIdentity {
    std::string document, signature;
};
Async<InstanceIdentity> instance_identity(Imds* imds, Random random, Log log);

// The configured region, else the instance's. The error says what to set when there is none.
Async<Result<std::string>> find_region(http::Client* client, config::Config config);

} // namespace berth::aws
