// Names of signals.
#pragma once

#include "berth/base/result.hpp"

#include <string_view>

namespace berth::runtime::cli {

// "SIGTERM", "TERM", "term", "15", "SIGRTMIN+3".
Result<int> parse_signal(std::string_view text);

} // namespace berth::runtime::cli
