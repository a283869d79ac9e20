// berth-runtime: the OCI runtime as a command line, to be used as runc and crun are.
#include "berth/base/files.hpp"

#include "runtime/cli/commands.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace {

using namespace berth;
using namespace berth::runtime::cli;

// A descriptor opened later must not take the place of a missing standard stream.
void open_missing_streams() {
    for (int fd = 0; fd < 3; ++fd)
        if (::fcntl(fd, F_GETFD) < 0) std::ignore = ::open("/dev/null", O_RDWR);
}

Outcome dispatch(const Arguments& arguments, const Log& log) {
    const auto& command = arguments.command;
    if (command == "create") return create_command(arguments, log);
    if (command == "run") return run_command(arguments, log);
    if (command == "start") return start_command(arguments, log);
    if (command == "state") return state_command(arguments);
    if (command == "list") return list_command(arguments);
    if (command == "kill") return kill_command(arguments);
    if (command == "delete") return delete_command(arguments, log);
    if (command == "features") return features_command();
    return spec_command(arguments);
}

} // namespace

int main(int argc, char** argv) {
    open_missing_streams();
    const auto parsed = parse_arguments(argc, argv);
    if (const int* status = std::get_if<int>(&parsed)) return *status;
    const auto& arguments = std::get<Arguments>(parsed);

    UniqueFd log_file;
    if (!arguments.log.empty()) {
        auto opened = open_file(arguments.log, O_WRONLY | O_APPEND | O_CREAT, 0644);
        if (!opened) {
            fmt::print(stderr, "berth-runtime: --log: {}\n", opened.error().message());
            return 1;
        }
        log_file = std::move(*opened);
    }
    const auto format = arguments.log_format == "json" ? LogFormat::json : LogFormat::text;
    const auto level = arguments.debug ? LogLevel::debug : LogLevel::warn;
    const Log log(std::make_shared<LogSink>(log_file ? log_file.get() : STDERR_FILENO, level, format));

    const auto outcome = dispatch(arguments, log);
    if (outcome) return *outcome;
    // Engines read the log, people the terminal.
    if (log_file) log.error(outcome.error().message());
    fmt::print(stderr, "berth-runtime: {}\n", outcome.error().message());
    return 1;
}
