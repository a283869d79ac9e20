// dependsOn: what each condition waits for, what breaks it, startTimeout, and the order of stopping.
#include "tests/unit/engine/scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::engine {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

ContainerSpec helper(const std::string& name) {
    auto spec = container(name);
    spec.essential = false;
    return spec;
}

// db is not essential, web depends on it.
Scenario two(Condition condition) {
    Scenario s;
    auto db = helper("db");
    db.health_check = HealthCheck{.test = {"CMD", "true"}};
    s.run({task("t1", {db, container("web", "db", condition)})});
    return s;
}

TEST(Dependencies, EvenThePullWaits) {
    Scenario s;
    EXPECT_THAT(s.run({task("t1", {helper("db"), container("web", "db", Condition::start)})}),
                ElementsAre("Acknowledge m complete", "Pull db"));
}

TEST(Dependencies, CreateHoldsWhenTheDependencyIsCreated) {
    auto s = two(Condition::create);
    EXPECT_THAT(s.pulled("db"), Not(Contains("Pull web")));
    EXPECT_THAT(s.created("db"), Contains("Pull web"));
}

TEST(Dependencies, StartHoldsWhenTheDependencyRuns) {
    auto s = two(Condition::start);
    s.pulled("db");
    EXPECT_THAT(s.created("db"), Not(Contains("Pull web")));
    EXPECT_THAT(s.started("db"), Contains("Pull web"));
}

TEST(Dependencies, StartStillHoldsWhenTheDependencyHasEnded) {
    auto s = two(Condition::start);
    s.bring_up("db");
    s.exited("db", 1);
    EXPECT_THAT(s.pulled("web"), Contains("Create web"));
}

TEST(Dependencies, CompleteHoldsWithAnyExitCode) {
    auto s = two(Condition::complete);
    EXPECT_THAT(s.bring_up("db"), Not(Contains("Pull web")));
    EXPECT_THAT(s.exited("db", 9), Contains("Pull web"));
}

TEST(Dependencies, SuccessHoldsWithExitCodeZero) {
    auto s = two(Condition::success);
    EXPECT_THAT(s.bring_up("db"), Not(Contains("Pull web")));
    EXPECT_THAT(s.exited("db", 0), Contains("Pull web"));
    s.bring_up("web");
    EXPECT_EQ(s.task().known, TaskStatus::running);
}

TEST(Dependencies, HealthyHoldsWhenTheDependencyIsHealthy) {
    auto s = two(Condition::healthy);
    EXPECT_THAT(s.bring_up("db"), Not(Contains("Pull web")));
    EXPECT_THAT(s.feed(HealthChanged{arn("t1"), "db", false}), IsEmpty());
    EXPECT_THAT(s.feed(HealthChanged{arn("t1"), "db", true}), Contains("Pull web"));
    // It gates every later step too.
    s.feed(HealthChanged{arn("t1"), "db", false});
    EXPECT_THAT(s.pulled("web"), Not(Contains("Create web")));
    EXPECT_THAT(s.feed(HealthChanged{arn("t1"), "db", true}), Contains("Create web"));
}

TEST(Dependencies, SuccessIsBrokenByAnotherExitCode) {
    auto s = two(Condition::success);
    s.bring_up("db");
    s.exited("db", 1);
    EXPECT_EQ(s.part("web").known, ContainerStatus::stopped);
    EXPECT_EQ(s.part("web").exit_code, 143);
    EXPECT_EQ(s.part("web").reason, "CannotStartContainerError: dependency graph: container db did not exit "
                                    "successfully (exit code 1)");
    EXPECT_EQ(s.task().known, TaskStatus::stopped); // web was essential
}

TEST(Dependencies, StartIsBrokenWhenTheDependencyNeverStarted) {
    auto s = two(Condition::start);
    s.pulled("db");
    s.failed("db", Step::creating, "CannotCreateContainerError: no");
    EXPECT_THAT(s.part("web").reason, HasSubstr("container db did not start"));
}

TEST(Dependencies, CompleteIsBrokenWithoutAnExitCode) {
    auto s = two(Condition::complete);
    s.bring_up("db");
    s.crash();
    s.recovered("db", Recovered::What::vanished);
    s.recovered("web", Recovered::What::never_started);
    s.feed(RecoveryDone{});
    EXPECT_THAT(s.part("web").reason, HasSubstr("ended without an exit code"));
}

TEST(Dependencies, TheExitCodeOfABrokenDependencyDoesNotCompleteIt) {
    Scenario s;
    s.run({task("t1", {container("c", "b", Condition::complete), helper("a"), [] {
                           auto b = container("b", "a", Condition::success);
                           b.essential = false;
                           return b;
                       }()})});
    s.bring_up("a");
    s.exited("a", 1);
    EXPECT_EQ(s.part("b").exit_code, 143);
    EXPECT_THAT(s.part("c").reason, HasSubstr("container b did not start"));
}

TEST(Dependencies, HealthyIsBrokenWhenTheDependencyEnds) {
    auto s = two(Condition::healthy);
    s.bring_up("db");
    s.exited("db", 0);
    EXPECT_THAT(s.part("web").reason, HasSubstr("stopped before it was healthy"));
}

TEST(Dependencies, AChainIsBrokenAsAWhole) {
    Scenario s;
    auto b = container("b", "a", Condition::success);
    b.essential = false;
    auto c = container("c", "b", Condition::start);
    s.run({task("t1", {c, b, helper("a")})});
    s.bring_up("a");
    s.exited("a", 1);
    EXPECT_EQ(s.part("b").exit_code, 143);
    EXPECT_EQ(s.part("c").exit_code, 143);
    EXPECT_EQ(s.task().known, TaskStatus::stopped);
}

TEST(StartTimeout, BreaksDependantsThatWaitForMoreThanTheStart) {
    Scenario s;
    auto db = helper("db");
    db.start_timeout = std::chrono::seconds(20);
    s.run({task("t1", {db, container("web", "db", Condition::complete)})});
    EXPECT_THAT(s.bring_up("db"), Contains("Arm start_timeout db 20s"));
    s.fired("db", TimerKind::start_timeout);
    EXPECT_THAT(s.part("web").reason, HasSubstr("the start of container db has timed out"));
    EXPECT_EQ(s.part("web").exit_code, 143);
}

TEST(StartTimeout, IsNotArmedWhenNobodyWaitsForMoreThanTheStart) {
    Scenario s;
    auto db = helper("db");
    db.start_timeout = std::chrono::seconds(20);
    s.run({task("t1", {db, container("web", "db", Condition::start)})});
    EXPECT_THAT(s.bring_up("db"), Not(Contains(HasSubstr("start_timeout"))));
}

TEST(StartTimeout, LeavesDependantsAloneThatAreCreated) {
    Scenario s;
    auto db = helper("db");
    db.start_timeout = std::chrono::seconds(20);
    db.health_check = HealthCheck{.test = {"CMD", "true"}};
    s.run({task("t1", {db, container("web", "db", Condition::healthy)})});
    s.bring_up("db");
    s.feed(HealthChanged{arn("t1"), "db", true});
    s.pulled("web");
    s.feed(HealthChanged{arn("t1"), "db", false});
    s.created("web");
    EXPECT_THAT(s.fired("db", TimerKind::start_timeout), IsEmpty());
    EXPECT_EQ(s.part("web").known, ContainerStatus::created);
}

TEST(StartTimeout, GoesOnWithTheTimeLeftAfterARestart) {
    Scenario s;
    auto db = helper("db");
    db.start_timeout = std::chrono::seconds(20);
    s.run({task("t1", {db, container("web", "db", Condition::complete)})});
    s.bring_up("db");
    s.crash();
    s.recovered("db", Recovered::What::running);
    s.recovered("web", Recovered::What::never_started);
    s.pass(std::chrono::seconds(15));
    EXPECT_THAT(s.feed(RecoveryDone{}), Contains("Arm start_timeout db 5s"));
}

TEST(StopOrder, DependantsEndFirst) {
    Scenario s;
    s.run({task("t1", {container("a"), container("b", "a", Condition::start),
                       container("c", "b", Condition::start)})});
    s.bring_up("a");
    s.bring_up("b");
    s.bring_up("c");
    EXPECT_THAT(s.stop("t1"), ElementsAre("Acknowledge m complete", "Signal c", "Arm stop_timeout c 30s"));
    EXPECT_THAT(s.exited("c", 143),
                ElementsAre("Cancel stop_timeout c", "Signal b", "Arm stop_timeout b 30s"));
    EXPECT_THAT(s.exited("b", 143),
                ElementsAre("Cancel stop_timeout b", "Signal a", "Arm stop_timeout a 30s"));
    s.exited("a", 143);
    EXPECT_EQ(s.task().known, TaskStatus::stopped);
}

TEST(StopOrder, IndependentContainersEndTogether) {
    Scenario s;
    s.run({task("t1", {container("a"), container("b")})});
    s.bring_up("a");
    s.bring_up("b");
    const auto lines = s.stop("t1");
    EXPECT_THAT(lines, Contains("Signal a"));
    EXPECT_THAT(lines, Contains("Signal b"));
}

TEST(StopOrder, TheEndOfAnEssentialContainerEndsTheTask) {
    Scenario s;
    s.run({task("t1", {container("a"), container("b")})});
    s.bring_up("a");
    s.bring_up("b");
    EXPECT_THAT(s.exited("a", 0), Contains("Signal b"));
}

TEST(StopOrder, TheEndOfAnotherContainerDoesNot) {
    auto s = two(Condition::start);
    s.bring_up("db");
    s.bring_up("web");
    EXPECT_THAT(s.exited("db", 0), Not(Contains("Signal web")));
    EXPECT_EQ(s.task().desired, TaskStatus::running);
}

TEST(Stop, KillFollowsTheContainersOwnTimeout) {
    Scenario s;
    auto app = container("app");
    app.stop_timeout = std::chrono::seconds(5);
    s.run({task("t1", {app})});
    s.bring_up("app");
    EXPECT_THAT(s.stop("t1"), Contains("Arm stop_timeout app 5s"));
    EXPECT_THAT(s.fired("app", TimerKind::stop_timeout), ElementsAre("Kill app", "Arm stop_timeout app 10s"));
    EXPECT_THAT(s.exited("app", 137), Contains("Cancel stop_timeout app"));
    EXPECT_THAT(s.fired("app", TimerKind::stop_timeout), IsEmpty());
}

TEST(Stop, AContainerThatCannotBeSignalledIsTriedAgain) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.bring_up("app");
    s.stop("t1");
    EXPECT_THAT(s.failed("app", Step::stopping, "CannotStopContainerError: no"), IsEmpty());
    EXPECT_EQ(s.part("app").known, ContainerStatus::running); // it lives, so it is not called stopped
    EXPECT_THAT(s.fired("app", TimerKind::stop_timeout), Contains("Kill app"));
}

TEST(Stop, WhatIsPulledStopsAtOnce) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    EXPECT_THAT(s.stop("t1"), Contains("Report STOPPED app=STOPPED"));
    EXPECT_EQ(s.part("app").exit_code, std::nullopt);
    EXPECT_THAT(s.pulled("app"), IsEmpty());
}

TEST(Stop, WhatIsBeingCreatedStopsWithoutAStartAndGivesItsNetworkBack) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.pulled("app");
    s.answer_all();
    EXPECT_THAT(s.stop("t1"), ElementsAre("Acknowledge m complete"));
    const auto lines = s.created("app");
    EXPECT_THAT(lines, Contains("Remove app"));
    EXPECT_THAT(lines, Contains("Report STOPPED app=STOPPED"));
    EXPECT_THAT(lines, Not(Contains("Start app")));
    EXPECT_EQ(s.part("app").exit_code, std::nullopt);
}

TEST(Stop, WhatIsBeingStartedIsSignalledOnceItRuns) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.pulled("app");
    s.created("app");
    EXPECT_THAT(s.stop("t1"), ElementsAre("Acknowledge m complete"));
    EXPECT_THAT(s.started("app"), Contains("Signal app"));
}

} // namespace
} // namespace berth::engine
