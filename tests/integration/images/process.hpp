// Programs a test starts, and their end.
#pragma once

#include "berth/base/unique_fd.hpp"

#include <sys/types.h>

#include <string>
#include <thread>
#include <vector>

namespace berth::images::test {

// Runs a program to its end; throws with its output when it fails.
std::string run(const std::vector<std::string>& command);

// A program in the background, killed with its owner. Its output, both kinds, can be read line by line.
class Process {
  public:
    explicit Process(const std::vector<std::string>& command);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    // The next line; throws when the program ends first or takes too long.
    std::string read_line();
    // From now on nobody wants its output.
    void drain();
    void kill();

  private:
    pid_t pid_ = -1;
    UniqueFd output_;
    std::string pending_;
    std::thread drain_;
};

} // namespace berth::images::test
