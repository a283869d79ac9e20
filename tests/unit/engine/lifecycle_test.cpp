// From payload to cleanup: the straight way, payload rules, and what is ignored.
#include "tests/unit/engine/scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::engine {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

TEST(Lifecycle, OneContainerFromPayloadToForgotten) {
    Scenario s;
    EXPECT_THAT(s.run({task("t1", {container("app")})}), ElementsAre("Acknowledge m complete", "Pull app"));
    EXPECT_THAT(s.resolved("app"), ElementsAre("Report PENDING app=PENDING"));
    EXPECT_THAT(s.pulled("app"), ElementsAre("Create app"));
    EXPECT_THAT(s.answered(), IsEmpty());
    EXPECT_THAT(s.created("app"), ElementsAre("Start app"));
    EXPECT_THAT(s.started("app"), ElementsAre("Report RUNNING app=RUNNING"));
    EXPECT_EQ(s.task().known, TaskStatus::running);
    EXPECT_THAT(s.answered(), IsEmpty());
    EXPECT_THAT(s.exited("app", 3), ElementsAre("Arm cleanup 10800s", "Report STOPPED app=STOPPED"));
    EXPECT_EQ(s.part("app").exit_code, 3);
    EXPECT_THAT(s.answered(), IsEmpty());
    EXPECT_THAT(s.fired("", TimerKind::cleanup), ElementsAre("Remove app"));
    EXPECT_THAT(s.feed(Removed{arn("t1"), "app"}), ElementsAre("Forget"));
    EXPECT_FALSE(s.knows("t1"));
}

TEST(Lifecycle, TheTaskIsCommittedBeforeTheAcknowledgement) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    EXPECT_TRUE(s.committed.contains(arn("t1")));
}

TEST(Lifecycle, APayloadDeliveredAgainChangesNothing) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    const auto id = s.part("app").id;
    EXPECT_THAT(s.run({task("t1", {container("app")})}), ElementsAre("Acknowledge m complete"));
    EXPECT_EQ(s.part("app").id, id);
}

TEST(Lifecycle, WithoutMessageIdNothingIsAcknowledged) {
    Scenario s;
    PayloadReceived payload;
    payload.run = {task("t1", {container("app")})};
    payload.ids = {ContainerId("1")};
    EXPECT_THAT(s.feed(std::move(payload)), ElementsAre("Pull app"));
}

TEST(Lifecycle, IdsGoToTheContainersInOrder) {
    Scenario s;
    s.run({task("t1", {container("b"), container("a")}), task("t2", {container("a")})});
    EXPECT_EQ(s.task("t1").containers.at("b").id.str().back(), '1');
    EXPECT_EQ(s.task("t1").containers.at("a").id.str().back(), '2');
    EXPECT_EQ(s.task("t2").containers.at("a").id.str().back(), '3');
}

TEST(Lifecycle, ATaskWithoutIdsIsAnsweredStopped) {
    Scenario s;
    PayloadReceived payload;
    payload.run = {task("t1", {container("app")})};
    EXPECT_THAT(s.feed(std::move(payload)), ElementsAre("Report STOPPED"));
    EXPECT_THAT(s.task().reason, testing::HasSubstr("were given no ids"));
}

TEST(Lifecycle, TwoTasksOfOneIdCannotShareTheHost) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    auto other = task("t1", {container("app")});
    other.arn = TaskArn("arn:aws:ecs:eu-west-1:1:task/other/t1");
    EXPECT_THAT(s.run({other}), ElementsAre("Acknowledge m complete", "Report STOPPED"));
    EXPECT_THAT(s.state.tasks.at(other.arn).reason, testing::HasSubstr("of the same id is on this host"));
}

TEST(Lifecycle, StopForAnUnknownTaskIsReportedOnceAndForgotten) {
    Scenario s;
    EXPECT_THAT(s.stop("t9"), ElementsAre("Acknowledge m complete", "Report STOPPED"));
    EXPECT_TRUE(s.committed.contains(arn("t9"))); // the answer must survive a crash
    EXPECT_THAT(s.answered("t9"), ElementsAre("Forget"));
    EXPECT_FALSE(s.knows("t9"));
}

TEST(Lifecycle, TheAnswerForAnUnknownTaskSurvivesACrash) {
    Scenario s;
    s.stop("t9");
    s.crash();
    EXPECT_THAT(s.feed(RecoveryDone{}), ElementsAre("Report STOPPED"));
}

TEST(Lifecycle, AnInvalidTaskIsAnsweredAndThePayloadIsIncomplete) {
    Scenario s;
    PayloadReceived payload;
    payload.message_id = "m";
    payload.invalid = {{arn("t1"), "containers: the task has no container"}, {TaskArn(), "no arn"}};
    payload.run = {task("t2", {container("app")})};
    payload.ids = {ContainerId("1")};
    EXPECT_THAT(s.feed(std::move(payload)),
                ElementsAre("Acknowledge m incomplete", "Report STOPPED", "Pull app"));
    EXPECT_EQ(s.last_report.at(arn("t1")).reason,
              "UnrecogniedTaskError: Error loading task - containers: the task has no container");
    EXPECT_THAT(s.answered("t1"), ElementsAre("Forget"));
}

TEST(Lifecycle, StopsComeBeforeStartsInAPayload) {
    Scenario s;
    PayloadReceived payload;
    payload.message_id = "m";
    payload.stop = {arn("t1")};
    payload.run = {task("t1", {container("app")})};
    payload.ids = {ContainerId("1")};
    EXPECT_THAT(s.feed(std::move(payload)), ElementsAre("Acknowledge m complete", "Report STOPPED"));
    EXPECT_EQ(s.task().desired, TaskStatus::stopped);
}

TEST(Lifecycle, StopByHandGivesTheTaskItsReason) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.bring_up("app");
    EXPECT_THAT(s.feed(StopTask{arn("t1"), "asked by an operator"}),
                ElementsAre("Signal app", "Arm stop_timeout app 30s"));
    EXPECT_EQ(s.task().reason, "asked by an operator");
    EXPECT_THAT(s.feed(StopTask{arn("t9"), "unknown"}), IsEmpty());
}

TEST(Lifecycle, TheTaskIsAsFarAsItsSlowestContainer) {
    Scenario s;
    s.run({task("t1", {container("a"), container("b")})});
    s.bring_up("a");
    EXPECT_EQ(s.task().known, TaskStatus::none);
    s.resolved("b");
    EXPECT_EQ(s.task().known, TaskStatus::manifest_pulled);
    s.pulled("b");
    s.created("b");
    EXPECT_EQ(s.task().known, TaskStatus::created);
    s.started("b");
    EXPECT_EQ(s.task().known, TaskStatus::running);
}

TEST(Lifecycle, ATaskWhoseEssentialContainerEndedDoesNotBecomeRunning) {
    Scenario s;
    s.run({task("t1", {container("a"), container("b")})});
    s.bring_up("a");
    s.pulled("b");
    s.created("b"); // being started
    s.exited("a", 1);
    s.started("b");
    EXPECT_EQ(s.task().known, TaskStatus::created);
    EXPECT_EQ(s.task().desired, TaskStatus::stopped);
    s.exited("b", 143);
    EXPECT_EQ(s.task().known, TaskStatus::stopped);
}

TEST(Lifecycle, TimesOfPullAndExecutionAreKept) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    const auto begun = s.now;
    s.pass(std::chrono::seconds(5));
    s.bring_up("app");
    EXPECT_EQ(s.task().pull_started_at, begun);
    EXPECT_EQ(s.task().pull_stopped_at, s.now);
    s.pass(std::chrono::seconds(7));
    s.exited("app", 0);
    EXPECT_EQ(s.task().execution_stopped_at, s.now);
    EXPECT_EQ(s.part("app").finished_at, s.now);
}

TEST(Lifecycle, EventsThatComeTwiceOrTooLateMeanNothing) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.bring_up("app");
    EXPECT_THAT(s.pulled("app"), IsEmpty());
    EXPECT_THAT(s.created("app"), IsEmpty());
    EXPECT_THAT(s.started("app"), IsEmpty());
    EXPECT_THAT(s.failed("app", Step::starting, "late"), IsEmpty());
    EXPECT_EQ(s.task().known, TaskStatus::running);
    s.exited("app", 7);
    EXPECT_THAT(s.exited("app", 8), IsEmpty());
    EXPECT_EQ(s.part("app").exit_code, 7);
    EXPECT_THAT(s.feed(Started{arn("nobody"), "app", 1, s.now}), IsEmpty());
    EXPECT_THAT(s.feed(Started{arn("t1"), "nobody", 1, s.now}), IsEmpty());
}

TEST(Lifecycle, AnExitThatOvertakesTheStartCounts) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.pulled("app");
    s.created("app");
    s.answer_all();
    EXPECT_THAT(s.exited("app", 5), Contains("Report STOPPED app=STOPPED"));
    EXPECT_THAT(s.started("app"), IsEmpty());
    EXPECT_EQ(s.part("app").exit_code, 5);
}

TEST(Lifecycle, CleanupWaitsForTheAnswerToStopped) {
    Scenario s;
    s.run({task("t1", {container("app")})});
    s.bring_up("app");
    s.answer_all();
    s.exited("app", 0);
    EXPECT_THAT(s.fired("", TimerKind::cleanup), IsEmpty());
    EXPECT_THAT(s.answered(), ElementsAre("Remove app"));
}

TEST(Lifecycle, TheTaskIsForgottenWhenTheLastContainerIsRemoved) {
    Scenario s;
    s.run({task("t1", {container("a"), container("b")})});
    s.bring_up("a");
    s.bring_up("b");
    s.exited("a", 0);
    s.exited("b", 0);
    s.answer_all();
    EXPECT_THAT(s.fired("", TimerKind::cleanup), ElementsAre("Remove a", "Remove b"));
    EXPECT_THAT(s.feed(Removed{arn("t1"), "b"}), IsEmpty());
    EXPECT_THAT(s.feed(Removed{arn("t1"), "b"}), IsEmpty());
    EXPECT_THAT(s.feed(Removed{arn("t1"), "a"}), ElementsAre("Forget"));
}

TEST(Lifecycle, ExplainsWhatATaskWaitsFor) {
    Scenario s;
    EXPECT_THAT(explain(s.state, arn("t1")), testing::HasSubstr("no task"));
    s.run({task("t1", {container("db"), container("web", "db", Condition::start)})});
    EXPECT_EQ(s.task().waiting_for, "container db is pulling image-db; container web waits for db to start");
    EXPECT_EQ(explain(s.state, arn("t1")),
              "task t1 is NONE: container db is pulling image-db; container web waits for db to start, since "
              "2026-01-02T03:04:05.000Z");
    s.bring_up("db");
    s.bring_up("web");
    EXPECT_EQ(explain(s.state, arn("t1")), "task t1 is RUNNING");
    s.stop("t1");
    EXPECT_EQ(s.task().waiting_for, "container db stops after web; container web was asked to stop");
}

} // namespace
} // namespace berth::engine
