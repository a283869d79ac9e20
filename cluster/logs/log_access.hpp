// Shared by the operations of CloudWatch Logs: which group and stream a request means.
#pragma once

#include "cluster/model/context.hpp"
#include "cluster/model/input.hpp"

namespace berth::cluster {

// By logGroupName, or logGroupIdentifier (a name or an ARN). ResourceNotFoundException. Checks `in`.
Result<const LogGroup*> find_group(const World& world, const Input& in);
// The key of the stream that logStreamName names in that group.
Result<std::string> find_stream(const World& world, const Input& in);

std::int64_t milliseconds(Time time);

} // namespace berth::cluster
