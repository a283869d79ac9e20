// The one HTTP server: plain HTTP/1.1 with keep-alive and limits, and WebSocket upgrades.
//
// Lives on the event loop. Slow or malformed clients get 400, 408, 413 or 431 and are dropped. An exception
// out of a handler becomes a 500.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/http/message.hpp"
#include "berth/base/http/websocket.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>

namespace berth::http {

struct Peer {
    std::string address;
    std::uint16_t port = 0;
};

using Handler = std::function<Async<Response>(Request, Peer)>;
// Runs the session; the connection is closed when it returns.
using WebSocketSession = std::function<Async<void>(std::shared_ptr<WebSocket>)>;
// Decides on an upgrade: a session, or the response that refuses it.
using UpgradeHandler = std::function<Async<std::expected<WebSocketSession, Response>>(Request, Peer)>;

struct ServerOptions {
    std::size_t max_header_bytes = 32 << 10;
    std::size_t max_body_bytes = 1 << 20;
    std::size_t max_message_bytes = std::size_t{8} << 20; // WebSocket
    std::size_t max_connections = 512;
    std::chrono::milliseconds request_timeout{5'000};  // from first byte to the whole request; also each write
    std::chrono::milliseconds idle_timeout{60'000};    // between requests of one connection
};

class Server {
  public:
    // Port 0 takes a free one. address is an IP address.
    static Result<std::unique_ptr<Server>> listen(Executor executor, const std::string& address, std::uint16_t port,
                                                  Handler handler, ServerOptions options = {},
                                                  UpgradeHandler upgrade = {});
    virtual ~Server() = default;
    virtual std::uint16_t port() const = 0;
    // Stops accepting, ends all connections, cancels suspended handlers. These wind up on the event loop later:
    // what a handler refers to after a suspension it must own together with others.
    virtual void stop() = 0;
};

} // namespace berth::http
