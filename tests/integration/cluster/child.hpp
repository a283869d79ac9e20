// A program that a test starts: its output is kept, and it is killed and reaped with its owner.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/unique_fd.hpp"

#include <map>
#include <string>
#include <vector>

namespace berth::test {

struct Outcome {
    int code = -1; // exit code, or 128 + signal
    std::string out, err;
};

class Child {
  public:
    // `environment` is added to what is needed to start anything at all (PATH). Throws when it cannot start.
    Child(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment);
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    void signal(int number) const;
    Async<Outcome> wait(Deadline deadline);
    // The first line of its standard output, once it is there. Throws when the program ends before.
    Async<std::string> first_line(Deadline deadline);
    std::string errors() const;

  private:
    int pid_ = -1;
    bool reaped_ = false;
    UniqueFd pidfd_, out_, err_; // out_: reading end of a pipe; err_: a file in memory
    std::string text_;           // read of standard output so far
};

} // namespace berth::test
