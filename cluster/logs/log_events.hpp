// Log events of all streams, in memory and within a fixed number of bytes: the oldest of the largest stream
// go first.
#pragma once

#include "berth/base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace berth::cluster {

struct LogEvent {
    std::int64_t timestamp = 0; // milliseconds
    std::int64_t ingested = 0;
    std::uint64_t id = 0; // in order of arrival over all streams
    std::string message;

    std::pair<std::int64_t, std::uint64_t> position() const { return {timestamp, id}; }
};

class LogEvents {
  public:
    explicit LogEvents(std::size_t max_bytes = std::size_t{64} << 20) : max_bytes_(max_bytes) {}

    void put(const std::string& stream, std::int64_t timestamp, std::int64_t ingested, std::string message);
    // Sorted by timestamp, then by arrival.
    const std::deque<LogEvent>& of(std::string_view stream) const;
    void erase(std::string_view stream);
    std::size_t bytes() const { return bytes_; }

  private:
    struct Stream {
        std::deque<LogEvent> events;
        std::size_t bytes = 0;
    };
    void make_room();

    std::size_t max_bytes_;
    std::size_t bytes_ = 0;
    std::uint64_t next_id_ = 1;
    std::map<std::string, Stream, std::less<>> streams_;
};

} // namespace berth::cluster
