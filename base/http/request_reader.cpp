// RequestReader: Beast parses; what it lets through but RFC 9112 does not is refused here.
#include "base/http/request_reader.hpp"

#include "base/http/text.hpp"

#include <algorithm>

namespace berth::http {
namespace {

namespace beast_http = boost::beast::http;
using beast_http::error;

constexpr std::size_t kRead = 8 << 10;

Refusal refusal_of(const SystemError& wrong) {
    if (wrong == error::header_limit) return {431, "the header is too long"};
    if (wrong == error::body_limit) return {413, "the body is too long"};
    return {400, wrong.message()};
}

// RFC 9112 3.2 and 6.1: what lets two readers of one request disagree about it.
std::optional<Refusal> check(const Request& request, unsigned version, bool chunked) {
    const std::size_t hosts = request.headers.all("Host").size();
    if (hosts > 1 || (hosts == 0 && version == 11)) return Refusal{400, "there must be one Host header"};
    if (request.headers.find("Transfer-Encoding") != nullptr && (!chunked || version == 10))
        return Refusal{400, "the transfer encoding is not understood"};
    if (chunked && request.headers.all("Transfer-Encoding").size() > 1)
        return Refusal{400, "there must be one Transfer-Encoding header"};
    const bool asterisk = request.target == "*" && request.method == "OPTIONS";
    if (!is_target(request.target) || (!request.target.starts_with('/') && !asterisk))
        return Refusal{400, "the request target is not a path"};
    const std::string* expect = request.headers.find("Expect");
    if (expect != nullptr && !same_text(*expect, "100-continue"))
        return Refusal{417, "the expectation is not understood"};
    return std::nullopt;
}

// "http://host/path", which servers must accept (RFC 9112 3.2.2), becomes "/path".
std::string origin_form(std::string target) {
    if (!lower(target.substr(0, 7)).starts_with("http://")) return target;
    const std::size_t path = target.find_first_of("/?", 7);
    if (path == std::string::npos) return "/";
    return target[path] == '?' ? "/" + target.substr(path) : target.substr(path);
}

Request head_of(const beast_http::request_header<>& header) {
    Request request(std::string(header.method_string()), origin_form(std::string(header.target())));
    for (const auto& field : header)
        request.headers.add(std::string(field.name_string()), std::string(field.value()));
    return request;
}

} // namespace

std::string RequestReader::unread() const {
    return {static_cast<const char*>(buffer_.data().data()), buffer_.size()};
}

Async<SystemError> RequestReader::fill(Deadline deadline) {
    auto room = buffer_.prepare(kRead);
    const std::span<std::byte> span(static_cast<std::byte*>(room.data()), room.size());
    const IoResult got = co_await connection_->read_some(span, deadline);
    buffer_.commit(got.bytes);
    co_return got.error;
}

Async<bool> RequestReader::wait() {
    const Deadline idle = deadline_in(options_.idle_timeout);
    while (true) {
        // Empty lines before a request line are ignored (RFC 9112 2.2).
        while (buffer_.size() >= 2 &&
               std::string_view(static_cast<const char*>(buffer_.data().data()), 2) == "\r\n")
            buffer_.consume(2);
        const bool half = buffer_.size() == 1 && *static_cast<const char*>(buffer_.data().data()) == '\r';
        if (buffer_.size() > 0 && !half) co_return true;
        if (co_await fill(idle)) co_return false;
    }
}

Async<std::optional<Refusal>> RequestReader::read_until(Parser& parser, bool header_only, Deadline deadline) {
    auto complete = [&] { return parser.is_done() || (header_only && parser.is_header_done()); };
    while (!complete()) {
        SystemError wrong;
        if (buffer_.size() > 0) buffer_.consume(parser.put(buffer_.data(), wrong));
        if (wrong && wrong != error::need_more) co_return refusal_of(wrong);
        if (complete()) break;
        if (buffer_.size() > options_.max_header_bytes) // a chunk header or trailer without end
            co_return Refusal{400, "a chunk header is too long"};
        if (const SystemError ended = co_await fill(deadline))
            co_return ended == asio::error::timed_out ? Refusal{408, "the request took too long"} : Refusal{};
    }
    co_return std::nullopt;
}

Async<std::expected<ReadRequest, Refusal>> RequestReader::read() {
    const Deadline deadline = deadline_in(options_.request_timeout);
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(options_.max_header_bytes));
    parser.body_limit(options_.max_body_bytes);
    if (auto refused = co_await read_until(parser, true, deadline))
        co_return std::unexpected(std::move(*refused));
    ReadRequest read;
    read.request = head_of(parser.get());
    if (auto refused = check(read.request, parser.get().version(), parser.chunked()))
        co_return std::unexpected(std::move(*refused));
    read.keep_alive = parser.keep_alive() && parser.get().version() == 11;
    read.upgrade = parser.upgrade() && list_contains(read.request.headers, "Upgrade", "websocket");
    if (!parser.is_done() && buffer_.size() == 0 && read.request.headers.find("Expect") != nullptr)
        if (co_await connection_->write("HTTP/1.1 100 Continue\r\n\r\n", deadline))
            co_return std::unexpected(Refusal{});
    parser.eager(true);
    if (auto refused = co_await read_until(parser, false, deadline))
        co_return std::unexpected(std::move(*refused));
    read.request.body = std::move(parser.get().body());
    co_return read;
}

} // namespace berth::http
