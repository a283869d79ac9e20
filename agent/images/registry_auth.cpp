// Answering the challenges of registries (distribution's token specification; RFC 7617 for Basic).
#include "agent/images/registry_auth.hpp"

#include "berth/base/encoding.hpp"
#include "berth/base/json.hpp"
#include "berth/base/sha256.hpp"

#include "agent/images/registry_error.hpp"
#include "agent/images/text.hpp"

#include <algorithm>

namespace berth::images {

namespace {

constexpr std::size_t kMaxTokenAnswer = 1 << 20, kMaxKept = 1000;
// What the specification says a token lives when the server does not say; servers that say less mean this.
constexpr std::chrono::seconds kShortestLife{60};

std::string basic(const RegistryLogin& login) {
    return "Basic " + base64_encode(login.username + ":" + login.password);
}

std::unexpected<Error> needs_login(const Source& source) {
    return fail(ErrorCode::auth, "registry {} asks for a login for {} and none is configured for it",
                source.registry, source.repository);
}

} // namespace

std::string Source::key() const {
    const auto who = login.empty() ? std::string() : sha256(login.username + '\0' + login.password);
    return registry + "/" + repository + "|" + who;
}

std::string RegistryAuth::known(const Source& source) const {
    const auto kept = kept_.find(source.key());
    return kept != kept_.end() && kept->second.until > Deadline::clock::now() ? kept->second.header : "";
}

Async<Result<std::string>> RegistryAuth::obtain(Source source, std::vector<std::string> www_authenticate,
                                                Deadline deadline) {
    std::vector<Challenge> challenges;
    for (const auto& header : www_authenticate) {
        auto parsed = parse_challenges(header);
        if (!parsed) co_return fail(std::move(parsed.error()), "registry {}", source.registry);
        std::ranges::move(*parsed, std::back_inserter(challenges));
    }
    for (auto& challenge : challenges)
        if (challenge.scheme == "bearer")
            co_return co_await fetch_token(std::move(source), std::move(challenge), deadline);
    for (const auto& challenge : challenges) {
        if (challenge.scheme != "basic") continue;
        if (source.login.empty()) co_return needs_login(source);
        auto header = basic(source.login);
        if (kept_.size() >= kMaxKept) kept_.clear();
        kept_.insert_or_assign(source.key(), Kept{.header = header, .until = Deadline::max()});
        co_return header;
    }
    co_return fail(ErrorCode::auth, "registry {} offers no way to log in that is known here (Bearer, Basic)",
                   source.registry);
}

Async<Result<std::string>> RegistryAuth::fetch_token(Source source, Challenge challenge, Deadline deadline) {
    const auto what = fmt::format("token for {} of registry {}", source.repository, source.registry);
    auto url = http::parse_url(challenge.parameter("realm"));
    if (!url) co_return fail(std::move(url.error()), "{}: realm", what);
    if (!url->secure() && !may_be_plain_(*url))
        co_return fail(ErrorCode::auth, "{}: the registry sends us to {} without TLS", what,
                       url->authority());
    auto scope = challenge.parameter("scope");
    if (scope.empty()) scope = "repository:" + source.repository + ":pull";
    url->target += url->target.contains('?') ? '&' : '?';
    if (const auto& service = challenge.parameter("service"); !service.empty())
        url->target += "service=" + percent_encode(service) + "&";
    url->target += "scope=" + percent_encode(scope);

    http::Request request("GET", url->target);
    if (!source.login.empty()) request.headers.set("Authorization", basic(source.login));
    auto response = co_await client_->send(*url, std::move(request), deadline, kMaxTokenAnswer);
    if (!response) co_return fail(std::move(response.error()), "{}", what);
    if (response->status != 200)
        co_return fail(registry_error(response->status, response->body), "{}: {} answered", what,
                       url->authority());
    const auto json = parse_json(response->body, {.max_bytes = kMaxTokenAnswer, .max_depth = 8});
    if (!json || !json->is_object())
        co_return fail(ErrorCode::protocol, "{}: {} answered with something else than a JSON object", what,
                       url->authority());
    const JsonReader reader(*json);
    auto token = reader.string("token"), access_token = reader.string("access_token");
    const auto life = reader.integer("expires_in");
    if (token && !*token) token = std::move(access_token);
    if (!token || !*token || (*token)->empty())
        co_return fail(ErrorCode::protocol, "{}: the answer of {} holds no token", what, url->authority());
    const auto seconds = std::clamp(std::chrono::seconds(life ? life->value_or(0) : 0), kShortestLife,
                                    std::chrono::seconds(std::chrono::hours(24)));
    auto header = "Bearer " + **token;
    if (kept_.size() >= kMaxKept) kept_.clear();
    // A tenth early: a token must not end on its way to the registry.
    kept_.insert_or_assign(source.key(), Kept{.header = header, .until = deadline_in(seconds * 9 / 10)});
    co_return header;
}

} // namespace berth::images
