// After a crash: what the store kept, what the host shows, and how the same rules go on.
#include "tests/unit/engine/scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::engine {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using What = Recovered::What;

Scenario running() {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.bring_up("app");
    s.answer_all();
    return s;
}

TEST(Recovery, NothingIsDoneBeforeTheHostHasBeenLookedAt) {
    auto s = running();
    s.crash();
    EXPECT_THAT(s.stop("t1"), ElementsAre("Acknowledge m complete"));
    EXPECT_THAT(explain(s.state, arn("t1")), testing::HasSubstr("has been looked at"));
    s.recovered("app", What::running);
    EXPECT_THAT(s.feed(RecoveryDone{}), Contains("Signal app"));
}

TEST(Recovery, ARunningContainerRunsOn) {
    auto s = running();
    s.crash();
    EXPECT_THAT(s.recovered("app", What::running), IsEmpty());
    EXPECT_THAT(s.feed(RecoveryDone{}), IsEmpty());
    EXPECT_EQ(s.task().known, TaskStatus::running);
}

TEST(Recovery, AnExitMeanwhileIsReported) {
    auto s = running();
    s.crash();
    s.recovered("app", What::exited, 9);
    EXPECT_THAT(s.feed(RecoveryDone{}), Contains("Report STOPPED app=STOPPED"));
    EXPECT_EQ(s.part("app").exit_code, 9);
}

TEST(Recovery, AVanishedContainerIsStoppedWithAReason) {
    auto s = running();
    s.crash();
    s.recovered("app", What::vanished);
    s.feed(RecoveryDone{});
    EXPECT_EQ(s.part("app").known, ContainerStatus::stopped);
    EXPECT_EQ(s.part("app").reason, "ContainerVanishedError: No container matching saved ID found");
    EXPECT_EQ(s.part("app").exit_code, std::nullopt);
}

TEST(Recovery, WhatWasStartedUnseenAndVanishedIsNotStartedAgain) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.crash(); // pulled, created and started meanwhile, none of it committed
    s.recovered("app", What::vanished);
    EXPECT_THAT(s.feed(RecoveryDone{}), Contains("Report STOPPED app=STOPPED"));
}

TEST(Recovery, AStartThatWasNotCommittedIsFound) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.pulled("app");
    s.created("app");
    s.crash(); // the start was carried out, its event got lost
    s.recovered("app", What::running);
    EXPECT_THAT(s.feed(RecoveryDone{}), Contains("Report RUNNING app=RUNNING"));
}

TEST(Recovery, AContainerThatRanAndEndedUnseenHasItsCode) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.crash();
    s.recovered("app", What::exited, 3);
    EXPECT_THAT(s.feed(RecoveryDone{}), Contains("Report STOPPED app=STOPPED"));
    EXPECT_EQ(s.part("app").exit_code, 3);
}

TEST(Recovery, AStepUnderWayIsBegunAgain) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.crash();
    s.recovered("app", What::never_started);
    EXPECT_THAT(s.feed(RecoveryDone{}), ElementsAre("Pull app"));
    s.pulled("app");
    s.created("app");
    s.crash();
    s.recovered("app", What::never_started);
    EXPECT_THAT(s.feed(RecoveryDone{}), Contains("Start app"));
}

TEST(Recovery, AStoppedTaskThatWasNeverStartedGivesItsNetworkBack) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.pulled("app");
    s.created("app");
    s.stop("t1");
    s.crash();
    s.recovered("app", What::never_started);
    const auto lines = s.feed(RecoveryDone{});
    EXPECT_THAT(lines, Contains("Remove app"));
    EXPECT_THAT(lines, Contains("Report STOPPED app=STOPPED"));
}

TEST(Recovery, AStopUnderWayGoesOn) {
    auto s = running();
    s.stop("t1");
    s.crash();
    s.recovered("app", What::running);
    EXPECT_THAT(s.feed(RecoveryDone{}), ElementsAre("Signal app", "Arm stop_timeout app 30s"));
    s.fired("app", TimerKind::stop_timeout);
    s.crash();
    s.recovered("app", What::running);
    EXPECT_THAT(s.feed(RecoveryDone{}), Contains("Kill app"));
}

TEST(Recovery, UnansweredReportsAreSentAgain) {
    auto s = running();
    s.exited("app", 1);
    s.crash();
    EXPECT_THAT(s.feed(RecoveryDone{}), Contains("Report STOPPED app=STOPPED"));
    s.answered();
    s.crash();
    EXPECT_THAT(s.feed(RecoveryDone{}), Not(Contains("Report STOPPED app=STOPPED")));
}

TEST(Recovery, TheCleanupWaitGoesOn) {
    auto s = running();
    s.exited("app", 1);
    s.answered();
    s.crash();
    s.pass(std::chrono::hours(1));
    EXPECT_THAT(s.feed(RecoveryDone{}), ElementsAre("Arm cleanup 7200s"));
    s.crash();
    s.pass(std::chrono::hours(5));
    EXPECT_THAT(s.feed(RecoveryDone{}), ElementsAre("Arm cleanup 0s"));
    s.crash();
    s.pass(-std::chrono::hours(100)); // the clock was set back
    EXPECT_THAT(s.feed(RecoveryDone{}), ElementsAre("Arm cleanup 10800s"));
}

TEST(Recovery, ARestartUnderWayGoesOnWithoutCountingAgain) {
    Scenario s;
    auto app = container("app");
    app.restart = {.enabled = true, .ignored_exit_codes = {}, .attempt_period = std::chrono::seconds(60)};
    s.run({task("t1", {app})});
    s.bring_up("app");
    s.pass(std::chrono::seconds(60));
    s.exited("app", 1);
    s.crash();
    s.recovered("app", What::exited, 1); // still the record of the first run
    EXPECT_THAT(s.feed(RecoveryDone{}), Contains("Restart app"));
    EXPECT_EQ(s.part("app").restarts, 1);
    s.crash();
    s.recovered("app", What::running);
    s.feed(RecoveryDone{});
    EXPECT_EQ(s.part("app").known, ContainerStatus::running);
    EXPECT_FALSE(s.part("app").restarting);
}

TEST(Recovery, TheEndOfARestartedRunIsSeen) {
    Scenario s;
    auto app = container("app");
    app.restart = {.enabled = true, .ignored_exit_codes = {}, .attempt_period = std::chrono::seconds(60)};
    s.run({task("t1", {app})});
    s.bring_up("app");
    s.pass(std::chrono::seconds(60));
    s.exited("app", 1);
    s.pass(std::chrono::seconds(1));
    s.crash(); // restarted and ended, both unseen
    s.recovered("app", What::exited, 2);
    s.feed(RecoveryDone{});
    EXPECT_EQ(s.part("app").known, ContainerStatus::stopped);
    EXPECT_EQ(s.part("app").exit_code, 2);
}

TEST(Recovery, AContainerCalledStoppedThatRunsIsKilled) {
    auto s = running();
    s.exited("app", 1);
    s.crash();
    EXPECT_THAT(s.recovered("app", What::running), ElementsAre("Kill app"));
    EXPECT_EQ(s.part("app").known, ContainerStatus::stopped);
}

} // namespace
} // namespace berth::engine
