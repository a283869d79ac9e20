// Decoding and classifying the errors of AWS services.
#include "agent/aws/service_error.hpp"

#include "berth/base/json.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

namespace berth::aws {
namespace {

constexpr std::size_t kLongestText = 1024;

constexpr std::array<std::string_view, 14> kThrottles{"Throttling",
                                                      "ThrottlingException",
                                                      "ThrottledException",
                                                      "RequestThrottled",
                                                      "RequestThrottledException",
                                                      "TooManyRequestsException",
                                                      "RequestLimitExceeded",
                                                      "LimitExceededException",
                                                      "SlowDown",
                                                      "BandwidthLimitExceeded",
                                                      "PriorRequestNotComplete",
                                                      "TransactionInProgressException",
                                                      "ProvisionedThroughputExceededException",
                                                      "EC2ThrottledException"};
constexpr std::array<std::string_view, 8> kAuth{
    "UnrecognizedClientException",  "InvalidSignatureException",
    "IncompleteSignatureException", "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",        "ExpiredToken",
    "ExpiredTokenException",        "InvalidClientTokenId"};

bool contains(const auto& list, std::string_view name) { return std::ranges::find(list, name) != list.end(); }

// "aws.protocols#ClientException:http://…" → "ClientException"
std::string plain_code(std::string_view code) {
    if (const auto hash = code.rfind('#', code.find(':')); hash != std::string_view::npos)
        code.remove_prefix(hash + 1);
    code = code.substr(0, code.find(':'));
    constexpr std::size_t kLongestCode = 128;
    return std::string(code.substr(0, kLongestCode));
}

std::string member(const Json& body, std::initializer_list<std::string_view> keys) {
    if (!body.is_object()) return {};
    for (const auto key : keys)
        if (const auto found = body.find(key); found != body.end() && found->is_string())
            return found->get<std::string>();
    return {};
}

ErrorCode classify(std::string_view name, unsigned status) {
    if (contains(kThrottles, name) || name.starts_with("RequestTimeout") || status == 429 || status >= 500)
        return ErrorCode::unavailable;
    if (contains(kAuth, name) || status == 401) return ErrorCode::auth;
    if (name.starts_with("AccessDenied") || status == 403) return ErrorCode::permission;
    if (name.ends_with("NotFoundException") || status == 404) return ErrorCode::not_found;
    if (name.ends_with("AlreadyExistsException")) return ErrorCode::exists;
    return ErrorCode::invalid;
}

} // namespace

Error service_error(const http::Response& response) {
    const auto parsed = parse_json(response.body, {.max_bytes = 1 << 20, .max_depth = 16});
    const Json body = parsed ? *parsed : Json();
    const auto* header = response.headers.find("X-Amzn-ErrorType");
    auto name = plain_code(header && !header->empty() ? *header : member(body, {"__type", "code"}));
    auto text = member(body, {"message", "Message"}).substr(0, kLongestText);
    if (text.empty()) text = name.empty() ? "the answer is no AWS error" : "no message";
    const auto code = classify(name, response.status);
    auto message = name.empty() ? fmt::format("{} (HTTP {})", text, response.status)
                                : fmt::format("{}: {} (HTTP {})", name, text, response.status);
    return Error(code, std::move(message)).with_http_status(response.status).with_name(std::move(name));
}

bool is_retryable(const Error& error) {
    if (error.http_status() == 0) return error.code() == ErrorCode::io || error.code() == ErrorCode::timeout;
    constexpr std::array<unsigned, 4> statuses{500, 502, 503, 504};
    return contains(kThrottles, error.name()) || error.name().starts_with("RequestTimeout") ||
           std::ranges::find(statuses, error.http_status()) != statuses.end();
}

bool is_clock_skew(const Error& error) {
    constexpr std::array<std::string_view, 6> names{"RequestExpired",        "RequestInTheFuture",
                                                    "RequestTimeTooSkewed",  "InvalidSignatureException",
                                                    "SignatureDoesNotMatch", "AuthFailure"};
    return contains(names, error.name());
}

std::optional<Time> parse_http_date(std::string_view text) {
    std::tm parts{};
    const std::string copy(text);
    const char* end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (!end || *end != '\0') return std::nullopt;
    return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&parts)));
}

std::chrono::nanoseconds retry_delay(int retry, double random) {
    constexpr double kMaxSeconds = 20;
    const double seconds = std::min(random * std::exp2(retry), kMaxSeconds);
    return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

int RetryQuota::take(const Error& error) {
    const int cost = error.code() == ErrorCode::timeout ? kAfterTimeout : kRetry;
    if (left_ < cost) return 0;
    left_ -= cost;
    return cost;
}

void RetryQuota::give_back(int cost) { left_ = std::min(kCapacity, left_ + std::max(1, cost)); }

} // namespace berth::aws
