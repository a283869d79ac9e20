// AWS Signature Version 4: making and checking. Pure; the caller gives the time.
#pragma once

#include "berth/base/http/message.hpp"
#include "berth/base/result.hpp"
#include "berth/base/time.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace berth {

struct AwsCredentials {
    std::string access_key_id;
    std::string secret_access_key;
    std::string session_token; // empty when long-lived
    std::optional<Time> expiration;
};

struct SigningScope {
    std::string region;
    std::string service;
    Time time;
};

// Which headers are signed beyond host and x-amz-*: for HTTP requests all given ones except those that
// proxies change; for ACS/TCS upgrades only host, x-amz-date, x-amz-security-token. Adds X-Amz-Date,
// X-Amz-Security-Token (if any) and Authorization to `request.headers`. `request.headers` must hold Host. The
// payload hash is of request.body. `target` is the path and query as sent.
void sign_request(http::Request& request, const AwsCredentials& credentials, const SigningScope& scope);

// The header set of one signed ACS upgrade or TCS frame: Authorization, X-Amz-Date, [X-Amz-Security-Token]
// (and Host first). payload is empty for upgrades, the JSON text for TCS frames (reference: ACS 3.2,
// TCS 4.1).
http::Headers sign_websocket(const http::Url& url, std::string_view payload,
                             const AwsCredentials& credentials, const SigningScope& scope);

// Checks the Authorization header of a request. `secret_of` maps an access key id to its secret (nullopt:
// unknown key). Errors have AWS names: MissingAuthenticationTokenException, IncompleteSignatureException,
// UnrecognizedClientException (unknown key), InvalidSignatureException (wrong signature),
// and code ErrorCode::auth. The signature must cover host and all x-amz-* headers (the operation is one);
// X-Amz-Content-Sha256, if there, must fit the body or be UNSIGNED-PAYLOAD. In a request that has
// `Upgrade: websocket`, '+' in the query is a space: amazon-ecs-agent sends "+" and signs "%20" there. To check a
// TCS frame make a GET request with the connection's target, the frame's header block, that Upgrade header, and the
// JSON text as body. Dates more than 15 minutes off `now` are InvalidSignatureException.
struct VerifiedIdentity {
    std::string access_key_id;
    std::string region;
    std::string service;
};
Result<VerifiedIdentity>
verify_request(const http::Request& request,
               const std::function<std::optional<std::string>(const std::string&)>& secret_of, Time now);

} // namespace berth
