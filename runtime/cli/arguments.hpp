// The command line of berth-runtime as values.
#pragma once

#include <optional>
#include <string>
#include <variant>

namespace berth::runtime::cli {

struct Arguments {
    // global
    std::string root = "/run/berth-runtime";
    std::string log;
    std::string log_format = "text";
    bool debug = false;
    // per command
    std::string command;
    std::string id;
    std::string bundle = ".";
    std::string console_socket;
    std::string pid_file;
    std::string signal = "SIGTERM";
    std::string format = "table";
    unsigned preserve_fds = 0;
    bool no_pivot = false, no_new_keyring = false, detach = false, keep = false;
    bool force = false, all = false, quiet = false;
};

// The arguments, or the exit status when nothing is left to do: --help, --version and mistakes are answered.
std::variant<Arguments, int> parse_arguments(int argc, char** argv);

} // namespace berth::runtime::cli
