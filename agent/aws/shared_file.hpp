// The shared credentials and configuration files of the AWS tools.
#pragma once

#include "berth/base/sigv4.hpp"

#include <optional>
#include <string_view>

namespace berth::aws {

// The keys of `section` ("default", or in the configuration file "profile NAME"). nullopt: no such section,
// or no keys in it. An error: half of a pair.
Result<std::optional<AwsCredentials>> read_profile(std::string_view text, std::string_view section);

} // namespace berth::aws
