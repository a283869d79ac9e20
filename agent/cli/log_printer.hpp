// Prints the spools of containers to the terminal, once or as they grow.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/files.hpp"
#include "berth/runtime/log_spool.hpp"

#include <string>
#include <vector>

namespace berth::cli {

struct LogSource {
    fs::path directory; // of the spool
    std::string prefix; // in front of each line, "" for none
};

class LogPrinter {
  public:
    explicit LogPrinter(bool timestamps) : timestamps_(timestamps) {}
    void add(LogSource source) {
        sources_.push_back({.source = std::move(source), .position = {}, .mid_line = false});
    }
    // Skips all but the last `lines` of each.
    Status skip_to_tail(std::uint64_t lines);
    // Everything there is now.
    Status print_new();
    // Goes on until cancelled: woken by inotify, not by a clock.
    Async<Status> follow();

  private:
    struct Followed {
        LogSource source;
        runtime::SpoolPosition position;
        bool mid_line; // the last record was partial: the next goes on without prefix
    };
    void print(Followed& from, const runtime::SpoolLine& line) const;
    std::vector<Followed> sources_;
    bool timestamps_;
};

} // namespace berth::cli
