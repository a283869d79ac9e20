// CloudWatch Logs: limits of a put, reading in both directions, filters, bounded memory.
#include "cluster/logs/filter_pattern.hpp"
#include "cluster/logs/log_events.hpp"
#include "fixture.hpp"

namespace berth::cluster {
namespace {

class LogsTest : public Fixture {
  protected:
    LogsTest() {
        logs_must("CreateLogGroup", {{"logGroupName", "/g"}});
        logs_must("CreateLogStream", {{"logGroupName", "/g"}, {"logStreamName", "s"}});
        base = 1'767'323'045'000;
    }
    Json logs_must(const std::string& operation, const Json& input) {
        auto answer = call_logs(operation, input);
        EXPECT_TRUE(answer) << operation << ": " << (answer ? "" : answer.error().message());
        return answer.value_or(Json::object());
    }
    std::string logs_error(const std::string& operation, const Json& input) {
        const auto answer = call_logs(operation, input);
        return answer ? "none" : answer.error().name();
    }
    static Json events(std::initializer_list<std::pair<std::int64_t, std::string>> list) {
        Json all = Json::array();
        for (const auto& [time, text] : list) all.push_back({{"timestamp", time}, {"message", text}});
        return all;
    }
    Json put(const Json& list, const std::string& stream = "s") {
        return logs_must("PutLogEvents",
                         {{"logGroupName", "/g"}, {"logStreamName", stream}, {"logEvents", list}});
    }
    std::string put_error(const Json& list) {
        return logs_error("PutLogEvents",
                          {{"logGroupName", "/g"}, {"logStreamName", "s"}, {"logEvents", list}});
    }
    Json get(Json more) {
        Json request{{"logGroupName", "/g"}, {"logStreamName", "s"}};
        request.update(more);
        return logs_must("GetLogEvents", request);
    }
    static std::string texts(const Json& answer) {
        std::string all;
        for (const Json& event : answer["events"]) all += text_of(event, "message");
        return all;
    }
    std::int64_t base = 0;
};

TEST_F(LogsTest, ReadsForwardByToken) {
    put(events({{base, "a"}, {base, "b"}, {base + 1, "c"}}));
    auto page = get({{"startFromHead", true}, {"limit", 2}});
    EXPECT_EQ(texts(page), "ab");
    page = get({{"nextToken", page["nextForwardToken"]}, {"limit", 2}});
    EXPECT_EQ(texts(page), "c");
    const auto end = page["nextForwardToken"];
    page = get({{"nextToken", end}});
    EXPECT_EQ(texts(page), "");
    EXPECT_EQ(page["nextForwardToken"], end); // the sign that there is no more
    put(events({{base + 2, "d"}}));
    EXPECT_EQ(texts(get({{"nextToken", end}})), "d");
}

TEST_F(LogsTest, ReadsBackwardFromTheEnd) {
    put(events({{base, "a"}, {base + 1, "b"}, {base + 2, "c"}}));
    auto page = get({{"limit", 2}});
    EXPECT_EQ(texts(page), "bc");
    page = get({{"nextToken", page["nextBackwardToken"]}, {"limit", 2}});
    EXPECT_EQ(texts(page), "a");
    page = get({{"nextToken", page["nextBackwardToken"]}});
    EXPECT_EQ(texts(page), "");
}

TEST_F(LogsTest, TimesAreFromInclusiveToExclusive) {
    put(events({{base, "a"}, {base + 1, "b"}, {base + 2, "c"}}));
    EXPECT_EQ(texts(get({{"startTime", base + 1}, {"endTime", base + 2}})), "b");
    EXPECT_EQ(texts(get({{"startTime", base + 9}})), "");
    EXPECT_EQ(texts(get({{"startTime", base + 2}, {"endTime", base}})), "");
}

TEST_F(LogsTest, AnEmptyStreamGrowsUnderItsToken) {
    const auto page = get({{"startFromHead", true}});
    put(events({{base, "a"}}));
    EXPECT_EQ(texts(get({{"nextToken", page["nextForwardToken"]}})), "a");
}

TEST_F(LogsTest, EventsThatComeLateAreSortedIn) {
    put(events({{base + 5, "b"}}));
    put(events({{base, "a"}}));
    EXPECT_EQ(texts(get({{"startFromHead", true}})), "ab");
}

TEST_F(LogsTest, PutChecksItsLimits) {
    EXPECT_EQ(put_error(Json::array()), "InvalidParameterException");
    EXPECT_EQ(put_error(events({{base + 1, "a"}, {base, "b"}})), "InvalidParameterException");
    EXPECT_EQ(put_error(events({{base - 86'400'001, "a"}, {base, "b"}})), "InvalidParameterException");
    EXPECT_EQ(put_error(events({{base, ""}})), "InvalidParameterException");
    EXPECT_EQ(put_error(Json::array({{{"timestamp", "x"}, {"message", "a"}}})), "SerializationException");
    const std::string half(1'048'576 / 2 - 26, 'x');
    EXPECT_EQ(put_error(events({{base, half}, {base, half}})), "none"); // exactly the limit
    EXPECT_EQ(put_error(events({{base, half}, {base, half + "x"}})), "InvalidParameterException");
    Json many = Json::array();
    for (int i = 0; i < 10'001; ++i) many.push_back({{"timestamp", base}, {"message", "m"}});
    EXPECT_EQ(put_error(many), "InvalidParameterException");
    many.erase(0);
    EXPECT_EQ(put_error(many), "none");
}

TEST_F(LogsTest, EventsOutOfTimeAreRejectedAndSaidSo) {
    constexpr std::int64_t kDay = 86'400'000;
    const auto old = put(events({{base - 15 * kDay, "old"}, {base - 14 * kDay, "new"}}));
    EXPECT_EQ(old["rejectedLogEventsInfo"], (Json{{"tooOldLogEventEndIndex", 1}}));
    const auto early = put(events({{base + 7'200'000, "now"}, {base + 7'200'001, "later"}}));
    EXPECT_EQ(early["rejectedLogEventsInfo"], (Json{{"tooNewLogEventStartIndex", 1}}));
    logs_must("PutRetentionPolicy", {{"logGroupName", "/g"}, {"retentionInDays", 1}});
    const auto expired = put(events({{base - kDay - 1, "gone"}}));
    EXPECT_EQ(expired["rejectedLogEventsInfo"], (Json{{"expiredLogEventEndIndex", 1}}));
    EXPECT_EQ(texts(get({{"startFromHead", true}})), "newnow");
}

TEST_F(LogsTest, FilterMergesStreams) {
    logs_must("CreateLogStream", {{"logGroupName", "/g"}, {"logStreamName", "t"}});
    put(events({{base, "error a"}, {base + 2, "fine c"}}), "s");
    put(events({{base + 1, "error b"}, {base + 3, "error d"}}), "t");
    const auto filter = [&](Json more) {
        more["logGroupName"] = "/g";
        return logs_must("FilterLogEvents", more);
    };
    EXPECT_EQ(texts(filter(Json::object())), "error aerror bfine cerror d");
    EXPECT_EQ(texts(filter({{"filterPattern", "error"}})), "error aerror berror d");
    EXPECT_EQ(texts(filter({{"logStreamNames", {"t"}}})), "error berror d");
    EXPECT_EQ(texts(filter({{"logStreamNamePrefix", "s"}})), "error afine c");
    EXPECT_EQ(texts(filter({{"startTime", base + 2}})), "fine cerror d");
    auto page = filter({{"limit", 3}});
    EXPECT_EQ(texts(page), "error aerror bfine c");
    EXPECT_EQ(texts(filter({{"limit", 3}, {"nextToken", page["nextToken"]}})), "error d");
    EXPECT_EQ(text_of(page["events"][1], "logStreamName"), "t");
    EXPECT_EQ(logs_error("FilterLogEvents", {{"logGroupName", "/g"}, {"filterPattern", "{ $.x = 1 }"}}),
              "InvalidParameterException");
    EXPECT_EQ(logs_error("FilterLogEvents", {{"logGroupName", "/none"}}), "ResourceNotFoundException");
}

TEST_F(LogsTest, GroupsAndStreams) {
    EXPECT_EQ(logs_error("CreateLogGroup", {{"logGroupName", "/g"}}), "ResourceAlreadyExistsException");
    EXPECT_EQ(logs_error("CreateLogGroup", {{"logGroupName", "a b"}}), "InvalidParameterException");
    EXPECT_EQ(logs_error("CreateLogStream", {{"logGroupName", "/g"}, {"logStreamName", "s"}}),
              "ResourceAlreadyExistsException");
    EXPECT_EQ(logs_error("CreateLogStream", {{"logGroupName", "/g"}, {"logStreamName", "a:b"}}),
              "InvalidParameterException");
    EXPECT_EQ(logs_error("CreateLogStream", {{"logGroupName", "/x"}, {"logStreamName", "s"}}),
              "ResourceNotFoundException");
    EXPECT_EQ(logs_error("GetLogEvents", {{"logGroupName", "/g"}, {"logStreamName", "x"}}),
              "ResourceNotFoundException");
    EXPECT_EQ(logs_error("PutRetentionPolicy", {{"logGroupName", "/g"}, {"retentionInDays", 2}}),
              "InvalidParameterException");
    logs_must("CreateLogStream", {{"logGroupName", "/g"}, {"logStreamName", "r"}});
    put(events({{base, "a"}}), "r");
    const auto streams = logs_must(
        "DescribeLogStreams", {{"logGroupName", "/g"}, {"orderBy", "LastEventTime"}, {"descending", true}});
    ASSERT_EQ(streams["logStreams"].size(), 2U);
    EXPECT_EQ(streams["logStreams"][0]["logStreamName"], "r");
    EXPECT_EQ(streams["logStreams"][0]["lastEventTimestamp"], base);
    const auto page = logs_must("DescribeLogStreams", {{"logGroupName", "/g"}, {"limit", 1}});
    EXPECT_EQ(page["logStreams"][0]["logStreamName"], "r");
    EXPECT_EQ(
        logs_must("DescribeLogStreams", {{"logGroupName", "/g"},
                                         {"nextToken", page["nextToken"]}})["logStreams"][0]["logStreamName"],
        "s");
    logs_must("DeleteLogGroup", {{"logGroupName", "/g"}});
    EXPECT_TRUE(logs_must("DescribeLogGroups", Json::object())["logGroups"].empty());
    EXPECT_EQ(logs.bytes(), 0U);
    EXPECT_EQ(world.log_streams.size(), 0U);
}

TEST(FilterPattern, Terms) {
    const auto matches_text = [](std::string_view pattern, std::string_view text) {
        const auto parsed = parse_filter_pattern(pattern);
        EXPECT_TRUE(parsed);
        return parsed && matches(*parsed, text);
    };
    EXPECT_TRUE(matches_text("", "anything"));
    EXPECT_TRUE(matches_text("a b", "b then a"));
    EXPECT_FALSE(matches_text("a b", "a"));
    EXPECT_TRUE(matches_text("\"a b\"", "x a b y"));
    EXPECT_FALSE(matches_text("\"a b\"", "a  b"));
    EXPECT_FALSE(matches_text("a -b", "ab"));
    EXPECT_TRUE(matches_text("?a ?b", "b"));
    EXPECT_FALSE(parse_filter_pattern("\"open"));
}

TEST(LogMemory, TheOldestOfTheLargestStreamGoFirst) {
    LogEvents logs(64 << 10);
    logs.put("small", 1, 1, "keep me");
    for (int i = 0; i < 1000; ++i) logs.put("large", i, i, std::string(1000, 'x'));
    EXPECT_LE(logs.bytes(), std::size_t{64} << 10);
    EXPECT_EQ(logs.of("small").size(), 1U);
    ASSERT_FALSE(logs.of("large").empty());
    EXPECT_EQ(logs.of("large").back().timestamp, 999);
}

} // namespace
} // namespace berth::cluster
