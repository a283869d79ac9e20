// The log spool of one container: what the shim writes and everybody else reads.
//
// Directory log/ holds segments named by a growing 8-digit number ("00000001.log"). Each line is in the CRI
// text format:  2026-01-02T03:04:05.123456789Z stdout F the line with P instead of F when the line goes on in
// the next record (longer than 16 KiB). The shim appends whole records with one writev; a new segment is
// begun when the size is reached and the oldest removed beyond the count. Readers keep (segment, offset) and
// learn of growth by inotify.
#pragma once

#include "berth/base/files.hpp"
#include "berth/base/result.hpp"
#include "berth/base/time.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace berth::runtime {

struct SpoolPosition {
    std::uint32_t segment = 0; // 0: the beginning of the oldest segment
    std::uint64_t offset = 0;
    auto operator<=>(const SpoolPosition&) const = default;
};

struct SpoolLine {
    Time time;
    bool is_stderr = false;
    bool partial = false;
    std::string text; // without the newline; any bytes
};

struct SpoolBatch {
    std::vector<SpoolLine> lines;
    SpoolPosition next;              // where to read on
    std::uint32_t lost_segments = 0; // segments removed by rotation before they were read
    bool more = false;               // there is more to read right now
};

// Reads whole records from `from`, at most about max_bytes. A record still being written is left for later.
// A damaged record is skipped up to the next newline.
Result<SpoolBatch> read_spool(const fs::path& log_directory, SpoolPosition from, std::size_t max_bytes);

// Parses one record (without newline); exposed for tests and fuzzing.
Result<SpoolLine> parse_spool_record(std::string_view record);

} // namespace berth::runtime
