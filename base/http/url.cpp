// URLs: parsing and reference resolution by Boost.URL, narrowed to what the client can ask for.
#include "berth/base/http/message.hpp"

#include "base/http/text.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>

namespace berth::http {
namespace {

namespace urls = boost::urls;
constexpr std::size_t kMaxUrl = 16 << 10;

// For messages: a query may hold a signature, the user info a password.
std::string printable(std::string_view text) {
    std::string shown(text.substr(0, text.find_first_of("?#")).substr(0, 200));
    const std::size_t slashes = shown.find("//");
    const std::size_t begin = slashes == std::string::npos ? 0 : slashes + 2;
    const std::size_t at = shown.find('@', begin);
    if (at != std::string::npos && at < shown.find('/', begin)) shown.replace(begin, at - begin, "…");
    for (char& c : shown)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    return shown;
}

// Servers put bytes into Location that RFC 3986 wants encoded; every browser encodes them, so do we.
Result<std::string> encode_stray(std::string_view text) {
    constexpr std::string_view kStray = "\"<>\\^`{|}";
    if (text.size() > kMaxUrl)
        return fail(ErrorCode::invalid, "a URL of {} bytes is longer than {}", text.size(), kMaxUrl);
    std::string clean;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || byte == 0x7f)
            return fail(ErrorCode::invalid, "URL '{}' holds a space or control character", printable(text));
        if (byte >= 0x80 || kStray.contains(c))
            clean += fmt::format("%{:02X}", byte);
        else
            clean += c;
    }
    return clean;
}

Result<Url> narrow(const urls::url_view_base& parsed, std::string_view text) {
    Url url;
    url.scheme = lower(parsed.scheme());
    if (url.scheme != "http" && url.scheme != "https" && url.scheme != "ws" && url.scheme != "wss")
        return fail(ErrorCode::invalid, "URL '{}': the scheme is not http, https, ws or wss",
                    printable(text));
    if (parsed.has_userinfo())
        return fail(ErrorCode::invalid, "URL '{}': user name and password are not allowed in it",
                    printable(text));
    url.host = lower(parsed.encoded_host());
    if (url.host.starts_with('[')) url.host = url.host.substr(1, url.host.size() - 2);
    if (url.host.empty() || url.host.size() > 255 || url.host.contains('%'))
        return fail(ErrorCode::invalid, "URL '{}': the host name is missing or wrong", printable(text));
    url.port = url.secure() ? 443 : 80;
    if (const std::string_view port = parsed.port(); !port.empty()) {
        url.port = parsed.port_number(); // 0 also when over 65535
        if (url.port == 0)
            return fail(ErrorCode::invalid, "URL '{}': the port is not in 1..65535", printable(text));
    }
    const std::string_view path = parsed.encoded_path();
    if (!path.empty() && !path.starts_with('/')) // Boost 1.81 takes "h:80x" for host, port and path
        return fail(ErrorCode::invalid, "URL '{}': the port is not a number", printable(text));
    url.target = path.empty() ? "/" : std::string(path);
    if (parsed.has_query()) url.target += "?" + std::string(std::string_view(parsed.encoded_query()));
    return url;
}

} // namespace

Result<Url> parse_url(std::string_view text) {
    auto clean = encode_stray(text);
    if (!clean) return fail(std::move(clean.error()));
    auto parsed = urls::parse_uri(*clean);
    if (!parsed) return fail(ErrorCode::invalid, "'{}' is not an absolute URL", printable(text));
    return narrow(*parsed, text);
}

Result<Url> resolve_url(const Url& base, std::string_view reference) {
    auto clean = encode_stray(reference);
    if (!clean) return fail(std::move(clean.error()));
    const std::string origin = base.str();
    auto from = urls::parse_uri(origin);
    auto to = urls::parse_uri_reference(*clean);
    if (!from || !to) return fail(ErrorCode::invalid, "'{}' is not a URL reference", printable(reference));
    urls::url resolved(*from);
    if (auto done = resolved.resolve(*to); !done)
        return fail(ErrorCode::invalid, "'{}' cannot be resolved against '{}'", printable(reference),
                    printable(origin));
    auto url = narrow(resolved, reference);
    while (url && url->target.starts_with("/../")) // Boost 1.81 keeps what leads above the root
        url->target.erase(0, 3);
    return url;
}

std::string Url::path() const { return std::string(path_of(target)); }

std::string Url::query() const { return std::string(query_of(target)); }

std::string Url::authority() const {
    const std::string name = host.contains(':') ? "[" + host + "]" : host;
    return port == (secure() ? 443 : 80) ? name : fmt::format("{}:{}", name, port);
}

std::string Url::str() const { return fmt::format("{}://{}{}", scheme, authority(), target); }

} // namespace berth::http
