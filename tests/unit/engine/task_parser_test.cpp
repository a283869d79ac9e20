// parse_task: the typed fields, their limits, and errors that name the field at fault.
#include "berth/engine/task.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

// A valid task with `container` merged into its only container and `task` into itself.
Result<TaskSpec> parse(const std::string& container, const std::string& task = "{}") {
    auto one = *parse_json(R"({"name": "app", "image": "busybox:1", "essential": true})");
    one.merge_patch(*parse_json(container));
    auto whole = *parse_json(R"({"arn": "arn:aws:ecs:eu-west-1:1:task/prod/0f1e2d", "family": "web",
        "version": "7", "desiredStatus": "RUNNING", "networkMode": "bridge"})");
    whole["containers"] = Json::array({one});
    whole.merge_patch(*parse_json(task));
    return parse_task(whole);
}

std::string error_of(const Result<TaskSpec>& result) {
    return result ? "no error" : result.error().message();
}

ContainerSpec app(const std::string& container) {
    auto task = parse(container);
    EXPECT_TRUE(task) << error_of(task);
    return task ? task->containers.at(0) : ContainerSpec();
}

TEST(TaskParser, ReadsTheWholeTask) {
    const auto task = parse("{}", R"({"cpu": 0.5, "memory": 512, "taskClusterArn": "arn:c", "pidMode": "host",
        "ipcMode": "none", "launchType": "EC2", "serviceName": "s",
        "roleCredentials": {"credentialsId": "c-1", "roleArn": "r"},
        "executionRoleCredentials": {"credentialsId": "c-2"},
        "volumes": [{"name": "data", "host": {"sourcePath": "/srv"}}, {"name": "tmp", "host": {}},
                    {"name": "v", "type": "docker", "dockerVolumeConfiguration": {"scope": "task",
                     "driver": "local", "autoprovision": false, "driverOpts": {}, "labels": {"a": "b"}}}],
        "unknown": {"x": 1}})");
    ASSERT_TRUE(task) << error_of(task);
    EXPECT_EQ(task->id(), "0f1e2d");
    EXPECT_EQ(task->family, "web");
    EXPECT_EQ(task->version, "7");
    EXPECT_EQ(task->cpu, 0.5);
    EXPECT_EQ(task->memory_mib, 512);
    EXPECT_EQ(task->cluster_arn, "arn:c");
    EXPECT_EQ(task->pid_mode, "host");
    EXPECT_EQ(task->ipc_mode, "none");
    EXPECT_EQ(task->role_credentials_id, "c-1");
    EXPECT_EQ(task->execution_role_credentials_id, "c-2");
    ASSERT_EQ(task->volumes.size(), 3U);
    EXPECT_EQ(task->volumes[0].host_path, "/srv");
    EXPECT_EQ(task->volumes[1].host_path, "");
    EXPECT_NE(task->find("app"), nullptr);
    EXPECT_EQ(task->find("nobody"), nullptr);
}

TEST(TaskParser, ReadsTheWholeContainer) {
    const auto task = parse(R"({"essential": false, "cpu": 256, "memory": 128, "command": ["a", "b"],
        "entryPoint": ["/e"], "environment": {"A": "1", "B": ""},
        "portMappings": [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 53, "protocol": "udp"}],
        "mountPoints": [{"sourceVolume": "v", "containerPath": "/data", "readOnly": true}],
        "registryAuthentication": {"type": "ecr", "ecrAuthData": {"registryId": "1", "region": "eu-west-1",
            "endpointOverride": "e", "useExecutionRole": true}},
        "logsAuthStrategy": "ExecutionRole", "startTimeout": 30, "stopTimeout": 5,
        "restartPolicy": {"enabled": true, "ignoredExitCodes": [0, 255], "restartAttemptPeriod": 90}})",
                            R"({"volumes": [{"name": "v", "host": {}}]})");
    ASSERT_TRUE(task) << error_of(task);
    const auto& c = task->containers.at(0);
    EXPECT_FALSE(c.essential);
    EXPECT_EQ(c.cpu_units, 256);
    EXPECT_EQ(c.cpu_shares, 256);
    EXPECT_EQ(c.memory_bytes, std::int64_t{128} << 20);
    EXPECT_THAT(*c.command, ElementsAre("a", "b"));
    EXPECT_THAT(*c.entry_point, ElementsAre("/e"));
    EXPECT_THAT(c.environment, ElementsAre(Pair("A", "1"), Pair("B", "")));
    ASSERT_EQ(c.ports.size(), 2U);
    EXPECT_EQ(c.ports[0].host_port, 8080);
    EXPECT_EQ(c.ports[1].protocol, Protocol::udp);
    EXPECT_EQ(c.ports[1].host_port, 0);
    EXPECT_TRUE(c.mounts.at(0).read_only);
    EXPECT_EQ(c.registry_auth.type, RegistryAuth::Type::ecr);
    EXPECT_TRUE(c.registry_auth.use_execution_role);
    EXPECT_TRUE(c.logs_use_execution_role);
    EXPECT_EQ(c.start_timeout, std::chrono::seconds(30));
    EXPECT_EQ(c.stop_timeout, std::chrono::seconds(5));
    EXPECT_THAT(c.restart.ignored_exit_codes, ElementsAre(0, 255));
    EXPECT_EQ(c.restart.attempt_period, std::chrono::seconds(90));
}

TEST(TaskParser, KeysMatchWithoutRegardToCase) {
    const auto task =
        parse_task(*parse_json(R"({"ARN": "a/t", "CONTAINERS": [{"Name": "x", "IMAGE": "i"}]})"));
    ASSERT_TRUE(task) << error_of(task);
    EXPECT_EQ(task->network_mode, "bridge");
    EXPECT_TRUE(task->containers.at(0).essential);
}

TEST(TaskParser, CpuSharesAreClamped) {
    EXPECT_EQ(app(R"({"cpu": 0})").cpu_shares, 2);
    EXPECT_EQ(app(R"({"cpu": 1})").cpu_shares, 2);
    EXPECT_EQ(app(R"({"cpu": 1})").cpu_units, 1);
    EXPECT_EQ(app(R"({"cpu": 300000})").cpu_shares, 262144);
    EXPECT_EQ(app(R"({"cpu": 300000})").cpu_units, 300000);
}

TEST(TaskParser, MemoryBelowSixMiBIsRaised) {
    EXPECT_EQ(app(R"({"memory": 0})").memory_bytes, 0);
    EXPECT_EQ(app(R"({"memory": 4})").memory_bytes, std::int64_t{6} << 20);
    EXPECT_EQ(app(R"({"memory": 7})").memory_bytes, std::int64_t{7} << 20);
}

TEST(TaskParser, OverridesReplaceTheCommand) {
    EXPECT_THAT(*app(R"({"command": ["a"], "overrides": "{\"command\":[\"b\",\"c\"]}"})").command,
                ElementsAre("b", "c"));
    EXPECT_THAT(*app(R"({"command": ["a"], "overrides": {"Command": ["b"]}})").command, ElementsAre("b"));
    EXPECT_THAT(*app(R"({"command": ["a"], "overrides": "{}"})").command, ElementsAre("a"));
    EXPECT_THAT(*app(R"({"command": ["a"], "overrides": ""})").command, ElementsAre("a"));
    EXPECT_THAT(error_of(parse(R"({"overrides": "{\"cpu\":1}"})")),
                "containers[0].overrides: \"cpu\" cannot be overridden");
    EXPECT_THAT(error_of(parse(R"({"overrides": "{"})")),
                HasSubstr("containers[0].overrides: not valid JSON"));
}

TEST(TaskParser, ZeroTimeoutsAreNone) {
    EXPECT_EQ(app(R"({"startTimeout": 0})").start_timeout, std::nullopt);
    EXPECT_EQ(app(R"({"stopTimeout": 0})").stop_timeout, std::nullopt);
}

TEST(TaskParser, ConditionsOfDependsOn) {
    const auto task = parse_task(*parse_json(R"({"arn": "a/t", "containers": [
        {"name": "db", "image": "i", "healthCheckType": "docker",
         "dockerConfig": {"config": "{\"HealthCheck\":{\"Test\":[\"CMD\",\"true\"]}}"}},
        {"name": "web", "image": "i", "dependsOn": [{"containerName": "db", "condition": "HEALTHY"},
                                                    {"containerName": "x", "condition": "SUCCESS"}]},
        {"name": "x", "image": "i", "dependsOn": [{"containerName": "db", "condition": "START"}]},
        {"name": "y", "image": "i", "dependsOn": [{"containerName": "x", "condition": "COMPLETE"}]}]})"));
    ASSERT_TRUE(task) << error_of(task);
    EXPECT_EQ(task->containers[1].depends_on.at(0).condition, Condition::healthy);
    EXPECT_EQ(task->containers[1].depends_on.at(1).condition, Condition::success);
    EXPECT_EQ(task->containers[2].depends_on.at(0).condition, Condition::start);
    EXPECT_EQ(task->containers[3].depends_on.at(0).condition, Condition::complete);
}

struct Bad {
    const char* container;
    const char* task;
    const char* error;
};

class TaskParserErrors : public testing::TestWithParam<Bad> {};

TEST_P(TaskParserErrors, NameTheField) {
    const auto& bad = GetParam();
    EXPECT_THAT(error_of(parse(bad.container, bad.task)), HasSubstr(bad.error));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, TaskParserErrors,
    testing::Values(
        Bad{"{}", R"({"arn": null})", "arn: missing"}, Bad{"{}", R"({"arn": 5})", "arn: expected a string"},
        Bad{"{}", R"({"arn": "arn:aws:ecs:task/a/../b c"})", "arn: does not end in /<task id>"},
        Bad{"{}", R"({"arn": "arn:aws:ecs:task/a/.."})", "arn: does not end in /<task id>"},
        Bad{"{}", R"({"arn": "arn:aws:ecs:task/"})", "arn: does not end in /<task id>"},
        Bad{"{}", R"({"desiredStatus": "RUN"})", "desiredStatus: \"RUN\" is no status"},
        Bad{"{}", R"({"containers": []})", "containers: the task has no container"},
        Bad{"{}", R"({"containers": null})", "containers: the task has no container"},
        Bad{"{}", R"({"containers": [null]})", "containers[0]: expected an object, got null"},
        Bad{"{}", R"({"containers": {"a": 1}})", "containers: expected a list"},
        Bad{"{}", R"({"containers": [{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]})",
            "two containers are named \"a\""},
        Bad{R"({"name": 5})", "{}", "containers[0].name: expected a string, got a number"},
        Bad{R"({"name": ""})", "{}", "containers[0].name: missing"},
        Bad{R"({"name": "../x"})", "{}", "containers[0].name: \"../x\" is not 1 to 255"},
        Bad{R"({"image": ""})", "{}", "containers[0].image: missing"},
        Bad{R"({"image": null})", "{}", "containers[0].image: missing"},
        Bad{R"({"cpu": -1})", "{}", "containers[0].cpu: -1 is not in 0.."},
        Bad{R"({"cpu": "128"})", "{}", "containers[0].cpu: expected a whole number"},
        Bad{R"({"cpu": 1.5})", "{}", "containers[0].cpu: expected a whole number"},
        Bad{R"({"memory": -5})", "{}", "containers[0].memory: -5 is not in"},
        Bad{R"({"memory": 99999999999})", "{}", "containers[0].memory: 99999999999 is not in"},
        Bad{R"({"essential": "yes"})", "{}", "containers[0].essential: expected a boolean"},
        Bad{R"({"command": "ls"})", "{}", "containers[0].command: expected a list"},
        Bad{R"({"command": [1]})", "{}", "containers[0].command[0]: expected a string"},
        Bad{R"({"command": ["a\u0000b"]})", "{}", "containers[0].command: contains a zero byte"},
        Bad{R"({"environment": {"A": 1}})", "{}", "containers[0].environment.A: expected a string"},
        Bad{R"({"environment": {"": "x"}})", "{}", "containers[0].environment: \"\" cannot be the name"},
        Bad{R"({"environment": {"A=B": "x"}})", "{}", "\"A=B\" cannot be the name"},
        Bad{R"({"portMappings": [{"containerPort": 0}]})", "{}",
            "portMappings[0].containerPort: 0 is not in 1..65535"},
        Bad{R"({"portMappings": [{"hostPort": 80}]})", "{}", "portMappings[0].containerPort: missing"},
        Bad{R"({"portMappings": [{"containerPort": 80, "hostPort": 65536}]})", "{}",
            "hostPort: 65536 is not in"},
        Bad{R"({"portMappings": [{"containerPort": 80, "protocol": "sctp"}]})", "{}",
            "portMappings[0].protocol: \"sctp\" is not tcp or udp"},
        Bad{R"({"portMappings": [{"containerPortRange": "80-90"}]})", "{}",
            "portMappings[0].containerPortRange: is not supported by this version"},
        Bad{R"({"portMappings": [{"containerPort": 80, "hostPort": 90}, {"containerPort": 81, "hostPort": 90}]})",
            "{}", "host port 90 is asked for twice"},
        Bad{R"({"mountPoints": [{"sourceVolume": "nope", "containerPath": "/x"}]})", "{}",
            "name the volume \"nope\""},
        Bad{R"({"mountPoints": [{"sourceVolume": "v", "containerPath": "x"}]})", "{}",
            "mountPoints[0].containerPath: \"x\" is not an absolute path"},
        Bad{R"({"registryAuthentication": {"type": "x"}})", "{}",
            "registryAuthentication.type: \"x\" is not ecr"},
        Bad{R"({"registryAuthentication": {"type": "asm"}})", "{}", "asmAuthData: missing"},
        Bad{R"({"logsAuthStrategy": "x"})", "{}", "logsAuthStrategy: \"x\" is not ExecutionRole"},
        Bad{R"({"healthCheckType": "x"})", "{}", "healthCheckType: \"x\" is not docker"},
        Bad{R"({"healthCheckType": "docker"})", "{}", "healthCheckType: docker, but"},
        Bad{R"({"dependsOn": [{"containerName": "x", "condition": "START"}]})", "{}",
            "dependsOn of container \"app\": x is no container of the task"},
        Bad{R"({"dependsOn": [{"containerName": "app", "condition": "START"}]})", "{}",
            "Task dependencies cannot be resolved, taskArn: arn:aws:ecs:eu-west-1:1:task/prod/0f1e2d"},
        Bad{R"({"dependsOn": [{"containerName": "app", "condition": "HEALTHY"}]})", "{}",
            "has no health check"},
        Bad{R"({"dependsOn": [{"containerName": "app", "condition": "READY"}]})", "{}",
            "dependsOn[0].condition: \"READY\" is not START"},
        Bad{R"({"restartPolicy": {"enabled": true, "ignoredExitCodes": [256]}})", "{}",
            "restartPolicy.ignoredExitCodes: expected whole numbers"},
        Bad{R"({"stopTimeout": -1})", "{}", "stopTimeout: -1 is not in"},
        Bad{R"({"dockerConfig": {"config": 5}})", "{}", "dockerConfig.config: expected a string"},
        Bad{R"({"dockerConfig": {"config": "[]"}})", "{}",
            "dockerConfig.config: expected the text of a JSON object"},
        Bad{"{}", R"({"cpu": -0.5})", "cpu: -0.5 is not a number of 0 or more"},
        Bad{"{}", R"({"cpu": 1e300})", "over the limit of 16384"},
        Bad{"{}", R"({"roleCredentials": {"roleArn": "r"}})", "roleCredentials.credentialsId: missing"},
        Bad{"{}", R"({"networkMode": "nat"})", "networkMode: \"nat\" is no network mode"},
        Bad{"{}", R"({"pidMode": "container"})", "pidMode: \"container\" is no mode"},
        Bad{"{}", R"({"pidMode": "none"})", "pidMode: \"none\" is no mode"},
        Bad{"{}", R"({"volumes": [{"name": "v"}]})", "volumes[0].host: missing"},
        Bad{"{}", R"({"volumes": [{"host": {}}]})", "volumes[0].name: missing"},
        Bad{"{}", R"({"volumes": [{"name": "v", "host": {"sourcePath": "x"}}]})",
            "volumes[0].host.sourcePath: \"x\" is not an absolute path"},
        Bad{"{}", R"({"volumes": [{"name": "v", "host": {}}, {"name": "v", "host": {}}]})",
            "two volumes are named \"v\""}));

// Whatever this version cannot do is refused, so that no task runs differently from what was asked for.
INSTANTIATE_TEST_SUITE_P(
    Unsupported, TaskParserErrors,
    testing::Values(
        Bad{R"({"links": ["a:b"]})", "{}", "containers[0].links: is not supported by this version"},
        Bad{R"({"volumesFrom": [{"sourceContainer": "a"}]})", "{}", "volumesFrom: is not supported"},
        Bad{R"({"environmentFiles": [{"value": "arn", "type": "s3"}]})", "{}",
            "environmentFiles: is not supported"},
        Bad{R"({"secrets": [{"name": "A"}]})", "{}", "secrets: is not supported"},
        Bad{R"({"firelensConfiguration": {"type": "fluentd"}})", "{}",
            "firelensConfiguration: is not supported"},
        Bad{R"({"credentialSpecs": ["x"]})", "{}", "credentialSpecs: is not supported"},
        Bad{R"({"managedAgents": [{"name": "ExecuteCommandAgent"}]})", "{}",
            "managedAgents: is not supported"},
        Bad{"{}", R"({"networkMode": "awsvpc"})", "networkMode: awsvpc is not supported"},
        Bad{"{}", R"({"pidMode": "task"})", "pidMode: task is not supported"},
        Bad{"{}", R"({"ipcMode": "task"})", "ipcMode: task is not supported"},
        Bad{"{}", R"({"elasticNetworkInterfaces": [{"ec2Id": "e"}]})",
            "elasticNetworkInterfaces: is not supported"},
        Bad{"{}", R"({"associations": [{"type": "gpu", "name": "G"}]})", "associations: is not supported"},
        Bad{"{}", R"({"proxyConfiguration": {"type": "APPMESH"}})", "proxyConfiguration: is not supported"},
        Bad{"{}", R"({"attachments": [{"attachmentType": "AmazonEBS"}]})",
            "attachments[0].attachmentType: \"AmazonEBS\" is not supported"},
        Bad{"{}", R"({"volumes": [{"name": "v", "type": "efs"}]})",
            "volumes of type \"efs\" are not supported"},
        Bad{"{}",
            R"({"volumes": [{"name": "v", "type": "docker", "dockerVolumeConfiguration": {"scope": "shared"}}]})",
            "scope: \"shared\" is not supported"},
        Bad{"{}",
            R"({"volumes": [{"name": "v", "type": "docker", "dockerVolumeConfiguration": {"driver": "nfs"}}]})",
            "driver: \"nfs\" is not supported"},
        Bad{"{}", R"({"volumes": [{"name": "v", "type": "docker", "dockerVolumeConfiguration":
            {"driverOpts": {"type": "tmpfs"}}}]})",
            "driverOpts: is not supported"}));

TEST(TaskParser, EmptyUnsupportedFieldsAreFine) {
    EXPECT_TRUE(parse(R"({"links": [], "secrets": [], "environmentFiles": [], "volumesFrom": [],
        "firelensConfiguration": null, "managedAgents": [], "credentialSpecs": []})",
                      R"({"associations": [], "elasticNetworkInterfaces": [], "attachments": []})"));
}

TEST(TaskParser, CyclesAreFoundBehindOtherContainers) {
    const auto task = parse_task(*parse_json(R"({"arn": "a/t", "containers": [
        {"name": "a", "image": "i", "dependsOn": [{"containerName": "b", "condition": "START"}]},
        {"name": "b", "image": "i", "dependsOn": [{"containerName": "c", "condition": "START"}]},
        {"name": "c", "image": "i", "dependsOn": [{"containerName": "b", "condition": "START"}]}]})"));
    EXPECT_THAT(error_of(task), HasSubstr("Task dependencies cannot be resolved"));
}

TEST(TaskParser, NotAnObject) {
    EXPECT_THAT(error_of(parse_task(Json())), HasSubstr("a task is not an object but null"));
    EXPECT_FALSE(parse_task(Json::array()));
}

TEST(TaskParser, TooManyContainersAreRefused) {
    Json task = {{"arn", "a/t"}, {"containers", Json::array()}};
    for (int i = 0; i < 101; ++i)
        task["containers"].push_back({{"name", fmt::format("c{}", i)}, {"image", "i"}});
    EXPECT_THAT(error_of(parse_task(task)), HasSubstr("101 elements are over the limit of 100"));
}

} // namespace
} // namespace berth::engine
