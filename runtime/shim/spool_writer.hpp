// The writing side of a log spool: lines out of pipes, records into segments. Allocates only when it is
// opened.
#pragma once

#include "berth/base/time.hpp"

#include "runtime/shim/spool_format.hpp"

#include <array>
#include <limits>
#include <memory>
#include <span>

namespace berth::runtime {

// Appends records to the newest segment and begins a new one when it is full. Losing lines is better than
// holding up the container: what cannot be written (a full disk) is dropped, and the next record says how
// much.
class SpoolWriter {
  public:
    // Begins a new segment, without limits.
    static Result<SpoolWriter> open(fs::path directory);
    void set_limits(std::uint64_t segment_bytes, int segments);

    void add(bool is_stderr, bool partial, std::string_view text, Time time);
    // Records are collected until here; then one write(2) takes them all.
    void flush();

  private:
    explicit SpoolWriter(fs::path directory);
    Status begin_segment(std::uint32_t number);
    void append(bool is_stderr, bool partial, std::string_view text, Time time);

    static constexpr std::size_t kBatch = 64 << 10;
    std::string directory_;
    std::uint64_t segment_bytes_ = std::numeric_limits<std::uint64_t>::max();
    std::uint32_t segments_ = std::numeric_limits<std::uint32_t>::max();
    UniqueFd directory_fd_, segment_;
    std::uint32_t number_ = 0;
    std::uint64_t written_ = 0; // into the segment
    std::unique_ptr<char[]> batch_;
    std::size_t used_ = 0;
    std::chrono::sys_seconds second_ = std::chrono::sys_seconds::min();
    std::array<char, 19> second_text_ = {};
    std::uint64_t lost_bytes_ = 0;
    int lost_reason_ = 0;
};

// Cuts what one stream says into lines.
class LineSplitter {
  public:
    explicit LineSplitter(bool is_stderr);
    // Where the next bytes go, never empty; then accept() says how many came.
    std::span<char> space() { return {buffer_.get() + used_, kBuffer - used_}; }
    void accept(std::size_t count, SpoolWriter& writer, Time time);
    // The stream has ended: a last line without a newline is a line.
    void finish(SpoolWriter& writer, Time time);

  private:
    static constexpr std::size_t kBuffer = 48 << 10;
    bool is_stderr_;
    std::unique_ptr<char[]> buffer_;
    std::size_t used_ = 0;
};

} // namespace berth::runtime
