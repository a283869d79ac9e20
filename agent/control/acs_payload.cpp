// From a PayloadMessage to the engine's event.
#include "agent/control/acs_payload.hpp"

namespace berth::control {
namespace {

Status collect_credentials(const JsonReader& task, const TaskArn& arn, std::vector<TaskCredentials>& into) {
    const std::pair<std::string_view, bool> members[]{{"roleCredentials", false},
                                                      {"executionRoleCredentials", true}};
    for (const auto& [key, execution] : members) {
        const auto object = task.object(key);
        if (!object) return fail(object.error());
        auto read = read_credentials(*object, task.path_of(key), execution, arn);
        if (!read) return fail(std::move(read.error()));
        if (auto set = std::move(*read)) into.push_back(std::move(*set));
    }
    return {};
}

// Adds one task to `content`. A task that is to stop needs no more than its name: it must not run on because
// something else in it cannot be understood.
Status read_task(const JsonReader& reader, const Json& task, const TaskArn& arn, PayloadContent& content,
                 const std::function<ContainerId()>& make_id) {
    const auto desired = reader.required_string("desiredStatus");
    if (!desired) return fail(desired.error());
    std::vector<TaskCredentials> credentials;
    auto collected = collect_credentials(reader, arn, credentials);
    if (*desired == "STOPPED") {
        content.event.stop.push_back(arn);
        if (!collected) return {};
    } else if (*desired == "RUNNING") {
        if (!collected) return collected;
        auto spec = engine::parse_task(task);
        if (!spec) return fail(std::move(spec.error()));
        for (std::size_t i = 0; i < spec->containers.size(); ++i) content.event.ids.push_back(make_id());
        content.event.run.push_back(std::move(*spec));
    } else {
        return fail(ErrorCode::invalid, "desiredStatus: expected RUNNING or STOPPED, got \"{}\"",
                    desired->substr(0, 64));
    }
    for (auto& set : credentials) content.credentials.push_back(std::move(set));
    return {};
}

} // namespace

PayloadContent read_payload(const Payload& payload, const std::function<ContainerId()>& make_id) {
    PayloadContent content;
    content.event.message_id = payload.ids.message_id;
    for (const auto& task : payload.tasks) {
        if (!task.is_object()) {
            content.event.invalid.push_back({TaskArn(), "expected an object"});
            continue;
        }
        const JsonReader reader(task, {}, true);
        const auto arn = reader.required_string("arn");
        if (!arn || arn->empty()) {
            content.event.invalid.push_back({TaskArn(), arn ? "arn: empty" : arn.error().message()});
            continue;
        }
        const TaskArn name(*arn);
        if (auto read = read_task(reader, task, name, content, make_id); !read)
            content.event.invalid.push_back({name, read.error().message()});
    }
    return content;
}

std::vector<std::string> payload_acks(const MessageIds& ids, const PayloadContent& content) {
    if (!content.event.invalid.empty()) return {};
    std::vector<std::string> frames{encode_ack(ids)};
    for (const auto& set : content.credentials) frames.push_back(encode_credentials_ack(ids.message_id, set));
    return frames;
}

} // namespace berth::control
