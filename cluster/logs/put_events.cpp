// PutLogEvents with the limits of the service.
#include "cluster/logs/events.hpp"
#include "cluster/logs/log_access.hpp"
#include "cluster/logs/log_events.hpp"
#include "cluster/model/refusal.hpp"

namespace berth::cluster {
namespace {

constexpr std::size_t kMaxBatchBytes = 1'048'576;
constexpr std::size_t kEventOverhead = 26;
constexpr std::size_t kMaxEvents = 10'000;
constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kTooNew = 2 * kHour;
constexpr std::int64_t kTooOld = 14 * kDay;

struct NewEvent {
    std::int64_t timestamp;
    std::string message;
};

Result<std::vector<NewEvent>> read_events(const Input& in) {
    std::vector<NewEvent> events;
    std::size_t bytes = 0;
    for (const Json& item : in.objects("logEvents")) {
        const Input event(item, "logEvents");
        const auto timestamp = event.integer("timestamp");
        auto message = event.text("message");
        if (auto bad = event.check(); !bad) return fail(std::move(bad.error()));
        if (!timestamp || *timestamp < 0 || message.empty())
            return bad_parameter("logEvents: each event needs a timestamp and a message");
        if (!events.empty() && *timestamp < events.back().timestamp)
            return bad_parameter(
                "Log events in a single PutLogEvents request must be in chronological order.");
        bytes += message.size() + kEventOverhead;
        events.push_back({*timestamp, std::move(message)});
    }
    if (events.empty() || events.size() > kMaxEvents)
        return bad_parameter("logEvents: a batch has 1 to {} events, not {}", kMaxEvents, events.size());
    if (bytes > kMaxBatchBytes)
        return bad_parameter("Upload too large: {} bytes exceeds limit of {}", bytes, kMaxBatchBytes);
    if (events.back().timestamp - events.front().timestamp > kDay)
        return bad_parameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
    return events;
}

} // namespace

Result<Json> put_log_events(Context& context, const Input& in) {
    const auto group = find_group(context.world, in);
    if (!group) return fail(group.error());
    const auto stream = find_stream(context.world, in);
    if (!stream) return fail(stream.error());
    auto events = read_events(in);
    if (!events) return fail(std::move(events.error()));
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));

    const std::int64_t now = milliseconds(context.now);
    const std::int64_t expired = (*group)->retention_days > 0 ? now - (*group)->retention_days * kDay : 0;
    std::size_t too_old = 0, too_expired = 0, too_new = events->size();
    for (std::size_t i = 0; i < events->size(); ++i) {
        const auto timestamp = (*events)[i].timestamp;
        if (timestamp > now + kTooNew) {
            too_new = i;
            break;
        }
        if (timestamp < now - kTooOld) too_old = i + 1;
        if (timestamp < expired) too_expired = i + 1;
    }
    for (std::size_t i = std::max(too_old, too_expired); i < too_new; ++i)
        context.logs.put(*stream, (*events)[i].timestamp, now, std::move((*events)[i].message));

    Json rejected = Json::object();
    if (too_new < events->size()) rejected["tooNewLogEventStartIndex"] = too_new;
    if (too_old > 0) rejected["tooOldLogEventEndIndex"] = too_old;
    if (too_expired > 0) rejected["expiredLogEventEndIndex"] = too_expired;
    Json out{{"nextSequenceToken", "0"}}; // kept for old clients; nobody checks it
    if (!rejected.empty()) out["rejectedLogEventsInfo"] = std::move(rejected);
    return out;
}

} // namespace berth::cluster
