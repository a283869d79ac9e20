// Making UTF-8 valid, cutting it, and joining lines.
#include "agent/logs/line_joiner.hpp"
#include "agent/logs/progress.hpp"
#include "agent/logs/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <fstream>

namespace berth::logs {
namespace {

using testing::HasSubstr;

TEST(Text, ReplacesOnlyWhatIsInvalid) {
    const std::string bad = "\xef\xbf\xbd";
    const std::vector<std::pair<std::string, std::string>> table{
        {"plain", "plain"},
        {"", ""},
        {"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"a\xff"
         "b",
         "a" + bad + "b"},
        {"\x80", bad},
        {"cut \xe2\x82", "cut " + bad + bad},
        {"\xc3\xa9\xc3", "\xc3\xa9" + bad},
        {"\xc0\x80", bad + bad},           // overlong
        {"\xe0\x9f\xbf", bad + bad + bad}, // overlong
        {"\xed\xa0\x80", bad + bad + bad}, // surrogate
        {"\xf4\x90\x80\x80", bad + bad + bad + bad},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
        {std::string("\0nul", 4), std::string("\0nul", 4)},
    };
    for (const auto& [from, to] : table) EXPECT_EQ(valid_utf8(from), to) << testing::PrintToString(from);
}

TEST(Text, ValidStaysAsItIs) {
    EXPECT_TRUE(rc::check([](std::string bytes) {
        const auto once = valid_utf8(bytes);
        RC_ASSERT(valid_utf8(once) == once);
        RC_ASSERT(once.size() >= bytes.size());
    }));
}

TEST(Text, CutsBetweenCodePoints) {
    EXPECT_EQ(cut_between_code_points("abc", 5), 3U);
    EXPECT_EQ(cut_between_code_points("abcdef", 5), 5U);
    const std::string euros = "\xe2\x82\xac\xe2\x82\xac";
    EXPECT_EQ(cut_between_code_points(euros, 3), 3U);
    EXPECT_EQ(cut_between_code_points(euros, 4), 3U);
    EXPECT_EQ(cut_between_code_points(euros, 5), 3U);
    EXPECT_EQ(cut_between_code_points(std::string(10, '\x80'), 5), 5U) << "no border anywhere";
}

runtime::SpoolLine line(std::string text, bool partial = false, bool is_stderr = false, int second = 1) {
    return {.time = Time(std::chrono::seconds(second)),
            .is_stderr = is_stderr,
            .partial = partial,
            .text = std::move(text)};
}

std::vector<std::string> messages(const std::vector<LogEvent>& events) {
    std::vector<std::string> result;
    for (const auto& event : events) result.push_back(event.message);
    return result;
}

TEST(LineJoiner, JoinsEachStreamForItself) {
    LineJoiner joiner;
    std::vector<LogEvent> events;
    joiner.add({line("out 1, ", true), line("err", false, true, 2), line("out 2", false, false, 3)}, events);
    EXPECT_THAT(messages(events), testing::ElementsAre("err", "out 1, out 2"));
    EXPECT_EQ(events[0].timestamp_ms, 2000);
    EXPECT_EQ(events[1].timestamp_ms, 3000);
}

TEST(LineJoiner, GoesOnFromWhatWasPending) {
    LineJoiner first;
    std::vector<LogEvent> events;
    first.add({line("one ", true), line("two ", true, true)}, events);
    EXPECT_TRUE(events.empty());
    LineJoiner second(first.pending());
    second.add({line("line")}, events);
    second.finish(events);
    EXPECT_THAT(messages(events), testing::ElementsAre("one line", "two "));
    EXPECT_EQ(second.pending(), LineJoiner::Pending{});
}

TEST(LineJoiner, HoldsNoMoreThanOneEvent) {
    LineJoiner joiner;
    std::vector<LogEvent> events;
    std::string piece;
    while (piece.size() < 16384) piece += "\xe2\x82\xac"; // no multiple of three: pieces break code points
    piece.resize(16384);
    std::string all;
    for (int i = 0; i < 100; ++i) {
        joiner.add({line(piece, true)}, events);
        all += piece;
        ASSERT_LE(joiner.pending()[0].size(), kMaxEventBytes);
    }
    joiner.finish(events);
    std::string joined;
    for (const auto& event : events) {
        EXPECT_LE(event.message.size(), kMaxEventBytes);
        joined += event.message;
    }
    EXPECT_EQ(joined, all);
    EXPECT_EQ(events.size(), 7U);
}

class ProgressFile : public testing::Test {
  protected:
    ProgressFile() {
        char name[] = "/tmp/berth-progress-XXXXXX";
        directory_ = ::mkdtemp(name);
    }
    ~ProgressFile() override { fs::remove_all(directory_); }
    fs::path directory_;
};

TEST_F(ProgressFile, ComesBackAsItWas) {
    EXPECT_EQ(*load_progress(directory_), Progress{});
    Progress progress;
    progress.position = {4'000'000'000, std::uint64_t{1} << 40};
    progress.pending = {std::string("bytes \xff\0 of a line", 17), ""};
    ASSERT_TRUE(save_progress(directory_, progress));
    EXPECT_EQ(*load_progress(directory_), progress);
    ASSERT_TRUE(save_progress(directory_, {}));
    EXPECT_EQ(*load_progress(directory_), Progress{});
}

TEST_F(ProgressFile, DamageIsSaid) {
    for (const auto* text : {"", "{", "[]", "{}", R"({"segment":1})", R"({"segment":-1,"offset":0})",
                             R"({"segment":1,"offset":"x"})", R"({"segment":4294967296,"offset":0})",
                             R"({"segment":1,"offset":0,"stdout":"***"})"}) {
        std::ofstream(directory_ / ".forwarded") << text;
        const auto loaded = load_progress(directory_);
        ASSERT_FALSE(loaded) << text;
        EXPECT_THAT(loaded.error().message(), HasSubstr(".forwarded"));
    }
}

} // namespace
} // namespace berth::logs
