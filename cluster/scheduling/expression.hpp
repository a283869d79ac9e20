// The cluster query language, as far as attributes go: "attribute:rack == r1 and not attribute:gpu exists".
//
// Subjects: attribute:NAME, ec2InstanceId, agentConnected, task:group. Operators: ==, equals, !=, not_equals,
// in [a, b], !in, not_in, exists, !exists, not_exists; and, or, not, parentheses. Patterns (=~) and order (<)
// are refused.
#pragma once

#include "berth/base/result.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::cluster {

// The values of a subject on one instance: none if it has none, "" for a name without value.
using Facts = std::function<std::vector<std::string>(std::string_view subject)>;
using Expression = std::function<bool(const Facts&)>;

Result<Expression> parse_expression(std::string_view text);

} // namespace berth::cluster
