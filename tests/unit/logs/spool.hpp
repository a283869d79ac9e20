// A log spool as the shim writes it.
#pragma once

#include "berth/base/files.hpp"
#include "berth/base/time.hpp"

#include <cstdlib>
#include <fstream>
#include <string>

namespace berth::logs::test {

class Spool {
  public:
    Spool() {
        char name[] = "/tmp/berth-spool-XXXXXX";
        if (!::mkdtemp(name)) throw std::runtime_error("mkdtemp");
        directory_ = name;
        rotate();
    }
    ~Spool() { fs::remove_all(directory_); }
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    const fs::path& directory() const { return directory_; }
    void line(const std::string& text) { write(text, "stdout F"); }
    void partial(const std::string& text) { write(text, "stdout P"); }
    // Begins another segment.
    void rotate() { file_ = std::ofstream(directory_ / fmt::format("{:08}.log", ++segment_)); }
    void remove_segment(int number) { fs::remove(directory_ / fmt::format("{:08}.log", number)); }

  private:
    void write(const std::string& text, const char* tag) {
        file_ << fmt::format("{} {} {}\n", to_rfc3339(now()), tag, text) << std::flush;
    }
    fs::path directory_;
    std::ofstream file_;
    int segment_ = 0;
};

} // namespace berth::logs::test
