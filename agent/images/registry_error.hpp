// What a registry's refusal means: status and body of the distribution specification as an Error.
#pragma once

#include "berth/base/result.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace berth::images {

inline constexpr std::size_t kMaxErrorBody = 64 << 10;

// "404 Not Found: MANIFEST_UNKNOWN: manifest unknown"
Error registry_error(unsigned status, std::string_view body);
// Seconds only; the other form, a date, is not used by registries.
std::optional<std::chrono::seconds> parse_retry_after(const std::string* header);

} // namespace berth::images
