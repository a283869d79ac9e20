// WWW-Authenticate: the challenges of a 401 answer (RFC 9110, 11.6.1).
#pragma once

#include "berth/base/result.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace berth::images {

struct Challenge {
    std::string scheme;                            // lower case: "bearer", "basic"
    std::map<std::string, std::string> parameters; // names in lower case
    // "" when absent
    const std::string& parameter(const std::string& name) const;
};

// One header value may hold several challenges.
Result<std::vector<Challenge>> parse_challenges(std::string_view header);

} // namespace berth::images
