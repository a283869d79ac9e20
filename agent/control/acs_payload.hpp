// What a PayloadMessage asks of the engine, and how it is acknowledged (reference 3.6). Pure.
#pragma once

#include "agent/control/acs_messages.hpp"

#include <functional>
#include <string>
#include <vector>

namespace berth::control {

struct PayloadContent {
    engine::PayloadReceived event;
    std::vector<TaskCredentials> credentials; // of the valid tasks
};

// `make_id` gives a fresh container id each time.
PayloadContent read_payload(const Payload& payload, const std::function<ContainerId()>& make_id);

// The frames that acknowledge a payload that was committed. None when one of its tasks was invalid: the
// service sends such a payload again.
std::vector<std::string> payload_acks(const MessageIds& ids, const PayloadContent& content);

} // namespace berth::control
