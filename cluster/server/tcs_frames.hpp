// Telemetry frames: a header block that signs the frame, then JSON (reference: TCS, connection).
#pragma once

#include "berth/base/http/message.hpp"

#include "cluster/model/context.hpp"

#include <string>
#include <string_view>

namespace berth::cluster {

// As the request that its signature covers: a GET of the connection's target with the frame's headers, the
// JSON as its body.
Result<http::Request> split_telemetry_frame(std::string_view frame, std::string target);

// Takes in what a verified frame says (health of containers) and gives the frame that acknowledges it.
Result<std::string> receive_telemetry(Context& context, const std::string& instance_arn,
                                      std::string_view json);

} // namespace berth::cluster
