// Pull, start, signal, wait and remove: one container's steps on this host.
#include "agent/executor/actions.hpp"

#include "berth/runtime/cgroup.hpp"

#include "agent/executor/signals.hpp"

#include <unistd.h>

#include <algorithm>

namespace berth::executor {

namespace {
Error named(Error error, const char* name) {
    return std::move(error).with_name(error.name().empty() ? name : error.name());
}
} // namespace

Async<Result<images::Image>> Actions::pull(Target target, std::function<void(Digest)> on_resolved) {
    images::PullRequest request;
    request.name = target.container().image;
    request.prefer_cached = settings_.prefer_cached;
    request.on_resolved = std::move(on_resolved);
    // A present image that will be used as it is needs no credentials.
    if (parts_.login && !(request.prefer_cached && parts_.images->find(request.name))) {
        auto login = co_await parts_.login(*target.task, target.name);
        if (!login)
            co_return std::unexpected(named(std::move(login.error()), "CannotPullContainerAuthError"));
        request.login = std::move(*login);
    }
    auto image = co_await parts_.images->pull(std::move(request));
    if (!image) co_return std::unexpected(named(std::move(image.error()), "CannotPullContainerError"));
    images_[target.id.str()] = *image;
    co_return image;
}

Async<Result<Actions::Created>> Actions::create(Target target) {
    if (!images_.contains(target.id.str())) {
        auto present = parts_.images->find(target.container().image);
        if (!present)
            co_return fail(ErrorCode::not_found, "image {} is not on this host", target.container().image);
        images_.emplace(target.id.str(), std::move(*present));
    }
    const auto image = images_.at(target.id.str());
    if (parts_.log_target)
        if (const auto log = parts_.log_target(*target.task, target.container()); !log)
            co_return std::unexpected(log.error());

    Created created;
    Prepared prepared;
    if (target.bridged()) {
        auto ports = target.container().ports;
        auto endpoint = co_await parts_.network->attach(target.id, std::move(ports));
        if (!endpoint) co_return std::unexpected(std::move(endpoint.error()));
        created = {.ip_address = endpoint->ip_address, .bindings = endpoint->bindings};
        prepared.netns = std::move(endpoint->netns);
    } else if (target.task->network_mode == "none") {
        auto netns = co_await parts_.network->isolated();
        if (!netns) co_return std::unexpected(std::move(netns.error()));
        prepared.netns = std::move(*netns);
    }
    // A named closure: what it captures lives in this frame until the pool is done with it.
    auto write = [this, &target, &image, &created]() -> Status {
        if (auto cgroup = prepare_task_cgroup(*target.task); !cgroup) return cgroup;
        return write_bundle(target, image, created.ip_address);
    };
    auto written = co_await offload(*parts_.pool, write);
    if (!written) {
        if (target.bridged()) co_await parts_.network->detach(target.id);
        co_return std::unexpected(std::move(written.error()));
    }
    prepared_.insert_or_assign(target.id.str(), std::move(prepared));
    co_return created;
}

Async<Result<runtime::StatusRecord>> Actions::start(Target target) {
    runtime::LaunchRequest request;
    request.shim_program = settings_.shim_program;
    request.directory = directory(target.id);
    auto prepared = prepared_.extract(target.id.str());
    if (!prepared.empty()) request.netns = prepared.mapped().netns.get();
    if (auto logs = follow_logs(target); !logs) co_return std::unexpected(std::move(logs.error()));
    co_return co_await runtime::launch(std::move(request), deadline_in(settings_.start_timeout));
}

Status Actions::forget_last_run(const ContainerId& id) const {
    // The exit record last: while it is there, nothing is started in this directory.
    for (const char* record : {"status.json", "exit.json"}) {
        const auto path = directory(id) / record;
        if (::unlink(path.c_str()) != 0 && errno != ENOENT)
            return fail_errno(errno, "removing {}", path.string());
    }
    return {};
}

Status Actions::follow_logs(const Target& target) {
    if (!parts_.log_target) return {};
    auto log = parts_.log_target(*target.task, target.container());
    if (!log) return std::unexpected(std::move(log.error()));
    if (*log)
        parts_.forwarder->follow(target.id, directory(target.id) / "log", std::move(**log),
                                 parts_.log_credentials(*target.task, target.container()));
    return {};
}

Async<Result<runtime::ExitRecord>> Actions::wait_exit(Target target, runtime::StatusRecord status) {
    auto exit = co_await runtime::wait_exit(directory(target.id), std::move(status));
    // Its ports are free before anybody is told that it has ended.
    if (target.bridged()) {
        if (auto detached = co_await parts_.network->detach(target.id); !detached)
            parts_.log.warn("network of an ended container is not removed yet",
                            {{"container", target.id}, {"error", detached.error().message()}});
    }
    parts_.forwarder->finish(target.id);
    co_return exit;
}

Async<Status> Actions::signal(Target target, bool kill) {
    const auto directory_of = directory(target.id);
    if (kill) co_return co_await runtime::kill_all(directory_of, deadline_in(std::chrono::seconds(30)));
    const auto image = images_.find(target.id.str());
    const auto& of_image = image != images_.end() ? image->second.config.stop_signal : std::string();
    const auto name = target.container().stop_signal.value_or(of_image);
    const auto number = parse_signal(name.empty() ? "TERM" : name);
    if (!number) co_return std::unexpected(number.error());
    const auto found = runtime::inspect(directory_of);
    if (!found) co_return std::unexpected(found.error());
    if (!found->status || found->exit) co_return Status{}; // has ended; that event is on its way
    co_return runtime::send_signal(*found->status, *number);
}

Async<Status> Actions::remove(Target target) {
    // The last lines get a fair chance; what cannot be delivered is said by the forwarder.
    co_await parts_.forwarder->drained(target.id, deadline_in(std::chrono::seconds(30)));
    parts_.forwarder->drop(target.id);
    prepared_.erase(target.id.str());
    images_.erase(target.id.str());
    if (auto detached = co_await parts_.network->detach(target.id); !detached) co_return detached;
    auto clean = [where = directory(target.id)]() -> Status {
        if (auto traces = runtime::remove_traces(where); !traces) return traces;
        return remove_tree(where);
    };
    if (auto cleaned = co_await offload(*parts_.pool, clean); !cleaned) co_return cleaned;
    co_return co_await parts_.images->discard(target.id);
}

Async<Status> Actions::remove_task(std::shared_ptr<const engine::TaskSpec> task) {
    auto clean = [this, task]() -> Status {
        const auto layout = runtime::CgroupLayout::detect();
        if (!layout) return std::unexpected(layout.error());
        if (auto removed = runtime::Cgroup::open(*layout, task_cgroup(*task)).remove(); !removed)
            return removed;
        return remove_tree(settings_.data_dir / "volumes" / task->id());
    };
    co_return co_await offload(*parts_.pool, clean);
}

Async<Status> Actions::remove_strays(std::vector<ContainerId> known) {
    const auto root = settings_.data_dir / "containers";
    auto list = [root, known]() {
        std::vector<ContainerId> strays;
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(root, ignored)) {
            ContainerId id(entry.path().filename().string());
            if (std::find(known.begin(), known.end(), id) == known.end()) strays.push_back(std::move(id));
        }
        return strays;
    };
    for (const auto& stray : co_await offload(*parts_.pool, list)) {
        parts_.log.warn("removing a container that no task knows", {{"container", stray}});
        if (auto killed = co_await runtime::kill_all(directory(stray), deadline_in(std::chrono::seconds(10)));
            !killed)
            co_return killed;
        auto clean = [where = directory(stray)]() -> Status {
            if (auto traces = runtime::remove_traces(where); !traces) return traces;
            return remove_tree(where);
        };
        if (auto cleaned = co_await offload(*parts_.pool, clean); !cleaned) co_return cleaned;
        if (auto discarded = co_await parts_.images->discard(stray); !discarded) co_return discarded;
    }
    co_return co_await parts_.network->remove_strays();
}

} // namespace berth::executor
