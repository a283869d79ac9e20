// One ACS connection, from the handshake to its end: reads, answers, watches its timers.
#pragma once

#include "berth/base/http/websocket.hpp"

#include "agent/control/acs_messages.hpp"
#include "agent/control/manifest.hpp"
#include "agent/control/reconnect.hpp"
#include "agent/control/timing.hpp"

#include <memory>

namespace berth::control {

// What sessions share; outlives them.
struct SessionContext {
    Executor executor;
    const Timing* timing;
    aws::Random random;
    Log log;
    const ControlHandlers* handlers;
    ManifestTracker* manifests;
    ConnectionState* state;
};

// Messages are handled one at a time, in the order they came. Event loop only; must outlive run().
class AcsSession {
  public:
    AcsSession(SessionContext context, std::shared_ptr<http::WebSocket> socket);
    Async<SessionEnd> run();

  private:
    Async<SessionEnd> read_until_end();
    SessionEnd end_for(const Error& error) const;
    Async<void> expire();
    Async<void> handle(std::string frame);
    Async<void> send(std::string frame);

    Async<void> on(Heartbeat message);
    Async<void> on(Payload message);
    Async<void> on(RefreshedCredentials message);
    Async<void> on(Attachment message);
    Async<void> on(TaskManifest message);
    Async<void> on(StopVerification message);
    Async<void> on(AgentUpdate message);
    Async<void> on(Notice message);

    SessionContext context_;
    std::shared_ptr<http::WebSocket> socket_;
    std::chrono::nanoseconds inactivity_;
    Deadline started_, last_activity_;
};

} // namespace berth::control
