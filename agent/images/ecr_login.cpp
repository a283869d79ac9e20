// GetAuthorizationToken: base64 of "user:password", and when it ends.
#include "agent/images/ecr_login.hpp"

#include "berth/base/encoding.hpp"

namespace berth::images {

namespace {

Result<EcrAuthorization> parse_entry(const JsonReader& reader) {
    const auto token = reader.required_string("authorizationToken");
    if (!token) return std::unexpected(token.error());
    const auto decoded = base64_decode(*token);
    const auto colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos)
        return fail(ErrorCode::protocol, "{} is not base64 of user:password",
                    reader.path_of("authorizationToken"));
    const auto expires = reader.number("expiresAt");
    if (!expires) return std::unexpected(expires.error());
    if (!*expires) return fail(ErrorCode::protocol, "{} is missing", reader.path_of("expiresAt"));
    auto endpoint = reader.string("proxyEndpoint");
    if (!endpoint) return std::unexpected(endpoint.error());
    return EcrAuthorization{
        .login = {.username = decoded->substr(0, colon), .password = decoded->substr(colon + 1)},
        .expires_at = from_epoch_seconds(**expires),
        .endpoint = std::move(*endpoint).value_or("")};
}

} // namespace

Result<EcrAuthorization> parse_ecr_authorization(const Json& answer) {
    if (!answer.is_object()) return fail(ErrorCode::protocol, "the answer is not a JSON object");
    const auto entries = JsonReader(answer).array("authorizationData");
    if (!entries) return std::unexpected(entries.error());
    if (*entries == nullptr || (*entries)->size() != 1 || !(*entries)->front().is_object())
        return fail(ErrorCode::protocol, "authorizationData does not hold exactly one entry");
    return parse_entry(JsonReader((*entries)->front(), "authorizationData[0]"));
}

} // namespace berth::images
