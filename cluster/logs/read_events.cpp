// GetLogEvents and FilterLogEvents. A token is a place between two events: their timestamp and number.
#include "cluster/api/operations.hpp"
#include "cluster/logs/events.hpp"
#include "cluster/logs/filter_pattern.hpp"
#include "cluster/logs/log_access.hpp"
#include "cluster/logs/log_events.hpp"
#include "cluster/model/refusal.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace berth::cluster {
namespace {

constexpr std::int64_t kMaxEvents = 10'000;
constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

using Position = std::pair<std::int64_t, std::uint64_t>;

// "f/<timestamp>/<event id>": events after it. "b/…": events before it.
std::string token_of(char direction, Position at) {
    return fmt::format("{}/{:020}/{:020}", direction, at.first, at.second);
}

std::optional<std::pair<char, Position>> parse_token(std::string_view text) {
    if (text.size() != 43 || text[1] != '/' || text[22] != '/' || (text[0] != 'f' && text[0] != 'b'))
        return std::nullopt;
    Position at;
    const auto first = std::from_chars(&text[2], &text[22], at.first);
    const auto second = std::from_chars(&text[23], text.data() + text.size(), at.second);
    if (first.ec != std::errc() || second.ec != std::errc() || first.ptr != &text[22] ||
        second.ptr != text.data() + text.size())
        return std::nullopt;
    return std::pair(text[0], at);
}

struct Span {
    std::int64_t start = 0;                                      // inclusive
    std::int64_t end = std::numeric_limits<std::int64_t>::max(); // exclusive
    std::int64_t limit = kMaxEvents;
};

Result<Span> read_span(const Input& in) {
    Span span;
    span.start = in.integer("startTime").value_or(span.start);
    span.end = in.integer("endTime").value_or(span.end);
    span.limit = in.integer("limit").value_or(span.limit);
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    if (span.limit < 1 || span.limit > kMaxEvents) return bad_parameter("limit must be 1 to {}", kMaxEvents);
    return span;
}

Json view(const LogEvent& event) {
    return Json{
        {"timestamp", event.timestamp}, {"message", event.message}, {"ingestionTime", event.ingested}};
}

} // namespace

Result<Json> get_log_events(Context& context, const Input& in) {
    const bool from_head = in.flag("startFromHead");
    const auto token_text = in.maybe_text("nextToken");
    const auto span = read_span(in);
    if (!span) return fail(span.error());
    const auto stream = find_stream(context.world, in);
    if (!stream) return fail(stream.error());
    const auto token = token_text ? parse_token(*token_text) : std::nullopt;
    if (token_text && !token) return bad_parameter("The specified nextToken is invalid.");

    const auto& events = context.logs.of(*stream);
    const auto first = std::ranges::lower_bound(events, span->start, {}, &LogEvent::timestamp);
    const auto last = std::ranges::lower_bound(events, span->end, {}, &LogEvent::timestamp);
    auto from = first, to = std::max(first, last);
    const bool forward = token ? token->first == 'f' : from_head;
    if (token && forward)
        from = std::max(from, std::ranges::upper_bound(events, token->second, {}, &LogEvent::position));
    if (token && !forward)
        to = std::min(to, std::ranges::lower_bound(events, token->second, {}, &LogEvent::position));
    if (to < from) to = from = forward ? to : from;

    std::size_t bytes = 0;
    std::int64_t count = 0;
    const auto fits = [&](const LogEvent& event) {
        bytes += event.message.size();
        return count++ < span->limit && (bytes <= kMaxBytes || count == 1);
    };
    if (forward) {
        auto end = from;
        while (end != to && fits(*end)) ++end;
        to = end;
    } else {
        auto begin = to;
        while (begin != from && fits(*std::prev(begin))) --begin;
        from = begin;
    }
    Json page = Json::array();
    for (auto it = from; it != to; ++it) page.push_back(view(*it));
    // At an end the token given comes back, which tells the client so.
    const Position here = token                       ? token->second
                          : forward || events.empty() ? Position{0, 0}
                                                      : events.back().position();
    const Position next = from != to ? std::prev(to)->position() : here;
    const Position before = from != to ? from->position() : here;
    return Json{{"events", std::move(page)},
                {"nextForwardToken", token_of('f', next)},
                {"nextBackwardToken", token_of('b', before)}};
}

Result<Json> filter_log_events(Context& context, const Input& in) {
    const auto names = in.strings("logStreamNames");
    const auto prefix = in.text("logStreamNamePrefix");
    const auto token_text = in.maybe_text("nextToken");
    const auto pattern = parse_filter_pattern(in.text("filterPattern"));
    const auto span = read_span(in);
    if (!span) return fail(span.error());
    if (!pattern) return fail(pattern.error());
    const auto group = find_group(context.world, in);
    if (!group) return fail(group.error());
    const auto token = token_text ? parse_token(*token_text) : std::nullopt;
    if (token_text && !token) return bad_parameter("The specified nextToken is invalid.");

    struct Hit {
        const LogEvent* event;
        const std::string* stream;
    };
    std::vector<Hit> hits;
    for (const auto& [key, stream] : context.world.log_streams) {
        if (stream.group != (*group)->name || !stream.name.starts_with(prefix)) continue;
        if (!names.empty() && std::ranges::find(names, stream.name) == names.end()) continue;
        const auto& events = context.logs.of(key);
        for (auto it = std::ranges::lower_bound(events, span->start, {}, &LogEvent::timestamp);
             it != events.end() && it->timestamp < span->end; ++it)
            if ((!token || it->position() > token->second) && matches(*pattern, it->message))
                hits.push_back({&*it, &stream.name});
    }
    std::ranges::sort(hits, {}, [](const Hit& hit) { return hit.event->position(); });
    Json page = Json::array(), out = Json::object();
    std::size_t bytes = 0;
    for (const Hit& hit : hits) {
        bytes += hit.event->message.size();
        if (std::ssize(page) == span->limit || (bytes > kMaxBytes && !page.empty())) {
            const auto& last = hits[page.size() - 1];
            out["nextToken"] = token_of('f', last.event->position());
            break;
        }
        Json event = view(*hit.event);
        event["logStreamName"] = *hit.stream;
        event["eventId"] = fmt::format("{:056}", hit.event->id);
        page.push_back(std::move(event));
    }
    out["events"] = std::move(page);
    out["searchedLogStreams"] = Json::array();
    return out;
}

std::span<const Operation> log_event_operations() {
    static constexpr Operation kAll[]{{"PutLogEvents", put_log_events},
                                      {"GetLogEvents", get_log_events},
                                      {"FilterLogEvents", filter_log_events}};
    return kAll;
}

} // namespace berth::cluster
