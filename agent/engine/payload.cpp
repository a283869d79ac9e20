// What the control plane asks for: new tasks, stops, and tasks that make no sense.
#include "agent/engine/rules.hpp"

#include <algorithm>

namespace berth::engine {

namespace {

std::uint64_t next_order(const EngineState& state) {
    std::uint64_t last = 0;
    for (const auto& [arn, task] : state.tasks) last = std::max(last, task.order);
    return last + 1;
}

TaskState& add_task(Turn& turn, TaskSpec spec) {
    TaskState task;
    task.order = next_order(turn.state);
    task.accepted_at = turn.at;
    task.spec = std::move(spec);
    auto& added = turn.state.tasks.insert_or_assign(task.spec.arn, std::move(task)).first->second;
    turn.save(added);
    return added;
}

// A task that will never run here is kept, without containers, until its STOPPED is answered: the answer must
// not get lost in a crash.
void answer_stopped(Turn& turn, const TaskArn& arn, std::string reason) {
    if (arn.empty() || turn.state.tasks.contains(arn)) return;
    TaskSpec spec;
    spec.arn = arn;
    auto& task = add_task(turn, std::move(spec));
    want_stopped(task);
    task.reason = std::move(reason);
    settle(turn, task);
}

std::string load_error(std::string_view why) {
    return fmt::format("UnrecogniedTaskError: Error loading task - {}", why); // spelled as users know it
}

// Why a task that parsed cannot be taken, "" when it can.
std::string objection(const EngineState& state, const TaskSpec& spec, std::span<const ContainerId> ids) {
    if (ids.size() < spec.containers.size() || std::ranges::any_of(ids, &ContainerId::empty))
        return load_error("its containers were given no ids");
    for (const auto& [arn, task] : state.tasks)
        if (!task.spec.containers.empty() && task.spec.id() == spec.id())
            return load_error(fmt::format("{} of the same id is on this host", arn.str()));
    return {};
}

void accept(Turn& turn, const TaskSpec& spec, std::span<const ContainerId> ids) {
    if (turn.state.tasks.contains(spec.arn)) return; // delivered again: only a stop would change anything
    if (auto why = objection(turn.state, spec, ids); !why.empty())
        return answer_stopped(turn, spec.arn, std::move(why));
    auto& task = add_task(turn, spec);
    for (std::size_t i = 0; i < spec.containers.size(); ++i)
        task.containers[spec.containers[i].name].id = ids[i];
    enqueue(turn.state, spec.arn);
    turn.resources_freed = true;
}

void stop(Turn& turn, TaskState& task, const std::string& reason) {
    if (task.desired == TaskStatus::stopped) return;
    want_stopped(task);
    if (task.reason.empty()) task.reason = reason;
    turn.save(task);
    settle(turn, task);
}

} // namespace

void on(Turn& turn, const PayloadReceived& payload) {
    std::vector<TaskArn> mentioned = payload.stop;
    for (const auto& spec : payload.run) mentioned.push_back(spec.arn);
    if (!payload.message_id.empty())
        turn.emit(AcknowledgePayload{payload.message_id, std::move(mentioned), payload.invalid.empty()});

    for (const auto& arn : payload.stop) {
        if (TaskState* task = find_task(turn.state, arn))
            stop(turn, *task, "");
        else
            answer_stopped(turn, arn, "");
    }
    for (const auto& invalid : payload.invalid) answer_stopped(turn, invalid.arn, load_error(invalid.why));
    std::span<const ContainerId> ids = payload.ids;
    for (const auto& spec : payload.run) {
        const auto own = ids.first(std::min(ids.size(), spec.containers.size()));
        accept(turn, spec, own);
        ids = ids.subspan(own.size());
    }
}

void on(Turn& turn, const StopTask& event) {
    if (TaskState* task = find_task(turn.state, event.task)) stop(turn, *task, event.reason);
}

} // namespace berth::engine
