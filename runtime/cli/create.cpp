// create, run and start.
#include "berth/base/scope_exit.hpp"
#include "berth/base/time.hpp"

#include "runtime/cli/commands.hpp"
#include "runtime/cli/console_socket.hpp"
#include "runtime/cli/state.hpp"
#include "runtime/process/container.hpp"
#include "runtime/process/hooks.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

namespace berth::runtime::cli {

namespace {

Status check_preserved(unsigned count) {
    for (unsigned i = 0; i < count; ++i)
        if (::fcntl(static_cast<int>(3 + i), F_GETFD) < 0)
            return fail(ErrorCode::invalid, "--preserve-fds {}: descriptor {} is not open", count, 3 + i);
    return {};
}

CreateOptions options_of(const Arguments& arguments) {
    CreateOptions options;
    options.id = arguments.id;
    options.bundle = fs::absolute(arguments.bundle);
    options.seccomp_cache = fs::absolute(arguments.root) / ".seccomp";
    options.pivot_root = !arguments.no_pivot;
    options.new_keyring = !arguments.no_new_keyring;
    options.preserve_fds = arguments.preserve_fds;
    return options;
}

// What later calls need to know.
Result<State> state_of(const Container& created, const CreateOptions& options) {
    const auto& spec = created.spec();
    const auto ticks = start_ticks_of(created.pid());
    if (!ticks) return std::unexpected(ticks.error());
    State state;
    state.id = options.id;
    state.version = spec.version;
    state.bundle = options.bundle.string();
    state.rootfs = created.root();
    state.cgroup_path = created.cgroup_path();
    state.created = to_rfc3339(now());
    state.owner = "root";
    state.pid = created.pid();
    state.start_ticks = *ticks;
    state.annotations = spec.annotations;
    state.poststart = spec.hooks.poststart;
    state.poststop = spec.hooks.poststop;
    return state;
}

Status record(const Container& created, const CreateOptions& options, const StateDirectory& directory,
              const Arguments& arguments, const Log& log) {
    for (const auto& warning : created.warnings()) log.warn(warning);
    const auto state = state_of(created, options);
    if (!state) return std::unexpected(state.error());
    if (auto saved = directory.save(*state); !saved) return saved;
    if (arguments.pid_file.empty()) return {};
    return write_file_atomic(arguments.pid_file, std::to_string(state->pid), 0644, false);
}

} // namespace

Outcome create_command(const Arguments& arguments, const Log& log) {
    if (auto preserved = check_preserved(arguments.preserve_fds); !preserved) return fail(preserved.error());
    const auto directory = StateDirectory::of(arguments.root, arguments.id);
    if (!directory) return fail(directory.error());
    auto options = options_of(arguments);
    auto console = connect_console(arguments.console_socket);
    if (!console) return fail(std::move(console.error()));
    options.console_socket = console->get();
    options.start_directory = directory->path();
    if (auto made = directory->make(); !made) return fail(std::move(made.error()));
    ScopeExit undo([&] { std::ignore = directory->remove(); });
    auto created = create_container(options);
    if (!created) return fail(std::move(created.error()));
    if (auto saved = record(**created, options, *directory, arguments, log); !saved)
        return fail(std::move(saved.error()));
    (*created)->leave();
    undo.dismiss();
    return 0;
}

Outcome run_command(const Arguments& arguments, const Log& log) {
    if (auto preserved = check_preserved(arguments.preserve_fds); !preserved) return fail(preserved.error());
    const auto directory = StateDirectory::of(arguments.root, arguments.id);
    if (!directory) return fail(directory.error());
    auto options = options_of(arguments);
    auto console = connect_console(arguments.console_socket);
    if (!console) return fail(std::move(console.error()));
    options.console_socket = console->get();
    ConsolePair own; // when the terminal is to be ours
    if (!*console && !arguments.detach) {
        auto pair = make_console_pair();
        if (!pair) return fail(std::move(pair.error()));
        own = std::move(*pair);
        options.console_socket = own.theirs.get();
    }
    if (auto made = directory->make(); !made) return fail(std::move(made.error()));
    ScopeExit undo([&] { std::ignore = directory->remove(); });
    if (!arguments.detach) block_signals();
    auto created = create_container(options);
    if (!created) return fail(std::move(created.error()));
    own.theirs.reset();
    if (auto saved = record(**created, options, *directory, arguments, log); !saved)
        return fail(std::move(saved.error()));
    const auto terminal = receive_terminal(own.ours);
    if (!terminal) return fail(terminal.error());
    if (auto started = (*created)->start(); !started) return fail(std::move(started.error()));
    undo.dismiss();
    if (arguments.detach) return 0;
    auto outcome = attend_foreground((*created)->pidfd(), (*created)->pid(), terminal->get());
    if (arguments.keep) return outcome;
    Arguments removal = arguments;
    removal.force = true;
    if (auto removed = delete_command(removal, log); !removed) return removed;
    return outcome;
}

Outcome start_command(const Arguments& arguments, const Log& log) {
    const auto directory = StateDirectory::of(arguments.root, arguments.id);
    if (!directory) return fail(directory.error());
    const auto state = directory->load();
    if (!state) return fail(state.error());
    if (const auto status = directory->status(*state); status != "created")
        return fail(ErrorCode::invalid, "container {} cannot be started: it is {}", state->id, status);
    if (auto started = start_waiting(directory->path()); !started)
        return fail(std::move(started.error()), "starting container {}", state->id);
    directory->forget_start();
    Json json{{"ociVersion", state->version}, {"id", state->id},
              {"status", "running"},          {"pid", state->pid},
              {"bundle", state->bundle},      {"annotations", state->annotations}};
    if (auto hooks = run_hooks(state->poststart, "poststart", json); !hooks)
        log.warn(hooks.error().message());
    return 0;
}

} // namespace berth::runtime::cli
