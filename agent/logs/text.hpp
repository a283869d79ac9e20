// UTF-8 as CloudWatch Logs wants it: made valid, cut between code points. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace berth::logs {

constexpr std::size_t kMaxEventBytes = 262'144 - 26;

// Each byte that is not part of a valid sequence becomes U+FFFD; the rest stays as it is.
std::string valid_utf8(std::string bytes);
// The length of the longest prefix of at most `limit` bytes that does not end inside a code point.
std::size_t cut_between_code_points(std::string_view text, std::size_t limit);

} // namespace berth::logs
