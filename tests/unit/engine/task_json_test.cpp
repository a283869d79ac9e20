// What goes into the store comes out the same, and records of other versions are read.
#include "tests/unit/engine/scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::engine {
namespace {

using testing::HasSubstr;

TaskSpec rich() {
    const auto task = parse_task(*parse_json(R"({"arn": "a/t", "family": "f", "version": "1", "cpu": 0.25,
        "memory": 100, "networkMode": "host", "volumes": [{"name": "v", "host": {"sourcePath": "/s"}}],
        "containers": [{"name": "app", "image": "i", "essential": false, "cpu": 5, "memory": 9,
          "command": ["c"], "entryPoint": ["e"], "environment": {"A": "b"},
          "dependsOn": [{"containerName": "b", "condition": "SUCCESS"}],
          "portMappings": [{"containerPort": 1, "hostPort": 2, "protocol": "udp"}],
          "mountPoints": [{"sourceVolume": "v", "containerPath": "/c", "readOnly": true}],
          "registryAuthentication": {"type": "asm", "asmAuthData": {"credentialsParameter": "p", "region": "r"}},
          "startTimeout": 1, "stopTimeout": 2, "restartPolicy": {"enabled": true, "ignoredExitCodes": [3]},
          "dockerConfig": {"config": "{\"User\":\"u\",\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"]}}",
            "hostConfig": "{\"Ulimits\":[{\"Name\":\"core\",\"Soft\":1,\"Hard\":2}],\"ShmSize\":7,\"Tmpfs\":{\"/t\":\"\"},\"Devices\":[{\"PathOnHost\":\"/d\"}],\"LogConfig\":{\"Type\":\"awslogs\",\"Config\":{\"k\":\"v\"}}}"}},
         {"name": "b", "image": "i"}]})"));
    EXPECT_TRUE(task) << (task ? "" : task.error().message());
    return task.value_or(TaskSpec());
}

TEST(TaskJson, SpecificationsComeBackTheSame) {
    const auto spec = rich();
    const auto json = to_json(spec);
    const auto back = task_from_json(*parse_json(dump_json(json)));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(to_json(*back), json);
    EXPECT_EQ(back->containers.at(0).restart.ignored_exit_codes, std::vector<int>{3});
    EXPECT_EQ(back->containers.at(0).health_check->test.at(1), "x");
    EXPECT_EQ(back->containers.at(0).devices.at(0).permissions, "rwm");
    EXPECT_EQ(back->containers.at(0).depends_on.at(0).condition, Condition::success);
    EXPECT_EQ(back->containers.at(0).stop_timeout, std::chrono::seconds(2));
}

TEST(TaskJson, StatesComeBackTheSame) {
    Scenario s;
    s.run({task("t1", {container("a"), container("b")})});
    s.bring_up("a");
    s.answer_all();
    s.exited("a", 137, true);
    const auto json = to_json(s.task());
    const auto back = task_state_from_json(*parse_json(dump_json(json)));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(to_json(*back), json);
    const auto& a = back->containers.at("a");
    EXPECT_EQ(a.known, ContainerStatus::stopped);
    EXPECT_EQ(a.exit_code, 137);
    EXPECT_TRUE(a.oom_killed);
    EXPECT_EQ(a.bindings.at(0).host_port, 32768);
    EXPECT_EQ(a.started_at, s.now);
    EXPECT_EQ(back->sent, ReportedStatus::pending);
    EXPECT_TRUE(back->admitted);
}

TEST(TaskJson, ALoadedTaskWaitsForRecoveryWithNothingUnderWay) {
    Scenario s;
    s.run({task("t1", {container("a")})});
    s.resolved("a");
    const auto back = task_state_from_json(to_json(s.task()));
    ASSERT_TRUE(back);
    EXPECT_TRUE(back->recovering);
    EXPECT_FALSE(back->report_in_flight);
    EXPECT_EQ(back->containers.at("a").step, Step::idle);
}

TEST(TaskJson, MembersAddedLaterHaveTheirDefaults) {
    const auto back = task_state_from_json(
        *parse_json(R"({"spec": {"arn": "a/t", "containers": [{"name": "a", "image": "i", "later": 1}]},
                        "containers": {"a": {"id": "1", "known": "RUNNING"}}, "later": {}})"));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->containers.at("a").known, ContainerStatus::running);
    EXPECT_EQ(back->containers.at("a").desired, ContainerStatus::running);
    EXPECT_TRUE(back->spec.containers.at(0).essential);
    EXPECT_EQ(back->spec.containers.at(0).restart.attempt_period, std::chrono::seconds(300));
}

TEST(TaskJson, WrongRecordsNameTheMember) {
    const auto error = [](const char* text) {
        const auto result = task_state_from_json(*parse_json(text));
        return result ? "no error" : result.error().message();
    };
    EXPECT_THAT(error(R"([])"), HasSubstr("expected an object"));
    EXPECT_THAT(error(R"({"known": 5})"), HasSubstr("known: expected a string"));
    EXPECT_THAT(error(R"({"known": "FLYING"})"), HasSubstr("known: expected a known name"));
    EXPECT_THAT(error(R"({"containers": {"a": {"pid": 1e300}}})"),
                HasSubstr("containers.a.pid: expected a whole number"));
    EXPECT_THAT(error(R"({"containers": {"a": {"pid": 5000000000}}})"),
                HasSubstr("containers.a.pid: expected a smaller number"));
    EXPECT_THAT(error(R"({"spec": {"containers": [{"dependsOn": [{"condition": true}]}]}})"),
                HasSubstr("spec.containers[0].dependsOn[0].condition: expected a string"));
    EXPECT_THAT(error(R"({"spec": {"containers": [{"name": "a"}]}})"), HasSubstr("containers.a: missing"));
}

} // namespace
} // namespace berth::engine
