// The stock aws client drives every operation of the endpoint.
#include "tests/integration/cluster/endpoint.hpp"

#include <csignal>

namespace berth::test {
namespace {

using ::testing::HasSubstr;

constexpr const char* kContainers =
    R"([{"name":"app","image":"busybox:1","cpu":128,"memory":64,"command":["sleep","1000"]}])";

class ClientTest : public EndpointTest {
  protected:
    ClientTest() {
        options = {"--ecr-proxy-endpoint", "http://127.0.0.1:5000", "--ecr-password", "pw"};
        start();
    }
    void define() {
        answer("ecs register-task-definition --family web --container-definitions", kContainers);
    }
    std::string run() {
        return answer("ecs run-task --task-definition web")["tasks"][0]["taskArn"].get<std::string>();
    }
};

TEST_F(ClientTest, Clusters) {
    EXPECT_EQ(answer("ecs create-cluster --cluster-name prod --tags key=a,value=b")["cluster"]["clusterArn"],
              "arn:aws:ecs:us-west-2:111122223333:cluster/prod");
    EXPECT_EQ(
        answer(
            "ecs describe-clusters --clusters prod none --include TAGS")["clusters"][0]["tags"][0]["value"],
        "b");
    EXPECT_EQ(answer("ecs list-clusters")["clusterArns"].size(), 1U);
    EXPECT_EQ(answer("ecs delete-cluster --cluster prod")["cluster"]["status"], "INACTIVE");
    EXPECT_THAT(aws("ecs list-tasks --cluster prod").err, HasSubstr("ClusterNotFoundException"));
}

TEST_F(ClientTest, TaskDefinitionsAndTags) {
    define();
    define();
    EXPECT_EQ(answer("ecs describe-task-definition --task-definition web")["taskDefinition"]["revision"], 2);
    EXPECT_EQ(answer("ecs list-task-definitions --sort DESC")["taskDefinitionArns"].size(), 2U);
    EXPECT_EQ(answer("ecs list-task-definition-families")["families"], Json::array({"web"}));
    const auto gone = answer("ecs deregister-task-definition --task-definition web:2")["taskDefinition"];
    EXPECT_EQ(gone["status"], "INACTIVE");
    const auto arn = gone["taskDefinitionArn"].get<std::string>();
    answer("ecs tag-resource --tags key=a,value=1 key=b,value=2 --resource-arn", arn);
    answer("ecs untag-resource --tag-keys a --resource-arn", arn);
    EXPECT_EQ(answer("ecs list-tags-for-resource --resource-arn", arn)["tags"],
              Json::parse(R"([{"key":"b","value":"2"}])"));
    EXPECT_THAT(
        aws("ecs register-task-definition --family web --container-definitions",
            R"([{"name":"a","image":"b"}])")
            .err,
        testing::AllOf(HasSubstr("(ClientException)"), HasSubstr("Invalid setting for container 'a'")));
}

TEST_F(ClientTest, TasksFromStartToStop) {
    answer("ecs create-cluster");
    define();
    const auto agent = new_agent();
    join(*agent);
    const auto task = run();
    agent->await_frame("PayloadMessage");
    EXPECT_EQ(aws("ecs wait tasks-running --tasks", task).code, 0);
    const auto shown = answer("ecs describe-tasks --tasks", task)["tasks"][0];
    EXPECT_EQ(shown["lastStatus"], "RUNNING");
    EXPECT_EQ(shown["containers"][0]["runtimeId"].get<std::string>().size(), 64U);
    EXPECT_EQ(shown["connectivity"], "CONNECTED");
    EXPECT_EQ(answer("ecs list-tasks --family web")["taskArns"], Json::array({task}));
    const auto started =
        answer("ecs start-task --task-definition web --container-instances", agent->instance);
    EXPECT_EQ(started["tasks"].size(), 1U);
    EXPECT_EQ(answer("ecs stop-task --reason enough --task", task)["task"]["desiredStatus"], "STOPPED");
    EXPECT_EQ(aws("ecs wait tasks-stopped --tasks", task).code, 0);
    const auto stopped = answer("ecs describe-tasks --tasks", task)["tasks"][0];
    EXPECT_EQ(stopped["stopCode"], "UserInitiated");
    EXPECT_EQ(stopped["stoppedReason"], "enough");
    EXPECT_EQ(stopped["containers"][0]["exitCode"], 143);
    // A task that stopped will never run, and the waiter says so instead of waiting.
    EXPECT_NE(aws("ecs wait tasks-running --tasks", task).code, 0);
    const auto big = answer("ecs run-task --task-definition web --overrides",
                            R"({"containerOverrides":[{"name":"app","memory":100000}]})");
    EXPECT_EQ(big["failures"][0]["reason"], "RESOURCE:MEMORY");
}

TEST_F(ClientTest, ContainerInstances) {
    answer("ecs create-cluster");
    const auto agent = new_agent();
    join(*agent, Json::array({{{"name", "color"}, {"value", "blue"}}}));
    const auto& arn = agent->instance;
    EXPECT_EQ(
        answer("ecs list-container-instances --filter", "attribute:color == blue")["containerInstanceArns"],
        Json::array({arn}));
    const auto shown =
        answer("ecs describe-container-instances --container-instances", arn)["containerInstances"][0];
    EXPECT_EQ(shown["agentConnected"], true);
    EXPECT_EQ(shown["versionInfo"]["agentVersion"], "1.105.1");
    EXPECT_EQ(shown["versionInfo"]["dockerVersion"], "DockerVersion: 25.0.3");
    EXPECT_EQ(shown["registeredResources"][0]["integerValue"], 4096);
    EXPECT_EQ(answer("ecs update-container-instances-state --status DRAINING --container-instances",
                     arn)["containerInstances"][0]["status"],
              "DRAINING");
    EXPECT_EQ(
        answer("ecs deregister-container-instance --container-instance", arn)["containerInstance"]["status"],
        "INACTIVE");
    loop.drive([&] { return !agent->connected(); });
    const auto again = loop.run(agent->connect());
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().http_status(), 400U);
    EXPECT_THAT(again.error().message(), HasSubstr(R"({"InactiveInstanceException":)"));
}

TEST_F(ClientTest, ServicesFromCreationToInactive) {
    answer("ecs create-cluster");
    define();
    const auto agent = new_agent();
    join(*agent);
    answer("ecs create-service --service-name site --task-definition web --desired-count", "2");
    agent->await_frame("PayloadMessage", 2);
    EXPECT_EQ(aws("ecs wait services-stable --services site").code, 0);
    // A task that ends is replaced.
    const auto task = agent->frames("PayloadMessage")[0]["message"]["tasks"][0]["arn"].get<std::string>();
    loop.run(agent->finish(task, 1));
    agent->await_frame("PayloadMessage", 3);
    EXPECT_EQ(answer("ecs update-service --service site --desired-count", "1")["service"]["desiredCount"], 1);
    agent->await_frame("PayloadMessage", 4); // the stop of the other
    EXPECT_EQ(answer("ecs list-services")["serviceArns"].size(), 1U);
    answer("ecs delete-service --force --service", "site");
    agent->await_frame("PayloadMessage", 5);
    EXPECT_EQ(aws("ecs wait services-inactive --services site").code, 0);
    const auto service = answer("ecs describe-services --services", "site")["services"][0];
    EXPECT_EQ(service["runningCount"], 0);
}

TEST_F(ClientTest, Logs) {
    answer("logs create-log-group --log-group-name", "/web");
    answer("logs create-log-stream --log-group-name /web --log-stream-name", "web/app/1");
    const auto milliseconds = static_cast<std::int64_t>(to_epoch_seconds(now()) * 1000);
    const Json events = Json::array({{{"timestamp", milliseconds}, {"message", "first line"}},
                                     {{"timestamp", milliseconds}, {"message", "second line"}}});
    answer("logs put-log-events --log-group-name /web --log-stream-name web/app/1 --log-events",
           dump_json(events));
    const auto read =
        answer("logs get-log-events --start-from-head --log-group-name /web --log-stream-name", "web/app/1");
    ASSERT_EQ(read["events"].size(), 2U);
    EXPECT_EQ(read["events"][1]["message"], "second line");
    EXPECT_EQ(
        answer("logs filter-log-events --log-group-name /web --filter-pattern", "second")["events"].size(),
        1U);
    EXPECT_THAT(aws("logs tail /web").out, HasSubstr("web/app/1 first line"));
    EXPECT_EQ(answer("logs describe-log-streams --log-group-name", "/web")["logStreams"][0]["logStreamName"],
              "web/app/1");
    answer("logs put-retention-policy --retention-in-days 7 --log-group-name", "/web");
    EXPECT_EQ(answer("logs describe-log-groups")["logGroups"][0]["retentionInDays"], 7);
    answer("logs delete-log-group --log-group-name", "/web");
    EXPECT_THAT(aws("logs get-log-events --log-group-name /web --log-stream-name x").err,
                HasSubstr("ResourceNotFoundException"));
}

TEST_F(ClientTest, RegistryToken) {
    const auto data = answer("ecr get-authorization-token")["authorizationData"][0];
    EXPECT_EQ(data["proxyEndpoint"], "http://127.0.0.1:5000");
    EXPECT_EQ(data["authorizationToken"], "QVdTOnB3"); // AWS:pw
}

TEST_F(ClientTest, WrongKeysAreToldApart) {
    const auto right = keys;
    keys.secret_access_key = "wrong";
    EXPECT_THAT(aws("ecs list-clusters").err, HasSubstr("(InvalidSignatureException)"));
    keys = right;
    keys.access_key_id = "AKIDUNKNOWN";
    EXPECT_THAT(aws("ecs list-clusters").err, HasSubstr("(UnrecognizedClientException)"));
    keys = right;
    region = "eu-west-1";
    EXPECT_THAT(aws("ecs list-clusters").err, HasSubstr("this endpoint is us-west-2"));
}

} // namespace
} // namespace berth::test
