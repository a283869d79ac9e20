// Parsing of the command line. The one file that knows CLI11.
#include "runtime/cli/arguments.hpp"

#include "runtime/spec/spec.hpp"

#include <CLI/CLI.hpp>

#include <seccomp.h>

namespace berth::runtime::cli {

namespace {

std::string version_text() {
    const auto* library = seccomp_version();
    return fmt::format("berth-runtime version {}\nspec: {}\nlibseccomp: {}.{}.{}", BERTH_VERSION, kOciVersion,
                       library->major, library->minor, library->micro);
}

CLI::App* add_command(CLI::App& app, Arguments& arguments, const std::string& name, const std::string& what) {
    auto* command = app.add_subcommand(name, what);
    command->callback([&arguments, name] { arguments.command = name; });
    return command;
}

void add_id(CLI::App* command, Arguments& arguments) {
    command->add_option("id", arguments.id, "Name of the container")->required();
}

void add_create_options(CLI::App* command, Arguments& arguments) {
    command->add_option("-b,--bundle", arguments.bundle, "Directory with config.json (default: here)");
    command->add_option("--pid-file", arguments.pid_file, "File to write the process id to");
    command->add_option("--console-socket", arguments.console_socket,
                        "Unix socket that receives the terminal's master");
    command->add_option("--preserve-fds", arguments.preserve_fds, "Number of further descriptors to pass on");
    command->add_flag("--no-pivot", arguments.no_pivot,
                      "Move the root instead of pivot_root (for a ramdisk)");
    command->add_flag("--no-new-keyring", arguments.no_new_keyring, "Share the caller's session keyring");
}

void add_commands(CLI::App& app, Arguments& arguments) {
    auto* create = add_command(app, arguments, "create", "Make a container that waits for its start");
    add_create_options(create, arguments);
    add_id(create, arguments);
    add_id(add_command(app, arguments, "start", "Execute the program of a created container"), arguments);
    auto* run = add_command(app, arguments, "run", "Create and start a container, and wait for its end");
    add_create_options(run, arguments);
    run->add_flag("-d,--detach", arguments.detach, "Do not wait");
    run->add_flag("--keep", arguments.keep, "Do not delete the container when it has ended");
    run->add_flag("--no-subreaper")->description("Accepted for compatibility");
    add_id(run, arguments);
    add_id(add_command(app, arguments, "state", "Print the state of a container as JSON"), arguments);
    auto* kill = add_command(app, arguments, "kill", "Send a signal to a container");
    kill->add_flag("-a,--all", arguments.all, "To all its processes");
    add_id(kill, arguments);
    kill->add_option("signal", arguments.signal, "Name or number (default: SIGTERM)");
    auto* remove = add_command(app, arguments, "delete", "Remove what a stopped container left");
    remove->add_flag("-f,--force", arguments.force, "Kill it first if it still runs");
    add_id(remove, arguments);
    auto* list = add_command(app, arguments, "list", "List the containers");
    list->add_option("-f,--format", arguments.format, "table or json")
        ->check(CLI::IsMember({"table", "json"}));
    list->add_flag("-q,--quiet", arguments.quiet, "Only the names");
    add_command(app, arguments, "features", "Print what this runtime supports as JSON");
    auto* spec = add_command(app, arguments, "spec", "Write a config.json to start from");
    spec->add_option("-b,--bundle", arguments.bundle, "Directory to write it to (default: here)");
}

} // namespace

std::variant<Arguments, int> parse_arguments(int argc, char** argv) {
    Arguments arguments;
    CLI::App app("Runs containers as the OCI runtime specification describes them.", "berth-runtime");
    app.require_subcommand(1);
    app.set_version_flag("-v,--version", version_text());
    app.add_option("--root", arguments.root,
                   "Directory for the state of containers (default: /run/berth-runtime)");
    app.add_option("--log", arguments.log, "File for errors and warnings (default: standard error)");
    app.add_option("--log-format", arguments.log_format, "text or json")
        ->check(CLI::IsMember({"text", "json"}));
    app.add_flag("--debug", arguments.debug, "Log more");
    app.add_flag("--systemd-cgroup")->description("Accepted for compatibility: groups are made directly");
    app.add_option("--rootless")->description("Accepted for compatibility");
    add_commands(app, arguments);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error);
    }
    return arguments;
}

} // namespace berth::runtime::cli
