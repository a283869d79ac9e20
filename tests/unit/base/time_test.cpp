// Time formats: RFC 3339, epoch seconds, Go durations.
#include "berth/base/time.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

TEST(Time, Rfc3339RoundTrip) {
    const auto time = parse_rfc3339("2026-01-02T03:04:05.123456789Z");
    ASSERT_TRUE(time);
    EXPECT_EQ(to_rfc3339(*time), "2026-01-02T03:04:05.123456789Z");
    EXPECT_EQ(to_rfc3339(*time, 3), "2026-01-02T03:04:05.123Z");
    EXPECT_EQ(to_rfc3339(*time, 0), "2026-01-02T03:04:05Z");
    EXPECT_EQ(parse_rfc3339("2026-01-02T05:04:05.123456789+02:00").value(), *time);
}

TEST(Time, Rfc3339Rejects) {
    for (const char* text :
         {"", "2026-01-02", "2026-13-02T03:04:05Z", "2026-02-30T03:04:05Z", "2026-01-02T25:04:05Z",
          "2026-01-02T03:04:05", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zx", "9999-01-02T03:04:05Z"})
        EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(Time, EpochSecondsKeepMilliseconds) {
    const auto time = parse_rfc3339("2026-01-02T03:04:05.678Z").value();
    EXPECT_DOUBLE_EQ(to_epoch_seconds(time), 1767323045.678);
    EXPECT_EQ(from_epoch_seconds(1767323045.678), time);
    EXPECT_EQ(from_epoch_seconds(1e300), Time{});
}

TEST(Time, GoDurations) {
    using namespace std::chrono_literals;
    EXPECT_EQ(parse_go_duration("90s").value(), 90s);
    EXPECT_EQ(parse_go_duration("1h30m").value(), 90min);
    EXPECT_EQ(parse_go_duration("1.5s").value(), 1500ms);
    EXPECT_EQ(parse_go_duration("-2ms").value(), -2ms);
    EXPECT_EQ(parse_go_duration("0").value(), 0s);
    for (const char* text : {"", "10", "s", "1x", "1h-", "99999999999999h", "."})
        EXPECT_FALSE(parse_go_duration(text)) << text;
}

} // namespace
} // namespace berth
