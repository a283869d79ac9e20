// state, list, kill and delete.
#include "berth/runtime/cgroup.hpp"

#include "runtime/cli/commands.hpp"
#include "runtime/cli/signals.hpp"
#include "runtime/cli/state.hpp"
#include "runtime/process/hooks.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

namespace berth::runtime::cli {

namespace {

struct Known {
    StateDirectory directory;
    State state;
};

Result<Known> find(const Arguments& arguments) {
    auto directory = StateDirectory::of(arguments.root, arguments.id);
    if (!directory) return std::unexpected(std::move(directory.error()));
    auto state = directory->load();
    if (!state) return std::unexpected(std::move(state.error()));
    return Known{std::move(*directory), std::move(*state)};
}

Json public_state(const StateDirectory& directory, const State& state) {
    const auto status = directory.status(state);
    Json json{{"ociVersion", state.version},
              {"id", state.id},
              {"pid", status == "stopped" ? 0 : state.pid},
              {"status", status},
              {"bundle", state.bundle},
              {"rootfs", state.rootfs},
              {"created", state.created},
              {"owner", state.owner}};
    if (!state.annotations.empty()) json["annotations"] = state.annotations;
    return json;
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

Status signal_process(const State& state, int signal) {
    const auto process = open_process(state);
    if (!process) return std::unexpected(process.error());
    if (::syscall(SYS_pidfd_send_signal, process->get(), signal, nullptr, 0) != 0)
        return fail_errno(errno, "sending signal {} to container {}", signal, state.id);
    return {};
}

// Kills it and waits until the kernel has let go of it.
Status end_process(const State& state) {
    const auto process = open_process(state);
    if (!process) return {}; // gone already
    if (::syscall(SYS_pidfd_send_signal, process->get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH)
        return fail_errno(errno, "killing container {}", state.id);
    pollfd ended{.fd = process->get(), .events = POLLIN, .revents = 0};
    constexpr int patience_ms = 10'000;
    int got = 0;
    do got = ::poll(&ended, 1, patience_ms);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return fail(ErrorCode::timeout, "container {} is still there {} s after SIGKILL", state.id,
                    patience_ms / 1000);
    return {};
}

Status remove_groups(const State& state) {
    const auto layout = CgroupLayout::detect();
    if (!layout) return std::unexpected(layout.error());
    const auto group = Cgroup::open(*layout, state.cgroup_path);
    if (auto killed = group.kill(); !killed) return killed;
    return group.remove();
}

} // namespace

Outcome state_command(const Arguments& arguments) {
    const auto known = find(arguments);
    if (!known) return fail(known.error());
    print(public_state(known->directory, known->state).dump(2) + "\n");
    return 0;
}

Outcome list_command(const Arguments& arguments) {
    Json all = Json::array();
    for (const auto& name : container_names(arguments.root)) {
        auto directory = StateDirectory::of(arguments.root, name);
        if (!directory) continue;
        // One deleted meanwhile is no error.
        if (const auto state = directory->load()) all.push_back(public_state(*directory, *state));
    }
    if (arguments.quiet) {
        for (const auto& entry : all) print(entry["id"].get<std::string>() + "\n");
    } else if (arguments.format == "json") {
        print(dump_json(all) + "\n");
    } else {
        constexpr auto row = "{:<24} {:<8} {:<10} {:<40} {:<32} {}\n";
        print(fmt::format(row, "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"));
        for (const auto& entry : all)
            print(fmt::format(row, entry["id"].get<std::string>(), entry["pid"].get<int>(),
                              entry["status"].get<std::string>(), entry["bundle"].get<std::string>(),
                              entry["created"].get<std::string>(), entry["owner"].get<std::string>()));
    }
    return 0;
}

Outcome kill_command(const Arguments& arguments) {
    const auto signal = parse_signal(arguments.signal);
    if (!signal) return fail(signal.error());
    const auto known = find(arguments);
    if (!known) return fail(known.error());
    if (!arguments.all) {
        if (auto sent = signal_process(known->state, *signal); !sent) return fail(std::move(sent.error()));
        return 0;
    }
    const auto layout = CgroupLayout::detect();
    if (!layout) return fail(layout.error());
    const auto group = Cgroup::open(*layout, known->state.cgroup_path);
    if (*signal == SIGKILL) {
        if (auto killed = group.kill(); !killed) return fail(std::move(killed.error()));
        return 0;
    }
    const auto processes = group.processes();
    if (!processes) return fail(processes.error());
    for (const int pid : *processes)
        if (::kill(pid, *signal) != 0 && errno != ESRCH)
            return fail_errno(errno, "sending signal {} to process {}", *signal, pid);
    return 0;
}

Outcome delete_command(const Arguments& arguments, const Log& log) {
    const auto directory = StateDirectory::of(arguments.root, arguments.id);
    if (!directory) return fail(directory.error());
    const auto state = directory->load();
    if (!state) {
        // Without a state there is at most what a killed `create` left.
        if (!arguments.force) return fail(state.error());
        if (auto removed = directory->remove(); !removed) return fail(std::move(removed.error()));
        return 0;
    }
    if (const auto status = directory->status(*state); status == "running" && !arguments.force)
        return fail(ErrorCode::invalid, "container {} cannot be deleted: it is {} (use --force)", state->id,
                    status);
    if (auto ended = end_process(*state); !ended) return fail(std::move(ended.error()));
    if (auto removed = remove_groups(*state); !removed) return fail(std::move(removed.error()));
    const Json stopped{{"ociVersion", state->version},
                       {"id", state->id},
                       {"status", "stopped"},
                       {"bundle", state->bundle},
                       {"annotations", state->annotations}};
    if (auto hooks = run_hooks(state->poststop, "poststop", stopped); !hooks)
        log.warn(hooks.error().message());
    if (auto removed = directory->remove(); !removed) return fail(std::move(removed.error()));
    return 0;
}

} // namespace berth::runtime::cli
