// The websockets' logic: what is sent over ACS and when again, and telemetry frames.
#include "berth/base/sigv4.hpp"

#include "cluster/lifecycle/lifecycle.hpp"
#include "cluster/server/acs_link.hpp"
#include "cluster/server/tcs_frames.hpp"
#include "fixture.hpp"

namespace berth::cluster {
namespace {

using namespace std::chrono_literals;

class AcsLinkTest : public Fixture {
  protected:
    AcsLinkTest() {
        instance = add_instance(4096, 4096, Json::array({{{"name", "ecs.capability.full-sync"}},
                                                       {{"name", "com.amazonaws.ecs.capability.task-iam-role"}}}));
        define("web");
        define("roles", {}, {{"taskRoleArn", "arn:aws:iam::1:role/t"}});
    }
    std::vector<Json> parsed(const Frames& frames) {
        std::vector<Json> list;
        for (const auto& frame : frames) list.push_back(parse_json(frame).value());
        return list;
    }
    std::vector<Json> collect(AcsLink& link) {
        Context here = context();
        return parsed(link.collect(here));
    }
    std::vector<Json> receive(AcsLink& link, const Json& frame) {
        Context here = context();
        auto frames = link.receive(here, dump_json(frame));
        EXPECT_TRUE(frames) << (frames ? "" : frames.error().message());
        return parsed(frames.value_or(Frames()));
    }
    void ack(AcsLink& link, const Json& payload) {
        receive(link,
                {{"type", "AckRequest"}, {"message", {{"messageId", payload["message"]["messageId"]}}}});
    }
    std::string instance;
};

TEST_F(AcsLinkTest, SendsEachTaskOnceUntilAcknowledged) {
    AcsLink link(instance);
    const auto task = run_one("web");
    const auto frames = collect(link);
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(text_of(frames[0], "type"), "PayloadMessage");
    const Json& message = frames[0]["message"];
    EXPECT_EQ(text_of(message, "containerInstanceArn"), instance);
    EXPECT_EQ(text_of(message, "clusterArn"), "arn:aws:ecs:us-west-2:111122223333:cluster/default");
    EXPECT_EQ(integer_of(message, "generatedAt"), 1'767'323'045'000);
    EXPECT_EQ(text_of(message["tasks"][0], "arn"), task);
    EXPECT_TRUE(collect(link).empty());
    EXPECT_FALSE(has(describe(task), "connectivity"));
    ack(link, frames[0]);
    EXPECT_TRUE(collect(link).empty());
    EXPECT_EQ(text_of(describe(task), "connectivity"), "CONNECTED");
}

TEST_F(AcsLinkTest, ReconnectingSendsWhatWasNotAcknowledged) {
    AcsLink first(instance);
    run_one("web");
    const auto known = collect(first);
    const auto unknown = run_one("web");
    collect(first);
    ack(first, known[0]);
    AcsLink second(instance);
    const auto again = collect(second);
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(text_of(again[0]["message"]["tasks"][0], "arn"), unknown);
}

TEST_F(AcsLinkTest, SilenceIsFollowedByTheSamePayload) {
    AcsLink link(instance);
    run_one("web");
    collect(link);
    now += 61s;
    Context here = context();
    link.beat(here);
    EXPECT_EQ(collect(link).size(), 1U);
}

TEST_F(AcsLinkTest, AStopIsSentAfterTheStart) {
    AcsLink link(instance);
    const auto task = run_one("web");
    const auto start = collect(link);
    must("StopTask", {{"task", task}});
    const auto stop = collect(link);
    ASSERT_EQ(stop.size(), 1U);
    EXPECT_EQ(text_of(stop[0]["message"]["tasks"][0], "desiredStatus"), "STOPPED");
    EXPECT_GT(integer_of(stop[0]["message"], "seqNum", 0), integer_of(start[0]["message"], "seqNum", 0));
    ack(link, stop[0]);
    ack(link, start[0]); // late: does not undo the other
    EXPECT_TRUE(collect(link).empty());
    EXPECT_EQ(text_of(describe(task), "lastStatus"), "PENDING"); // until the agent reports
}

TEST_F(AcsLinkTest, ReportedEndsAreNotSent) {
    AcsLink link(instance);
    const auto task = run_one("web");
    collect(link);
    report(task, "STOPPED", {{"reason", "UnrecogniedTaskError: Error loading task - bad"}});
    AcsLink next(instance);
    EXPECT_TRUE(collect(next).empty());
}

TEST_F(AcsLinkTest, TheManifestListsWhatShallRun) {
    AcsLink link(instance);
    const auto runs = run_one("web");
    const auto stops = run_one("web");
    collect(link);
    must("StopTask", {{"task", stops}});
    Context here = context();
    const auto frames = parsed(link.open(here, false));
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(text_of(frames[0], "type"), "TaskManifestMessage");
    ASSERT_EQ(frames[0]["message"]["tasks"].size(), 1U);
    EXPECT_EQ(text_of(frames[0]["message"]["tasks"][0], "taskArn"), runs);
    const auto timeline = integer_of(frames[0]["message"], "timeline", 0);
    EXPECT_GT(timeline, 0);
    // Later ones count on, over connections too.
    AcsLink next(instance);
    EXPECT_GT(integer_of(parsed(next.open(here, false))[0]["message"], "timeline", 0), timeline);
}

TEST_F(AcsLinkTest, OnlyTasksThatShallNotRunAreConfirmedForStopping) {
    AcsLink link(instance);
    const auto runs = run_one("web");
    const Json candidates = Json::array({{{"taskArn", runs}}, {{"taskArn", "arn:aws:ecs:x:task/lost"}}});
    const auto answer = receive(link, {{"type", "TaskStopVerificationMessage"},
                                       {"message", {{"messageId", "m-1"}, {"stopCandidates", candidates}}}});
    ASSERT_EQ(answer.size(), 1U);
    EXPECT_EQ(text_of(answer[0], "type"), "TaskStopVerificationAck");
    EXPECT_EQ(text_of(answer[0]["message"], "messageId"), "m-1");
    ASSERT_EQ(answer[0]["message"]["stopTasks"].size(), 1U);
    EXPECT_EQ(text_of(answer[0]["message"]["stopTasks"][0], "taskArn"), "arn:aws:ecs:x:task/lost");
}

TEST_F(AcsLinkTest, RoleKeysComeWithTheTaskAfterARestartAndBeforeTheyExpire) {
    AcsLink link(instance);
    const auto task = run_one("roles");
    const auto payload = collect(link);
    const auto& role = payload[0]["message"]["tasks"][0]["roleCredentials"];
    ack(link, payload[0]);
    Context here = context();
    const auto after_restart = parsed(link.open(here, true));
    ASSERT_EQ(after_restart.size(), 2U);
    EXPECT_EQ(text_of(after_restart[1], "type"), "IAMRoleCredentialsMessage");
    EXPECT_EQ(text_of(after_restart[1]["message"], "roleType"), "TaskApplication");
    EXPECT_EQ(text_of(after_restart[1]["message"], "taskArn"), task);
    EXPECT_EQ(after_restart[1]["message"]["roleCredentials"]["credentialsId"], role["credentialsId"]);
    EXPECT_TRUE(collect(link).empty());
    now += 5h + 1s;
    const auto fresh = collect(link);
    ASSERT_EQ(fresh.size(), 1U);
    EXPECT_NE(fresh[0]["message"]["roleCredentials"]["expiration"], role["expiration"]);
    EXPECT_TRUE(collect(link).empty());
}

TEST_F(AcsLinkTest, UnansweredHeartbeatsMakeItDead) {
    AcsLink link(instance);
    Context here = context();
    for (int i = 0; i < 3; ++i) link.beat(here);
    EXPECT_FALSE(link.is_dead());
    receive(link, {{"type", "HeartbeatAckRequest"}, {"message", {{"messageId", "x"}}}});
    for (int i = 0; i < 4; ++i) link.beat(here);
    EXPECT_TRUE(link.is_dead());
}

TEST_F(AcsLinkTest, OddFramesAreErrorsOnly) {
    AcsLink link(instance);
    Context here = context();
    for (const char* frame :
         {"", "no json", "[]", "{}", "{\"type\":7}", "{\"type\":\"NackRequest\",\"message\":{}}"})
        EXPECT_FALSE(link.receive(here, frame)) << frame;
    EXPECT_TRUE(link.receive(here, R"({"type":"AckRequest","message":7})"));
    EXPECT_TRUE(
        link.receive(here, R"({"type":"TaskStopVerificationMessage","message":{"stopCandidates":[1,{}]}})"));
}

// --- telemetry

class TelemetryTest : public AcsLinkTest {};

// The test vector of the reference for one frame.
TEST(TelemetryFrame, VerifiesAgainstThePublishedVector) {
    const std::string json =
        R"({"type":"PublishMetricsRequest","message":{"metadata":{"cluster":"prod","fin":true,"idle":true}}})";
    const std::string target =
        "/ws?agentHash=abcdef12&agentVersion=1.105.1&cluster=prod&containerInstance="
        "arn%3Aaws%3Aecs%3Aus-west-2%3A111122223333%3Acontainer-instance%2Fprod%2F0123456789abcdef"
        "&dockerVersion=25.0.3";
    const auto frame = [&](const std::string& body) {
        return "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-west-2/ecs/aws4_request, "
               "SignedHeaders=host;x-amz-date;x-amz-security-token, "
               "Signature=c7c88a7427f82a3e9dfb3527096e357396c22872eec86fda320cdcf9757085c1\r\n"
               "Host: ecs-t-1.us-west-2.amazonaws.com\r\nX-Amz-Date: 20260102T030405Z\r\n"
               "X-Amz-Security-Token: TOKEN123\r\n\r\n" +
               body;
    };
    const auto secret = [](const std::string&) {
        return std::optional<std::string>("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    };
    const auto at = parse_rfc3339("2026-01-02T03:04:05Z").value();
    const auto request = split_telemetry_frame(frame(json), target);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->body, json);
    const auto identity = verify_request(*request, secret, at);
    EXPECT_TRUE(identity) << identity.error().message();
    const auto changed = split_telemetry_frame(frame(json + " "), target);
    ASSERT_TRUE(changed);
    EXPECT_FALSE(verify_request(*changed, secret, at));
}

TEST(TelemetryFrame, RefusesWhatIsNoHeaderBlock) {
    for (const auto& frame : {std::string(), std::string("{}"), std::string("no colon\r\n\r\n{}"),
                              std::string(": x\r\n\r\n{}"), std::string(100'000, 'a') + "\r\n\r\n"}) {
        const auto request = split_telemetry_frame(frame, "/ws");
        EXPECT_FALSE(request) << frame.substr(0, 32);
    }
    std::string many;
    for (int i = 0; i < 100; ++i) many += "A: b\r\n";
    EXPECT_FALSE(split_telemetry_frame(many + "\r\n{}", "/ws"));
}

TEST_F(TelemetryTest, HealthReachesTheTask) {
    define("healthy", {{"healthCheck", {{"command", {"CMD", "true"}}}}});
    must("RegisterContainerInstance",
         {{"containerInstanceArn", instance},
          {"totalResources",
           {{{"name", "CPU"}, {"integerValue", 4096}}, {{"name", "MEMORY"}, {"integerValue", 4096}}}},
          {"attributes", {{{"name", "ecs.capability.container-health-check"}}}}});
    const auto task = run_one("healthy");
    EXPECT_EQ(text_of(describe(task), "healthStatus"), "UNKNOWN");
    const auto tell = [&](const std::string& status, const std::string& from) {
        Context here = context();
        const Json frame{{"type", "PublishHealthRequest"},
                         {"message",
                          {{"tasks",
                            {{{"taskArn", task},
                              {"containers", {{{"containerName", "app"}, {"healthStatus", status}}}}}}}}}};
        return receive_telemetry(here, from, dump_json(frame));
    };
    EXPECT_EQ(tell("HEALTHY", instance).value(), R"({"message":{"message":"ok"},"type":"AckPublishHealth"})");
    EXPECT_EQ(text_of(describe(task), "healthStatus"), "HEALTHY");
    EXPECT_TRUE(tell("UNHEALTHY", "another instance"));
    EXPECT_EQ(text_of(describe(task), "healthStatus"), "HEALTHY");
    EXPECT_TRUE(tell("UNHEALTHY", instance));
    EXPECT_EQ(text_of(describe(task), "healthStatus"), "UNHEALTHY");
    EXPECT_TRUE(tell("FINE", instance));
    EXPECT_EQ(text_of(describe(task)["containers"][0], "healthStatus"), "UNHEALTHY");
}

TEST_F(TelemetryTest, EachKindHasItsAnswer) {
    Context here = context();
    const auto answer = [&](const char* frame) {
        const auto text = receive_telemetry(here, instance, frame);
        return text ? text_of(parse_json(*text).value(), "type") : "none";
    };
    EXPECT_EQ(answer(R"({"type":"PublishMetricsRequest","message":{}})"), "AckPublishMetric");
    EXPECT_EQ(answer(R"({"type":"PublishInstanceStatusRequest"})"), "AckPublishInstanceStatus");
    EXPECT_EQ(answer(R"({"type":"Other"})"), "none");
    EXPECT_EQ(answer("{"), "none");
}

} // namespace
} // namespace berth::cluster
