// The server's side of ACS (reference: ACS, messages).
#include "cluster/server/acs_link.hpp"

#include "cluster/model/fields.hpp"
#include "cluster/payload/payload.hpp"

#include <algorithm>

namespace berth::cluster {
namespace {

constexpr auto kResendAfter = std::chrono::seconds(60);
constexpr auto kRefreshCredentials = std::chrono::hours(5);

std::string frame_of(const char* type, Json message) {
    return dump_json(Json{{"type", type}, {"message", std::move(message)}});
}

std::int64_t milliseconds_of(Time time) {
    return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

// Numbers payloads and manifests: an agent compares the two to tell which it must believe.
std::int64_t next_sequence(World& world, const std::string& instance) {
    Instance* found = world.instances.edit(instance);
    return found ? ++found->sequence : 0;
}

void append(Frames& frames, Frames more) { std::ranges::move(more, std::back_inserter(frames)); }

} // namespace

Json AcsLink::addressed(Context& context, std::string message_id) const {
    const Instance* instance = context.world.instances.find(instance_);
    return Json{{"messageId", std::move(message_id)},
                {"clusterArn", context.world.identity.cluster(instance ? instance->cluster : "")},
                {"containerInstanceArn", instance_},
                {"generatedAt", milliseconds_of(context.now)}};
}

Frames AcsLink::open(Context& context, bool send_credentials) {
    Frames frames;
    const Instance* instance = context.world.instances.find(instance_);
    if (instance && std::ranges::find(instance->attributes, "ecs.capability.full-sync", &Attribute::name) !=
                        instance->attributes.end())
        frames.push_back(manifest(context));
    if (!send_credentials) return frames;
    std::vector<std::string> tasks;
    for (const auto& [arn, task] : context.world.tasks)
        if (task.instance == instance_ && task.delivered && task.last != TaskStatus::stopped)
            tasks.push_back(arn);
    for (const std::string& arn : tasks) append(frames, credentials(context, arn));
    return frames;
}

std::string AcsLink::manifest(Context& context) const {
    Json message = addressed(context, context.make_uuid());
    message["timeline"] = next_sequence(context.world, instance_);
    message["tasks"] = Json::array();
    for (const auto& [arn, task] : context.world.tasks)
        if (task.instance == instance_ && task.desired == TaskStatus::running)
            message["tasks"].push_back({{"taskArn", arn},
                                        {"taskClusterArn", context.world.identity.cluster(task.cluster)},
                                        {"desiredStatus", "RUNNING"}});
    return frame_of("TaskManifestMessage", std::move(message));
}

Frames AcsLink::credentials(Context& context, const std::string& task_arn) const {
    Frames frames;
    const Task& task = *context.world.tasks.find(task_arn);
    const Definition* definition = context.world.definitions.find(task.definition);
    if (!definition) return frames;
    const auto add = [&](const char* type, const std::string& id, const std::string& role) {
        if (id.empty()) return;
        Json message{{"messageId", context.make_uuid()},
                     {"taskArn", task.arn},
                     {"taskClusterArn", context.world.identity.cluster(task.cluster)},
                     {"roleType", type},
                     {"roleCredentials", role_credentials(context, id, role)}};
        frames.push_back(frame_of("IAMRoleCredentialsMessage", std::move(message)));
    };
    add("TaskApplication", task.role_credentials, task_role(task, *definition));
    add("TaskExecution", task.execution_credentials, execution_role(task, *definition));
    if (!frames.empty()) context.world.tasks.edit(task_arn)->credentials_issued = context.now;
    return frames;
}

std::string AcsLink::payload(Context& context, const std::string& task_arn) {
    Task& task = *context.world.tasks.edit(task_arn);
    const Definition& definition = *context.world.definitions.find(task.definition);
    task.sent = true;
    if (!task.role_credentials.empty() || !task.execution_credentials.empty())
        task.credentials_issued = context.now;
    const std::string id = context.make_uuid();
    in_flight_[id] = {task.arn, task.desired, context.now};
    Json message = addressed(context, id);
    message["seqNum"] = next_sequence(context.world, instance_);
    message["tasks"] = Json::array({translate_task(context, task, definition)});
    return frame_of("PayloadMessage", std::move(message));
}

Frames AcsLink::collect(Context& context) {
    const auto is_under_way = [this](const Task& task) {
        return std::ranges::any_of(in_flight_, [&](const auto& entry) {
            return entry.second.task == task.arn && entry.second.desired == task.desired;
        });
    };
    std::vector<std::string> payloads, refreshes;
    for (const auto& [arn, task] : context.world.tasks) {
        if (task.instance != instance_ || task.last == TaskStatus::stopped) continue;
        if (task.delivered != task.desired && !is_under_way(task) &&
            context.world.definitions.find(task.definition))
            payloads.push_back(arn);
        else if (task.credentials_issued && context.now - *task.credentials_issued > kRefreshCredentials)
            refreshes.push_back(arn);
    }
    Frames frames;
    for (const std::string& arn : payloads) frames.push_back(payload(context, arn));
    for (const std::string& arn : refreshes) append(frames, credentials(context, arn));
    return frames;
}

Frames AcsLink::beat(Context& context) {
    ++unanswered_;
    std::erase_if(in_flight_,
                  [&](const auto& entry) { return context.now - entry.second.when > kResendAfter; });
    Json message{{"messageId", context.make_uuid()}, {"healthy", true}};
    return {frame_of("HeartbeatMessage", std::move(message))};
}

void AcsLink::acknowledge(Context& context, const std::string& message_id) {
    const auto it = in_flight_.find(message_id);
    if (it == in_flight_.end()) return; // of a manifest, or of a payload that was given up
    if (Task* task = context.world.tasks.edit(it->second.task)) {
        task->delivered = std::max(task->delivered.value_or(it->second.desired), it->second.desired);
        if (!task->connected) task->connected = context.now;
    }
    in_flight_.erase(it);
}

// The agent asks before it stops tasks that the manifest did not list: only what really shall not run here.
std::string AcsLink::verify_stops(const Context& context, const Json& message) const {
    Json confirmed = Json::array();
    for (const Json& candidate : list_of(message, "stopCandidates")) {
        const auto arn = text_of(candidate, "taskArn");
        const Task* task = context.world.tasks.find(arn);
        if (arn.empty() || (task && task->instance == instance_ && task->desired == TaskStatus::running))
            continue;
        confirmed.push_back({{"taskArn", arn},
                             {"taskClusterArn", text_of(candidate, "taskClusterArn")},
                             {"desiredStatus", "STOPPED"}});
    }
    return frame_of("TaskStopVerificationAck", Json{{"messageId", text_of(message, "messageId")},
                                                    {"generatedAt", milliseconds_of(context.now)},
                                                    {"stopTasks", std::move(confirmed)}});
}

Result<Frames> AcsLink::receive(Context& context, std::string_view frame) {
    const auto json = parse_json(frame, {.max_bytes = std::size_t{2} << 20, .max_depth = 16});
    if (!json) return fail(json.error(), "ACS frame");
    const auto type = text_of(*json, "type");
    const Json& message = object_of(*json, "message");
    if (type == "AckRequest") {
        acknowledge(context, text_of(message, "messageId"));
    } else if (type == "HeartbeatAckRequest") {
        unanswered_ = 0;
    } else if (type == "TaskStopVerificationMessage") {
        return Frames{verify_stops(context, message)};
    } else if (type == "NackRequest") {
        return fail(ErrorCode::protocol, "the agent refuses message {}: {}",
                    text_of(message, "messageId").substr(0, 64), text_of(message, "reason").substr(0, 256));
    } else if (type != "IAMRoleCredentialsAckRequest") {
        return fail(ErrorCode::protocol, "ACS frame of unknown type \"{}\"", type.substr(0, 64));
    }
    return Frames();
}

} // namespace berth::cluster
