// The user's program: its environment, where it is, its execution.
#pragma once

#include "berth/base/result.hpp"

#include "runtime/spec/spec.hpp"

#include <string>
#include <vector>

namespace berth::runtime {

struct Program {
    std::string path;
    std::vector<std::string> args, env;
};

// Inside the container and as its user. HOME is added from /etc/passwd when missing, as users of Docker
// expect.
Result<Program> find_program(const Process& process);
// Does not return when it succeeds.
Status execute(const Program& program);

} // namespace berth::runtime
