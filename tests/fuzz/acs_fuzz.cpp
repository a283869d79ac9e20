// Fuzzes what the ACS connection hands us: frames, and the tasks of payloads.
#include "agent/control/acs_payload.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace berth;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto message = control::decode_frame(text);
    if (!message) return 0;
    if (const auto* payload = std::get_if<control::Payload>(&*message)) {
        const auto content = control::read_payload(*payload, [] { return ContainerId("id"); });
        std::size_t containers = 0;
        for (const auto& task : content.event.run) containers += task.containers.size();
        if (containers != content.event.ids.size()) __builtin_trap();
        if (!content.event.invalid.empty() && !control::payload_acks(payload->ids, content).empty())
            __builtin_trap();
    }
    return 0;
}
