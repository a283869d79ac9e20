// AcsLink: what one ACS connection has sent and what was acknowledged. Pure: frames in, frames out.
//
// A task is sent when the agent has not acknowledged its desired status. A payload holds one task, so that
// one that an agent cannot read (it then acknowledges nothing) never holds up another.
#pragma once

#include "cluster/model/context.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace berth::cluster {

using Frames = std::vector<std::string>;

class AcsLink {
  public:
    explicit AcsLink(std::string instance_arn) : instance_(std::move(instance_arn)) {}

    const std::string& instance() const { return instance_; }
    // After the connection was made: the list of tasks that shall run, and all role keys if asked for.
    Frames open(Context& context, bool send_credentials);
    // Payloads and fresh role keys that are due.
    Frames collect(Context& context);
    // Once per interval: a heartbeat; payloads that were not acknowledged for long will be sent again.
    Frames beat(Context& context);
    // The agent has left several heartbeats unanswered.
    bool is_dead() const { return unanswered_ > 3; }
    // What the agent said. An error names what was wrong with the frame; the connection goes on.
    Result<Frames> receive(Context& context, std::string_view frame);

  private:
    struct Sent {
        std::string task;
        TaskStatus desired;
        Time when;
    };
    std::string payload(Context& context, const std::string& task_arn);
    std::string manifest(Context& context) const;
    Frames credentials(Context& context, const std::string& task_arn) const;
    Json addressed(Context& context, std::string message_id) const;
    void acknowledge(Context& context, const std::string& message_id);
    std::string verify_stops(const Context& context, const Json& message) const;

    std::string instance_;
    std::map<std::string, Sent> in_flight_; // by message id
    int unanswered_ = 0;
};

} // namespace berth::cluster
