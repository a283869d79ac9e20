// A state change as the service takes it.
#include "agent/control/state_change.hpp"

namespace berth::control {
namespace {

constexpr std::size_t kReasonLimit = 1024;
constexpr std::size_t kIdLimit = 255;

Json binding_json(const engine::NetworkBinding& binding) {
    return {{"bindIP", binding.bind_ip},
            {"containerPort", binding.container_port},
            {"hostPort", binding.host_port},
            {"protocol", binding.protocol == engine::Protocol::udp ? "udp" : "tcp"}};
}

Json container_json(const engine::ContainerChange& change) {
    Json json{{"containerName", change.name}, {"status", engine::to_string(change.status)}};
    if (!change.runtime_id.empty()) json["runtimeId"] = cut_utf8(change.runtime_id.str(), kIdLimit);
    if (!change.image_digest.empty()) json["imageDigest"] = cut_utf8(change.image_digest.str(), kIdLimit);
    if (change.exit_code) json["exitCode"] = *change.exit_code;
    if (!change.reason.empty()) json["reason"] = cut_utf8(change.reason, kReasonLimit);
    auto bindings = Json::array();
    for (const auto& binding : change.bindings)
        if (binding.bind_ip.find(':') == std::string::npos) bindings.push_back(binding_json(binding));
    if (!bindings.empty()) json["networkBindings"] = std::move(bindings);
    return json;
}

// Seconds with milliseconds, and no more digits than that.
double milliseconds(Time time) {
    return to_epoch_seconds(std::chrono::floor<std::chrono::milliseconds>(time));
}

} // namespace

std::string_view cut_utf8(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return text;
    const auto continues = [&](std::size_t at) {
        return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
    };
    // No character has more than three continuation bytes; more of them are not UTF-8 and may be cut
    // anywhere.
    for (std::size_t back = 0; back < 4 && back <= limit; ++back)
        if (!continues(limit - back)) return text.substr(0, limit - back);
    return text.substr(0, limit);
}

Json state_change_request(const std::string& cluster, const engine::StateChange& change) {
    Json json{{"cluster", cluster},
              {"task", change.task.str()},
              {"status", engine::to_string(change.status)},
              {"reason", cut_utf8(change.reason, kReasonLimit)}};
    if (change.pull_started_at) json["pullStartedAt"] = milliseconds(*change.pull_started_at);
    if (change.pull_stopped_at) json["pullStoppedAt"] = milliseconds(*change.pull_stopped_at);
    if (change.execution_stopped_at) json["executionStoppedAt"] = milliseconds(*change.execution_stopped_at);
    if (!change.containers.empty()) {
        auto containers = Json::array();
        for (const auto& container : change.containers) containers.push_back(container_json(container));
        json["containers"] = std::move(containers);
    }
    return json;
}

} // namespace berth::control
