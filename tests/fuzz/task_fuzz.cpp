// Fuzzes the parsing of a task, with the JSON texts inside it, and of what the store keeps of it.
#include "berth/engine/task.hpp"

#include "berth/engine/state.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace berth;
    const auto json = parse_json(std::string_view(reinterpret_cast<const char*>(data), size));
    if (!json) return 0;
    (void)engine::task_state_from_json(*json);
    const auto task = engine::parse_task(*json);
    if (!task) {
        if (task.error().message().empty()) __builtin_trap();
        return 0;
    }
    // What was accepted survives the store, and is named after its ARN.
    const auto stored = engine::to_json(*task);
    const auto back = engine::task_from_json(*parse_json(dump_json(stored)));
    if (!back || engine::to_json(*back) != stored || task->id().empty() || task->containers.empty())
        __builtin_trap();
    return 0;
}
