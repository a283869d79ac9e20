// The ACS messages as values: decoding what comes in, encoding what goes out (reference 3.3, 3.4).
#pragma once

#include "berth/control/control.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace berth::control {

struct MessageIds {
    std::string message_id, cluster_arn, container_instance_arn;
};

struct Heartbeat {
    std::string message_id;
};
struct Payload {
    MessageIds ids;
    std::int64_t sequence_number = 0;
    Json tasks; // an array
};
struct RefreshedCredentials {
    std::string message_id;
    TaskCredentials credentials;
};
// AttachTaskNetworkInterfaces, AttachInstanceNetworkInterfaces, ConfirmAttachment.
struct Attachment {
    MessageIds ids;
    std::string type;
};
struct TaskManifest {
    MessageIds ids;
    std::int64_t timeline = 0;
    std::vector<TaskArn> running; // the listed tasks with desired status RUNNING
};
struct StopVerification {
    std::string message_id;
    std::vector<TaskArn> stop;
};
// StageUpdate, PerformUpdate.
struct AgentUpdate {
    MessageIds ids;
    std::string type;
};
// Close, Error.
struct Notice {
    std::string type, text;
};
using AcsMessage = std::variant<Heartbeat, Payload, RefreshedCredentials, Attachment, TaskManifest,
                                StopVerification, AgentUpdate, Notice>;

// Errors name the message's type and the field at fault; ErrorCode::not_found is a type that is not known.
Result<AcsMessage> decode_frame(std::string_view frame);

// An IAM object (3.5). An empty optional when `credentials` is null.
Result<std::optional<TaskCredentials>> read_credentials(const Json* credentials, const std::string& path,
                                                        bool execution_role, const TaskArn& task);

std::string encode_ack(const MessageIds& ids);
std::string encode_nack(const MessageIds& ids, const std::string& reason);
std::string encode_heartbeat_ack(const std::string& message_id);
std::string encode_credentials_ack(const std::string& message_id, const TaskCredentials& credentials);
std::string encode_stop_candidates(const MessageIds& manifest, const std::vector<TaskArn>& tasks);

} // namespace berth::control
