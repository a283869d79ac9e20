// Registry refusals: {"errors":[{"code":…,"message":…}]}, ECR's and proxies' variations of it, or plain text.
#include "agent/images/registry_error.hpp"

#include "berth/base/json.hpp"

#include "agent/images/tar_entry.hpp"
#include "agent/images/text.hpp"

namespace berth::images {

namespace {

ErrorCode code_of(unsigned status) {
    switch (status) {
    case 401: return ErrorCode::auth;
    case 403: return ErrorCode::permission;
    case 404: return ErrorCode::not_found;
    case 408:
    case 429: return ErrorCode::unavailable;
    default: return status >= 500 ? ErrorCode::unavailable : ErrorCode::protocol;
    }
}

std::string explanation(std::string_view body) {
    constexpr std::size_t kMostText = 300;
    const auto json = parse_json(body, {.max_bytes = kMaxErrorBody, .max_depth = 16});
    if (!json || !json->is_object()) return {};
    const Json* about = &*json;
    if (const auto errors = JsonReader(*json).array("errors");
        errors && *errors != nullptr && !(*errors)->empty() && (*errors)->front().is_object())
        about = &(*errors)->front();
    const JsonReader reader(*about);
    const auto code = reader.string("code").value_or(std::nullopt).value_or("");
    auto text = reader.string("message").value_or(std::nullopt).value_or("");
    if (text.empty()) text = reader.string("details").value_or(std::nullopt).value_or(""); // token servers
    if (!code.empty() && !text.empty()) text.insert(0, ": ");
    return printable(code + text, kMostText);
}

} // namespace

Error registry_error(unsigned status, std::string_view body) {
    auto text = fmt::format("status {}", status);
    if (const auto why = explanation(body); !why.empty()) text += ": " + why;
    return Error(code_of(status), std::move(text)).with_http_status(status);
}

std::optional<std::chrono::seconds> parse_retry_after(const std::string* header) {
    if (header == nullptr || header->size() > 6) return std::nullopt;
    const auto seconds = parse_decimal(*header);
    return seconds ? std::optional(std::chrono::seconds(*seconds)) : std::nullopt;
}

} // namespace berth::images
