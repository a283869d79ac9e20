// The running program: start and end, state over restarts, the agent's websockets, hostile peers.
#include "tests/integration/cluster/endpoint.hpp"

#include <csignal>

namespace berth::test {
namespace {

using ::testing::HasSubstr;

class ServerTest : public EndpointTest {
  protected:
    // Calls as any client would, without the stock one.
    Json call(FakeAgent& agent, const std::string& operation, Json input) {
        auto result = loop.run(agent.call(operation, std::move(input)));
        EXPECT_TRUE(result) << operation << ": " << (result ? "" : result.error().message());
        return result.value_or(Json::object());
    }
    std::string run_web(FakeAgent& agent) {
        call(agent, "RegisterTaskDefinition",
             Json::parse(
                 R"({"family":"web","containerDefinitions":[{"name":"app","image":"b","memory":64}]})"));
        return call(agent, "RunTask", {{"taskDefinition", "web"}})["tasks"][0]["taskArn"].get<std::string>();
    }
    Json task(FakeAgent& agent, const std::string& arn) {
        return call(agent, "DescribeTasks", {{"tasks", {arn}}})["tasks"][0];
    }
    std::string telemetry_path(const FakeAgent& agent) const {
        return "/tcs/ws?agentVersion=1.105.1&cluster=default&containerInstance=" + agent.instance;
    }
    http::Response send(http::Request request) {
        http::Client client(loop.executor(), {});
        auto target = http::parse_url(url + "/").value();
        auto response = loop.run(client.send(target, std::move(request), soon()));
        EXPECT_TRUE(response) << (response ? "" : response.error().message());
        return response.value_or(http::Response());
    }
};

TEST_F(ServerTest, EndsCleanlyWithAgentsConnected) {
    start();
    const auto agent = new_agent();
    call(*agent, "CreateCluster", Json::object());
    join(*agent);
    const auto socket = loop.run(agent->open(telemetry_path(*agent)));
    ASSERT_TRUE(socket) << socket.error().message();
    const auto outcome = end(SIGTERM);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "ready " + url + "\n");
}

TEST_F(ServerTest, RefusesToStartWithBadOptions) {
    const std::map<std::string, std::string> good{{"AWS_ACCESS_KEY_ID", "A"}, {"AWS_SECRET_ACCESS_KEY", "B"}};
    const auto errors = [&](std::vector<std::string> arguments,
                            const std::map<std::string, std::string>& environment) {
        const auto outcome = run_program(std::move(arguments), environment);
        EXPECT_NE(outcome.code, 0);
        EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
        return outcome.err;
    };
    EXPECT_THAT(errors({"--listen", "0.0.0.0:0"}, good), HasSubstr("only loopback addresses are served"));
    EXPECT_THAT(errors({"--listen", "127.0.0.1"}, good), HasSubstr("expected ADDRESS:PORT"));
    EXPECT_THAT(errors({"--listen", "127.0.0.1:99999"}, good), HasSubstr("port 0 to 65535"));
    EXPECT_THAT(errors({}, {}), HasSubstr("the key pair of the endpoint is missing"));
    EXPECT_THAT(errors({"--account", "12"}, good), HasSubstr("expected 12 digits"));
    EXPECT_THAT(errors({"--region", "a/b"}, good), HasSubstr("expected a name such as us-west-2"));
    EXPECT_THAT(errors({"--state", "/nowhere/state.db"}, good),
                HasSubstr("cannot open the state file /nowhere/state.db"));
    EXPECT_THAT(errors({"--secret-key-file", "/nowhere"}, good), HasSubstr("/nowhere"));
    EXPECT_THAT(errors({"--log-level", "loud"}, good), HasSubstr("loud"));
    start();
    EXPECT_THAT(errors({"--listen", "127.0.0.1:0", "--state", directory / "state.db"}, good),
                HasSubstr("is another berth-cluster using it?"));
    EXPECT_THAT(errors({"--listen", "127.0.0.1:" + port()}, good), HasSubstr(port()));
}

TEST_F(ServerTest, KeepsItsStateOverAKill) {
    start();
    const auto agent = new_agent();
    call(*agent, "CreateCluster", Json::object());
    join(*agent);
    const auto known = run_web(*agent);
    agent->await_frame("PayloadMessage");
    loop.drive([&] { return task(*agent, known)["lastStatus"] == "RUNNING"; });
    agent->acknowledges = false;
    const auto unknown = run_web(*agent);
    agent->await_frame("PayloadMessage", 2);
    call(*agent, "CreateService", {{"serviceName", "site"}, {"taskDefinition", "web"}, {"desiredCount", 0}});
    end(SIGKILL);
    loop.drive([&] { return !agent->connected(); });
    agent->acknowledges = true;
    start("127.0.0.1:" + port());

    EXPECT_EQ(task(*agent, known)["lastStatus"], "RUNNING");
    EXPECT_EQ(call(*agent, "DescribeServices", {{"services", {"site"}}})["services"][0]["status"], "ACTIVE");
    EXPECT_EQ(
        call(*agent, "DescribeTaskDefinition", {{"taskDefinition", "web"}})["taskDefinition"]["revision"], 2);
    // The agent joins again as what it was; only what it never acknowledged comes again.
    ASSERT_TRUE(loop.run(agent->connect()));
    agent->await_frame("PayloadMessage", 3);
    EXPECT_EQ(agent->frames("PayloadMessage")[2]["message"]["tasks"][0]["arn"], unknown);
    EXPECT_GT(agent->frames("PayloadMessage")[2]["message"]["seqNum"],
              agent->frames("PayloadMessage")[1]["message"]["seqNum"]);
    loop.drive([&] { return task(*agent, unknown)["lastStatus"] == "RUNNING"; });
    EXPECT_EQ(agent->frames("PayloadMessage").size(), 3U);
}

TEST_F(ServerTest, ASecondConnectionOfAnAgentReplacesTheFirst) {
    start();
    const auto agent = new_agent();
    call(*agent, "CreateCluster", Json::object());
    join(*agent);
    const auto twin = new_agent();
    twin->instance = agent->instance;
    ASSERT_TRUE(loop.run(twin->connect()));
    loop.drive([&] { return !agent->connected(); });
    run_web(*twin);
    twin->await_frame("PayloadMessage");
    const auto shown = call(*twin, "DescribeContainerInstances", {{"containerInstances", {twin->instance}}});
    EXPECT_EQ(shown["containerInstances"][0]["agentConnected"], true);
}

TEST_F(ServerTest, AgentsWithTheManifestCapabilityGetOne) {
    start();
    const auto agent = new_agent();
    call(*agent, "CreateCluster", Json::object());
    join(*agent, Json::array({{{"name", "ecs.capability.full-sync"}}}));
    agent->await_frame("TaskManifestMessage");
    EXPECT_EQ(agent->frames("TaskManifestMessage")[0]["message"]["tasks"], Json::array());
}

TEST_F(ServerTest, UpgradesAreVerified) {
    start();
    const auto agent = new_agent();
    call(*agent, "CreateCluster", Json::object());
    join(*agent);
    const auto refusal = [&](FakeAgent& who) {
        const auto connected = loop.run(who.connect());
        return connected ? std::string("none")
                         : fmt::format("{} {}", connected.error().http_status(), connected.error().message());
    };
    const auto thief = new_agent();
    thief->instance = agent->instance;
    thief->credentials.secret_access_key = "wrong";
    EXPECT_THAT(refusal(*thief),
                ::testing::AllOf(HasSubstr("403"),
                                 HasSubstr(R"({"AccessDeniedException":"InvalidSignatureException)")));
    const auto stranger = new_agent();
    stranger->instance = "arn:aws:ecs:us-west-2:111122223333:container-instance/default/ffff";
    EXPECT_THAT(refusal(*stranger),
                ::testing::AllOf(HasSubstr("400"), HasSubstr(R"({"InvalidInstanceException":)")));
    stranger->cluster = "none";
    EXPECT_THAT(refusal(*stranger), HasSubstr(R"({"InvalidClusterException":)"));
    EXPECT_TRUE(agent->connected());
}

TEST_F(ServerTest, TelemetryIsVerifiedFrameByFrame) {
    start();
    const auto agent = new_agent();
    call(*agent, "CreateCluster", Json::object());
    join(*agent);
    const auto path = telemetry_path(*agent);
    auto socket = loop.run(agent->open(path));
    ASSERT_TRUE(socket) << socket.error().message();
    const auto exchange = [&](std::string frame) {
        if (!loop.run((*socket)->write(std::move(frame), soon()))) return std::string("write failed");
        return loop.run((*socket)->read(soon())).value_or("closed");
    };
    EXPECT_THAT(exchange(agent->telemetry_frame(path, R"({"type":"PublishMetricsRequest","message":{}})")),
                HasSubstr("AckPublishMetric"));
    EXPECT_THAT(exchange(agent->telemetry_frame(path, R"({"type":"PublishHealthRequest","message":{}})")),
                HasSubstr("AckPublishHealth"));
    EXPECT_THAT(exchange("no header block"), HasSubstr("BadRequestException"));
    EXPECT_THAT(exchange(agent->telemetry_frame(path, "no json")), HasSubstr("BadRequestException"));
    agent->credentials.secret_access_key = "wrong";
    EXPECT_THAT(exchange(agent->telemetry_frame(path, R"({"type":"PublishMetricsRequest"})")),
                HasSubstr("BadRequestException"));
    EXPECT_FALSE(loop.run((*socket)->read(soon())));
    EXPECT_EQ((*socket)->close_code(), 1008);
}

TEST_F(ServerTest, OddFramesCostOnlyTheirConnection) {
    start();
    const auto agent = new_agent();
    call(*agent, "CreateCluster", Json::object());
    join(*agent);
    const auto odd = new_agent();
    loop.run(odd->join("default", Json::array()));
    const auto path = "/acs/ws?clusterArn=default&containerInstanceArn=" + odd->instance;
    odd->disconnect();
    auto socket = loop.run(odd->open(path));
    ASSERT_TRUE(socket) << socket.error().message();
    for (const char* frame :
         {"no json", "{}", "[[[[", R"({"type":"AckRequest","message":{"messageId":"unknown"}})"})
        ASSERT_TRUE(loop.run((*socket)->write(frame, soon())));
    (void)loop.run((*socket)->write(std::string(3 << 20, 'x'), soon())); // over the limit of a frame
    EXPECT_FALSE(loop.run((*socket)->read(soon())));
    EXPECT_EQ((*socket)->close_code(), 1009);
    EXPECT_TRUE(agent->connected());
    const auto arn = run_web(*agent);
    loop.drive([&] { return task(*agent, arn)["lastStatus"] == "RUNNING"; });
}

TEST_F(ServerTest, RequestsThatAreNoneAreRefused) {
    start();
    http::Request unsigned_request("POST", "/");
    unsigned_request.headers.add("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.ListClusters");
    auto response = send(unsigned_request);
    EXPECT_EQ(response.status, 403U);
    EXPECT_THAT(response.body, HasSubstr("MissingAuthenticationTokenException"));
    unsigned_request.body = std::string(9 << 20, ' ');
    EXPECT_EQ(send(unsigned_request).status, 413U);

    const auto signed_response = [&](const std::string& target, std::string body,
                                     const std::string& service) {
        http::Request request("POST", "/");
        request.headers.add("Host", "127.0.0.1:" + port());
        request.headers.add("X-Amz-Target", target);
        request.body = std::move(body);
        sign_request(request, keys, {"us-west-2", service, now()});
        return send(std::move(request)).body;
    };
    const std::string list = "AmazonEC2ContainerServiceV20141113.ListClusters";
    EXPECT_THAT(signed_response(list, "{}", "ecs"), HasSubstr("clusterArns"));
    EXPECT_THAT(signed_response(list, "{}", "logs"), HasSubstr("correct service: 'ecs'"));
    EXPECT_THAT(signed_response(list, "{", "ecs"), HasSubstr("SerializationException"));
    EXPECT_THAT(signed_response(list, "[]", "ecs"), HasSubstr("SerializationException"));
    EXPECT_THAT(signed_response(list, std::string(100'000, '['), "ecs"), HasSubstr("SerializationException"));
    EXPECT_THAT(signed_response("Nothing.AtAll", "{}", "ecs"), HasSubstr("UnknownOperationException"));
}

} // namespace
} // namespace berth::test
