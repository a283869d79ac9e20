// The ACS wire format.
#include "agent/control/acs_messages.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace berth::control {
namespace {

constexpr std::size_t kShown = 64;

// Collects fields of one message; the first problem sticks and ends up as the error of finish().
class Fields {
  public:
    Fields(const Json& object, std::string path) : reader_(object, std::move(path), true) {}

    std::string text(std::string_view key) { return take(reader_.string(key)).value_or(""); }
    std::string required(std::string_view key) {
        auto value = text(key);
        if (value.empty() && !problem_)
            problem_ = Error(ErrorCode::invalid, fmt::format("{}: missing or empty", reader_.path_of(key)));
        return value;
    }
    std::int64_t integer(std::string_view key) { return take(reader_.integer(key)).value_or(0); }
    const Json* object(std::string_view key) { return take(reader_.object(key)); }
    const Json* array(std::string_view key) { return take(reader_.array(key)); }
    std::string path_of(std::string_view key) const { return reader_.path_of(key); }
    void note(Error problem) {
        if (!problem_) problem_ = std::move(problem);
    }

    MessageIds ids() {
        return {required("messageId"), required("clusterArn"), required("containerInstanceArn")};
    }
    MessageIds optional_ids() {
        return {text("messageId"), text("clusterArn"), text("containerInstanceArn")};
    }

    Result<AcsMessage> finish(AcsMessage message) {
        if (problem_) return fail(std::move(*problem_));
        return message;
    }

  private:
    template <class T>
    T take(Result<T> value) {
        if (value) return std::move(*value);
        note(std::move(value.error()));
        return {};
    }

    JsonReader reader_;
    std::optional<Error> problem_;
};

// The ARNs of a list of {taskArn, desiredStatus}, all of them or only those with the given status.
std::vector<TaskArn> task_list(Fields& fields, std::string_view key, std::string_view status) {
    std::vector<TaskArn> tasks;
    const auto* list = fields.array(key);
    if (!list) return tasks;
    for (std::size_t i = 0; i < list->size(); ++i) {
        const auto path = fmt::format("{}[{}]", fields.path_of(key), i);
        if (!(*list)[i].is_object()) {
            fields.note(Error(ErrorCode::invalid, path + ": expected an object"));
            return tasks;
        }
        const JsonReader reader((*list)[i], path, true);
        auto arn = reader.required_string("taskArn");
        auto desired = reader.string("desiredStatus");
        if (!arn || !desired) {
            fields.note(std::move(!arn ? arn.error() : desired.error()));
            return tasks;
        }
        if (status.empty() || *desired == status) tasks.emplace_back(std::move(*arn));
    }
    return tasks;
}

Result<AcsMessage> heartbeat(Fields fields, const std::string&) {
    return fields.finish(Heartbeat{fields.text("messageId")});
}

Result<AcsMessage> payload(Fields fields, const std::string&) {
    Payload message{fields.ids(), fields.integer("seqNum"), Json::array()};
    if (const auto* tasks = fields.array("tasks")) message.tasks = *tasks;
    return fields.finish(std::move(message));
}

Result<AcsMessage> credentials(Fields fields, const std::string&) {
    RefreshedCredentials message;
    message.message_id = fields.required("messageId");
    const TaskArn task(fields.required("taskArn"));
    const auto role = fields.required("roleType");
    if (role != "TaskApplication" && role != "TaskExecution")
        fields.note(Error(ErrorCode::invalid,
                          fields.path_of("roleType") + ": expected TaskApplication or TaskExecution"));
    const auto path = fields.path_of("roleCredentials");
    auto read = read_credentials(fields.object("roleCredentials"), path, role == "TaskExecution", task);
    if (!read)
        fields.note(std::move(read.error()));
    else if (auto set = std::move(*read))
        message.credentials = std::move(*set);
    else
        fields.note(Error(ErrorCode::invalid, path + ": missing"));
    return fields.finish(std::move(message));
}

void require_positive_wait(Fields& fields) {
    if (fields.integer("waitTimeoutMs") <= 0)
        fields.note(Error(ErrorCode::invalid, fields.path_of("waitTimeoutMs") + ": expected more than 0"));
}

Result<AcsMessage> interfaces(Fields fields, const std::string& type) {
    Attachment message{fields.ids(), type};
    if (type == "AttachTaskNetworkInterfacesMessage") fields.required("taskArn");
    require_positive_wait(fields);
    const auto* list = fields.array("elasticNetworkInterfaces");
    if (!list || list->empty())
        fields.note(
            Error(ErrorCode::invalid, fields.path_of("elasticNetworkInterfaces") + ": missing or empty"));
    return fields.finish(std::move(message));
}

Result<AcsMessage> attachment(Fields fields, const std::string& type) {
    Attachment message{fields.ids(), type};
    if (!fields.object("attachment"))
        fields.note(Error(ErrorCode::invalid, fields.path_of("attachment") + ": missing"));
    return fields.finish(std::move(message));
}

Result<AcsMessage> manifest(Fields fields, const std::string&) {
    TaskManifest message{fields.optional_ids(), fields.integer("timeline"),
                         task_list(fields, "tasks", "RUNNING")};
    return fields.finish(std::move(message));
}

Result<AcsMessage> verification(Fields fields, const std::string&) {
    return fields.finish(StopVerification{fields.required("messageId"), task_list(fields, "stopTasks", "")});
}

Result<AcsMessage> update(Fields fields, const std::string& type) {
    AgentUpdate message{fields.optional_ids(), type};
    fields.required("messageId");
    return fields.finish(std::move(message));
}

Result<AcsMessage> notice(Fields fields, const std::string& type) {
    return fields.finish(Notice{type, fields.text("message")});
}

using Decoder = Result<AcsMessage> (*)(Fields fields, const std::string& type);
constexpr std::array<std::pair<std::string_view, Decoder>, 12> kDecoders{{
    {"HeartbeatMessage", heartbeat},
    {"PayloadMessage", payload},
    {"IAMRoleCredentialsMessage", credentials},
    {"AttachTaskNetworkInterfacesMessage", interfaces},
    {"AttachInstanceNetworkInterfacesMessage", interfaces},
    {"ConfirmAttachmentMessage", attachment},
    {"TaskManifestMessage", manifest},
    {"TaskStopVerificationAck", verification},
    {"StageUpdateMessage", update},
    {"PerformUpdateMessage", update},
    {"CloseMessage", notice},
    {"ErrorMessage", notice},
}};

std::string encode(const char* type, Json message) {
    const Json frame{{"type", type}, {"message", std::move(message)}};
    return dump_json(frame);
}

Json answer_to(const MessageIds& ids) {
    return {{"cluster", ids.cluster_arn},
            {"containerInstance", ids.container_instance_arn},
            {"messageId", ids.message_id}};
}

} // namespace

Result<AcsMessage> decode_frame(std::string_view frame) {
    const auto json = parse_json(frame);
    if (!json) return fail(ErrorCode::invalid, "not JSON: {}", json.error().message());
    if (!json->is_object()) return fail(ErrorCode::invalid, "not a JSON object");
    const JsonReader reader(*json);
    const auto type = reader.required_string("type");
    if (!type) return fail(type.error());
    const auto found = std::ranges::find(kDecoders, *type, &std::pair<std::string_view, Decoder>::first);
    if (found == kDecoders.end())
        return fail(ErrorCode::not_found, "message type \"{}\" is not known", type->substr(0, kShown));
    const auto message = reader.object("message");
    if (!message) return fail(message.error(), "{}", *type);
    const Json none = Json::object();
    return found->second(Fields(*message ? **message : none, *type), *type);
}

Result<std::optional<TaskCredentials>> read_credentials(const Json* credentials, const std::string& path,
                                                        bool execution_role, const TaskArn& task) {
    if (!credentials) return std::nullopt;
    const JsonReader reader(*credentials, path, true);
    TaskCredentials out;
    out.execution_role = execution_role;
    out.task = task;
    const std::pair<std::string_view, std::string*> fields[]{
        {"credentialsId", &out.credentials_id}, {"roleArn", &out.role_arn},
        {"accessKeyId", &out.access_key_id},    {"secretAccessKey", &out.secret_access_key},
        {"sessionToken", &out.session_token},   {"expiration", &out.expiration},
    };
    for (const auto& [key, target] : fields) {
        auto value = reader.string(key);
        if (!value) return fail(std::move(value.error()));
        *target = value->value_or("");
    }
    if (out.credentials_id.empty())
        return fail(ErrorCode::invalid, "{}: missing or empty", reader.path_of("credentialsId"));
    return out;
}

std::string encode_ack(const MessageIds& ids) { return encode("AckRequest", answer_to(ids)); }

std::string encode_nack(const MessageIds& ids, const std::string& reason) {
    auto message = answer_to(ids);
    message["reason"] = reason;
    return encode("NackRequest", std::move(message));
}

std::string encode_heartbeat_ack(const std::string& message_id) {
    auto message = Json::object();
    message["messageId"] = message_id;
    return encode("HeartbeatAckRequest", std::move(message));
}

std::string encode_credentials_ack(const std::string& message_id, const TaskCredentials& credentials) {
    return encode("IAMRoleCredentialsAckRequest", {{"messageId", message_id},
                                                   {"expiration", credentials.expiration},
                                                   {"credentialsId", credentials.credentials_id}});
}

std::string encode_stop_candidates(const MessageIds& manifest, const std::vector<TaskArn>& tasks) {
    auto candidates = Json::array();
    for (const auto& task : tasks)
        candidates.push_back({{"taskArn", task.str()},
                              {"taskClusterArn", manifest.cluster_arn},
                              {"desiredStatus", "STOPPED"}});
    return encode("TaskStopVerificationMessage",
                  {{"messageId", manifest.message_id}, {"stopCandidates", std::move(candidates)}});
}

} // namespace berth::control
