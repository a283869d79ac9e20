// Steps that fail, memory that runs out, and restarts by policy.
#include "tests/unit/engine/scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::engine {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

Lines pull_failed(Scenario& s, const std::string& name, bool cached) {
    return s.feed(PullFailed{arn("t1"), name, "CannotPullContainerError: no such image", cached});
}

TEST(PullFailure, StopsTheContainerWithTheReason) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    EXPECT_THAT(pull_failed(s, "app", false), Contains("Report STOPPED app=STOPPED"));
    const auto& told = s.last_report.at(arn("t1")).containers.at(0);
    EXPECT_EQ(told.reason, "CannotPullContainerError: no such image");
    EXPECT_EQ(told.exit_code, std::nullopt);
    EXPECT_TRUE(told.runtime_id.empty());
}

TEST(PullFailure, GoesOnWithACachedImage) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    EXPECT_THAT(pull_failed(s, "app", true), ElementsAre("Create app"));
    s.created("app");
    s.started("app");
    EXPECT_EQ(s.part("app").reason, "");
}

TEST(PullFailure, IsTheReasonWhenTheCreateThenFails) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    pull_failed(s, "app", true);
    s.failed("app", Step::creating, "CannotCreateContainerError: no image");
    EXPECT_EQ(s.part("app").reason, "CannotPullContainerError: no such image");
}

TEST(PullFailure, IsFatalForTheTaskWhenConfiguredSo) {
    Scenario s;
    s.state.options.pull_failure_is_fatal = true;
    auto helper = container("helper");
    helper.essential = false;
    s.run({task("t1", {container("app"), helper})});
    s.bring_up("app");
    EXPECT_THAT(pull_failed(s, "helper", true), Contains("Signal app"));
}

TEST(PullFailure, OfANonEssentialContainerLeavesTheOthersAlone) {
    Scenario s;
    auto helper = container("helper");
    helper.essential = false;
    s.run({task("t1", {container("app"), helper})});
    s.bring_up("app");
    s.answer_all();
    EXPECT_THAT(pull_failed(s, "helper", false), ElementsAre("Report RUNNING helper=STOPPED"));
}

TEST(CreateFailure, StopsTheContainerWithoutExitCode) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.pulled("app");
    s.answer_all();
    EXPECT_THAT(s.failed("app", Step::creating, "CannotCreateContainerError: disk full"),
                Contains("Report STOPPED app=STOPPED"));
    EXPECT_EQ(s.part("app").exit_code, std::nullopt);
    EXPECT_EQ(s.part("app").reason, "CannotCreateContainerError: disk full");
}

TEST(StartFailure, StopsTheContainerWithoutExitCode) {
    Scenario s;
    s.run({task("t1", {container("app"), container("b", "app", Condition::start)})});
    s.pulled("app");
    s.created("app");
    s.failed("app", Step::starting, "CannotStartContainerError: no such file");
    EXPECT_EQ(s.part("app").exit_code, std::nullopt);
    EXPECT_EQ(s.part("app").reason, "CannotStartContainerError: no such file");
    EXPECT_EQ(s.task().known, TaskStatus::stopped);
    // b could not have started, but it is stopped because the task is.
    EXPECT_EQ(s.part("b").known, ContainerStatus::stopped);
}

TEST(Failure, TheFirstReasonStays) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.bring_up("app");
    s.part("app").reason = "HostConfigError: first";
    s.exited("app", 137, true);
    EXPECT_EQ(s.part("app").reason, "HostConfigError: first");
}

TEST(OutOfMemory, IsTheReasonWhateverTheExitCode) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.bring_up("app");
    s.exited("app", 1, true);
    EXPECT_EQ(s.part("app").reason, "OutOfMemoryError: Container killed due to memory usage");
    EXPECT_EQ(s.part("app").exit_code, 1);
}

Scenario restarting(std::vector<int> ignored = {}) {
    Scenario s;
    auto app = container("app");
    app.restart = {.enabled = true,
                   .ignored_exit_codes = std::move(ignored),
                   .attempt_period = std::chrono::seconds(60)};
    s.run({task("t1", {app})});
    s.bring_up("app");
    s.answer_all();
    return s;
}

TEST(Restart, BringsTheSameContainerUpAgainUnreported) {
    auto s = restarting();
    const auto id = s.part("app").id;
    const auto first_start = s.part("app").started_at;
    s.pass(std::chrono::seconds(60));
    EXPECT_THAT(s.exited("app", 1), ElementsAre("Restart app"));
    EXPECT_EQ(s.task().known, TaskStatus::running);
    s.pass(std::chrono::seconds(1));
    EXPECT_THAT(s.started("app"), IsEmpty());
    EXPECT_EQ(s.part("app").id, id);
    EXPECT_EQ(s.part("app").restarts, 1);
    EXPECT_EQ(s.part("app").started_at, first_start);
    EXPECT_EQ(s.part("app").restarted_at, s.now);
    EXPECT_EQ(s.part("app").finished_at, std::nullopt);
}

TEST(Restart, TheNetworkMayBeAnotherAfterwards) {
    auto s = restarting();
    s.pass(std::chrono::seconds(60));
    s.exited("app", 1);
    s.feed(Created{arn("t1"), "app", "172.31.200.9", {}});
    EXPECT_EQ(s.part("app").ip_address, "172.31.200.9");
    EXPECT_EQ(s.part("app").step, Step::starting);
}

TEST(Restart, AnExitToldTwiceIsNotTheEndOfTheNextRun) {
    auto s = restarting();
    s.pass(std::chrono::seconds(60));
    s.exited("app", 1);
    EXPECT_THAT(s.exited("app", 1), IsEmpty());
    EXPECT_EQ(s.part("app").step, Step::starting);
}

TEST(Restart, NotBeforeTheAttemptPeriodHasPassed) {
    auto s = restarting();
    s.pass(std::chrono::seconds(59));
    EXPECT_THAT(s.exited("app", 1), Contains("Report STOPPED app=STOPPED"));
}

TEST(Restart, ThePeriodCountsFromTheLastRestart) {
    auto s = restarting();
    s.pass(std::chrono::seconds(60));
    s.exited("app", 1);
    s.started("app");
    s.pass(std::chrono::seconds(59));
    EXPECT_THAT(s.exited("app", 1), Contains("Report STOPPED app=STOPPED"));
}

TEST(Restart, NotForIgnoredExitCodes) {
    auto s = restarting({0, 3});
    s.pass(std::chrono::seconds(60));
    EXPECT_THAT(s.exited("app", 3), Contains("Report STOPPED app=STOPPED"));
}

TEST(Restart, NotWhenTheTaskIsToStop) {
    auto s = restarting();
    s.pass(std::chrono::seconds(60));
    s.stop("t1");
    EXPECT_THAT(s.exited("app", 0), Contains("Report STOPPED app=STOPPED"));
}

TEST(Restart, AStopDuringTheRestartIsCarriedOutOnceItRuns) {
    auto s = restarting();
    s.pass(std::chrono::seconds(60));
    s.exited("app", 1);
    EXPECT_THAT(s.stop("t1"), ElementsAre("Acknowledge m complete"));
    EXPECT_THAT(s.started("app"), Contains("Signal app"));
}

TEST(Restart, ThatFailsEndsTheContainerWithTheCodeOfItsLastRun) {
    auto s = restarting();
    s.pass(std::chrono::seconds(60));
    s.exited("app", 7);
    s.failed("app", Step::starting, "CannotStartContainerError: no");
    EXPECT_EQ(s.part("app").known, ContainerStatus::stopped);
    EXPECT_EQ(s.part("app").exit_code, 7);
}

TEST(Restart, OutOfMemoryIsToldOnlyOfTheLastRun) {
    auto s = restarting();
    s.pass(std::chrono::seconds(60));
    s.exited("app", 137, true);
    EXPECT_EQ(s.part("app").reason, "");
    s.started("app");
    s.exited("app", 137, true);
    EXPECT_EQ(s.part("app").reason, "OutOfMemoryError: Container killed due to memory usage");
}

} // namespace
} // namespace berth::engine
