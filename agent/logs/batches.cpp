// PutLogEvents batches within the service's limits.
#include "berth/logs/forwarder.hpp"

#include "agent/logs/text.hpp"

namespace berth::logs {
namespace {

constexpr std::size_t kMaxBatchEvents = 10'000;
constexpr std::size_t kMaxBatchBytes = 1'048'576;
constexpr std::size_t kEventOverhead = 26;
constexpr std::int64_t kMaxSpanMs = 24 * 60 * 60 * 1000;

class Batcher {
  public:
    void add(LogEvent event) {
        const auto size = event.message.size() + kEventOverhead;
        if (batches_.empty() || !has_room(event, size)) {
            batches_.emplace_back();
            bytes_ = 0;
        }
        bytes_ += size;
        batches_.back().push_back(std::move(event));
    }
    std::vector<std::vector<LogEvent>> take() { return std::move(batches_); }

  private:
    bool has_room(const LogEvent& event, std::size_t size) const {
        const auto& batch = batches_.back();
        // A batch must be in order of time. When the clock was set back, the lines after that go into
        // another, so that neither their order nor what they say about time changes.
        return batch.size() < kMaxBatchEvents && bytes_ + size <= kMaxBatchBytes &&
               event.timestamp_ms >= batch.back().timestamp_ms &&
               event.timestamp_ms - batch.front().timestamp_ms <= kMaxSpanMs;
    }

    std::vector<std::vector<LogEvent>> batches_;
    std::size_t bytes_ = 0;
};

} // namespace

std::vector<std::vector<LogEvent>> make_batches(std::vector<LogEvent> events) {
    Batcher batcher;
    for (auto& event : events) {
        auto text = valid_utf8(std::move(event.message));
        std::string_view rest = text;
        while (rest.size() > kMaxEventBytes) {
            const auto cut = cut_between_code_points(rest, kMaxEventBytes);
            batcher.add({event.timestamp_ms, std::string(rest.substr(0, cut))});
            rest.remove_prefix(cut);
        }
        if (rest.size() != text.size()) text.erase(0, text.size() - rest.size());
        if (!text.empty()) batcher.add({event.timestamp_ms, std::move(text)});
    }
    return batcher.take();
}

} // namespace berth::logs
