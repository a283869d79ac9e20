// Requests to registries.
#include "agent/images/registry_client.hpp"

#include "berth/base/sha256.hpp"

#include "agent/images/registry_error.hpp"
#include "agent/images/text.hpp"

#include <algorithm>

namespace berth::images {

namespace {

constexpr int kMaxRedirects = 5;
constexpr std::string_view kDockerHub = "docker.io", kDockerHubHost = "registry-1.docker.io";

bool is_redirect(unsigned status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool same_origin(const http::Url& a, const http::Url& b) {
    return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

bool is_loopback(std::string_view host) {
    if (host == "localhost" || host.ends_with(".localhost") || host == "::1") return true;
    const auto parts = split(host, '.'); // an address, not a name that begins like one
    return parts.size() == 4 && parts[0] == "127" &&
           std::ranges::all_of(parts, [](auto part) { return std::ranges::all_of(part, is_digit); });
}

// What Go, nginx and Apache say on their TLS ports to a request without it.
bool wants_tls(std::string_view text) { return text.contains("HTTPS") || text.contains("SSL"); }

} // namespace

RegistryClient::RegistryClient(http::Client& client, RegistryOptions options)
    : client_(&client), options_(std::move(options)),
      auth_(client, [this](const http::Url& url) { return may_be_plain(url); }) {}

bool RegistryClient::may_be_plain(const http::Url& url) const {
    if (is_loopback(url.host)) return true;
    return std::ranges::any_of(options_.insecure_registries, [&](const std::string& listed) {
        return equal_ignoring_case(listed, url.host) || equal_ignoring_case(listed, url.authority()) ||
               equal_ignoring_case(listed, fmt::format("{}:{}", url.host, url.port));
    });
}

Result<http::Url> RegistryClient::url_of(const Source& source, const std::string& path) const {
    const auto host = source.registry == kDockerHub ? std::string(kDockerHubHost) : source.registry;
    const auto target = fmt::format("{}/v2/{}/{}", host, source.repository, path);
    auto url = http::parse_url("http://" + target);
    if (url && may_be_plain(*url) && !speaks_tls_.contains(url->authority())) return url;
    return http::parse_url("https://" + target);
}

// One request with all that belongs to it: log-in when challenged, and redirects.
Async<Answer<Body>> RegistryClient::fetch(Source source, std::string path, http::Request request,
                                          Deadline deadline) {
    const auto first = url_of(source, path);
    if (!first) co_return refuse(first.error());
    const auto what =
        fmt::format("{} {}://{}{}", request.method, first->scheme, first->authority(), first->path());
    auto url = *first;
    auto authorization = auth_.known(source);
    bool challenged = false;
    for (int redirects = 0;;) {
        auto attempt = request;
        attempt.target = url.target;
        // Blob storage is somebody else: it gets no credentials of the registry.
        if (!authorization.empty() && same_origin(url, *first))
            attempt.headers.set("Authorization", authorization);
        auto opened = co_await client_->open(url, std::move(attempt), next_byte(deadline));
        if (!opened) co_return refuse(std::move(opened.error()));
        Body answer = std::move(*opened);
        const auto status = answer->status();
        if (is_redirect(status)) {
            const auto* location = answer->headers().find("Location");
            auto next = location != nullptr ? http::resolve_url(url, *location)
                                            : fail(ErrorCode::protocol, "no Location header");
            if (!next) co_return refuse(std::move(next.error()).while_doing(what + ": redirected"));
            if (++redirects > kMaxRedirects)
                co_return refuse(
                    {ErrorCode::protocol, fmt::format("{}: more than {} redirects", what, kMaxRedirects)});
            if (url.secure() && !next->secure() && !may_be_plain(*next))
                co_return refuse({ErrorCode::protocol,
                                  fmt::format("{}: redirected to {} without TLS", what, next->authority())});
            co_await read_body(answer, kMaxErrorBody, deadline); // so that the connection can be used again
            url = std::move(*next);
            continue;
        }
        if (status == 401 && !challenged && same_origin(url, *first)) {
            challenged = true;
            auth_.forget(source);
            auto headers = answer->headers().all("WWW-Authenticate");
            co_await read_body(answer, kMaxErrorBody, deadline);
            auto obtained = co_await auth_.obtain(source, std::move(headers), next_byte(deadline));
            if (!obtained) co_return refuse(std::move(obtained.error()));
            authorization = std::move(*obtained);
            continue;
        }
        if (status >= 200 && status <= 299) co_return answer;
        const auto retry_after = parse_retry_after(answer->headers().find("Retry-After"));
        const auto text = (co_await read_body(answer, kMaxErrorBody, deadline)).value_or("");
        if (!url.secure() && status == 400 && wants_tls(text) && same_origin(url, *first)) {
            speaks_tls_.insert(first->authority());
            co_return co_await fetch(std::move(source), std::move(path), std::move(request), deadline);
        }
        co_return std::unexpected(
            Refusal{.error = registry_error(status, text).while_doing(what), .retry_after = retry_after});
    }
}

Async<Answer<std::string>> RegistryClient::read_body(Body body, std::size_t limit, Deadline deadline) {
    std::string text;
    std::vector<std::byte> buffer(16 << 10);
    for (;;) {
        const auto got = co_await body->read(buffer, next_byte(deadline));
        if (!got) co_return refuse(got.error());
        if (*got == 0) co_return text;
        if (text.size() + *got > limit)
            co_return refuse({ErrorCode::limit, fmt::format("the answer is larger than {} bytes", limit)});
        text.append(reinterpret_cast<const char*>(buffer.data()), *got);
    }
}

Async<Answer<FetchedManifest>> RegistryClient::fetch_manifest(Source source, std::string what,
                                                              Deadline deadline) {
    http::Request request("GET", "");
    request.headers.set("Accept", kManifestTypes);
    auto opened = co_await fetch(std::move(source), "manifests/" + what, std::move(request), deadline);
    if (!opened) co_return std::unexpected(std::move(opened.error()));
    const auto body = std::move(*opened);
    auto bytes = co_await read_body(body, kMaxManifestBytes, deadline);
    if (!bytes) co_return refuse(std::move(bytes.error().error).while_doing("manifest " + what));
    FetchedManifest manifest;
    manifest.digest = Digest("sha256:" + sha256_hex(*bytes));
    manifest.bytes = std::move(*bytes);
    if (const auto* type = body->headers().find("Content-Type")) manifest.content_type = *type;
    auto expected = what;
    if (const auto* told = body->headers().find("Docker-Content-Digest");
        told != nullptr && !is_sha256_digest(what))
        expected = *told;
    if (is_sha256_digest(expected) && manifest.digest.str() != expected)
        co_return refuse(
            {ErrorCode::protocol, fmt::format("manifest {}: expected digest {}, got content with {}", what,
                                              expected, manifest.digest)});
    co_return manifest;
}

Async<Result<FetchedManifest>> RegistryClient::manifest(Source source, std::string what, Deadline deadline) {
    Retry retry(options_.retry);
    for (;;) {
        auto got = co_await fetch_manifest(source, what, deadline);
        if (got) co_return std::move(*got);
        if (!co_await retry.again(got.error(), deadline))
            co_return std::unexpected(std::move(got.error().error));
    }
}

Async<Result<std::optional<Digest>>> RegistryClient::resolve(Source source, std::string tag,
                                                             Deadline deadline) {
    Retry retry(options_.retry);
    for (;;) {
        http::Request request("HEAD", "");
        request.headers.set("Accept", kManifestTypes);
        auto got = co_await fetch(source, "manifests/" + tag, std::move(request), deadline);
        if (got) {
            const auto* digest = (*got)->headers().find("Docker-Content-Digest");
            if (digest == nullptr || !is_sha256_digest(*digest)) co_return std::nullopt;
            co_return Digest(*digest);
        }
        if (!co_await retry.again(got.error(), deadline))
            co_return std::unexpected(std::move(got.error().error));
    }
}

Async<Answer<std::string>> RegistryClient::fetch_blob(Source source, Descriptor descriptor,
                                                      Deadline deadline) {
    auto opened = co_await open_blob(std::move(source), descriptor.digest, 0, deadline);
    if (!opened) co_return std::unexpected(std::move(opened.error()));
    auto bytes = co_await read_body(std::move(*opened), descriptor.size, deadline);
    if (!bytes) co_return bytes;
    if (const auto digest = "sha256:" + sha256_hex(*bytes); digest != descriptor.digest.str())
        co_return refuse({ErrorCode::protocol,
                          fmt::format("expected digest {}, got content with {}", descriptor.digest, digest)});
    co_return bytes;
}

Async<Result<std::string>> RegistryClient::small_blob(Source source, Descriptor descriptor,
                                                      Deadline deadline) {
    Retry retry(options_.retry);
    for (;;) {
        auto got = co_await fetch_blob(source, descriptor, deadline);
        if (got) co_return std::move(*got);
        if (!co_await retry.again(got.error(), deadline))
            co_return std::unexpected(std::move(got.error().error));
    }
}

Async<Answer<Body>> RegistryClient::open_blob(Source source, Digest digest, std::uint64_t offset,
                                              Deadline deadline) {
    http::Request request("GET", "");
    if (offset > 0) request.headers.set("Range", fmt::format("bytes={}-", offset));
    co_return co_await fetch(std::move(source), "blobs/" + digest.str(), std::move(request), deadline);
}

} // namespace berth::images
