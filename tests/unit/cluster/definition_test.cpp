// Task definitions: what is refused and why, what is filled in, which attributes are required.
#include "cluster/definition/definition.hpp"
#include "fixture.hpp"

#include <gmock/gmock.h>

namespace berth::cluster {
namespace {

class DefinitionTest : public Fixture {
  protected:
    std::string refusal(const Json& container, const Json& more = Json::object()) {
        const auto read = read_definition(definition("web", container, more));
        if (read) return "none";
        EXPECT_EQ(read.error().name(), "ClientException") << read.error().message();
        return read.error().message();
    }
    static Json containers(std::initializer_list<Json> list) {
        Json all = Json::array();
        for (Json container : list) {
            container["image"] = "busybox";
            container["memory"] = 64;
            all.push_back(std::move(container));
        }
        return Json{{"family", "web"}, {"containerDefinitions", std::move(all)}};
    }
    static std::set<std::string> attributes(const Json& document) {
        const auto list = required_attributes(document);
        return {list.begin(), list.end()};
    }
};

TEST_F(DefinitionTest, RegistersRevisionsAndCompletesThem) {
    add_instance(1, 1);
    const auto first =
        must("RegisterTaskDefinition", definition("web", {{"portMappings", {{{"containerPort", 80}}}}}));
    const Json& shown = first["taskDefinition"];
    EXPECT_EQ(text_of(shown, "taskDefinitionArn"),
              "arn:aws:ecs:us-west-2:111122223333:task-definition/web:1");
    EXPECT_EQ(integer_of(shown, "revision"), 1);
    EXPECT_EQ(text_of(shown, "status"), "ACTIVE");
    const Json& container = shown["containerDefinitions"][0];
    EXPECT_TRUE(flag_of(container, "essential"));
    EXPECT_EQ(container["portMappings"],
              Json::parse(R"([{"containerPort":80,"hostPort":0,"protocol":"tcp"}])"));
    EXPECT_TRUE(container["mountPoints"].is_array());
    for (int i = 2; i <= 11; ++i) define("web");
    // The newest by number, not by spelling.
    EXPECT_EQ(
        integer_of(must("DescribeTaskDefinition", {{"taskDefinition", "web"}})["taskDefinition"], "revision"),
        11);
    must("DeregisterTaskDefinition", {{"taskDefinition", "web:11"}});
    EXPECT_EQ(
        integer_of(must("DescribeTaskDefinition", {{"taskDefinition", "web"}})["taskDefinition"], "revision"),
        10);
    const auto gone = must("DescribeTaskDefinition", {{"taskDefinition", "web:11"}})["taskDefinition"];
    EXPECT_EQ(text_of(gone, "status"), "INACTIVE");
    EXPECT_TRUE(has(gone, "deregisteredAt"));
    EXPECT_EQ(message_of("RunTask", {{"taskDefinition", "web:11"}}), "TaskDefinition is inactive");
    EXPECT_EQ(message_of("RunTask", {{"taskDefinition", "web:99"}}), "TaskDefinition not found.");
    EXPECT_EQ(message_of("DescribeTaskDefinition", {{"taskDefinition", "web:x"}}),
              "Unable to describe task definition.");
    EXPECT_EQ(error_of("DeregisterTaskDefinition", {{"taskDefinition", "web"}}), "ClientException");
}

TEST_F(DefinitionTest, RefusesWhatIsIncomplete) {
    EXPECT_THAT(refusal({{"image", ""}}), ::testing::HasSubstr("Container.image"));
    EXPECT_THAT(refusal({{"name", "a b"}}), ::testing::HasSubstr("Container.name"));
    EXPECT_THAT(refusal({{"memory", nullptr}}),
                ::testing::HasSubstr("At least one of 'memory' or 'memoryReservation'"));
    EXPECT_EQ(refusal({{"memory", nullptr}}, {{"memory", "512"}}), "none");
    EXPECT_THAT(refusal({{"memory", 5}}), ::testing::HasSubstr("at least 6 MiB"));
    EXPECT_THAT(refusal({{"memoryReservation", 128}}), ::testing::HasSubstr("greater than or equal"));
    EXPECT_THAT(refusal({{"essential", false}}), ::testing::HasSubstr("essential"));
    EXPECT_THAT(refusal({{"cpu", -1}}), ::testing::HasSubstr("negative"));
    EXPECT_THAT(refusal({{"portMappings", {{{"containerPort", 0}}}}}),
                ::testing::HasSubstr("ports are 1 to 65535"));
    EXPECT_THAT(refusal({{"portMappings", {{{"containerPort", 80}, {"protocol", "sctp"}}}}}),
                ::testing::HasSubstr("sctp"));
    EXPECT_THAT(
        refusal({{"portMappings", {{{"containerPort", 80}, {"hostPort", 81}}}}}, {{"networkMode", "host"}}),
        ::testing::HasSubstr("must match"));
    EXPECT_THAT(refusal({{"mountPoints", {{{"sourceVolume", "v"}, {"containerPath", "/v"}}}}}),
                ::testing::HasSubstr("Unknown volume 'v'"));
    EXPECT_THAT(refusal({{"volumesFrom", {{{"sourceContainer", "x"}}}}}),
                ::testing::HasSubstr("volumesFrom"));
    EXPECT_THAT(refusal({{"logConfiguration", {{"logDriver", "carrier-pigeon"}}}}),
                ::testing::HasSubstr("not known"));
    EXPECT_THAT(
        refusal({{"logConfiguration", {{"logDriver", "awslogs"}, {"options", {{"awslogs-group", "g"}}}}}}),
        ::testing::HasSubstr("awslogs-region"));
    EXPECT_THAT(refusal({{"ulimits", {{{"name", "speed"}, {"softLimit", 1}, {"hardLimit", 1}}}}}),
                ::testing::HasSubstr("speed"));
    EXPECT_THAT(refusal({{"healthCheck", {{"interval", 5}}}}), ::testing::HasSubstr("no command"));
    EXPECT_THAT(refusal({{"environment", {{{"name", "A=B"}, {"value", ""}}}}}),
                ::testing::HasSubstr("environment"));
    EXPECT_THAT(refusal({}, {{"networkMode", "token-ring"}}), ::testing::HasSubstr("networkMode"));
    EXPECT_THAT(refusal({}, {{"pidMode", "none"}}), ::testing::HasSubstr("pidMode"));
    EXPECT_THAT(refusal({}, {{"cpu", "much"}}), ::testing::HasSubstr("Invalid 'cpu' setting"));
    EXPECT_THAT(refusal({}, {{"volumes", {{{"name", "v"}}, {{"name", "v"}}}}}),
                ::testing::HasSubstr("appears twice"));
    EXPECT_THAT(refusal({}, {{"containerDefinitions", Json::array()}}),
                ::testing::HasSubstr("cannot be empty"));
    EXPECT_THAT(refusal({}, {{"family", "a/b"}}), ::testing::HasSubstr("Family"));
}

TEST_F(DefinitionTest, RefusesWrongTypesByPath) {
    const auto message = [&](const Json& container) {
        const auto read = read_definition(definition("web", container));
        return read ? "none" : read.error().name() + ": " + read.error().message();
    };
    EXPECT_EQ(message({{"cpu", "much"}}),
              "SerializationException: containerDefinitions[0].cpu: expected a whole number, got a string");
    EXPECT_EQ(message({{"linuxParameters", {{"tmpfs", {{{"size", true}}}}}}}),
              "SerializationException: containerDefinitions[0].linuxParameters.tmpfs[0].size: expected a "
              "whole number, "
              "got a boolean");
    EXPECT_EQ(message({{"command", "sh"}}),
              "SerializationException: containerDefinitions[0].command: expected a list, got a string");
    EXPECT_EQ(message({{"memory", 1LL << 40}}),
              "SerializationException: containerDefinitions[0].memory: the number is too large");
    EXPECT_EQ(error_of("RegisterTaskDefinition", {{"family", "web"}, {"containerDefinitions", {7}}}),
              "SerializationException");
}

TEST_F(DefinitionTest, DependenciesMustMakeSense) {
    const auto refusal_of = [](const Json& document) {
        const auto read = read_definition(document);
        return read ? std::string("none") : read.error().message();
    };
    const auto depends = [](const char* name, const char* on, const char* condition, bool essential = true) {
        return Json{{"name", name},
                    {"essential", essential},
                    {"dependsOn", {{{"containerName", on}, {"condition", condition}}}}};
    };
    EXPECT_EQ(refusal_of(containers({{{"name", "a"}}, depends("b", "a", "START")})), "none");
    EXPECT_THAT(refusal_of(containers({depends("a", "x", "START")})),
                ::testing::HasSubstr("no other container"));
    EXPECT_THAT(refusal_of(containers({depends("a", "a", "START")})),
                ::testing::HasSubstr("no other container"));
    EXPECT_THAT(refusal_of(containers({{{"name", "a"}}, depends("b", "a", "LATER")})),
                ::testing::HasSubstr("LATER"));
    EXPECT_THAT(refusal_of(containers({{{"name", "a"}}, depends("b", "a", "SUCCESS")})),
                ::testing::HasSubstr("essential"));
    EXPECT_THAT(refusal_of(containers({{{"name", "a"}}, depends("b", "a", "HEALTHY")})),
                ::testing::HasSubstr("healthCheck"));
    EXPECT_THAT(refusal_of(containers(
                    {depends("a", "b", "START"), depends("b", "c", "START"), depends("c", "a", "START")})),
                ::testing::HasSubstr("in a circle"));
    EXPECT_THAT(refusal_of(containers({{{"name", "a"}}, {{"name", "a"}}})), ::testing::HasSubstr("unique"));
}

TEST_F(DefinitionTest, RequiredAttributesFollowTheTable) {
    const std::string docker = "com.amazonaws.ecs.capability.", ecs = "ecs.capability.";
    EXPECT_TRUE(attributes(definition("a")).empty());
    EXPECT_EQ(attributes(definition("a", {{"privileged", true}})), std::set{docker + "privileged-container"});
    const Json awslogs{{"logDriver", "awslogs"},
                       {"options", {{"awslogs-create-group", "true"}, {"mode", "non-blocking"}}}};
    EXPECT_EQ(attributes(definition("a", {{"logConfiguration", awslogs}}, {{"executionRoleArn", "arn"}})),
              (std::set{docker + "logging-driver.awslogs", docker + "docker-remote-api.1.19",
                        docker + "docker-remote-api.1.28", docker + "docker-remote-api.1.29",
                        ecs + "execution-role-awslogs"}));
    EXPECT_EQ(
        attributes(definition("a", {{"image", "1.dkr.ecr.us-west-2.amazonaws.com/x"}},
                              {{"executionRoleArn", "arn"}})),
        (std::set{docker + "ecr-auth", docker + "docker-remote-api.1.19", ecs + "execution-role-ecr-pull"}));
    EXPECT_EQ(attributes(definition("a", {}, {{"taskRoleArn", "r"}, {"networkMode", "host"}})),
              std::set{docker + "task-iam-role-network-host"});
    EXPECT_EQ(attributes(definition("a", {{"healthCheck", {{"command", {"CMD"}}, {"startPeriod", 1}}}})),
              (std::set{ecs + "container-health-check", docker + "docker-remote-api.1.29"}));
    EXPECT_EQ(
        attributes(definition(
            "a",
            {{"secrets", {{{"valueFrom", "arn:aws:secretsmanager:r:1:secret:x"}}, {{"valueFrom", "p"}}}}})),
        (std::set{ecs + "secrets.asm.environment-variables", ecs + "secrets.ssm.environment-variables"}));
    EXPECT_EQ(attributes(definition("a", {{"dependsOn", {{{"containerName", "b"}}}}})),
              std::set{ecs + "container-ordering"});
    EXPECT_EQ(attributes(definition("a", {{"memoryReservation", 8}})),
              std::set{docker + "docker-remote-api.1.21"});
    EXPECT_EQ(attributes(definition("a", {}, {{"pidMode", "task"}})),
              std::set{ecs + "pid-ipc-namespace-sharing"});
    const Json volumes =
        Json::array({{{"name", "v"}, {"dockerVolumeConfiguration", {{"driver", "local"}}}}, {{"name", "h"}}});
    EXPECT_EQ(attributes(definition("a", {}, {{"volumes", volumes}})),
              (std::set{ecs + "docker-plugin.local", docker + "docker-remote-api.1.25"}));
    EXPECT_EQ(attributes(definition("a", {}, {{"networkMode", "awsvpc"}})),
              (std::set{ecs + "task-eni", docker + "docker-remote-api.1.18"}));
}

TEST_F(DefinitionTest, TaskSizesHaveUnits) {
    EXPECT_EQ(parse_task_cpu("256").value(), 256);
    EXPECT_EQ(parse_task_cpu("1 vCPU").value(), 1024);
    EXPECT_EQ(parse_task_cpu(".25 vcpu").value(), 256);
    EXPECT_EQ(parse_task_memory("0.5GB").value(), 512);
    for (const char* text : {"", "-1", "0", "nan", "1e300", "1 TB", "GB"})
        EXPECT_FALSE(parse_task_memory(text)) << text;
}

} // namespace
} // namespace berth::cluster
