// The service scheduler.
#include "cluster/scheduling/services.hpp"
#include "fixture.hpp"

namespace berth::cluster {
namespace {

using namespace std::chrono_literals;

// --- the plan, a pure function

class PlanTest : public ::testing::Test {
  protected:
    const Task* task(TaskStatus last) {
        Task made;
        made.arn = fmt::format("t{}", tasks_.size());
        made.last = last;
        made.created = Time(std::chrono::seconds(tasks_.size()));
        tasks_.push_back(std::make_unique<Task>(made));
        return tasks_.back().get();
    }
    std::vector<const Task*> some(int count, TaskStatus last) {
        std::vector<const Task*> list;
        for (int i = 0; i < count; ++i) list.push_back(task(last));
        return list;
    }
    static Service service(std::int64_t desired, std::int64_t maximum = 200, std::int64_t minimum = 100) {
        Service made;
        made.desired = desired;
        made.maximum_percent = maximum;
        made.minimum_healthy_percent = minimum;
        return made;
    }
    std::vector<std::unique_ptr<Task>> tasks_;
};

constexpr auto kRunning = TaskStatus::running;
constexpr auto kPending = TaskStatus::pending;

TEST_F(PlanTest, StartsWhatIsMissing) {
    EXPECT_EQ(plan_service(service(3), {}, {}).start, 3);
    EXPECT_EQ(plan_service(service(3), some(1, kPending), {}).start, 2);
    EXPECT_TRUE(plan_service(service(2), some(2, kRunning), {}).steady);
    EXPECT_FALSE(plan_service(service(2), some(2, kPending), {}).steady);
}

TEST_F(PlanTest, ScalesDownPendingAndYoungestFirst) {
    std::vector<const Task*> fresh = some(2, kRunning);
    const auto* pending = task(kPending);
    fresh.push_back(pending);
    const auto plan = plan_service(service(1), fresh, {});
    EXPECT_EQ(plan.stop, (std::vector<std::string>{pending->arn, fresh[1]->arn}));
}

TEST_F(PlanTest, ReplacesOldTasksWithoutGoingBelowTheMinimum) {
    // All new ones at once, since twice as many are allowed; old ones stay until new ones run.
    auto plan = plan_service(service(2), {}, some(2, kRunning));
    EXPECT_EQ(plan.start, 2);
    EXPECT_TRUE(plan.stop.empty());
    plan = plan_service(service(2), some(1, kRunning), some(2, kRunning));
    EXPECT_EQ(plan.stop.size(), 1U);
    plan = plan_service(service(2), some(2, kRunning), some(2, kRunning));
    EXPECT_EQ(plan.stop.size(), 2U);
    EXPECT_FALSE(plan.steady);
}

TEST_F(PlanTest, StopsFirstWhereNoMoreAreAllowed) {
    const auto plan = plan_service(service(2, 100, 50), {}, some(2, kRunning));
    EXPECT_EQ(plan.stop.size(), 1U);
    EXPECT_EQ(plan.start, 1); // in its place
}

TEST_F(PlanTest, OldTasksThatDoNotRunAreOfNoUse) {
    EXPECT_EQ(plan_service(service(2), {}, some(2, kPending)).stop.size(), 2U);
}

TEST_F(PlanTest, ZeroStopsAll) {
    const auto plan = plan_service(service(0), some(1, kRunning), some(2, kRunning));
    EXPECT_EQ(plan.stop.size(), 3U);
    EXPECT_EQ(plan.start, 0);
}

// --- in the world

class ServiceTest : public Fixture {
  protected:
    ServiceTest() {
        add_instance(4096, 4096);
        define("web");
    }
    Json create(std::int64_t count, Json more = Json::object()) {
        Json request{{"serviceName", "site"}, {"taskDefinition", "web"}, {"desiredCount", count}};
        request.update(more);
        const auto answer = must("CreateService", request);
        reconcile();
        return answer;
    }
    Json site() { return must("DescribeServices", {{"services", {"site"}}})["services"][0]; }
    std::vector<std::string> wanted() {
        return must("ListTasks", {{"serviceName", "site"}})["taskArns"].get<std::vector<std::string>>();
    }
    void report_all(const std::string& status) {
        for (const auto& arn : wanted()) {
            world.tasks.edit(arn)->sent = true;
            report(arn, status);
        }
        reconcile();
    }
    void end_of_stopping_tasks() {
        std::vector<std::string> arns;
        for (const auto& [arn, task] : world.tasks)
            if (task.desired == TaskStatus::stopped && task.last != TaskStatus::stopped) arns.push_back(arn);
        for (const auto& arn : arns) report(arn, "STOPPED");
        reconcile();
    }
    bool has_event(const std::string& part) {
        const Json service = site();
        return std::ranges::any_of(
            service["events"], [&](const Json& event) { return text_of(event, "message").contains(part); });
    }
};

TEST_F(ServiceTest, ReachesASteadyState) {
    create(2);
    ASSERT_EQ(wanted().size(), 2U);
    EXPECT_EQ(integer_of(site(), "pendingCount"), 2);
    report_all("RUNNING");
    const auto service = site();
    EXPECT_EQ(integer_of(service, "runningCount"), 2);
    ASSERT_EQ(service["deployments"].size(), 1U);
    EXPECT_EQ(text_of(service["deployments"][0], "rolloutState"), "COMPLETED");
    EXPECT_TRUE(has_event("(service site) has reached a steady state."));
    EXPECT_TRUE(has_event("(service site) has started 2 tasks:"));
    const auto task = describe(wanted().front());
    EXPECT_EQ(text_of(task, "group"), "service:site");
    EXPECT_EQ(text_of(task, "startedBy"), text_of(service["deployments"][0], "id"));
}

TEST_F(ServiceTest, ReplacesWhatStoppedAndHoldsBackWhenItKeepsFailing) {
    create(1);
    const auto fail_once = [this] {
        const auto arn = wanted().at(0);
        world.tasks.edit(arn)->sent = true;
        report(arn, "STOPPED", {{"reason", "CannotPullContainerError: no such image"}});
        reconcile();
    };
    fail_once();
    EXPECT_EQ(wanted().size(), 1U); // the first time at once
    fail_once();
    EXPECT_EQ(wanted().size(), 0U);
    Context here = context();
    EXPECT_EQ(reconcile_services(here), now + 1s);
    now += 1s;
    reconcile();
    EXPECT_EQ(wanted().size(), 1U);
    fail_once();
    EXPECT_TRUE(has_event("is unable to consistently start tasks successfully"));
    EXPECT_EQ(integer_of(site()["deployments"][0], "failedTasks"), 3);
    now += 1s;
    reconcile();
    EXPECT_EQ(wanted().size(), 0U); // 2 s by now
}

TEST_F(ServiceTest, ALongLifeIsNoFailure) {
    create(1);
    for (int i = 0; i < 5; ++i) {
        report_all("RUNNING");
        now += 31s;
        report_all("STOPPED");
        ASSERT_EQ(wanted().size(), 1U) << i;
    }
}

TEST_F(ServiceTest, ANewDefinitionRollsOut) {
    create(2);
    report_all("RUNNING");
    const auto old = wanted();
    define("web", {{"image", "busybox:2"}});
    must("UpdateService", {{"service", "site"}, {"taskDefinition", "web"}});
    reconcile();
    EXPECT_EQ(wanted().size(), 4U);
    EXPECT_EQ(site()["deployments"].size(), 2U);
    report_all("RUNNING");
    end_of_stopping_tasks();
    const auto now_wanted = wanted();
    EXPECT_EQ(now_wanted.size(), 2U);
    for (const auto& arn : now_wanted) {
        EXPECT_EQ(std::ranges::find(old, arn), old.end());
        EXPECT_EQ(text_of(describe(arn)["containers"][0], "image"), "busybox:2");
    }
    EXPECT_EQ(site()["deployments"].size(), 1U);
    EXPECT_EQ(integer_of(site(), "runningCount"), 2);
    EXPECT_EQ(text_of(describe(old[0]), "stopCode"), "ServiceSchedulerInitiated");
}

TEST_F(ServiceTest, AForcedDeploymentReplacesAllOfTheSameDefinition) {
    create(1);
    report_all("RUNNING");
    const auto old = wanted();
    must("UpdateService", {{"service", "site"}, {"forceNewDeployment", true}});
    reconcile();
    report_all("RUNNING");
    EXPECT_NE(wanted(), old);
    EXPECT_EQ(wanted().size(), 1U);
}

TEST_F(ServiceTest, SaysWhyItCannotPlace) {
    create(1, {{"placementConstraints", {{{"type", "memberOf"}, {"expression", "attribute:moon exists"}}}}});
    EXPECT_TRUE(
        has_event("was unable to place a task because no container instance met all of its requirements"));
    const auto events = site()["events"].size();
    reconcile();
    EXPECT_EQ(site()["events"].size(), events); // once
    add_instance(1024, 1024, Json::array({{{"name", "moon"}}}));
    reconcile();
    EXPECT_EQ(wanted().size(), 1U);
}

TEST_F(ServiceTest, MovesOffADrainingInstance) {
    create(1);
    report_all("RUNNING");
    const auto old = wanted().at(0);
    const auto from = text_of(describe(old), "containerInstanceArn");
    const auto to = add_instance(4096, 4096);
    must("UpdateContainerInstancesState", {{"containerInstances", {from}}, {"status", "DRAINING"}});
    reconcile();
    ASSERT_EQ(wanted().size(), 2U);
    report_all("RUNNING");
    ASSERT_EQ(wanted().size(), 1U);
    EXPECT_EQ(text_of(describe(wanted()[0]), "containerInstanceArn"), to);
}

TEST_F(ServiceTest, DeletingDrainsAndThenIsInactive) {
    create(1);
    report_all("RUNNING");
    EXPECT_EQ(error_of("DeleteService", {{"service", "site"}}), "InvalidParameterException");
    must("DeleteService", {{"service", "site"}, {"force", true}});
    reconcile();
    EXPECT_EQ(text_of(site(), "status"), "DRAINING");
    EXPECT_EQ(error_of("UpdateService", {{"service", "site"}, {"desiredCount", 1}}),
              "ServiceNotActiveException");
    end_of_stopping_tasks();
    EXPECT_EQ(text_of(site(), "status"), "INACTIVE");
    EXPECT_TRUE(must("ListServices", Json::object())["serviceArns"].empty());
    create(1); // the name is free again
    EXPECT_EQ(text_of(site(), "status"), "ACTIVE");
}

TEST_F(ServiceTest, RefusesWhatCannotWork) {
    create(1);
    const Json same{{"serviceName", "site"}, {"taskDefinition", "web"}, {"desiredCount", 1}};
    EXPECT_EQ(message_of("CreateService", same), "Creation of service was not idempotent.");
    EXPECT_EQ(error_of("CreateService", {{"serviceName", "x"}, {"taskDefinition", "none"}}),
              "ClientException");
    EXPECT_EQ(error_of("CreateService", {{"serviceName", "a b"}, {"taskDefinition", "web"}}),
              "InvalidParameterException");
    EXPECT_EQ(error_of("UpdateService", {{"service", "none"}}), "ServiceNotFoundException");
    EXPECT_EQ(error_of("DeleteService", {{"service", "none"}}), "ServiceNotFoundException");
    EXPECT_EQ(error_of("CreateService",
                       {{"serviceName", "x"}, {"taskDefinition", "web"}, {"launchType", "FARGATE"}}),
              "InvalidParameterException");
    const Json blocked{{"maximumPercent", 100}, {"minimumHealthyPercent", 100}};
    EXPECT_EQ(error_of("UpdateService", {{"service", "site"}, {"deploymentConfiguration", blocked}}),
              "InvalidParameterException");
    EXPECT_EQ(text_of(must("DescribeServices", {{"services", {"none"}}})["failures"][0], "reason"),
              "MISSING");
}

} // namespace
} // namespace berth::cluster
