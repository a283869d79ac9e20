// Fuzzes what strangers write into URLs, queries and Authorization headers.
#include "berth/base/encoding.hpp"
#include "berth/base/http/message.hpp"
#include "berth/base/sigv4.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

void require(bool truth) {
    if (!truth) std::abort();
}

void urls(std::string_view text) {
    const auto url = berth::http::parse_url(text);
    if (url) {
        // What was taken apart means the same when it is put together again.
        const auto again = berth::http::parse_url(url->str());
        require(again.has_value() && again->str() == url->str() && again->host == url->host &&
                again->port == url->port);
        require(url->port != 0 && url->target.starts_with('/'));
        require(url->target.find_first_of(" \r\n") == std::string::npos);
    }
    static const auto base =
        berth::http::parse_url("https://registry.example/v2/app/blobs/uploads/?_state=x").value();
    if (const auto resolved = berth::http::resolve_url(base, text))
        require(berth::http::parse_url(resolved->str()).has_value());
}

void queries(std::string_view text) {
    if (const auto decoded = berth::percent_decode(text))
        require(berth::percent_decode(berth::percent_encode(*decoded)).value() == *decoded);
    const berth::http::Request request("GET", "/?" + std::string(text));
    for (const auto& [name, value] : request.query_parameters())
        require(name.size() + value.size() <= text.size());
}

void signatures(std::string_view text) {
    const std::size_t line = text.find('\n');
    berth::http::Request request("POST", "/" + std::string(text.substr(std::min(line, text.size()))));
    request.headers = {{"Host", "h"}, {"X-Amz-Date", "20260102T030405Z"}};
    request.headers.add("Authorization", std::string(text.substr(0, line)));
    const auto now = berth::parse_rfc3339("2026-01-02T03:04:05Z").value();
    auto secret = [](const std::string&) -> std::optional<std::string> { return "secret"; };
    // Nobody guesses a signature.
    require(!berth::verify_request(request, secret, now));
    berth::sign_request(request, {"AKID", "secret", "", {}}, {"us-east-1", "ecs", now});
    require(berth::verify_request(request, secret, now).has_value());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 3) {
    case 0: urls(text); break;
    case 1: queries(text); break;
    default: signatures(text);
    }
    return 0;
}
