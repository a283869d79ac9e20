// From the spool to the log service, through everything that can go wrong between.
#include "berth/logs/forwarder.hpp"

#include "tests/unit/logs/service.hpp"
#include "tests/unit/logs/spool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace berth::logs {
namespace {

using namespace test;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

const ContainerId kOne(std::string(64, '1')), kTwo(std::string(64, '2'));

Async<Result<AwsCredentials>> good_credentials() { co_return credentials(); }
Async<Result<AwsCredentials>> no_credentials() {
    co_return fail(ErrorCode::auth, "the execution role has no keys yet");
}

class Forwarding : public testing::Test {
  protected:
    Forwarding() { service_.groups.insert("group"); }
    ~Forwarding() override {
        service_.hold = false;
        service_.stop();
    }

    // The agent dies without a word, and comes back.
    void restart() { forwarder_ = Forwarder::make(loop_.executor(), pool_, client_, Log()); }
    AwslogsTarget target(std::string stream = "stream") const {
        AwslogsTarget result;
        result.region = "eu-west-1";
        result.group = "group";
        result.stream = std::move(stream);
        result.endpoint = service_.url();
        return result;
    }
    void follow() { forwarder_->follow(kOne, spool_.directory(), target(), good_credentials); }
    void finish_and_drain() {
        forwarder_->finish(kOne);
        const auto drained = loop_.run(forwarder_->drained(kOne, berth::test::soon()));
        ASSERT_TRUE(drained) << drained.error().message();
        EXPECT_TRUE(forwarder_->status(kOne)->drained);
    }
    void until_sent(std::size_t count, const std::string& stream = "stream") {
        loop_.drive([&] { return service_.messages(stream).size() >= count; });
    }
    void until_error() {
        loop_.drive([&] { return !forwarder_->status(kOne)->last_error.empty(); });
    }

    berth::test::Loop loop_;
    Pool pool_{1};
    LogsService service_{loop_};
    http::Client client_{loop_.executor(), {}};
    Spool spool_;
    std::unique_ptr<Forwarder> forwarder_ = Forwarder::make(loop_.executor(), pool_, client_, Log());
};

TEST_F(Forwarding, LinesArriveWhileTheContainerRuns) {
    const auto before =
        std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch()).count();
    follow();
    spool_.line("first");
    until_sent(1);
    spool_.line("");
    spool_.line("second \xff byte");
    until_sent(2);
    EXPECT_THAT(service_.messages("stream"), ElementsAre("first", "second \xef\xbf\xbd byte"));
    EXPECT_GE(service_.streams.at("stream")[0].first, before);
    EXPECT_LE(service_.streams.at("stream")[0].first, before + 60'000);
    EXPECT_EQ(service_.bad_requests, 0);
    loop_.drive([&] { return forwarder_->status(kOne)->lines_sent == 2; });
    const auto status = forwarder_->status(kOne);
    EXPECT_EQ(status->bytes_sent, 20U);
    EXPECT_EQ(status->last_error, "");
    EXPECT_FALSE(status->drained);
}

TEST_F(Forwarding, WhatWasThereBeforeAndALastLineWithoutAnEnd) {
    spool_.line("one");
    spool_.partial("two");
    follow();
    follow(); // idempotent
    finish_and_drain();
    EXPECT_THAT(service_.messages("stream"), ElementsAre("one", "two"));
}

TEST_F(Forwarding, ASilentContainerMakesNoStream) {
    follow();
    finish_and_drain();
    EXPECT_TRUE(service_.streams.empty());
    EXPECT_TRUE(loop_.run(forwarder_->drained(kTwo, berth::test::soon())))
        << "not followed: nothing to wait for";
}

TEST_F(Forwarding, OrderIsKeptAndOneBatchIsUnderWay) {
    std::vector<std::string> lines;
    for (int i = 0; i < 20'000; ++i) lines.push_back(fmt::format("line {:06} {}", i, std::string(60, 'x')));
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (i == 10'000) spool_.rotate();
        spool_.line(lines[i]);
    }
    follow();
    finish_and_drain();
    EXPECT_EQ(service_.messages("stream"), lines);
    EXPECT_EQ(service_.most_in_flight, 1);
    EXPECT_EQ(forwarder_->status(kOne)->lines_sent, 20'000U);
    EXPECT_EQ(forwarder_->status(kOne)->lost_segments, 0U);
}

TEST_F(Forwarding, ThrottlingAndServerErrorsAreWaitedOut) {
    service_.fail_next_put(400, "ThrottlingException", "rate exceeded");
    service_.fail_next_put(503, "ServiceUnavailableException");
    follow();
    spool_.line("patient");
    until_error();
    EXPECT_THAT(forwarder_->status(kOne)->last_error, HasSubstr("rate exceeded"));
    finish_and_drain();
    EXPECT_THAT(service_.messages("stream"), ElementsAre("patient"));
    EXPECT_EQ(service_.puts, 3);
    EXPECT_EQ(forwarder_->status(kOne)->last_error, "");
}

TEST_F(Forwarding, AnAbsentEndpointCostsOnlyItsContainer) {
    LogsService other(loop_);
    other.groups.insert("group");
    auto dead = target();
    dead.endpoint = other.url();
    other.stop();
    forwarder_->follow(kOne, spool_.directory(), dead, good_credentials);
    Spool second;
    forwarder_->follow(kTwo, second.directory(), target("second"), good_credentials);
    spool_.line("waits");
    until_error();
    second.line("goes through");
    until_sent(1, "second");
    EXPECT_EQ(forwarder_->status(kTwo)->last_error, "");
    other.start();
    loop_.drive([&] { return !other.messages("stream").empty(); });
    EXPECT_THAT(other.messages("stream"), ElementsAre("waits"));
    forwarder_.reset();
    other.stop();
}

TEST_F(Forwarding, ACutConnectionMeansOnceMore) {
    service_.hold = true;
    follow();
    spool_.line("again");
    loop_.drive([&] { return service_.in_flight == 1; });
    service_.stop();
    until_error();
    service_.hold = false;
    service_.start();
    finish_and_drain();
    EXPECT_THAT(service_.messages("stream"), ElementsAre("again", "again"));
}

TEST_F(Forwarding, AMissingGroupIsNamedAndMayStillCome) {
    service_.groups.clear();
    follow();
    spool_.line("hello");
    until_error();
    EXPECT_THAT(forwarder_->status(kOne)->last_error,
                AllOf(HasSubstr("log group group does not exist"), HasSubstr("awslogs-create-group")));
    service_.groups.insert("group");
    finish_and_drain();
    EXPECT_THAT(service_.messages("stream"), ElementsAre("hello"));
}

TEST_F(Forwarding, CreatesTheGroupWhenAskedTo) {
    service_.groups.clear();
    auto wanted = target();
    wanted.create_group = true;
    forwarder_->follow(kOne, spool_.directory(), wanted, good_credentials);
    spool_.line("hello");
    until_sent(1);
    EXPECT_TRUE(service_.groups.contains("group"));
}

TEST_F(Forwarding, DoesNotCreateTheStreamWhenToldNotTo) {
    auto wanted = target();
    wanted.create_stream = false;
    forwarder_->follow(kOne, spool_.directory(), wanted, good_credentials);
    spool_.line("hello");
    until_error();
    EXPECT_THAT(forwarder_->status(kOne)->last_error, HasSubstr("awslogs-create-stream is false"));
    service_.streams["stream"];
    until_sent(1);
}

TEST_F(Forwarding, AStreamThatWasRemovedIsMadeAgain) {
    follow();
    spool_.line("one");
    until_sent(1);
    service_.streams.clear();
    spool_.line("two");
    until_sent(1);
    EXPECT_THAT(service_.messages("stream"), ElementsAre("two"));
}

TEST_F(Forwarding, MissingCredentialsAreSaid) {
    forwarder_->follow(kOne, spool_.directory(), target(), no_credentials);
    spool_.line("hello");
    until_error();
    EXPECT_THAT(forwarder_->status(kOne)->last_error, HasSubstr("the execution role has no keys yet"));
    const auto late = loop_.run(forwarder_->drained(kOne, deadline_in(std::chrono::milliseconds(1))));
    EXPECT_EQ(late.error().code(), ErrorCode::timeout);
    EXPECT_THAT(late.error().message(), HasSubstr("no keys yet"));
}

TEST_F(Forwarding, WhatTheServiceWillNeverTakeDoesNotStopTheRest) {
    service_.fail_next_put(400, "InvalidParameterException", "log events are in the wrong order");
    follow();
    spool_.line("poison");
    until_error();
    spool_.line("fine");
    finish_and_drain();
    EXPECT_THAT(service_.messages("stream"), ElementsAre("fine"));
    EXPECT_EQ(forwarder_->status(kOne)->lines_sent, 1U);
}

TEST_F(Forwarding, RefusedEventsDoNotCountAsSent) {
    service_.put_answer = Json{{"rejectedLogEventsInfo", {{"tooOldLogEventEndIndex", 2}}}};
    for (const auto* text : {"a", "b", "c"}) spool_.line(text);
    follow();
    finish_and_drain();
    EXPECT_EQ(forwarder_->status(kOne)->lines_sent, 1U);
}

TEST_F(Forwarding, AfterARestartAtMostOneBatchComesTwice) {
    std::vector<std::string> lines;
    for (int i = 0; i < 30'000; ++i) lines.push_back(fmt::format("line {:06}", i));
    for (const auto& line : lines) spool_.line(line);
    follow();
    loop_.drive([&] { return service_.batch_sizes.size() == 2; });
    service_.hold = true; // the third is taken, but the agent dies before it hears of that
    loop_.drive([&] { return service_.batch_sizes.size() == 3; });
    restart();
    service_.hold = false;
    follow();
    finish_and_drain();

    auto sent = service_.messages("stream");
    EXPECT_EQ(sent.size(), lines.size() + service_.batch_sizes[2]);
    std::ranges::sort(sent);
    const auto [end, last] = std::ranges::unique(sent);
    sent.erase(end, last);
    EXPECT_EQ(sent, lines);
}

TEST_F(Forwarding, NothingIsSentAgainAfterAQuietRestart) {
    follow();
    spool_.line("one");
    finish_and_drain();
    restart();
    follow();
    finish_and_drain();
    EXPECT_THAT(service_.messages("stream"), ElementsAre("one"));
    EXPECT_EQ(service_.puts, 1);
}

TEST_F(Forwarding, ALineInPiecesSurvivesARestart) {
    follow();
    spool_.line("whole");
    spool_.partial("first half, ");
    until_sent(1);
    // The position after the half line is saved when this is counted, or nothing of it is.
    loop_.drive([&] { return fs::exists(spool_.directory() / ".forwarded"); });
    restart();
    spool_.line("second half");
    follow();
    finish_and_drain();
    EXPECT_THAT(service_.messages("stream"), ElementsAre("whole", "first half, second half"));
}

TEST_F(Forwarding, SegmentsLostToRotationAreCountedAndSaid) {
    follow();
    spool_.line("seen");
    until_sent(1);
    loop_.drive([&] { return fs::exists(spool_.directory() / ".forwarded"); });
    restart();
    spool_.rotate();
    spool_.line("never seen");
    spool_.rotate();
    spool_.line("seen again");
    spool_.remove_segment(1);
    spool_.remove_segment(2);
    follow();
    finish_and_drain();
    const auto lost = forwarder_->status(kOne)->lost_segments;
    EXPECT_GE(lost, 1U);
    EXPECT_THAT(
        service_.messages("stream"),
        ElementsAre("seen",
                    fmt::format("[berth: {} segments of this container's log were rotated away before "
                                "they could be sent]",
                                lost),
                    "seen again"));
}

TEST_F(Forwarding, AnUnreadablePositionMeansFromTheBeginning) {
    spool_.line("one");
    std::ofstream(spool_.directory() / ".forwarded") << "nonsense";
    follow();
    finish_and_drain();
    EXPECT_THAT(service_.messages("stream"), ElementsAre("one"));
}

TEST_F(Forwarding, DropEndsItAtOnce) {
    service_.hold = true;
    follow();
    spool_.line("one");
    loop_.drive([&] { return service_.in_flight == 1; });
    bool ended = false;
    const auto wait = [](Forwarder* forwarder, bool* flag) -> Async<void> {
        EXPECT_TRUE(co_await forwarder->drained(kOne, berth::test::soon()));
        *flag = true;
    };
    spawn(loop_.executor(), wait(forwarder_.get(), &ended), {});
    loop_.io.poll();
    forwarder_->drop(kOne);
    loop_.drive([&] { return ended; });
    EXPECT_FALSE(forwarder_->status(kOne));
    service_.hold = false;
    loop_.drive([&] { return service_.in_flight == 0; });
    EXPECT_FALSE(fs::exists(spool_.directory() / ".forwarded"));
    forwarder_->finish(kOne);
    forwarder_->drop(kOne);
}

} // namespace
} // namespace berth::logs
