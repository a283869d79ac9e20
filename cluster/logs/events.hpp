// The operations on log events.
#pragma once

#include "cluster/model/context.hpp"
#include "cluster/model/input.hpp"

namespace berth::cluster {

Result<Json> put_log_events(Context& context, const Input& in);
Result<Json> get_log_events(Context& context, const Input& in);
Result<Json> filter_log_events(Context& context, const Input& in);

} // namespace berth::cluster
