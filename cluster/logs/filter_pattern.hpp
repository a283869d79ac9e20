// Filter patterns of CloudWatch Logs, as far as terms go: error "exit code" -debug ?warn ?fail
#pragma once

#include "berth/base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace berth::cluster {

struct FilterPattern {
    std::vector<std::string> all;  // each must occur
    std::vector<std::string> any;  // if there are some, one must occur
    std::vector<std::string> none; // none may occur
};

// Patterns on JSON ({…}), columns ([…]) and regular expressions (%…%) are refused.
Result<FilterPattern> parse_filter_pattern(std::string_view text);
bool matches(const FilterPattern& pattern, std::string_view message);

} // namespace berth::cluster
