// Small questions about the text of HTTP messages, shared by the files of this folder.
#pragma once

#include "berth/base/http/message.hpp"

#include <string_view>

namespace berth::http {

// ASCII only, whatever the locale.
char to_lower(char c);
bool same_text(std::string_view a, std::string_view b);
std::string lower(std::string_view text);
std::string_view trim(std::string_view text);

// RFC 9110 5.6.2: what a method or a header name may be.
bool is_token(std::string_view text);
// No control character but tab: such a value cannot end its header line (RFC 9110 5.5).
bool is_header_value(std::string_view text);
// Visible characters only: such a target cannot end the request line.
bool is_target(std::string_view text);
// Whether a list header such as Connection holds the element, in any of its lines.
bool list_contains(const Headers& headers, std::string_view name, std::string_view element);

std::string_view path_of(std::string_view target);
std::string_view query_of(std::string_view target);

} // namespace berth::http
