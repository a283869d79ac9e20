// step(): one event in, its rule, then whatever freed resources let in.
#include "berth/engine/core.hpp"

#include "agent/engine/rules.hpp"

#include <algorithm>

namespace berth::engine {

void Turn::save(const TaskState& task) {
    if (std::ranges::find(out.changed, task.spec.arn) == out.changed.end())
        out.changed.push_back(task.spec.arn);
}

TaskState* find_task(EngineState& state, const TaskArn& arn) {
    const auto found = state.tasks.find(arn);
    return found == state.tasks.end() ? nullptr : &found->second;
}

void with_part(Turn& turn, const TaskArn& arn, const std::string& name,
               const std::function<void(Part)>& use) {
    TaskState* task = find_task(turn.state, arn);
    if (task == nullptr) return;
    const ContainerSpec* spec = task->spec.find(name);
    const auto state = task->containers.find(name);
    if (spec != nullptr && state != task->containers.end()) use(Part{*task, *spec, state->second});
}

Outcome step(EngineState& state, const Event& event) {
    Turn turn{.state = state, .at = event.at};
    std::visit([&](const auto& what) { on(turn, what); }, event.what);
    while (std::exchange(turn.resources_freed, false)) admit(turn);
    // A task that came and went within the turn has nothing left to commit.
    std::erase_if(turn.out.changed, [&](const TaskArn& arn) { return !state.tasks.contains(arn); });
    return std::move(turn.out);
}

} // namespace berth::engine
