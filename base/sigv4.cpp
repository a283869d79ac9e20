// AWS Signature Version 4, as the "Signing AWS API requests" pages of the IAM user guide define it.
#include "berth/base/sigv4.hpp"

#include "berth/base/encoding.hpp"
#include "berth/base/sha256.hpp"

#include "base/http/text.hpp"

#include <fmt/chrono.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

namespace berth {
namespace {

using http::same_text;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kUnsigned = "UNSIGNED-PAYLOAD";

// How the query is read before it is canonicalized. amazon-ecs-agent puts '+' for a space into the URL of its
// websockets and signs "%20"; everywhere else '+' means itself.
enum class Plus : std::uint8_t { itself, space };

struct Scope {
    std::string date; // 20260102
    std::string region;
    std::string service;
    std::string str() const { return fmt::format("{}/{}/{}/aws4_request", date, region, service); }
};

std::string amz_date(Time time) {
    return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(std::chrono::floor<std::chrono::seconds>(time)));
}

// Single spaces, none at the ends.
std::string squeeze(std::string_view value) {
    std::string result;
    for (const char c : http::trim(value))
        if (c != ' ' || !result.ends_with(' ')) result += c;
    return result;
}

std::string canonical_path(std::string_view path, bool s3) {
    if (s3) // S3 keys are signed as they are sent
        return std::string(path);
    std::vector<std::string_view> segments;
    std::string_view rest = path;
    while (!rest.empty()) {
        const std::string_view segment = rest.substr(0, rest.find('/'));
        rest.remove_prefix(std::min(segment.size() + 1, rest.size()));
        if (segment == ".." && !segments.empty())
            segments.pop_back();
        else if (!segment.empty() && segment != "." && segment != "..")
            segments.push_back(segment);
    }
    std::string result;
    for (const std::string_view segment : segments)
        result += "/" + percent_encode(segment); // encoded a second time: it came encoded already
    if (result.empty() || path.ends_with('/')) result += '/';
    return result;
}

std::string canonical_query(std::string_view query, Plus plus) {
    auto recode = [plus](std::string_view text) {
        std::string spaced(text);
        if (plus == Plus::space) std::ranges::replace(spaced, '+', ' ');
        return percent_encode(percent_decode(spaced).value_or(spaced));
    };
    std::vector<std::pair<std::string, std::string>> pairs;
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        if (pair.empty()) continue;
        const std::size_t equals = std::min(pair.find('='), pair.size());
        pairs.emplace_back(recode(pair.substr(0, equals)),
                           recode(pair.substr(std::min(equals + 1, pair.size()))));
    }
    std::ranges::sort(pairs);
    std::string result;
    for (const auto& [name, value] : pairs)
        result += fmt::format("{}{}={}", result.empty() ? "" : "&", name, value);
    return result;
}

struct Canonical {
    std::string_view method;
    std::string_view target;
    Plus plus = Plus::itself;
    std::map<std::string, std::string> headers; // lower-case name, value as signed
    std::string payload_hash;

    std::string signed_headers() const {
        std::string names;
        for (const auto& [name, value] : headers) names += (names.empty() ? "" : ";") + name;
        return names;
    }
    std::string str(bool s3) const {
        std::string lines;
        for (const auto& [name, value] : headers) lines += name + ":" + value + "\n";
        return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", method, canonical_path(http::path_of(target), s3),
                           canonical_query(http::query_of(target), plus), lines, signed_headers(),
                           payload_hash);
    }
};

std::string signature(const Canonical& canonical, const std::string& secret, const Scope& scope,
                      std::string_view date) {
    const std::string text = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, date, scope.str(),
                                         sha256_hex(canonical.str(scope.service == "s3")));
    std::string key = hmac_sha256("AWS4" + secret, scope.date);
    for (const std::string_view part :
         {std::string_view(scope.region), std::string_view(scope.service), std::string_view("aws4_request")})
        key = hmac_sha256(key, part);
    return to_hex(hmac_sha256(key, text));
}

std::string authorization(const Canonical& canonical, const AwsCredentials& credentials, const Scope& scope,
                          std::string_view date) {
    return fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                       credentials.access_key_id, scope.str(), canonical.signed_headers(),
                       signature(canonical, credentials.secret_access_key, scope, date));
}

// Proxies and clients on the way may change or add these.
bool is_of_the_hop(std::string_view name) {
    constexpr std::array kNames{"authorization",     "connection", "content-length", "expect",
                                "transfer-encoding", "upgrade",    "user-agent",     "x-amzn-trace-id"};
    return std::ranges::any_of(kNames, [&](const char* hop) { return same_text(name, hop); });
}

std::string joined_values(const http::Headers& headers, std::string_view name) {
    std::string value;
    bool first = true;
    for (const std::string& one : headers.all(name))
        value += (std::exchange(first, false) ? "" : ",") + squeeze(one);
    return value;
}

std::unexpected<Error> refuse(std::string name, std::string_view why) {
    return std::unexpected(Error(ErrorCode::auth, std::string(why)).with_name(std::move(name)));
}
std::unexpected<Error> incomplete(std::string_view why) {
    return refuse("IncompleteSignatureException", why);
}
std::unexpected<Error> wrong(std::string_view why) { return refuse("InvalidSignatureException", why); }

// Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…
struct Claim {
    std::string access_key_id;
    Scope scope;
    std::vector<std::string> signed_headers;
    std::string signature;
};

Result<Claim> parse_claim(std::string_view header) {
    if (!header.starts_with(kAlgorithm) || header.substr(kAlgorithm.size()).find_first_not_of(" \t") == 0)
        return incomplete("Authorization is not of the kind AWS4-HMAC-SHA256");
    std::map<std::string, std::string, std::less<>> parts;
    std::string_view rest = header.substr(kAlgorithm.size());
    while (!rest.empty()) {
        const std::string_view part = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(part.size() + 1, rest.size()));
        const std::string_view pair = http::trim(part);
        const std::size_t equals = pair.find('=');
        if (equals == std::string_view::npos ||
            !parts.emplace(pair.substr(0, equals), pair.substr(equals + 1)).second)
            return incomplete("Authorization is not a list of different name=value pairs");
    }
    for (const std::string_view name : {"Credential", "SignedHeaders", "Signature"})
        if (!parts.contains(name)) return incomplete(fmt::format("Authorization has no {}", name));

    Claim claim;
    claim.signature = parts["Signature"];
    std::vector<std::string> fields;
    for (std::string_view text = parts["Credential"]; fields.size() < 6;) {
        const std::size_t slash = text.find('/');
        fields.emplace_back(text.substr(0, slash));
        if (slash == std::string_view::npos) break;
        text.remove_prefix(slash + 1);
    }
    if (fields.size() != 5 || fields[4] != "aws4_request" || std::ranges::find(fields, "") != fields.end())
        return incomplete("Credential is not KEY/DATE/REGION/SERVICE/aws4_request");
    claim.access_key_id = fields[0];
    claim.scope = {fields[1], fields[2], fields[3]};
    for (std::string_view names = parts["SignedHeaders"]; !names.empty();) {
        const std::string_view name = names.substr(0, names.find(';'));
        names.remove_prefix(std::min(name.size() + 1, names.size()));
        claim.signed_headers.push_back(http::lower(name));
    }
    return claim;
}

Result<Time> parse_amz_date(std::string_view text) {
    // 20260102T030405Z
    if (text.size() != 16) return incomplete("X-Amz-Date is not of the form 20260102T030405Z");
    const std::string spelled = fmt::format("{}-{}-{}:{}:{}", text.substr(0, 4), text.substr(4, 2),
                                            text.substr(6, 5), text.substr(11, 2), text.substr(13));
    auto time = parse_rfc3339(spelled);
    if (!time) return incomplete("X-Amz-Date is not of the form 20260102T030405Z");
    return *time;
}

// The signature must cover what decides about the meaning of the request.
Status check_coverage(const http::Request& request, const std::vector<std::string>& covered) {
    auto is_covered = [&](std::string_view name) {
        return std::ranges::find(covered, http::lower(name)) != covered.end();
    };
    if (!is_covered("host")) return wrong("'Host' must be one of the SignedHeaders");
    for (const http::Header& header : request.headers)
        if (http::lower(header.name).starts_with("x-amz-") && !same_text(header.name, "x-amz-user-agent") &&
            !is_covered(header.name))
            return wrong(fmt::format("'{}' must be one of the SignedHeaders", header.name));
    for (const std::string& name : covered)
        if (request.headers.find(name) == nullptr)
            return wrong(fmt::format("the signed header '{}' is not in the request", name));
    return {};
}

Result<std::string> payload_hash(const http::Request& request) {
    const std::string* claimed = request.headers.find("X-Amz-Content-Sha256");
    if (claimed != nullptr && *claimed == kUnsigned) return std::string(kUnsigned);
    std::string actual = sha256_hex(request.body);
    if (claimed != nullptr && *claimed != actual)
        return wrong("X-Amz-Content-Sha256 does not match the body");
    return actual;
}

} // namespace

void sign_request(http::Request& request, const AwsCredentials& credentials, const SigningScope& scope) {
    const std::string date = amz_date(scope.time);
    http::Headers& headers = request.headers;
    headers.erase("Authorization");
    headers.set("X-Amz-Date", date);
    if (!credentials.session_token.empty()) headers.set("X-Amz-Security-Token", credentials.session_token);
    const std::string* given_hash = headers.find("X-Amz-Content-Sha256");
    Canonical canonical{
        .method = request.method, .target = request.target, .headers = {}, .payload_hash = {}};
    canonical.payload_hash = given_hash != nullptr ? *given_hash : sha256_hex(request.body);
    if (scope.service == "s3") // requires it
        headers.set("X-Amz-Content-Sha256", canonical.payload_hash);
    for (const http::Header& header : headers)
        if (!is_of_the_hop(header.name))
            canonical.headers[http::lower(header.name)] = joined_values(headers, header.name);
    const Scope where{date.substr(0, 8), scope.region, scope.service};
    headers.add("Authorization", authorization(canonical, credentials, where, date));
}

http::Headers sign_websocket(const http::Url& url, std::string_view payload,
                             const AwsCredentials& credentials, const SigningScope& scope) {
    const std::string date = amz_date(scope.time);
    Canonical canonical{.method = "GET",
                        .target = url.target,
                        .plus = Plus::space,
                        .headers = {},
                        .payload_hash = sha256_hex(payload)};
    canonical.headers["host"] = url.authority();
    canonical.headers["x-amz-date"] = date;
    http::Headers headers{{"Host", url.authority()}};
    if (!credentials.session_token.empty())
        canonical.headers["x-amz-security-token"] = credentials.session_token;
    const Scope where{date.substr(0, 8), scope.region, scope.service};
    headers.add("Authorization", authorization(canonical, credentials, where, date));
    headers.add("X-Amz-Date", date);
    if (!credentials.session_token.empty()) headers.add("X-Amz-Security-Token", credentials.session_token);
    return headers;
}

Result<VerifiedIdentity>
verify_request(const http::Request& request,
               const std::function<std::optional<std::string>(const std::string&)>& secret_of, Time now) {
    const auto given = request.headers.all("Authorization");
    if (given.empty())
        return refuse("MissingAuthenticationTokenException", "the request has no Authorization header");
    if (given.size() > 1) return incomplete("the request has more than one Authorization header");
    auto claim = parse_claim(given.front());
    if (!claim) return fail(std::move(claim.error()));
    const auto dates = request.headers.all("X-Amz-Date");
    if (dates.size() != 1) return incomplete("the request must have one X-Amz-Date header");
    auto time = parse_amz_date(dates.front());
    if (!time) return fail(std::move(time.error()));
    auto secret = secret_of(claim->access_key_id);
    if (!secret) return refuse("UnrecognizedClientException", "the access key id is not known here");
    if (std::chrono::abs(now - *time) > std::chrono::minutes(15))
        return wrong(fmt::format("the signature of {} is more than 15 minutes off the time here, {}",
                                 dates.front(), amz_date(now)));
    if (claim->scope.date != dates.front().substr(0, 8))
        return wrong("the date of the credential is not that of X-Amz-Date");
    if (Status covered = check_coverage(request, claim->signed_headers); !covered)
        return fail(std::move(covered.error()));
    auto hash = payload_hash(request);
    if (!hash) return fail(std::move(hash.error()));

    const std::string* upgrade = request.headers.find("Upgrade");
    Canonical canonical{
        .method = request.method, .target = request.target, .headers = {}, .payload_hash = *hash};
    canonical.plus = upgrade != nullptr && same_text(*upgrade, "websocket") ? Plus::space : Plus::itself;
    for (const std::string& name : claim->signed_headers)
        canonical.headers[name] = joined_values(request.headers, name);
    const std::string expected = signature(canonical, *secret, claim->scope, dates.front());
    if (claim->signature.size() != expected.size() ||
        CRYPTO_memcmp(claim->signature.data(), expected.data(), expected.size()) != 0)
        return wrong("the signature does not match: check the secret access key and what was signed");
    return VerifiedIdentity{claim->access_key_id, claim->scope.region, claim->scope.service};
}

} // namespace berth
