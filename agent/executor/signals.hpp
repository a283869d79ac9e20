// Signal names as Docker accepts them: "SIGTERM", "TERM", "15", "SIGRTMIN+3".
#pragma once

#include "berth/base/result.hpp"

#include <string_view>

namespace berth::executor {

Result<int> parse_signal(std::string_view text);

} // namespace berth::executor
