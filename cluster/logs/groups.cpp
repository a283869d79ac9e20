// Log groups and streams: CreateLogGroup, DeleteLogGroup, DescribeLogGroups, PutRetentionPolicy,
// CreateLogStream, DeleteLogStream, DescribeLogStreams.
#include "cluster/api/operations.hpp"
#include "cluster/logs/log_access.hpp"
#include "cluster/logs/log_events.hpp"
#include "cluster/model/fields.hpp"
#include "cluster/model/refusal.hpp"

#include <algorithm>
#include <array>

namespace berth::cluster {
namespace {

constexpr std::size_t kMaxName = 512;
constexpr std::size_t kPage = 50;

bool is_group_name(std::string_view name) {
    const auto is_allowed = [](unsigned char c) {
        return std::isalnum(c) || std::string_view("_-/.#").contains(static_cast<char>(c));
    };
    return !name.empty() && name.size() <= kMaxName && std::ranges::all_of(name, is_allowed);
}

bool is_stream_name(std::string_view name) {
    return !name.empty() && name.size() <= kMaxName && name.find_first_of(":*") == std::string_view::npos;
}

Result<Json> create_group(Context& context, const Input& in) {
    const auto name = in.text("logGroupName");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    if (!is_group_name(name))
        return bad_parameter("logGroupName: \"{}\" is no name for a log group", name.substr(0, 64));
    if (context.world.log_groups.find(name))
        return refuse("ResourceAlreadyExistsException", "The specified log group already exists");
    context.world.log_groups.put(name, {name, context.now, 0});
    return Json::object();
}

Result<Json> delete_group(Context& context, const Input& in) {
    const auto group = find_group(context.world, in);
    if (!group) return fail(group.error());
    const std::string name = (*group)->name;
    std::vector<std::string> streams;
    for (const auto& [key, stream] : context.world.log_streams)
        if (stream.group == name) streams.push_back(key);
    for (const std::string& key : streams) {
        context.world.log_streams.erase(key);
        context.logs.erase(key);
    }
    context.world.log_groups.erase(name);
    return Json::object();
}

Result<Json> put_retention(Context& context, const Input& in) {
    constexpr std::array kDays{1,   3,   5,   7,   14,   30,   60,   90,   120,  150,  180,
                               365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653};
    const auto days = in.integer("retentionInDays").value_or(0);
    const auto group = find_group(context.world, in);
    if (!group) return fail(group.error());
    if (std::ranges::find(kDays, days) == kDays.end())
        return bad_parameter("retentionInDays: {} is not one of the allowed numbers of days", days);
    context.world.log_groups.edit((*group)->name)->retention_days = days;
    return Json::object();
}

std::size_t page_size(const Input& in) {
    const auto limit = in.integer("limit").value_or(static_cast<std::int64_t>(kPage));
    return static_cast<std::size_t>(std::clamp<std::int64_t>(limit, 1, kPage));
}

std::size_t stored_bytes(const std::deque<LogEvent>& events) {
    std::size_t bytes = 0;
    for (const LogEvent& event : events) bytes += event.message.size();
    return bytes;
}

Result<Json> describe_groups(Context& context, const Input& in) {
    const auto prefix = in.text("logGroupNamePrefix");
    const auto token = in.text("nextToken");
    const auto size = page_size(in);
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    Json groups = Json::array(), out = Json::object();
    for (const auto& [name, group] : context.world.log_groups) {
        if (!name.starts_with(prefix) || name <= token) continue;
        if (groups.size() == size) {
            out["nextToken"] = groups.back()["logGroupName"];
            break;
        }
        std::size_t bytes = 0;
        for (const auto& [key, stream] : context.world.log_streams)
            if (stream.group == name) bytes += stored_bytes(context.logs.of(key));
        Json shown{{"logGroupName", name},
                   {"arn", context.world.identity.arn(fmt::format("log-group:{}:*", name), "logs")},
                   {"creationTime", milliseconds(group.created)},
                   {"metricFilterCount", 0},
                   {"storedBytes", bytes}};
        if (group.retention_days > 0) shown["retentionInDays"] = group.retention_days;
        groups.push_back(std::move(shown));
    }
    out["logGroups"] = std::move(groups);
    return out;
}

Result<Json> create_stream(Context& context, const Input& in) {
    const auto name = in.text("logStreamName");
    const auto group = find_group(context.world, in);
    if (!group) return fail(group.error());
    if (!is_stream_name(name))
        return bad_parameter("logStreamName: \"{}\" is no name for a log stream", name.substr(0, 64));
    auto key = log_stream_key((*group)->name, name);
    if (context.world.log_streams.find(key))
        return refuse("ResourceAlreadyExistsException", "The specified log stream already exists");
    context.world.log_streams.put(std::move(key), {(*group)->name, name, context.now});
    return Json::object();
}

Result<Json> delete_stream(Context& context, const Input& in) {
    const auto key = find_stream(context.world, in);
    if (!key) return fail(key.error());
    context.world.log_streams.erase(*key);
    context.logs.erase(*key);
    return Json::object();
}

Json view_stream(const Context& context, const std::string& key, const LogStream& stream) {
    const auto& events = context.logs.of(key);
    Json out{{"logStreamName", stream.name},
             {"arn", context.world.identity.arn(
                         fmt::format("log-group:{}:log-stream:{}", stream.group, stream.name), "logs")},
             {"creationTime", milliseconds(stream.created)},
             {"uploadSequenceToken", "0"},
             {"storedBytes", 0}}; // what the service answers for streams, whatever they hold
    if (events.empty()) return out;
    const auto latest = std::ranges::max_element(events, {}, &LogEvent::ingested);
    out["firstEventTimestamp"] = events.front().timestamp;
    out["lastEventTimestamp"] = events.back().timestamp;
    out["lastIngestionTime"] = latest->ingested;
    return out;
}

Result<Json> describe_streams(Context& context, const Input& in) {
    const auto prefix = in.text("logStreamNamePrefix");
    const bool by_time = in.text("orderBy") == "LastEventTime";
    const bool descending = in.flag("descending");
    const auto token = in.text("nextToken");
    const auto size = page_size(in);
    const auto group = find_group(context.world, in);
    if (!group) return fail(group.error());
    if (by_time && !prefix.empty())
        return bad_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.");
    std::vector<Json> streams;
    for (const auto& [key, stream] : context.world.log_streams)
        if (stream.group == (*group)->name && stream.name.starts_with(prefix))
            streams.push_back(view_stream(context, key, stream));
    if (by_time)
        std::ranges::sort(streams, {}, [](const Json& s) { return integer_of(s, "lastEventTimestamp", 0); });
    if (descending) std::ranges::reverse(streams);
    auto from = streams.begin();
    if (!token.empty()) {
        from = std::ranges::find(streams, token, [](const Json& s) { return text_of(s, "logStreamName"); });
        if (from == streams.end()) return bad_parameter("The specified nextToken is invalid.");
        ++from;
    }
    Json page = Json::array(), out = Json::object();
    for (; from != streams.end() && page.size() < size; ++from) page.push_back(std::move(*from));
    if (from != streams.end()) out["nextToken"] = page.back()["logStreamName"];
    out["logStreams"] = std::move(page);
    return out;
}

} // namespace

std::span<const Operation> log_group_operations() {
    static constexpr Operation kAll[]{
        {"CreateLogGroup", create_group},        {"DeleteLogGroup", delete_group},
        {"DescribeLogGroups", describe_groups},  {"PutRetentionPolicy", put_retention},
        {"CreateLogStream", create_stream},      {"DeleteLogStream", delete_stream},
        {"DescribeLogStreams", describe_streams}};
    return kAll;
}

} // namespace berth::cluster
