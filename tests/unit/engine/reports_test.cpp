// What is reported, when, and never twice.
#include "tests/unit/engine/scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

ContainerSpec helper(const std::string& name) {
    auto spec = container(name);
    spec.essential = false;
    return spec;
}

TEST(Reports, NothingIsReportedBeforeADigestIsKnown) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.feed(PullFinished{arn("t1"), "app", Digest()});
    EXPECT_TRUE(s.last_report.empty());
}

TEST(Reports, OneIsInFlightAndTheRestIsCoalesced) {
    Scenario s;
    s.run({task("t1", {container("a"), helper("b"), helper("c")})});
    EXPECT_THAT(s.resolved("a"), ElementsAre("Report PENDING a=PENDING"));
    EXPECT_THAT(s.resolved("b"), IsEmpty());
    s.bring_up("a");
    s.bring_up("b");
    EXPECT_THAT(s.bring_up("c"), IsEmpty());
    s.exited("b", 0);
    EXPECT_THAT(s.answered(), ElementsAre("Report RUNNING a=RUNNING b=STOPPED c=RUNNING"));
    EXPECT_THAT(s.answered(), IsEmpty());
}

TEST(Reports, FurtherDigestsAloneAreNotWorthAReport) {
    Scenario s;
    s.run({task("t1", {container("a"), container("b")})});
    s.resolved("a");
    s.answered();
    EXPECT_THAT(s.resolved("b"), IsEmpty());
}

TEST(Reports, AContainerThatRunsBeforeTheOthersIsReportedAtOnce) {
    Scenario s;
    s.run({task("t1", {container("a"), container("b")})});
    s.resolved("a");
    s.answered();
    s.pulled("a");
    s.created("a");
    EXPECT_THAT(s.started("a"), ElementsAre("Report PENDING a=RUNNING"));
}

TEST(Reports, TheEndOfANonEssentialContainerIsReportedAtOnce) {
    Scenario s;
    s.run({task("t1", {container("a"), helper("b")})});
    s.bring_up("a");
    s.bring_up("b");
    s.answer_all();
    EXPECT_THAT(s.exited("b", 4), ElementsAre("Report RUNNING b=STOPPED"));
    EXPECT_EQ(s.last_report.at(arn("t1")).containers.at(0).exit_code, 4);
}

TEST(Reports, WhileTheTaskEndsItsContainersRideOnStopped) {
    Scenario s;
    s.run({task("t1", {container("a"), container("b")})});
    s.bring_up("a");
    s.bring_up("b");
    s.answer_all();
    EXPECT_THAT(s.exited("a", 1), ElementsAre("Signal b", "Arm stop_timeout b 30s"));
    EXPECT_THAT(s.exited("b", 143), ElementsAre("Cancel stop_timeout b", "Arm cleanup 10800s",
                                                "Report STOPPED a=STOPPED b=STOPPED"));
}

TEST(Reports, NothingFollowsStopped) {
    Scenario s;
    s.run({task("t1", {container("a")})});
    s.bring_up("a");
    s.answer_all();
    s.exited("a", 1);
    EXPECT_THAT(s.answered(), IsEmpty());
    EXPECT_THAT(s.exited("a", 2), IsEmpty());
    EXPECT_THAT(s.stop("t1"), ElementsAre("Acknowledge m complete"));
}

TEST(Reports, WhatIsRefusedForGoodIsDropped) {
    Scenario s;
    s.run({task("t1", {container("a")})});
    s.bring_up("a");
    s.answer_all();
    s.exited("a", 1);
    EXPECT_THAT(s.answered("t1", false), IsEmpty());
    EXPECT_EQ(s.task().sent, ReportedStatus::stopped);
}

TEST(Reports, CarryWhatIsKnown) {
    Scenario s;
    s.run({task("t1", {container("a")})});
    s.resolved("a");
    EXPECT_TRUE(s.last_report.at(arn("t1")).containers.at(0).runtime_id.empty());
    s.bring_up("a");
    s.answer_all();
    s.exited("a", 2);
    const auto& change = s.last_report.at(arn("t1"));
    EXPECT_EQ(change.reason, "");
    EXPECT_TRUE(change.pull_started_at && change.pull_stopped_at && change.execution_stopped_at);
    const auto& told = change.containers.at(0);
    EXPECT_EQ(told.runtime_id, s.part("a").id);
    EXPECT_EQ(told.image_digest, Digest("sha256:a"));
    EXPECT_EQ(told.exit_code, 2);
    ASSERT_THAT(told.bindings, SizeIs(1));
    EXPECT_EQ(told.bindings[0].host_port, 32768);
}

TEST(Reports, ReasonsAreCutAtWhatTheServiceTakes) {
    Scenario s;
    s.run({task("t1", {container("a")})});
    std::string reason = "CannotCreateContainerError: ";
    while (reason.size() < 2000) reason += "\xe2\x82\xac"; // €
    s.pulled("a");
    s.answered();
    s.failed("a", Step::creating, reason);
    const auto& told = s.last_report.at(arn("t1")).containers.at(0).reason;
    EXPECT_EQ(told.size(), 1024U); // 28 + 332 × 3
    EXPECT_TRUE(told.ends_with("\xe2\x82\xac"));
}

TEST(Reports, ACutNeverSplitsACharacter) {
    Scenario s;
    s.run({task("t1", {container("a")})});
    s.pulled("a");
    s.answered();
    s.failed("a", Step::creating, std::string(1023, 'x') + "\xe2\x82\xac");
    EXPECT_EQ(s.last_report.at(arn("t1")).containers.at(0).reason, std::string(1023, 'x'));
}

} // namespace
} // namespace berth::engine
