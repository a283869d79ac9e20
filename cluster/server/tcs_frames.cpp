// Parsing telemetry.
#include "cluster/server/tcs_frames.hpp"

#include "cluster/model/fields.hpp"

#include <algorithm>
#include <array>

namespace berth::cluster {
namespace {

constexpr std::size_t kMaxHeaderBytes = 16 << 10;
constexpr std::size_t kMaxHeaders = 32;

void apply_health(Context& context, const std::string& instance_arn, const Json& message) {
    for (const Json& reported : list_of(message, "tasks")) {
        const auto arn = text_of(reported, "taskArn");
        const Task* known = context.world.tasks.find(arn);
        if (!known || known->instance != instance_arn || known->last == TaskStatus::stopped) continue;
        for (const Json& container : list_of(reported, "containers")) {
            const auto status = text_of(container, "healthStatus");
            if (status != "HEALTHY" && status != "UNHEALTHY" && status != "UNKNOWN") continue;
            const auto name = text_of(container, "containerName");
            const auto found = std::ranges::find(known->containers, name, &TaskContainer::name);
            if (found == known->containers.end() || found->health == status) continue;
            Task& task = *context.world.tasks.edit(arn);
            std::ranges::find(task.containers, name, &TaskContainer::name)->health = status;
            ++task.version;
        }
    }
}

} // namespace

Result<http::Request> split_telemetry_frame(std::string_view frame, std::string target) {
    const auto end = frame.find("\r\n\r\n");
    if (end == std::string_view::npos || end > kMaxHeaderBytes)
        return fail(ErrorCode::protocol, "telemetry frame: it does not start with a block of headers");
    http::Request request("GET", std::move(target));
    std::string_view block = frame.substr(0, end + 2);
    while (!block.empty()) {
        const auto line = block.substr(0, block.find("\r\n"));
        block.remove_prefix(line.size() + 2);
        const auto colon = line.find(':');
        if (colon == 0 || colon == std::string_view::npos || request.headers.size() == kMaxHeaders)
            return fail(ErrorCode::protocol, "telemetry frame: a header line is not \"Name: value\"");
        auto value = line.substr(colon + 1);
        value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
        request.headers.add(std::string(line.substr(0, colon)), std::string(value));
    }
    // The query of a websocket is read as its upgrade was, '+' as a space.
    request.headers.set("Upgrade", "websocket");
    request.body = frame.substr(end + 4);
    return request;
}

Result<std::string> receive_telemetry(Context& context, const std::string& instance_arn,
                                      std::string_view text) {
    const auto json = parse_json(text, {.max_bytes = std::size_t{2} << 20, .max_depth = 32});
    if (!json) return fail(json.error(), "telemetry frame");
    const auto type = text_of(*json, "type");
    constexpr std::array<std::pair<const char*, const char*>, 3> kAnswers{{
        {"PublishMetricsRequest", "AckPublishMetric"},
        {"PublishHealthRequest", "AckPublishHealth"},
        {"PublishInstanceStatusRequest", "AckPublishInstanceStatus"},
    }};
    for (const auto& [asked, answer] : kAnswers) {
        if (type != asked) continue;
        if (type == "PublishHealthRequest") apply_health(context, instance_arn, object_of(*json, "message"));
        return dump_json(Json{{"type", answer}, {"message", {{"message", "ok"}}}});
    }
    return fail(ErrorCode::protocol, "telemetry frame of unknown type \"{}\"", type.substr(0, 64));
}

} // namespace berth::cluster
