// Hex, base64, percent-encoding, random ids.
#pragma once

#include "berth/base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace berth {

std::string to_hex(std::string_view bytes);
std::string base64_encode(std::string_view bytes);
Result<std::string> base64_decode(std::string_view text);
// RFC 3986 unreserved characters stay; '/' too when keep_slash.
std::string percent_encode(std::string_view text, bool keep_slash = false);
Result<std::string> percent_decode(std::string_view text);

// From the kernel's generator.
std::string random_bytes(std::size_t count);
std::string random_hex(std::size_t digits);
std::string make_uuid(); // version 4, lower case

} // namespace berth
