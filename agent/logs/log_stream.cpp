// CreateLogGroup, CreateLogStream, PutLogEvents.
#include "agent/logs/log_stream.hpp"

#include <algorithm>

namespace berth::logs {
namespace {

constexpr auto kCallTimeout = std::chrono::seconds(30);

class SourceCredentials final : public aws::CredentialsProvider {
  public:
    explicit SourceCredentials(CredentialsSource source) : source_(std::move(source)) {}
    Async<Result<AwsCredentials>> get() override { return source_(); }

  private:
    CredentialsSource source_;
};

aws::Service service_of(const AwslogsTarget& target) {
    const auto* suffix = target.region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
    return {.signing_name = "logs",
            .target_prefix = "Logs_20140328.",
            .endpoint = target.endpoint.empty() ? fmt::format("https://logs.{}.{}", target.region, suffix)
                                                : target.endpoint,
            .region = target.region};
}

// rejectedLogEventsInfo gives the borders of what was kept.
std::uint64_t refused_events(const Json& answer, std::uint64_t count) {
    const auto info = JsonReader(answer).object("rejectedLogEventsInfo");
    if (!info || *info == nullptr) return 0;
    const JsonReader reader(**info);
    const auto border = [&](std::string_view key, std::uint64_t otherwise) {
        const auto value = reader.integer(key);
        if (!value || !*value) return otherwise;
        return static_cast<std::uint64_t>(
            std::clamp<std::int64_t>(**value, 0, static_cast<std::int64_t>(count)));
    };
    const auto first_kept =
        std::max(border("tooOldLogEventEndIndex", 0), border("expiredLogEventEndIndex", 0));
    const auto end_kept = border("tooNewLogEventStartIndex", count);
    return first_kept >= end_kept ? count : count - (end_kept - first_kept);
}

// What the service says of a request that is wrong in itself. Anything else may be a proxy or an endpoint
// that is not what it should be, and may get better.
bool never_taken(const Error& error) {
    return error.name() == "InvalidParameterException" || error.name() == "ValidationException" ||
           error.name() == "SerializationException";
}

} // namespace

LogStream::LogStream(Executor executor, http::Client& client, AwslogsTarget target,
                     CredentialsSource credentials)
    : target_(std::move(target)),
      client_(std::move(executor), client, std::make_shared<SourceCredentials>(std::move(credentials)),
              service_of(target_)) {}

Async<Result<Json>> LogStream::call(std::string operation, Json input) {
    co_return co_await client_.call(std::move(operation), std::move(input), deadline_in(kCallTimeout), 1);
}

Async<Status> LogStream::create() {
    if (!target_.create_stream)
        co_return fail(ErrorCode::not_found,
                       "log stream {} of group {} does not exist, and awslogs-create-stream is false",
                       target_.stream, target_.group);
    const Json stream{{"logGroupName", target_.group}, {"logStreamName", target_.stream}};
    auto made = co_await call("CreateLogStream", stream);
    if (!made && made.error().code() == ErrorCode::not_found) {
        if (!target_.create_group)
            co_return fail(ErrorCode::not_found,
                           "log group {} does not exist; create it, or set awslogs-create-group to true",
                           target_.group);
        const Json group{{"logGroupName", target_.group}};
        auto group_made = co_await call("CreateLogGroup", group);
        if (!group_made && group_made.error().code() != ErrorCode::exists)
            co_return fail(std::move(group_made.error()), "creating log group {}", target_.group);
        made = co_await call("CreateLogStream", stream);
    }
    if (!made && made.error().code() != ErrorCode::exists)
        co_return fail(std::move(made.error()), "creating log stream {}", target_.stream);
    created_ = true;
    co_return Status{};
}

Async<Result<Delivered>> LogStream::put(std::vector<LogEvent> batch) {
    if (!created_ && target_.create_stream)
        if (auto made = co_await create(); !made) co_return fail(std::move(made.error()));
    Delivered delivered;
    Json input{{"logGroupName", target_.group}, {"logStreamName", target_.stream}};
    auto& events = input["logEvents"] = Json::array();
    for (auto& event : batch) {
        delivered.bytes += event.message.size();
        events.push_back({{"timestamp", event.timestamp_ms}, {"message", std::move(event.message)}});
    }
    auto answer = co_await call("PutLogEvents", input);
    if (!answer && answer.error().code() == ErrorCode::not_found) {
        // Removed while we were writing to it, or never made.
        created_ = false;
        if (auto made = co_await create(); !made) co_return fail(std::move(made.error()));
        answer = co_await call("PutLogEvents", std::move(input));
    }
    if (!answer && answer.error().name() == "DataAlreadyAcceptedException") answer = Json::object();
    if (!answer && answer.error().code() == ErrorCode::invalid && !never_taken(answer.error()))
        co_return fail(Error(ErrorCode::protocol, answer.error().message()));
    if (!answer) co_return fail(std::move(answer.error()));
    delivered.refused = refused_events(*answer, batch.size());
    delivered.events = batch.size() - delivered.refused;
    co_return delivered;
}

} // namespace berth::logs
