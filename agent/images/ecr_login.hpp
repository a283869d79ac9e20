// The answer of ECR's GetAuthorizationToken as a login for its registry. Pure: the call itself is made by
// whoever holds the credentials.
#pragma once

#include "berth/base/json.hpp"
#include "berth/base/time.hpp"
#include "berth/images/images.hpp"

namespace berth::images {

struct EcrAuthorization {
    RegistryLogin login;
    Time expires_at;
    std::string endpoint; // "https://<account>.dkr.ecr.<region>.amazonaws.com"
};

// Errors never hold the token.
Result<EcrAuthorization> parse_ecr_authorization(const Json& answer);

} // namespace berth::images
