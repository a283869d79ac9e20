// The known name that a misspelt one probably means.
#pragma once

#include <optional>
#include <string_view>

namespace berth::config {

// Nothing when no name in the table is near.
std::optional<std::string_view> nearest_name(std::string_view name);

} // namespace berth::config
