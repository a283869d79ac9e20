// Clusters, instances, lists in pages, tags, the registry's token, and how requests are told apart.
#include "cluster/model/refusal.hpp"
#include "fixture.hpp"

namespace berth::cluster {
namespace {

class ApiTest : public Fixture {};

TEST_F(ApiTest, Clusters) {
    EXPECT_EQ(text_of(must("CreateCluster", Json::object())["cluster"], "clusterArn"),
              "arn:aws:ecs:us-west-2:111122223333:cluster/default");
    must("CreateCluster", {{"clusterName", "prod"}, {"tags", {{{"key", "a"}, {"value", "b"}}}}});
    must("CreateCluster", {{"clusterName", "prod"}}); // the same one
    EXPECT_EQ(must("ListClusters", Json::object())["clusterArns"].size(), 2U);
    const auto shown = must("DescribeClusters", {{"clusters", {"prod", "none"}}, {"include", {"TAGS"}}});
    EXPECT_EQ(shown["clusters"][0]["tags"][0]["key"], "a");
    EXPECT_EQ(text_of(shown["failures"][0], "reason"), "MISSING");
    EXPECT_EQ(
        text_of(must("DescribeClusters",
                     {{"clusters", {"arn:aws:ecs:us-west-2:111122223333:cluster/prod"}}})["clusters"][0],
                "clusterName"),
        "prod");
    EXPECT_EQ(error_of("CreateCluster", {{"clusterName", "a b"}}), "InvalidParameterException");
    EXPECT_EQ(error_of("DeleteCluster", {{"cluster", "none"}}), "ClusterNotFoundException");
    EXPECT_EQ(text_of(must("DeleteCluster", {{"cluster", "prod"}})["cluster"], "status"), "INACTIVE");
    for (const char* operation : {"ListTasks", "ListServices", "ListContainerInstances"})
        EXPECT_EQ(error_of(operation, {{"cluster", "prod"}}), "ClusterNotFoundException") << operation;
}

TEST_F(ApiTest, AClusterInUseStays) {
    const auto instance = add_instance(1024, 1024);
    EXPECT_EQ(error_of("DeleteCluster", {{"cluster", "default"}}),
              "ClusterContainsContainerInstancesException");
    define("web");
    must("CreateService", {{"serviceName", "s"}, {"taskDefinition", "web"}, {"desiredCount", 0}});
    must("DeregisterContainerInstance", {{"containerInstance", instance}});
    EXPECT_EQ(error_of("DeleteCluster", {{"cluster", "default"}}), "ClusterContainsServicesException");
}

TEST_F(ApiTest, RegistrationEchoesAndCompletes) {
    must("CreateCluster", Json::object());
    const Json request = Json::parse(R"({"cluster":"default","clientToken":"t","instanceIdentityDocument":
        "{\"instanceId\":\"i-1\",\"instanceType\":\"m5.large\",\"imageId\":\"ami-1\",\"availabilityZone\":\"us-west-2c\",\"architecture\":\"x86_64\"}",
        "totalResources":[{"name":"CPU","type":"INTEGER","integerValue":4096},{"name":"MEMORY","type":"INTEGER","integerValue":15722},
        {"name":"PORTS","type":"STRINGSET","stringSetValue":["22","51678"]},{"name":"PORTS_UDP","type":"STRINGSET","stringSetValue":[]}],
        "attributes":[{"name":"ecs.os-type","value":"linux"},{"name":"ecs.capability.task-eni"},{"name":"mine","value":"1"}]})");
    const auto instance = must("RegisterContainerInstance", request)["containerInstance"];
    std::map<std::string, Json> attributes;
    for (const Json& attribute : instance["attributes"])
        attributes[text_of(attribute, "name")] = attribute.value("value", Json());
    EXPECT_EQ(attributes, (std::map<std::string, Json>{{"ecs.os-type", "linux"},
                                                       {"ecs.capability.task-eni", nullptr},
                                                       {"mine", "1"},
                                                       {"ecs.availability-zone", "us-west-2c"},
                                                       {"ecs.instance-type", "m5.large"},
                                                       {"ecs.ami-id", "ami-1"},
                                                       {"ecs.cpu-architecture", "x86_64"}}));
    EXPECT_EQ(text_of(instance, "ec2InstanceId"), "i-1");
    EXPECT_EQ(instance["registeredResources"][0]["integerValue"], 4096);
    EXPECT_EQ(instance["remainingResources"][2]["stringSetValue"], Json::array({"22", "51678"}));
    EXPECT_FALSE(flag_of(instance, "agentConnected"));
    // The same token is the same registration.
    const auto arn = text_of(instance, "containerInstanceArn");
    EXPECT_EQ(
        text_of(must("RegisterContainerInstance", request)["containerInstance"], "containerInstanceArn"),
        arn);
    // A later one brings new sizes; attributes of the user's own are kept although they are not sent again.
    Json again = request;
    again["containerInstanceArn"] = arn;
    again["totalResources"][0]["integerValue"] = 2048;
    again["attributes"] = Json::array({{{"name", "ecs.os-type"}, {"value", "linux"}}});
    const auto second = must("RegisterContainerInstance", again)["containerInstance"];
    EXPECT_EQ(second["registeredResources"][0]["integerValue"], 2048);
    const auto has_attribute = [&](const char* name) {
        return find_named(second["attributes"], "name", name) != nullptr;
    };
    EXPECT_TRUE(has_attribute("mine"));
    EXPECT_FALSE(has_attribute("ecs.capability.task-eni"));
    again["containerInstanceArn"] = world.identity.instance("default", "ffff");
    EXPECT_EQ(error_of("RegisterContainerInstance", again), "ClientException");
}

TEST_F(ApiTest, RegistrationRefusesNonsense) {
    // The text makes an agent without a configured cluster create the default one.
    EXPECT_EQ(message_of("RegisterContainerInstance", {{"cluster", "default"}}), "Cluster not found.");
    EXPECT_EQ(error_of("RegisterContainerInstance", {{"cluster", "default"}}), "ClientException");
    must("CreateCluster", Json::object());
    EXPECT_EQ(error_of("RegisterContainerInstance",
                       {{"totalResources", {{{"name", "PORTS"}, {"stringSetValue", {"http"}}}}}}),
              "InvalidParameterException");
    EXPECT_EQ(error_of("RegisterContainerInstance",
                       {{"totalResources", {{{"name", "CPU"}, {"integerValue", -1}}}}}),
              "InvalidParameterException");
    EXPECT_EQ(error_of("RegisterContainerInstance", {{"attributes", {{{"value", "x"}}}}}),
              "InvalidParameterException");
    EXPECT_EQ(error_of("RegisterContainerInstance", {{"attributes", "x"}}), "SerializationException");
    EXPECT_EQ(error_of("RegisterContainerInstance", {{"instanceIdentityDocument", "{"}}), "none");
}

TEST_F(ApiTest, PollEndpointsAreHere) {
    const auto instance = add_instance(1, 1);
    EXPECT_EQ(must("DiscoverPollEndpoint",
                   {{"cluster", "default"}, {"containerInstance", instance}, {"zoneId", ""}}),
              (Json{{"endpoint", "http://127.0.0.1:51700/acs"},
                    {"telemetryEndpoint", "http://127.0.0.1:51700/tcs"}}));
    EXPECT_EQ(error_of("DiscoverPollEndpoint", {{"containerInstance", "x"}}), "ClientException");
}

TEST_F(ApiTest, InstancesAreListedByStatusAndFilter) {
    const auto red = add_instance(1, 1, Json::array({{{"name", "color"}, {"value", "red"}}}));
    const auto blue = add_instance(1, 1, Json::array({{{"name", "color"}, {"value", "blue"}}}));
    const auto list = [&](const Json& more) {
        return must("ListContainerInstances", more)["containerInstanceArns"];
    };
    EXPECT_EQ(list(Json::object()).size(), 2U);
    EXPECT_EQ(list({{"filter", "attribute:color == blue"}}), Json::array({blue}));
    must("UpdateContainerInstancesState", {{"containerInstances", {red}}, {"status", "DRAINING"}});
    EXPECT_EQ(list({{"status", "DRAINING"}}), Json::array({red}));
    EXPECT_EQ(error_of("UpdateContainerInstancesState", {{"containerInstances", {red}}, {"status", "GONE"}}),
              "InvalidParameterException");
    EXPECT_EQ(error_of("ListContainerInstances", {{"filter", "nonsense"}}), "InvalidParameterException");
}

TEST_F(ApiTest, ListsComeInPages) {
    for (int i = 0; i < 5; ++i) define("web");
    std::vector<std::string> all;
    Json request{{"familyPrefix", "web"}, {"maxResults", 2}, {"sort", "DESC"}};
    for (int pages = 0; pages < 5; ++pages) {
        const auto page = must("ListTaskDefinitions", request);
        for (const Json& arn : page["taskDefinitionArns"])
            all.push_back(std::string(last_part(arn.get<std::string>())));
        if (!has(page, "nextToken")) break;
        request["nextToken"] = page["nextToken"];
    }
    EXPECT_EQ(all, (std::vector<std::string>{"web:5", "web:4", "web:3", "web:2", "web:1"}));
    EXPECT_EQ(error_of("ListTaskDefinitions", {{"nextToken", "%"}}), "InvalidParameterException");
    EXPECT_EQ(error_of("ListTaskDefinitions", {{"maxResults", 0}}), "InvalidParameterException");
    define("api");
    EXPECT_EQ(must("ListTaskDefinitionFamilies", Json::object())["families"], Json::array({"api", "web"}));
}

TEST_F(ApiTest, TasksAreListedByWhatTheyAre) {
    const auto instance = add_instance(4096, 4096);
    define("web");
    define("api");
    const auto web = run_one("web", {{"startedBy", "me"}});
    run_one("api");
    const auto list = [&](const Json& more) { return must("ListTasks", more)["taskArns"]; };
    EXPECT_EQ(list(Json::object()).size(), 2U);
    EXPECT_EQ(list({{"family", "web"}}), Json::array({web}));
    EXPECT_EQ(list({{"startedBy", "me"}}), Json::array({web}));
    EXPECT_EQ(list({{"containerInstance", instance}}).size(), 2U);
    must("StopTask", {{"task", web}});
    EXPECT_EQ(list({{"desiredStatus", "STOPPED"}}), Json::array({web}));
    EXPECT_EQ(error_of("ListTasks", {{"serviceName", "none"}}), "ServiceNotFoundException");
    EXPECT_EQ(error_of("StopTask", {{"task", "none"}}), "InvalidParameterException");
    EXPECT_EQ(text_of(must("DescribeTasks", {{"tasks", {"none"}}})["failures"][0], "reason"), "MISSING");
}

TEST_F(ApiTest, RunTaskRefusesWhatIsNotHere) {
    define("web");
    define("vpc", {}, {{"networkMode", "awsvpc"}});
    must("CreateCluster", Json::object());
    EXPECT_EQ(message_of("RunTask", {{"taskDefinition", "web"}}),
              "No Container Instances were found in your cluster.");
    add_instance(1024, 1024);
    const auto refused = [&](const Json& more) {
        Json request{{"taskDefinition", "web"}};
        request.update(more);
        return error_of("RunTask", request);
    };
    EXPECT_EQ(refused({{"count", 11}}), "InvalidParameterException");
    EXPECT_EQ(refused({{"launchType", "FARGATE"}}), "InvalidParameterException");
    EXPECT_EQ(refused({{"taskDefinition", "vpc"}}), "InvalidParameterException");
    EXPECT_EQ(refused({{"enableExecuteCommand", true}}), "InvalidParameterException");
    EXPECT_EQ(refused({{"overrides", {{"containerOverrides", {{{"name", "other"}}}}}}}),
              "InvalidParameterException");
    EXPECT_EQ(refused({{"overrides", {{"containerOverrides", {{{"name", "app"}, {"cpu", "x"}}}}}}}),
              "SerializationException");
    EXPECT_EQ(refused({{"placementStrategy", {{{"type", "luck"}}}}}), "InvalidParameterException");
    EXPECT_EQ(refused({{"cluster", "none"}}), "ClusterNotFoundException");
    EXPECT_EQ(refused({{"tags", {{{"value", "no key"}}}}}), "InvalidParameterException");
}

TEST_F(ApiTest, Tags) {
    const auto instance = add_instance(1, 1);
    must("TagResource", {{"resourceArn", instance},
                         {"tags", {{{"key", "a"}, {"value", "1"}}, {{"key", "b"}, {"value", "2"}}}}});
    must("UntagResource", {{"resourceArn", instance}, {"tagKeys", {"a"}}});
    EXPECT_EQ(must("ListTagsForResource", {{"resourceArn", instance}})["tags"],
              Json::parse(R"([{"key":"b","value":"2"}])"));
    EXPECT_EQ(error_of("ListTagsForResource", {{"resourceArn", "arn:aws:ecs:x"}}),
              "InvalidParameterException");
}

TEST_F(ApiTest, TheRegistryTokenIsForTheConfiguredRegistry) {
    const std::string target = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
    EXPECT_FALSE(call_target(target, Json::object()));
    settings.registry_endpoint = "http://127.0.0.1:5000";
    settings.registry_user = "AWS";
    settings.registry_password = "pw";
    const auto data = call_target(target, Json::object()).value()["authorizationData"][0];
    EXPECT_EQ(text_of(data, "authorizationToken"), "QVdTOnB3");
    EXPECT_EQ(text_of(data, "proxyEndpoint"), "http://127.0.0.1:5000");
}

TEST_F(ApiTest, UnknownOperationsAreNamed) {
    for (const char* target :
         {"", "ListClusters", "AmazonEC2ContainerServiceV20141113.Nope", "Logs_20140328.ListClusters", "."}) {
        const auto answer = call_target(target, Json::object());
        ASSERT_FALSE(answer) << target;
        EXPECT_EQ(answer.error().name(), "UnknownOperationException");
    }
}

TEST(ErrorResponse, HasTheShapeOfTheProtocol) {
    const Error refusal =
        Error(ErrorCode::invalid, "Cluster not found.").with_name("ClusterNotFoundException");
    const auto response = error_response(refusal);
    EXPECT_EQ(response.status, 400U);
    EXPECT_EQ(response.body, R"({"__type":"ClusterNotFoundException","message":"Cluster not found."})");
    EXPECT_EQ(*response.headers.find("x-amzn-errortype"), "ClusterNotFoundException");
    const Error auth = Error(ErrorCode::auth, "no").with_name("InvalidSignatureException");
    EXPECT_EQ(error_response(auth).status, 403U);
    EXPECT_EQ(error_response(Error(ErrorCode::io, "disk")).status, 500U);
}

} // namespace
} // namespace berth::cluster
