// The server's side of the start of a websocket.
#pragma once

#include "berth/base/http/websocket.hpp"

#include "base/http/connection.hpp"

namespace berth::http {

// Answers an upgrade request that has been read; `unread` are the bytes that followed it. A request that is
// no proper handshake is answered with 400 or 426 and is an error.
Async<Result<std::shared_ptr<WebSocket>>> accept_websocket(std::shared_ptr<Connection> connection,
                                                           std::string unread, Request request,
                                                           std::size_t max_message, Deadline deadline);

} // namespace berth::http
