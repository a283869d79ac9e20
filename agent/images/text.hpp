// Small questions about text from outside: character classes, splitting, digests, safe printing.
#pragma once

#include "berth/base/ids.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace berth::images {

// ASCII, whatever the locale.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_alnum(char c) { return is_digit(c) || is_lower(c) || is_upper(c); }
constexpr bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }
constexpr char to_lower(char c) { return is_upper(c) ? static_cast<char>(c + ('a' - 'A')) : c; }

// Always at least one piece; the pieces refer to `text`.
std::vector<std::string_view> split(std::string_view text, char separator);
bool equal_ignoring_case(std::string_view a, std::string_view b);

inline bool is_sha256_digest(std::string_view text) {
    return text.size() == 71 && text.starts_with("sha256:") && std::ranges::all_of(text.substr(7), is_hex);
}
// The hexadecimal part.
inline std::string hex_of(const Digest& digest) { return digest.str().substr(7); }

// What a stranger wrote, fit for a log line: control characters as \xNN, cut after `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 200);

} // namespace berth::images
