// Bounded memory of log events.
#include "cluster/logs/log_events.hpp"

#include <algorithm>

namespace berth::cluster {
namespace {

std::size_t cost(const LogEvent& event) { return event.message.size() + sizeof(LogEvent); }

} // namespace

void LogEvents::put(const std::string& stream, std::int64_t timestamp, std::int64_t ingested,
                    std::string message) {
    Stream& target = streams_[stream];
    LogEvent event{timestamp, ingested, next_id_++, std::move(message)};
    target.bytes += cost(event);
    bytes_ += cost(event);
    const auto place = std::ranges::upper_bound(target.events, event.position(), {}, &LogEvent::position);
    target.events.insert(place, std::move(event));
    if (bytes_ > max_bytes_) make_room();
}

const std::deque<LogEvent>& LogEvents::of(std::string_view stream) const {
    static const std::deque<LogEvent> none;
    const auto it = streams_.find(stream);
    return it == streams_.end() ? none : it->second.events;
}

void LogEvents::erase(std::string_view stream) {
    const auto it = streams_.find(stream);
    if (it == streams_.end()) return;
    bytes_ -= it->second.bytes;
    streams_.erase(it);
}

void LogEvents::make_room() {
    // A sixteenth at once, so that the largest stream is not looked for with every event.
    const std::size_t goal = max_bytes_ - max_bytes_ / 16;
    while (bytes_ > goal) {
        const auto largest =
            std::ranges::max_element(streams_, {}, [](const auto& entry) { return entry.second.bytes; });
        Stream& stream = largest->second;
        while (bytes_ > goal && !stream.events.empty()) {
            stream.bytes -= cost(stream.events.front());
            bytes_ -= cost(stream.events.front());
            stream.events.pop_front();
        }
    }
}

} // namespace berth::cluster
