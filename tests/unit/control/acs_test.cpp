// The ACS session against a real websocket server that plays the service from a script.
#include "berth/base/scope_exit.hpp"

#include "tests/unit/control/service.hpp"

#include <gmock/gmock.h>

namespace berth::control {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Socket = std::shared_ptr<http::WebSocket>;

std::string frame(const std::string& type, const std::string& message) {
    return R"({"type":")" + type + R"(","message":{)" + message + "}}";
}
const std::string kIds = R"("messageId":"m-1","clusterArn":"c","containerInstanceArn":"ci")";
const std::string kTask = R"({"arn":"arn:aws:ecs:us-west-2:1:task/prod/0f1e","family":"web","version":"7",
    "desiredStatus":"RUNNING","containers":[{"name":"app","image":"web:1","essential":true,"memory":64}],
    "executionRoleCredentials":{"credentialsId":"c-9","roleArn":"r","accessKeyId":"a","secretAccessKey":"s",
    "sessionToken":"t","expiration":"2026-01-02T09:00:00Z"}})";
std::string payload(const std::string& tasks) {
    return frame("PayloadMessage", kIds + R"(,"seqNum":1,"tasks":[)" + tasks + "]");
}
const std::string kHeartbeat = frame("HeartbeatMessage", R"("healthy":true,"messageId":"h")");

class Acs : public ServiceTest {
  protected:
    std::vector<std::string> sent; // types of the frames the agent sent

    // Sends the frames, keeps what comes back until the agent leaves.
    Script script(std::vector<std::string> frames) {
        return [this, frames = std::move(frames)](Socket socket) { return play(std::move(socket), frames); };
    }
    Async<void> play(Socket socket, std::vector<std::string> frames) {
        for (auto& text : frames)
            if (!co_await socket->write(std::move(text), test::soon())) co_return;
        co_await listen(std::move(socket));
    }
    Async<void> listen(Socket socket) {
        for (;;) {
            const auto got = co_await socket->read(test::soon());
            if (!got) co_return;
            const auto json = Json::parse(*got);
            sent.push_back(json["type"]);
            messages.push_back(json["message"]);
        }
    }
    // A heartbeat at the end tells when everything before it has been handled.
    void serve(std::vector<std::string> frames) {
        frames.push_back(kHeartbeat);
        scripts.push_back(script(std::move(frames)));
        start_acs();
        loop.drive([this] { return !sent.empty() && sent.back() == "HeartbeatAckRequest"; });
        sent.pop_back();
    }
    std::vector<Json> messages;
};

TEST_F(Acs, ConnectsSignedWithTheReferencesParameters) {
    serve({});
    ASSERT_THAT(upgrades, SizeIs(1));
    const auto& request = upgrades[0];
    EXPECT_EQ(request.path(), "/ws");
    EXPECT_THAT(request.target, HasSubstr("clusterArn=prod&"));
    EXPECT_THAT(request.target, HasSubstr("sendCredentials=true"));
    const auto secret = [](const std::string&) { return std::optional<std::string>("SECRET"); };
    const auto verified = verify_request(request, secret, now());
    EXPECT_TRUE(verified) << verified.error().message();
    const auto state = control->connection();
    EXPECT_TRUE(state.connected);
    EXPECT_TRUE(state.connected_since && state.last_message);
    const auto discover = Json::parse(server.requests[0].body);
    EXPECT_EQ(discover, Json::parse(std::string(R"({"containerInstance":")") + kInstanceArn +
                                    R"(","cluster":"prod","zoneId":""})"));
}

TEST_F(Acs, AcknowledgesHeartbeats) {
    serve({});
    EXPECT_EQ(messages[0], Json::parse(R"({"messageId":"h"})"));
}

TEST_F(Acs, APayloadIsHandedOverAndAcknowledged) {
    serve({payload(kTask)});
    ASSERT_THAT(payloads, SizeIs(1));
    EXPECT_EQ(payloads[0].message_id, "m-1");
    ASSERT_THAT(payloads[0].run, SizeIs(1));
    ASSERT_THAT(payloads[0].ids, SizeIs(1));
    EXPECT_THAT(payloads[0].ids[0].str(), testing::MatchesRegex("[0-9a-f]{64}"));
    ASSERT_THAT(credentials, SizeIs(1));
    EXPECT_EQ(credentials[0].credentials_id, "c-9");
    EXPECT_TRUE(credentials[0].execution_role);
    EXPECT_THAT(sent, ElementsAre("AckRequest", "IAMRoleCredentialsAckRequest"));
    EXPECT_EQ(messages[0], Json::parse(R"({"cluster":"c","containerInstance":"ci","messageId":"m-1"})"));
    EXPECT_EQ(
        messages[1],
        Json::parse(R"({"messageId":"m-1","expiration":"2026-01-02T09:00:00Z","credentialsId":"c-9"})"));
}

TEST_F(Acs, TheAcknowledgementWaitsForTheCommit) {
    asio::steady_timer committed(loop.io, Deadline::max());
    bool waiting = false;
    auto slow = [&](engine::PayloadReceived) -> Async<Status> {
        waiting = true;
        co_await committed.async_wait(test::kTuple);
        co_return Status{};
    };
    handlers.on_payload = slow;
    scripts.push_back(script({payload(kTask)}));
    start_acs();
    loop.drive([&] { return waiting; });
    for (int i = 0; i < 100; ++i) loop.io.poll(); // everything that could happen without the commit
    EXPECT_THAT(sent, IsEmpty());
    committed.cancel();
    loop.drive([&] { return sent.size() == 2; });
}

TEST_F(Acs, APayloadThatCouldNotBeSavedIsNotAcknowledged) {
    auto broken = [](engine::PayloadReceived) -> Async<Status> {
        co_return fail(ErrorCode::no_space, "disk full");
    };
    handlers.on_payload = broken;
    serve({payload(kTask)});
    EXPECT_THAT(sent, IsEmpty());
}

TEST_F(Acs, AHandlerThatThrowsCostsOnlyItsMessage) {
    auto broken = [](engine::PayloadReceived) -> Async<Status> {
        throw std::runtime_error("bug");
        co_return Status{};
    };
    handlers.on_payload = broken;
    serve({payload(kTask)});
    EXPECT_THAT(sent, IsEmpty());
    EXPECT_THAT(upgrades, SizeIs(1));
}

TEST_F(Acs, APartlyBadPayloadRunsItsGoodTasksWithoutAcknowledgement) {
    serve({payload(R"({"arn":"bad","desiredStatus":"RUNNING","containers":"none"},)" + kTask)});
    ASSERT_THAT(payloads, SizeIs(1));
    EXPECT_THAT(payloads[0].run, SizeIs(1));
    ASSERT_THAT(payloads[0].invalid, SizeIs(1));
    EXPECT_EQ(payloads[0].invalid[0].arn, TaskArn("bad"));
    EXPECT_THAT(sent, IsEmpty());
}

TEST_F(Acs, NonsenseIsDroppedAndTheSessionGoesOn) {
    serve({"nonsense", "", "[1]", R"({"type":"NewsMessage","message":{}})",
           frame("PayloadMessage", R"("messageId":7)"), R"({"type":"PayloadMessage","message":null})",
           std::string(5000, '{')});
    EXPECT_THAT(payloads, IsEmpty());
    EXPECT_THAT(sent, IsEmpty());
    EXPECT_THAT(upgrades, SizeIs(1));
}

TEST_F(Acs, RefreshedCredentialsAreStoredAndAcknowledged) {
    serve({frame("IAMRoleCredentialsMessage", R"("messageId":"r-1","taskArn":"t","roleType":"TaskApplication",
                 "roleCredentials":{"credentialsId":"c-1","expiration":"e"})")});
    ASSERT_THAT(credentials, SizeIs(1));
    EXPECT_EQ(credentials[0].task, TaskArn("t"));
    EXPECT_THAT(sent, ElementsAre("IAMRoleCredentialsAckRequest"));
}

TEST_F(Acs, UpdatesAreRefusedAndAttachmentsAcknowledged) {
    serve({frame("StageUpdateMessage", kIds), frame("PerformUpdateMessage", kIds),
           frame("ConfirmAttachmentMessage", kIds + R"(,"attachment":{})"),
           frame("ErrorMessage", R"("message":"x")")});
    EXPECT_THAT(sent, ElementsAre("NackRequest", "NackRequest", "AckRequest"));
    EXPECT_EQ(messages[0]["reason"], "Updates are disabled");
}

std::string manifest(int timeline, const std::string& tasks) {
    return frame("TaskManifestMessage", R"("messageId":"m-)" + std::to_string(timeline) +
                                            R"(","clusterArn":"c","containerInstanceArn":"ci","timeline":)" +
                                            std::to_string(timeline) + R"(,"tasks":[)" + tasks + "]");
}

TEST_F(Acs, AManifestLeadsToAQuestionAndTheAnswerToAStop) {
    std::vector<TaskArn> stopped;
    std::vector<std::int64_t> saved;
    handlers.manifest_number = 3;
    handlers.running_tasks = [] { return std::vector{TaskArn("a"), TaskArn("b")}; };
    handlers.stop_task = [&](TaskArn task) { stopped.push_back(std::move(task)); };
    auto save = [&](std::int64_t number) -> Async<Status> {
        saved.push_back(number);
        co_return Status{};
    };
    handlers.save_manifest_number = save;
    const auto verified =
        frame("TaskStopVerificationAck", R"("messageId":"m-4","stopTasks":[{"taskArn":"b"}])");
    serve({manifest(3, ""), manifest(4, R"({"taskArn":"a","desiredStatus":"RUNNING"})"), verified, verified});
    EXPECT_THAT(saved, ElementsAre(4));
    EXPECT_THAT(sent, ElementsAre("AckRequest", "TaskStopVerificationMessage"));
    EXPECT_EQ(messages[1]["stopCandidates"],
              Json::parse(R"([{"taskArn":"b","taskClusterArn":"c","desiredStatus":"STOPPED"}])"));
    EXPECT_THAT(stopped, ElementsAre(TaskArn("b")));
}

TEST_F(Acs, AManifestWhoseNumberCannotBeSavedIsNotAcknowledged) {
    auto broken = [](std::int64_t) -> Async<Status> { co_return fail(ErrorCode::no_space, "disk full"); };
    handlers.save_manifest_number = broken;
    handlers.running_tasks = [] { return std::vector{TaskArn("a")}; };
    serve({manifest(4, "")});
    EXPECT_THAT(sent, IsEmpty());
}

// ---- connections that end ----------------------------------------------------------------------------
TEST_F(Acs, ReconnectsAfterACutWithoutAskingForCredentialsAgain) {
    scripts.push_back([](Socket socket) -> Async<void> {
        socket->abort();
        co_return;
    });
    scripts.push_back(
        [](Socket socket) -> Async<void> { co_await socket->close(1000, "bye", test::soon()); });
    start_acs();
    loop.drive([this] { return upgrades.size() == 3; });
    EXPECT_THAT(upgrades[0].target, HasSubstr("sendCredentials=true"));
    EXPECT_THAT(upgrades[1].target, HasSubstr("sendCredentials=false"));
    EXPECT_EQ(calls("DiscoverPollEndpoint"), 1U) << "cached";
    EXPECT_FALSE(control->connection().last_error.empty());
}

TEST_F(Acs, AFrameOverTheLimitEndsTheConnectionWithOneClearError) {
    timing.max_frame = 64 << 10;
    scripts.push_back(script({std::string(1 << 20, ' ')}));
    start_acs();
    loop.drive([this] { return upgrades.size() == 2; });
    EXPECT_THAT(payloads, IsEmpty());
    EXPECT_THAT(control->connection().last_error, HasSubstr("65536"));
}

TEST_F(Acs, SilenceEndsTheConnection) {
    timing.inactivity = 10ms;
    start_acs();
    loop.drive([this] { return upgrades.size() == 2; });
    EXPECT_THAT(control->connection().last_error, HasSubstr("nothing came"));
}

TEST_F(Acs, KnownMessagesAre) {
    timing.inactivity = 1s;
    bool outlived = false;
    auto heartbeats = [&](Socket socket) -> Async<void> {
        const auto end = deadline_in(1200ms);
        while (std::chrono::steady_clock::now() < end) {
            if (!co_await socket->write(kHeartbeat, test::soon())) co_return;
            if (!co_await socket->read(test::soon())) co_return;
        }
        outlived = true;
        co_await listen(std::move(socket));
    };
    scripts.push_back(heartbeats);
    start_acs();
    loop.drive([&] { return outlived || upgrades.size() > 1; });
    EXPECT_TRUE(outlived);
}

TEST_F(Acs, UnknownMessagesAreNoSignOfLife) {
    timing.inactivity = 50ms;
    bool left = false;
    auto chatter = [&left](Socket socket) -> Async<void> {
        const ScopeExit note([&left] { left = true; });
        while (co_await socket->write("{}", test::soon())) {
        }
    };
    scripts.push_back(chatter);
    start_acs();
    loop.drive([&] { return upgrades.size() == 2 && left; });
    EXPECT_THAT(control->connection().last_error, HasSubstr("nothing came"));
}

TEST_F(Acs, AnOldConnectionIsClosedAndReplaced) {
    timing.max_age = 10ms;
    std::uint16_t code = 0;
    auto note = [&code](Socket socket) -> Async<void> {
        while (co_await socket->read(test::soon())) {
        }
        code = socket->close_code();
    };
    scripts.push_back(note);
    start_acs();
    loop.drive([&] { return upgrades.size() >= 2 && code != 0; });
    EXPECT_EQ(code, 1000);
}

TEST_F(Acs, ARefusedUpgradeIsToldAndTriedAgain) {
    refuse_upgrade = http::Response(403, "application/json", R"({"AccessDeniedException":"not you"})");
    start_acs();
    loop.drive([this] { return upgrades.size() >= 3; });
    const auto state = control->connection();
    EXPECT_FALSE(state.connected);
    EXPECT_THAT(state.last_error, HasSubstr("not you"));
    EXPECT_THAT(upgrades[2].target, HasSubstr("sendCredentials=true"));
}

TEST_F(Acs, AnInactiveInstanceIsNotTriedAgainSoon) {
    refuse_upgrade = http::Response(400, "application/json", R"({"InactiveInstanceException":"gone"})");
    start_acs();
    loop.drive([this] { return !control->connection().last_error.empty(); });
    for (int i = 0; i < 1000; ++i) loop.io.poll();
    EXPECT_THAT(upgrades, SizeIs(1));
}

TEST_F(Acs, DiscoveryIsRetriedUntilItAnswers) {
    for (int i = 0; i < 4; ++i) server.then(400, R"({"__type":"AccessDeniedException","message":"no"})");
    start_acs();
    loop.drive([this] { return upgrades.size() == 1; });
    EXPECT_EQ(calls("DiscoverPollEndpoint"), 5U);
}

TEST_F(Acs, AnExpiredEndpointIsAskedForAgainAndUsedWhenTheServiceFails) {
    timing.discovery_lifetime = 0s;
    scripts.push_back([](Socket socket) -> Async<void> { co_await socket->close(1000, "", test::soon()); });
    server.then(200, R"({"endpoint":")" + server.url() + "\"}");
    server.then(400, R"({"__type":"AccessDeniedException"})");
    start_acs();
    loop.drive([this] { return upgrades.size() == 2; });
    EXPECT_EQ(calls("DiscoverPollEndpoint"), 2U);
}

TEST_F(Acs, StopEndsTheLoopWhileConnected) {
    serve({});
    control->stop();
    loop.drive([this] { return acs_ended; });
    EXPECT_FALSE(control->connection().connected);
}

TEST_F(Acs, StopEndsTheLoopWhileItBacksOff) {
    timing.reconnect.first = 1h;
    refuse_upgrade = http::Response(500, "text/plain", "");
    start_acs();
    loop.drive([this] { return !control->connection().last_error.empty(); });
    control->stop();
    loop.drive([this] { return acs_ended; });
}

} // namespace
} // namespace berth::control
