// One call of a JSON 1.1 service: signing, sending, retrying.
#include "berth/aws/aws.hpp"

#include "agent/aws/service_error.hpp"

namespace berth::aws {
namespace {

constexpr auto kRoundTrip = std::chrono::seconds(42);
// Smaller differences are not why a signature was refused.
constexpr auto kSmallestSkew = std::chrono::minutes(1);

} // namespace

struct JsonClient::State {
    RetryQuota quota;
    Random random;
    std::chrono::nanoseconds clock_offset{0};
};

struct JsonClient::Attempt {
    Result<Json> answer;
    bool clock_corrected = false;
};

JsonClient::JsonClient(const Executor&, http::Client& client,
                       std::shared_ptr<CredentialsProvider> credentials, Service service, Random random)
    : client_(&client), credentials_(std::move(credentials)), service_(std::move(service)),
      state_(std::make_shared<State>()) {
    state_->random = std::move(random);
}

Time JsonClient::service_time() const { return now() + state_->clock_offset; }

bool JsonClient::correct_clock(const Error& error, const http::Response& response) {
    const auto* date = response.headers.find("Date");
    if (!is_clock_skew(error) || !date) return false;
    const auto theirs = parse_http_date(*date);
    if (!theirs) return false;
    const auto offset = *theirs - now();
    if (std::chrono::abs(offset - state_->clock_offset) < kSmallestSkew) return false;
    state_->clock_offset = offset;
    return true;
}

Async<JsonClient::Attempt> JsonClient::attempt(std::string operation, std::string body, Deadline deadline) {
    auto url = http::parse_url(service_.endpoint);
    if (!url) co_return Attempt{fail(std::move(url.error()))};
    auto credentials = co_await credentials_->get();
    if (!credentials) co_return Attempt{fail(std::move(credentials.error()))};

    http::Request request("POST", url->target);
    request.headers.set("Host", url->authority());
    request.headers.set("Content-Type", "application/x-amz-json-1.1");
    request.headers.set("X-Amz-Target", service_.target_prefix + operation);
    request.body = std::move(body);
    const SigningScope scope{service_.region, service_.signing_name, service_time()};
    sign_request(request, *credentials, scope);

    const auto round_trip = std::min(deadline, deadline_in(kRoundTrip));
    auto response = co_await client_->send(*url, std::move(request), round_trip);
    if (!response) co_return Attempt{fail(std::move(response.error()))};
    if (response->status >= 400) {
        auto error = service_error(*response).while_doing(service_.endpoint);
        const bool corrected = correct_clock(error, *response);
        co_return Attempt{fail(std::move(error)), corrected};
    }
    if (response->status >= 300)
        co_return Attempt{
            fail(ErrorCode::protocol, "{}: unexpected HTTP {}", service_.endpoint, response->status)};
    if (response->body.empty()) co_return Attempt{Json::object()};
    auto parsed = parse_json(response->body);
    if (!parsed)
        co_return Attempt{fail(ErrorCode::protocol, "{}: the answer is not JSON: {}", service_.endpoint,
                               parsed.error().message())};
    co_return Attempt{std::move(*parsed)};
}

Async<Result<Json>> JsonClient::call(std::string operation, Json input, Deadline deadline, int attempts) {
    const auto what = fmt::format("{} {}", service_.signing_name, operation);
    const auto body = dump_json(input.is_null() ? Json::object() : input);
    bool may_correct_clock = true;
    int cost = 0;
    for (int number = 1;; ++number) {
        auto result = co_await attempt(operation, body, deadline);
        if (result.answer) {
            state_->quota.give_back(cost);
            co_return std::move(result.answer);
        }
        auto error = std::move(result.answer.error()).while_doing(what);
        if (result.clock_corrected && std::exchange(may_correct_clock, false)) {
            --number;
            continue;
        }
        if (number >= attempts || !is_retryable(error)) co_return fail(std::move(error));
        cost = state_->quota.take(error);
        const auto wake = deadline_in(retry_delay(number, state_->random()));
        if (cost == 0 || wake >= deadline) co_return fail(std::move(error));
        if (auto slept = co_await sleep_until(wake); !slept) co_return fail(std::move(slept.error()));
    }
}

} // namespace berth::aws
