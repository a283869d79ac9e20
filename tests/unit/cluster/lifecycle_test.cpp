// Tasks from RunTask to STOPPED: statuses, codes, reasons, times.
#include "cluster/lifecycle/lifecycle.hpp"
#include "fixture.hpp"

namespace berth::cluster {
namespace {

using namespace std::chrono_literals;

class LifecycleTest : public Fixture {
  protected:
    LifecycleTest() {
        instance = add_instance(4096, 4096);
        define("web");
    }
    // As if its payload had been sent.
    std::string run_sent() {
        auto arn = run_one("web");
        world.tasks.edit(arn)->sent = true;
        return arn;
    }
    static Json app(Json members) {
        members["containerName"] = "app";
        return Json{{"containers", Json::array({std::move(members)})}};
    }
    std::string instance;
};

TEST_F(LifecycleTest, ANewTaskIsPending) {
    const auto task =
        describe(run_one("web", {{"startedBy", "me"}, {"tags", {{{"key", "k"}, {"value", "v"}}}}}));
    EXPECT_EQ(text_of(task, "lastStatus"), "PENDING");
    EXPECT_EQ(text_of(task, "desiredStatus"), "RUNNING");
    EXPECT_EQ(text_of(task, "group"), "family:web");
    EXPECT_EQ(text_of(task, "startedBy"), "me");
    EXPECT_EQ(text_of(task, "launchType"), "EC2");
    EXPECT_EQ(text_of(task, "cpu"), "128");
    EXPECT_EQ(text_of(task, "memory"), "64");
    EXPECT_FALSE(has(task, "startedAt"));
    EXPECT_EQ(text_of(task["containers"][0], "lastStatus"), "PENDING");
    EXPECT_TRUE(text_of(task, "taskArn").starts_with("arn:aws:ecs:us-west-2:111122223333:task/default/"));
    EXPECT_EQ(last_part(text_of(task, "taskArn")).size(), 32U);
}

TEST_F(LifecycleTest, ReportsFillTheTask) {
    const auto arn = run_sent();
    const auto before = integer_of(describe(arn), "version", 0);
    Json change = app({{"status", "RUNNING"},
                       {"runtimeId", "9f2c"},
                       {"imageDigest", "sha256:ab"},
                       {"networkBindings",
                        {{{"bindIP", "0.0.0.0"}, {"hostPort", 32768}, {"containerPort", 80}, {"x", 1}}}}});
    change["pullStartedAt"] = 1767323050.1;
    report(arn, "RUNNING", change);
    const auto task = describe(arn);
    EXPECT_EQ(text_of(task, "lastStatus"), "RUNNING");
    EXPECT_DOUBLE_EQ(task["pullStartedAt"].get<double>(), 1767323050.1);
    EXPECT_DOUBLE_EQ(task["startedAt"].get<double>(), 1767323045);
    EXPECT_GT(integer_of(task, "version", 0), before);
    const Json& container = task["containers"][0];
    EXPECT_EQ(text_of(container, "runtimeId"), "9f2c");
    EXPECT_EQ(text_of(container, "imageDigest"), "sha256:ab");
    EXPECT_EQ(integer_of(container["networkBindings"][0], "hostPort"), 32768);
    EXPECT_FALSE(has(container["networkBindings"][0], "x"));
}

TEST_F(LifecycleTest, AnExitIsExplainedByTheService) {
    const auto arn = run_sent();
    report(arn, "RUNNING");
    now += 5s;
    Json change = app({{"status", "STOPPED"},
                       {"exitCode", 137},
                       {"reason", "OutOfMemoryError: Container killed due to memory usage"}});
    change["executionStoppedAt"] = 1767323049.5;
    report(arn, "STOPPED", change);
    const auto task = describe(arn);
    EXPECT_EQ(text_of(task, "lastStatus"), "STOPPED");
    EXPECT_EQ(text_of(task, "desiredStatus"), "STOPPED");
    EXPECT_EQ(text_of(task, "stopCode"), "EssentialContainerExited");
    EXPECT_EQ(text_of(task, "stoppedReason"), "Essential container in task exited");
    EXPECT_EQ(integer_of(task["containers"][0], "exitCode"), 137);
    EXPECT_EQ(text_of(task["containers"][0], "reason"),
              "OutOfMemoryError: Container killed due to memory usage");
    EXPECT_DOUBLE_EQ(task["executionStoppedAt"].get<double>(), 1767323049.5);
    EXPECT_DOUBLE_EQ(task["stoppedAt"].get<double>(), 1767323050);
}

TEST_F(LifecycleTest, AQuickExitBeforeRunningWasReportedIsAnExit) {
    const auto arn = run_sent();
    report(arn, "STOPPED", app({{"status", "STOPPED"}, {"exitCode", 0}}));
    EXPECT_EQ(text_of(describe(arn), "stopCode"), "EssentialContainerExited");
}

TEST_F(LifecycleTest, ATaskThatNeverStartedSaysSo) {
    const auto arn = run_sent();
    report(arn, "STOPPED", app({{"status", "STOPPED"}, {"reason", "CannotPullContainerError: not found"}}));
    EXPECT_EQ(text_of(describe(arn), "stopCode"), "TaskFailedToStart");
    EXPECT_EQ(text_of(describe(arn), "stoppedReason"), "Task failed to start");
    const auto other = run_sent();
    report(other, "STOPPED", {{"reason", "UnrecogniedTaskError: Error loading task - no name"}});
    EXPECT_EQ(text_of(describe(other), "stoppedReason"),
              "UnrecogniedTaskError: Error loading task - no name");
}

TEST_F(LifecycleTest, StopTaskAsksAndTheAgentAnswers) {
    const auto arn = run_sent();
    report(arn, "RUNNING");
    must("StopTask", {{"task", arn}, {"reason", "enough"}});
    auto task = describe(arn);
    EXPECT_EQ(text_of(task, "desiredStatus"), "STOPPED");
    EXPECT_EQ(text_of(task, "lastStatus"), "RUNNING");
    EXPECT_TRUE(has(task, "stoppingAt"));
    must("StopTask", {{"task", arn}, {"reason", "again"}});
    report(arn, "STOPPED", app({{"exitCode", 143}}));
    task = describe(arn);
    EXPECT_EQ(text_of(task, "stopCode"), "UserInitiated");
    EXPECT_EQ(text_of(task, "stoppedReason"), "enough");
}

TEST_F(LifecycleTest, ATaskNoAgentHasSeenStopsAtOnce) {
    const auto arn = run_one("web");
    must("StopTask", {{"task", last_part(arn)}});
    EXPECT_EQ(text_of(describe(arn), "lastStatus"), "STOPPED");
    EXPECT_EQ(text_of(describe(arn), "stoppedReason"), "Task stopped by user");
}

TEST_F(LifecycleTest, StatusOnlyMovesForward) {
    const auto arn = run_sent();
    report(arn, "RUNNING");
    report(arn, "PENDING");
    EXPECT_EQ(text_of(describe(arn), "lastStatus"), "RUNNING");
    report(arn, "STOPPED", app({{"exitCode", 0}}));
    const auto stopped = describe(arn);
    report(arn, "RUNNING", app({{"exitCode", 9}, {"status", "RUNNING"}}));
    EXPECT_EQ(describe(arn), stopped);
}

TEST_F(LifecycleTest, StoppedTasksAreKeptForAnHour) {
    const auto arn = run_sent();
    report(arn, "STOPPED");
    EXPECT_EQ(forget_old(world, now + 59min), now + 1h);
    EXPECT_NE(world.tasks.find(arn), nullptr);
    EXPECT_EQ(forget_old(world, now + 60min), std::nullopt);
    EXPECT_EQ(world.tasks.find(arn), nullptr);
    // The one answer that lets an agent drop its report.
    EXPECT_EQ(error_of("SubmitTaskStateChange", {{"task", arn}, {"status", "STOPPED"}}),
              "InvalidParameterException");
}

TEST_F(LifecycleTest, DeregisteringTheInstanceEndsItsTasks) {
    const auto arn = run_sent();
    EXPECT_EQ(error_of("DeregisterContainerInstance", {{"containerInstance", instance}}),
              "InvalidParameterException");
    must("DeregisterContainerInstance", {{"containerInstance", instance}, {"force", true}});
    EXPECT_EQ(text_of(describe(arn), "lastStatus"), "STOPPED");
    EXPECT_EQ(text_of(must("DescribeContainerInstances",
                           {{"containerInstances", {instance}}})["containerInstances"][0],
                      "status"),
              "INACTIVE");
}

TEST_F(LifecycleTest, ARepeatedRequestWithItsTokenMakesNoSecondTask) {
    const Json request{{"taskDefinition", "web"}, {"clientToken", "t-1"}};
    const auto first = must("RunTask", request);
    EXPECT_EQ(must("RunTask", request), first);
    EXPECT_EQ(world.tasks.size(), 1U);
}

TEST_F(LifecycleTest, OddReportsAreRefused) {
    const auto arn = run_sent();
    EXPECT_EQ(error_of("SubmitTaskStateChange", {{"task", arn}, {"status", "GONE"}}),
              "InvalidParameterException");
    EXPECT_EQ(error_of("SubmitTaskStateChange", {{"task", 7}}), "SerializationException");
    EXPECT_EQ(error_of("SubmitTaskStateChange", {{"task", arn}, {"containers", {1}}}),
              "SerializationException");
    EXPECT_EQ(error_of("SubmitTaskStateChange", {{"task", arn}, {"containers", {{{"exitCode", "x"}}}}}),
              "SerializationException");
    report(arn, "RUNNING", {{"pullStartedAt", 1e300}}); // no time, but no reason to lose the report
    EXPECT_FALSE(has(describe(arn), "pullStartedAt"));
}

TEST_F(LifecycleTest, ContainerReportsAndHealthCount) {
    const auto arn = run_sent();
    must("SubmitContainerStateChange",
         {{"task", arn}, {"containerName", "app"}, {"status", "RUNNING"}, {"runtimeId", "r"}});
    EXPECT_EQ(text_of(describe(arn)["containers"][0], "lastStatus"), "RUNNING");
    EXPECT_EQ(text_of(describe(arn), "lastStatus"), "PENDING");
    EXPECT_EQ(
        must("SubmitAttachmentStateChanges", {{"attachments", {{{"attachmentArn", "a"}}}}})["acknowledgment"],
        "ACK");
}

} // namespace
} // namespace berth::cluster
