// How far a spool has been delivered, and the file that remembers it.
#pragma once

#include "berth/runtime/log_spool.hpp"

#include "agent/logs/line_joiner.hpp"

namespace berth::logs {

struct Progress {
    runtime::SpoolPosition position;
    LineJoiner::Pending pending; // read before the position, but not delivered: their lines go on
    bool operator==(const Progress&) const = default;
};

// <log directory>/.forwarded. No file: the beginning. Blocking.
Result<Progress> load_progress(const fs::path& log_directory);
Status save_progress(const fs::path& log_directory, const Progress& progress);

} // namespace berth::logs
