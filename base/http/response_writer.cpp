// Serializes responses.
#include "base/http/response_writer.hpp"

#include "base/http/text.hpp"

#include <boost/beast/http/status.hpp>
#include <fmt/chrono.h>

#include <algorithm>

namespace berth::http {
namespace {

bool is_ours(std::string_view name) {
    return same_text(name, "Content-Length") || same_text(name, "Transfer-Encoding") ||
           same_text(name, "Connection") || same_text(name, "Date");
}

bool is_sound(const Response& response) {
    auto sound = [](const Header& header) { return is_token(header.name) && is_header_value(header.value); };
    return response.status >= 200 && response.status <= 999 && std::ranges::all_of(response.headers, sound);
}

// RFC 9110 6.4.1
bool has_no_body(unsigned status) { return status == 204 || status == 304; }

} // namespace

bool asks_to_close(const Response& response) {
    return list_contains(response.headers, "Connection", "close");
}

std::string response_head(const Response& response, bool keep_alive) {
    const auto reason =
        boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(response.status));
    const auto today = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    std::string head = fmt::format("HTTP/1.1 {} {}\r\nDate: {:%a, %d %b %Y %H:%M:%S GMT}\r\n",
                                   response.status, std::string_view(reason), fmt::gmtime(today));
    for (const Header& header : response.headers)
        if (!is_ours(header.name)) head += fmt::format("{}: {}\r\n", header.name, header.value);
    if (!has_no_body(response.status)) head += fmt::format("Content-Length: {}\r\n", response.body.size());
    head += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
    return head;
}

Async<SystemError> write_response(std::shared_ptr<Connection> connection, Response response, bool head_only,
                                  bool keep_alive, std::chrono::milliseconds timeout) {
    if (!is_sound(response))
        response = Response(500, "text/plain", "internal error: the response is malformed\n");
    std::string head = response_head(response, keep_alive);
    if (head_only || has_no_body(response.status)) response.body.clear();
    constexpr std::size_t kOneWrite = 16 << 10;
    if (response.body.size() <= kOneWrite) head += std::exchange(response.body, {});
    for (const std::string* part : {&head, &response.body}) {
        auto rest = std::as_bytes(std::span(*part));
        while (!rest.empty()) {
            const IoResult sent = co_await connection->write_some(rest, deadline_in(timeout));
            if (sent.error) co_return sent.error;
            rest = rest.subspan(sent.bytes);
        }
    }
    co_return SystemError{};
}

} // namespace berth::http
