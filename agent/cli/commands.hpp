// The commands of `berth`. Each returns the process's exit code and prints errors itself, one line, to
// stderr.
#pragma once

#include <cstdint>
#include <string>

namespace berth::cli {

struct RunOptions {
    std::string file; // task definition, as `aws ecs register-task-definition` takes it
    std::string data_dir = "/var/lib/berth-run"; // images are kept here between runs
    std::string network_mode;                    // instead of the file's
    bool quiet = false;                          // container output only
};
// 0–255: the exit code of the first essential container that ended; 125 when the task could not be run.
int run(const RunOptions& options);

struct AgentOptions {
    std::string address = "127.0.0.1"; // of the introspection endpoint
    std::uint16_t port = 51678;
};
struct PsOptions {
    AgentOptions agent;
    bool all = false, json = false;
};
int ps(const PsOptions& options);

struct LogsOptions {
    AgentOptions agent;
    std::string data_dir; // empty: as the agent's configuration says
    std::string what;     // task ARN or id, container id (or its beginning), or container name
    bool follow = false, timestamps = false;
    std::uint64_t tail = UINT64_MAX; // lines
};
int logs(const LogsOptions& options);

struct PullOptions {
    std::string image;
    std::string data_dir; // empty: as the agent's configuration says
};
int pull(const PullOptions& options);

// "berth: <message>" on stderr; returns 1.
int complain(const std::string& message);

} // namespace berth::cli
