// The effects of the core as coroutines: each carries one out and feeds back what happened.
#include "agent/executor/engine_impl.hpp"

namespace berth::executor {

namespace {

std::string reason_of(const Error& error, const char* name) {
    return fmt::format("{}: {}", error.name().empty() ? name : error.name().c_str(), error.message());
}

} // namespace

Async<void> EngineImpl::pull(Target target) {
    const auto arn = target.task->arn;
    const auto name = target.name;
    auto resolved = [this, arn, name](Digest digest) {
        feed(ManifestResolved{.task = arn, .container = name, .digest = std::move(digest)});
    };
    const auto image = co_await actions_.pull(target, std::move(resolved));
    if (image) {
        feed(PullFinished{.task = arn, .container = name, .digest = image->manifest_digest});
        co_return;
    }
    const auto cached = parts_.images->find(target.container().image).has_value();
    parts_.log.warn(
        "pull failed",
        {{"task", arn}, {"container", name}, {"cached", cached}, {"error", image.error().message()}});
    feed(PullFailed{.task = arn,
                    .container = name,
                    .reason = reason_of(image.error(), "CannotPullContainerError"),
                    .cached = cached});
}

// False when it failed and that has been fed back as the failure of `step`.
Async<bool> EngineImpl::create_reported(Target target, Step step) {
    const auto arn = target.task->arn;
    const auto name = target.name;
    auto created = co_await actions_.create(std::move(target));
    if (!created) {
        const char* error =
            step == Step::creating ? "CannotCreateContainerError" : "CannotStartContainerError";
        parts_.log.error("container cannot be created",
                         {{"task", arn}, {"container", name}, {"error", created.error().message()}});
        feed(StepFailed{
            .task = arn, .container = name, .step = step, .reason = reason_of(created.error(), error)});
        co_return false;
    }
    feed(engine::Created{
        .task = arn, .container = name, .ip_address = created->ip_address, .bindings = created->bindings});
    co_return true;
}

Async<void> EngineImpl::create(Target target) { co_await create_reported(std::move(target), Step::creating); }

Async<void> EngineImpl::launch(Target target, bool restart) {
    const auto arn = target.task->arn;
    const auto name = target.name;
    if (restart) {
        if (auto reset = actions_.forget_last_run(target.id); !reset) {
            feed(StepFailed{.task = arn,
                            .container = name,
                            .step = Step::starting,
                            .reason = reason_of(reset.error(), "CannotStartContainerError")});
            co_return;
        }
    }
    if (!actions_.prepared(target.id) && !co_await create_reported(target, Step::starting)) co_return;
    auto started = co_await actions_.start(target);
    if (!started) {
        if (target.bridged()) co_await parts_.network->detach(target.id);
        parts_.log.error("container cannot be started",
                         {{"task", arn}, {"container", name}, {"error", started.error().message()}});
        feed(StepFailed{.task = arn,
                        .container = name,
                        .step = Step::starting,
                        .reason = reason_of(started.error(), "CannotStartContainerError")});
        co_return;
    }
    feed(Started{.task = arn, .container = name, .pid = started->pid, .at = started->started_at});
    co_await watch(std::move(target), std::move(*started));
}

Async<void> EngineImpl::watch(Target target, runtime::StatusRecord status) {
    const auto arn = target.task->arn;
    const auto name = target.name;
    const auto exit = co_await actions_.wait_exit(std::move(target), std::move(status));
    Exited event{
        .task = arn, .container = name, .exit_code = 137, .oom_killed = false, .at = now(), .reason = {}};
    if (exit) {
        event.exit_code = exit->exit_code;
        event.oom_killed = exit->oom_killed;
        event.at = exit->finished_at;
    } else {
        event.reason = reason_of(exit.error(), "ContainerVanishedError");
    }
    feed(std::move(event));
}

Async<void> EngineImpl::signal(Target target, bool kill) {
    const auto arn = target.task->arn;
    const auto name = target.name;
    const auto sent = co_await actions_.signal(std::move(target), kill);
    if (sent) co_return;
    parts_.log.error("container cannot be signalled",
                     {{"task", arn}, {"container", name}, {"error", sent.error().message()}});
    feed(StepFailed{.task = arn,
                    .container = name,
                    .step = Step::stopping,
                    .reason = reason_of(sent.error(), "CannotStopContainerError")});
}

Async<void> EngineImpl::report(StateChange change) {
    auto copy = change;
    const auto answered = co_await parts_.submit(std::move(copy));
    if (!answered && answered.error().code() == ErrorCode::cancelled) co_return;
    feed(ReportAnswered{.task = change.task, .accepted = answered.has_value(), .change = change});
}

Async<void> EngineImpl::remove(Target target) {
    auto pause = std::chrono::seconds(1);
    for (;;) {
        const auto removed = co_await actions_.remove(target);
        if (removed) break;
        parts_.log.error(
            "container cannot be removed; trying again",
            {{"task", target.task->arn}, {"container", target.name}, {"error", removed.error().message()}});
        co_await sleep_until(deadline_in(pause));
        pause = std::min(pause * 2, std::chrono::seconds(60));
    }
    feed(Removed{.task = target.task->arn, .container = target.name});
}

Async<void> EngineImpl::forget(std::shared_ptr<const TaskSpec> task) {
    if (const auto removed = co_await actions_.remove_task(task); !removed)
        parts_.log.error("something of a task is left behind",
                         {{"task", task->arn}, {"error", removed.error().message()}});
    state::Changes changes;
    changes.tasks.emplace_back(task->arn.str(), std::nullopt);
    co_await commit_then_run(std::move(changes), {});
    parts_.log.info("task is forgotten", {{"task", task->arn}});
}

} // namespace berth::executor
