// The limits of PutLogEvents, as properties.
#include "berth/base/sha256.hpp"
#include "berth/logs/forwarder.hpp"

#include "agent/logs/text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace berth::logs {
namespace {

constexpr std::int64_t kDay = 24 * 60 * 60 * 1000;

LogEvent event(std::int64_t timestamp, std::string message) { return {timestamp, std::move(message)}; }

std::size_t weight(const std::vector<LogEvent>& batch) {
    std::size_t sum = 0;
    for (const auto& one : batch) sum += one.message.size() + 26;
    return sum;
}

// Long texts are made of a description, so that generating and shrinking handles small values.
struct Description {
    std::int64_t timestamp = 0;
    std::size_t size = 0;
    std::string unit;

    LogEvent make() const {
        LogEvent result = event(timestamp, {});
        result.message.reserve(size + unit.size());
        while (result.message.size() < size) result.message += unit;
        return result;
    }
};

std::ostream& operator<<(std::ostream& out, const Description& of) {
    return out << of.size << " bytes of " << testing::PrintToString(of.unit) << " at " << of.timestamp;
}

rc::Gen<std::vector<Description>> descriptions() {
    const auto one = rc::gen::apply(
        [](std::int64_t timestamp, std::size_t size, std::string unit) {
            return Description{timestamp, size, std::move(unit)};
        },
        rc::gen::inRange<std::int64_t>(0, 3 * kDay),
        rc::gen::element<std::size_t>(0, 0, 1, 2, 3, 100, 1'000, 5'000, 5'001, 65'536, 262'116, 262'119),
        rc::gen::element<std::string>("x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff", "a\xc3"));
    constexpr int kFew = 12; // their sizes are what matters
    return rc::gen::resize(kFew, rc::gen::container<std::vector<Description>>(one));
}

TEST(Batches, KeepTheLimitsAndLoseNothing) {
    EXPECT_TRUE(rc::check([] {
        std::vector<LogEvent> given;
        for (const auto& description : *descriptions()) given.push_back(description.make());
        Sha256 text, sent;
        for (const auto& one : given) text.update(valid_utf8(one.message));
        for (const auto& batch : make_batches(std::move(given))) {
            RC_ASSERT(!batch.empty());
            RC_ASSERT(batch.size() <= 10'000U);
            RC_ASSERT(weight(batch) <= 1'048'576U);
            RC_ASSERT(batch.back().timestamp_ms - batch.front().timestamp_ms <= kDay);
            auto before = batch.front().timestamp_ms;
            for (const auto& one : batch) {
                RC_ASSERT(!one.message.empty());
                RC_ASSERT(one.message.size() <= 262'118U);
                RC_ASSERT(valid_utf8(one.message) == one.message);
                RC_ASSERT(one.timestamp_ms >= std::exchange(before, one.timestamp_ms));
                sent.update(one.message);
            }
        }
        RC_ASSERT(sent.finish() == text.finish());
    }));
}

TEST(Batches, NoMoreThanNeeded) {
    EXPECT_TRUE(make_batches({}).empty());
    EXPECT_TRUE(make_batches({event(1, ""), event(2, "")}).empty());
    const auto one = make_batches({event(1, "a"), event(1, ""), event(1 + kDay, "b")});
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(one[0].size(), 2U);
    EXPECT_EQ(one[0][1].timestamp_ms, 1 + kDay);
    EXPECT_EQ(make_batches({event(1, "a"), event(2 + kDay, "b")}).size(), 2U);
    EXPECT_EQ(make_batches({event(2, "a"), event(1, "b")}).size(), 2U);
}

TEST(Batches, CountsEvents) {
    const std::vector<LogEvent> many(20'001, event(7, "x"));
    const auto batches = make_batches(many);
    ASSERT_EQ(batches.size(), 3U);
    EXPECT_EQ(batches[0].size(), 10'000U);
    EXPECT_EQ(batches[2].size(), 1U);
}

TEST(Batches, CountsWhatAnEventCostsBesideItsText) {
    // 8,322 events of 100 and 26 bytes each are 1,048,572 bytes.
    const auto batches = make_batches(std::vector<LogEvent>(8'323, event(1, std::string(100, 'x'))));
    ASSERT_EQ(batches.size(), 2U);
    EXPECT_EQ(batches[0].size(), 8'322U);
}

TEST(Batches, FillsToTheLastByte) {
    // Four events of 262,118 and 26 bytes each are exactly a mebibyte.
    const std::vector<LogEvent> full(4, event(1, std::string(262'118, 'x')));
    EXPECT_EQ(make_batches(full).size(), 1U);
    auto more = full;
    more.push_back(event(1, "x"));
    EXPECT_EQ(make_batches(more).size(), 2U);
    EXPECT_EQ(make_batches({event(1, std::string(262'119, 'x'))})[0].size(), 2U);
}

} // namespace
} // namespace berth::logs
