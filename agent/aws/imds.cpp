// The instance metadata client: tokens, fallbacks, bounded waiting.
#include "berth/aws/imds.hpp"

#include "berth/aws/aws.hpp"

#include <charconv>

namespace berth::aws {
namespace {

// Token and request together stay within a second when nothing answers.
constexpr auto kPatience = std::chrono::milliseconds(500);
constexpr int kAttempts = 5;
constexpr auto kPause = std::chrono::seconds(1);
constexpr auto kIdentityPatience = std::chrono::seconds(30);
constexpr std::size_t kMaxBody = 64 << 10;
constexpr std::string_view kTtl = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds";

bool will_heal(const Error& error) {
    return error.code() == ErrorCode::io || error.code() == ErrorCode::timeout ||
           error.http_status() >= 500 || error.http_status() == 429;
}

} // namespace

Imds::Imds(http::Client& client, const config::Config& config, Random random)
    : client_(&client), endpoint_(config.metadata_endpoint), disabled_(config.metadata_disabled),
      random_(std::move(random)) {}

Async<Result<http::Response>> Imds::send(std::string method, std::string path, http::Headers headers) {
    auto url = http::parse_url(endpoint_);
    if (!url) co_return fail(std::move(url.error()), "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    url->target = std::move(path);
    http::Request request(std::move(method), url->target);
    request.headers = std::move(headers);
    auto response =
        co_await client_->send(std::move(*url), std::move(request), deadline_in(kPatience), kMaxBody);
    if (!response) co_return fail(std::move(response.error()), "instance metadata");
    answered_ = true;
    co_return std::move(*response);
}

Async<Status> Imds::refresh_token() {
    http::Headers headers;
    headers.set(std::string(kTtl), "300");
    auto response = co_await send("PUT", "/latest/api/token", std::move(headers));
    if (!response) {
        if (response.error().code() != ErrorCode::timeout) co_return fail(std::move(response.error()));
        // Tokens do not cross a hop limit of 1, version 1 does: no tokens until one is demanded.
        tokens_ = Tokens::unreachable;
        co_return Status{};
    }
    if (response->status == 403 || response->status == 404 || response->status == 405) {
        tokens_ = Tokens::refused;
        co_return Status{};
    }
    if (response->status != 200)
        co_return fail(
            Error(ErrorCode::protocol,
                  fmt::format("instance metadata: the token request was answered HTTP {}", response->status))
                .with_http_status(response->status));
    int seconds = 0;
    if (const auto* ttl = response->headers.find(kTtl))
        std::from_chars(ttl->data(), ttl->data() + ttl->size(), seconds);
    token_ = std::move(response->body);
    token_until_ = deadline_in(std::chrono::seconds(std::clamp(seconds, 1, 300)));
    tokens_ = Tokens::wanted;
    co_return Status{};
}

Async<Result<std::string>> Imds::attempt(std::string path) {
    for (bool token_is_fresh = false;; token_is_fresh = true) {
        if (tokens_ == Tokens::wanted && std::chrono::steady_clock::now() >= token_until_)
            if (auto refreshed = co_await refresh_token(); !refreshed)
                co_return fail(std::move(refreshed.error()));
        http::Headers headers;
        if (tokens_ == Tokens::wanted) headers.set("X-aws-ec2-metadata-token", token_);
        auto response = co_await send("GET", path, std::move(headers));
        if (!response) co_return fail(std::move(response.error()));
        if (response->status == 200) co_return std::move(response->body);
        if (response->status == 401 && !token_is_fresh && tokens_ != Tokens::refused) {
            tokens_ = Tokens::wanted;
            token_until_ = {};
            continue;
        }
        const auto code = response->status == 404 ? ErrorCode::not_found : ErrorCode::unavailable;
        co_return fail(
            Error(code, fmt::format("instance metadata: GET {} was answered HTTP {}", path, response->status))
                .with_http_status(response->status));
    }
}

Async<Result<std::string>> Imds::get(std::string path) {
    if (disabled_)
        co_return fail(ErrorCode::not_found, "instance metadata: AWS_EC2_METADATA_DISABLED is set");
    for (int number = 1;; ++number) {
        auto body = co_await attempt(path);
        if (body || !answered_ || number == kAttempts || !will_heal(body.error())) co_return body;
        const auto pause = std::chrono::duration_cast<std::chrono::nanoseconds>(kPause * random_());
        if (auto slept = co_await sleep_until(deadline_in(pause)); !slept)
            co_return fail(std::move(slept.error()));
    }
}

namespace {

Async<std::string> identity_part(Imds* imds, std::string path, Random random, Log log) {
    constexpr BackoffPolicy kPolicy{std::chrono::milliseconds(100), 2, std::chrono::seconds(5)};
    Backoff backoff(kPolicy, std::move(random));
    const auto deadline = deadline_in(kIdentityPatience);
    for (;;) {
        auto body = co_await imds->get(path);
        if (body) co_return std::move(*body);
        const auto wake = deadline_in(backoff.next());
        if (!imds->answered() || !will_heal(body.error()) || wake >= deadline) {
            log.info("registering without instance identity", {{"why", body.error().message()}});
            co_return std::string();
        }
        if (!co_await sleep_until(wake)) co_return std::string();
    }
}

} // namespace

Async<InstanceIdentity> instance_identity(Imds* imds, Random random, Log log) {
    InstanceIdentity identity;
    identity.document =
        co_await identity_part(imds, "/latest/dynamic/instance-identity/document", random, log);
    // One is worth nothing without the other.
    if (!identity.document.empty())
        identity.signature =
            co_await identity_part(imds, "/latest/dynamic/instance-identity/signature", random, log);
    if (identity.signature.empty()) identity.document.clear();
    co_return identity;
}

Async<Result<std::string>> find_region(http::Client* client, config::Config config) {
    if (!config.region.empty()) co_return config.region;
    Imds imds(*client, config);
    auto document = co_await imds.get("/latest/dynamic/instance-identity/document");
    if (document) {
        const auto json = parse_json(*document);
        auto named = json ? JsonReader(*json).required_string("region") : Result<std::string>();
        if (named && !named->empty()) co_return std::move(*named);
    }
    auto region = co_await imds.get("/latest/meta-data/placement/region");
    if (region && !region->empty()) co_return std::move(*region);
    const auto why =
        document ? std::string("the instance identity document names none") : document.error().message();
    co_return fail(ErrorCode::invalid, "no region: set AWS_DEFAULT_REGION (looked for it in {}: {})",
                   "the environment, ecs.config and the instance metadata", why);
}

} // namespace berth::aws
