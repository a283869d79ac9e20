// WebSocket connections, either side. Pings are answered inside read(). Text and binary are not told apart
// on reading; text is written.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/http/client.hpp"
#include "berth/base/http/message.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace berth::http {

class WebSocket {
  public:
    virtual ~WebSocket() = default;
    // One message. Only one read at a time. ErrorCode::closed after the peer closed (see close_code);
    // ErrorCode::limit when the message is over the size given at the start: the connection is then closed
    // with 1009. ErrorCode::timeout, and cancelling the read, end the connection too.
    virtual Async<Result<std::string>> read(Deadline deadline) = 0;
    // Concurrent writes are queued in order.
    virtual Async<Status> write(std::string text, Deadline deadline) = 0;
    // Sends a close frame; the read side then ends. Never fails: a dead peer is only dropped.
    virtual Async<void> close(std::uint16_t code, std::string reason, Deadline deadline) = 0;
    // Drops the TCP connection now; pending operations end with an error.
    virtual void abort() = 0;
    // Code of the close frame received, 1006 when the connection ended without one, 0 while open.
    virtual std::uint16_t close_code() const = 0;
};

// Client side. A refused upgrade is an error with http_status() set and the body (at most 64 KiB) at the end
// of its message, after "\n". `headers` must hold the signature.
Async<Result<std::unique_ptr<WebSocket>>> connect_websocket(Url url, Headers headers, ClientOptions options,
                                                            std::size_t max_message, Deadline deadline);

} // namespace berth::http
