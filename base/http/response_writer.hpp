// The server's answers on the wire.
#pragma once

#include "berth/base/http/message.hpp"

#include "base/http/connection.hpp"

#include <chrono>
#include <memory>

namespace berth::http {

bool asks_to_close(const Response& response);

// Status line, header and body as they go out. Framing headers are ours; a header that would break the
// message turns it into a 500.
std::string response_head(const Response& response, bool keep_alive);

// Each piece must be taken within `timeout`.
Async<SystemError> write_response(std::shared_ptr<Connection> connection, Response response, bool head_only,
                                  bool keep_alive, std::chrono::milliseconds timeout);

} // namespace berth::http
