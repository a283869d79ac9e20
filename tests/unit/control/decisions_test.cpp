// The decisions of the control room that need no socket: URLs, requests, manifests, schedules.
#include "berth/base/sigv4.hpp"

#include "agent/control/acs_url.hpp"
#include "agent/control/manifest.hpp"
#include "agent/control/reconnect.hpp"
#include "agent/control/registration.hpp"
#include "agent/control/state_change.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::control {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::Not;

const std::string kInstance = "arn:aws:ecs:us-west-2:111122223333:container-instance/prod/0123456789abcdef";

// ---- the ACS URL --------------------------------------------------------------------------------------
AcsParameters parameters() { return {"prod", kInstance, "1.105.1", "abcdef12", "25.0.3", true}; }

TEST(AcsUrl, HasSortedEncodedParameters) {
    const auto url = acs_url("https://ecs-a-1.us-west-2.amazonaws.com", parameters());
    ASSERT_TRUE(url) << url.error().message();
    EXPECT_EQ(
        url->str(),
        "wss://ecs-a-1.us-west-2.amazonaws.com/ws?agentHash=abcdef12&agentVersion=1.105.1&clusterArn=prod"
        "&containerInstanceArn=arn%3Aaws%3Aecs%3Aus-west-2%3A111122223333%3Acontainer-instance%2Fprod%2F"
        "0123456789abcdef&dockerVersion=DockerVersion%3A%2025.0.3&protocolVersion=2"
        "&sendCredentials=true&seqNum=1");
}

// The vector of the reference, section 3.2.
TEST(AcsUrl, SignsToTheKnownSignature) {
    const auto url = acs_url("https://ecs-a-1.us-west-2.amazonaws.com", parameters());
    const AwsCredentials credentials{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "TOKEN123",
                                     std::nullopt};
    const auto headers =
        sign_websocket(*url, "", credentials, {"us-west-2", "ecs", *parse_rfc3339("2026-01-02T03:04:05Z")});
    ASSERT_NE(headers.find("Authorization"), nullptr);
    EXPECT_THAT(*headers.find("Authorization"),
                HasSubstr("Signature=9ae90e2402413d8ee69d37154ecbf7680a0801b8ef76eedd812466efd37c5428"));
}

TEST(AcsUrl, MapsSchemesAndKeepsPaths) {
    EXPECT_EQ(acs_url("http://127.0.0.1:8080", parameters())->scheme, "ws");
    EXPECT_EQ(acs_url("wss://h/x/", parameters())->path(), "/x/ws");
    EXPECT_EQ(acs_url("https://h/x", parameters())->path(), "/x/ws");
    EXPECT_FALSE(acs_url("ftp://h", parameters()));
    EXPECT_FALSE(acs_url("", parameters()));
}

TEST(AcsUrl, LeavesAnUnknownEngineVersionOut) {
    auto given = parameters();
    given.docker_version.clear();
    given.send_credentials = false;
    EXPECT_THAT(acs_url("http://h", given)->target,
                AllOf(Not(HasSubstr("docker")), HasSubstr("sendCredentials=false")));
}

// ---- registration -------------------------------------------------------------------------------------
Host host() {
    Host host;
    host.resources = {4096, 15722, {22, 51678}, {}};
    return host;
}

TEST(RegistrationRequest, HasTheReferencesShape) {
    config::Config config;
    config.cluster = "prod";
    config.instance_attributes = {{"stack", "a"}, {"flag", ""}};
    config.instance_tags = {{"team", "x"}};
    const auto request = registration_request(config, host(), {"DOC", "SIG"}, "", "uuid");
    EXPECT_EQ(request["cluster"], "prod");
    EXPECT_EQ(request["clientToken"], "uuid");
    EXPECT_EQ(request["instanceIdentityDocument"], "DOC");
    EXPECT_EQ(request["instanceIdentityDocumentSignature"], "SIG");
    EXPECT_EQ(request["totalResources"], Json::parse(R"([{"name":"CPU","type":"INTEGER","integerValue":4096},
        {"name":"MEMORY","type":"INTEGER","integerValue":15722},
        {"name":"PORTS","type":"STRINGSET","stringSetValue":["22","51678"]},
        {"name":"PORTS_UDP","type":"STRINGSET","stringSetValue":[]}])"));
    EXPECT_EQ(request["tags"], Json::parse(R"([{"key":"team","value":"x"}])"));
    EXPECT_THAT(request["attributes"],
                AllOf(Contains(Json::parse(R"({"name":"stack","value":"a"})")),
                      Contains(Json::parse(R"({"name":"flag"})")),
                      Contains(Json::parse(R"({"name":"ecs.os-type","value":"linux"})")),
                      Contains(Json::parse(R"({"name":"ecs.capability.full-sync"})"))));
    for (const auto* absent : {"versionInfo", "containerInstanceArn", "platformDevices"})
        EXPECT_FALSE(request.contains(absent)) << absent;
}

TEST(RegistrationRequest, AgainSendsTheArnAndNoCustomAttributes) {
    config::Config config;
    config.instance_attributes = {{"stack", "a"}};
    const auto request = registration_request(config, host(), {}, "ci", "uuid");
    EXPECT_EQ(request["containerInstanceArn"], "ci");
    EXPECT_EQ(request["instanceIdentityDocument"], "");
    EXPECT_THAT(request["attributes"], Not(Contains(Json::parse(R"({"name":"stack","value":"a"})"))));
    EXPECT_FALSE(request.contains("tags"));
}

TEST(RegistrationRequest, LeavesZeroOut) {
    Host none;
    EXPECT_EQ(registration_request({}, none, {}, "", "u")["totalResources"][0],
              Json::parse(R"({"name":"CPU","type":"INTEGER"})"));
}

TEST(ReadRegistration, TakesArnAndZoneWhenEveryValueCameBack) {
    const auto request = Json::parse(R"({"attributes":[{"name":"a","value":"1"},{"name":"b"}]})");
    const auto got =
        read_registration(request, Json::parse(R"({"containerInstance":{"containerInstanceArn":"ci",
        "attributes":[{"name":"a","value":"1"},{"name":"ecs.availability-zone","value":"z"}]}})"));
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->container_instance_arn, "ci");
    EXPECT_EQ(got->availability_zone, "z");
}

TEST(ReadRegistration, AnAttributeThatDidNotComeBackIsTerminal) {
    const auto request = Json::parse(R"({"attributes":[{"name":"a","value":"1"}]})");
    for (const auto* attributes : {"[]", R"([{"name":"a","value":"2"}])", R"([{"name":"a"}])", "[7]"}) {
        const auto got = read_registration(
            request, Json::parse(R"({"containerInstance":{"containerInstanceArn":"ci","attributes":)" +
                                 std::string(attributes) + "}}"));
        ASSERT_FALSE(got) << attributes;
        EXPECT_TRUE(is_terminal(got.error()));
        EXPECT_THAT(got.error().message(), HasSubstr("a=1"));
    }
}

TEST(ReadRegistration, AMalformedAnswerIsAnErrorThatARestartMayHeal) {
    for (const auto* answer : {"{}", R"({"containerInstance":7})", R"({"containerInstance":{}})",
                               R"({"containerInstance":{"containerInstanceArn":"ci","attributes":{}}})"}) {
        const auto got = read_registration(Json::parse(R"({"attributes":[]})"), Json::parse(answer));
        ASSERT_FALSE(got) << answer;
        EXPECT_FALSE(is_terminal(got.error()));
    }
}

TEST(IsTerminal, KnowsTheReferencesNames) {
    const auto named = [](const char* name) { return Error(ErrorCode::invalid, "x").with_name(name); };
    EXPECT_TRUE(is_terminal(named("InvalidParameterException")));
    EXPECT_TRUE(is_terminal(named("ClientException")));
    EXPECT_FALSE(is_terminal(named("AccessDeniedException")));
    EXPECT_FALSE(is_terminal(named("")));
}

// ---- capabilities -------------------------------------------------------------------------------------
TEST(Capabilities, ClaimWholeApiListAndConfiguredDrivers) {
    config::Config config;
    config.logging_drivers = {"awslogs", "syslog"};
    const auto attributes = capability_attributes(config);
    EXPECT_THAT(attributes, Contains(Key("com.amazonaws.ecs.capability.docker-remote-api.1.17")));
    EXPECT_THAT(attributes, Contains(Key("com.amazonaws.ecs.capability.docker-remote-api.1.32")));
    EXPECT_THAT(attributes, Not(Contains(Key("com.amazonaws.ecs.capability.docker-remote-api.1.26"))));
    EXPECT_THAT(attributes, Contains(Key("com.amazonaws.ecs.capability.logging-driver.awslogs")));
    EXPECT_THAT(attributes, Not(Contains(Key("com.amazonaws.ecs.capability.logging-driver.json-file"))));
    EXPECT_THAT(attributes, Not(Contains(Key("com.amazonaws.ecs.capability.logging-driver.syslog"))));
    EXPECT_THAT(attributes, Contains(Key("com.amazonaws.ecs.capability.privileged-container")));
    EXPECT_THAT(attributes, Not(Contains(Key("ecs.capability.task-eni"))));
    config.disable_privileged = true;
    EXPECT_THAT(capability_attributes(config),
                Not(Contains(Key("com.amazonaws.ecs.capability.privileged-container"))));
}

// ---- manifests ----------------------------------------------------------------------------------------
TaskManifest manifest(std::int64_t timeline, std::vector<TaskArn> running = {}) {
    return {{"m-" + std::to_string(timeline), "c", "ci"}, timeline, std::move(running)};
}

TEST(Manifest, OnlyNewerOnesAreNews) {
    ManifestTracker tracker(-1);
    EXPECT_TRUE(tracker.is_news(manifest(0)));
    tracker.accept(manifest(5));
    EXPECT_FALSE(tracker.is_news(manifest(5)));
    EXPECT_TRUE(tracker.is_news(manifest(6)));
    tracker.payload_seen(9);
    EXPECT_FALSE(tracker.is_news(manifest(9)));
    tracker.payload_seen(3);
    EXPECT_TRUE(tracker.is_news(manifest(10)));
}

TEST(Manifest, CandidatesAreWhatRunsHereAndIsNotListed) {
    const TaskArn a("a"), b("b"), c("c");
    EXPECT_THAT(ManifestTracker::candidates(manifest(1, {a, c}), {a, b}), ElementsAre(b));
    EXPECT_THAT(ManifestTracker::candidates(manifest(1, {a}), {}), IsEmpty());
}

TEST(Manifest, AVerificationWorksOnceAndForTheLastManifestOnly) {
    ManifestTracker tracker(-1);
    EXPECT_THAT(tracker.verify({"", {TaskArn("a")}}), IsEmpty());
    tracker.accept(manifest(1));
    tracker.accept(manifest(2));
    EXPECT_THAT(tracker.verify({"m-1", {TaskArn("a")}}), IsEmpty());
    EXPECT_THAT(tracker.verify({"m-2", {TaskArn("a")}}), ElementsAre(TaskArn("a")));
    EXPECT_THAT(tracker.verify({"m-2", {TaskArn("a")}}), IsEmpty());
}

// ---- reconnection -------------------------------------------------------------------------------------
SessionEnd end_after(std::chrono::nanoseconds lasted, bool clean) {
    SessionEnd end;
    end.lasted = lasted;
    end.clean = clean;
    return end;
}

class Reconnect : public testing::Test {
  protected:
    Timing timing;
    double random = 0;
    ReconnectPolicy policy{timing, [this] { return random; }};
};

TEST_F(Reconnect, FailuresBackOffToTwoMinutesWithJitter) {
    EXPECT_EQ(policy.delay_after({}), 250ms);
    EXPECT_EQ(policy.delay_after({}), 375ms);
    random = 0.5;
    EXPECT_EQ(policy.delay_after({}), std::chrono::nanoseconds(618'750'000));
    random = 0;
    for (int i = 0; i < 30; ++i) policy.delay_after({});
    EXPECT_EQ(policy.delay_after({}), 2min);
}

TEST_F(Reconnect, ACleanEndReconnectsAtOnceAndResets) {
    policy.delay_after({});
    EXPECT_EQ(policy.delay_after(end_after(30min, true)), 0ns);
    EXPECT_EQ(policy.delay_after({}), 250ms);
}

TEST_F(Reconnect, ACleanEndRightAfterTheStartBacksOffAllTheSame) {
    EXPECT_EQ(policy.delay_after(end_after(5ms, true)), 250ms);
    EXPECT_EQ(policy.delay_after(end_after(5ms, true)), 375ms);
}

TEST_F(Reconnect, AStableConnectionResetsEvenWhenItBroke) {
    policy.delay_after({});
    EXPECT_EQ(policy.delay_after(end_after(59s, false)), 375ms);
    EXPECT_EQ(policy.delay_after(end_after(61s, false)), 250ms);
    random = 0.9; // now it must have lasted longer than 1 min 54 s
    policy.delay_after({});
    EXPECT_GT(policy.delay_after(end_after(61s, false)), 400ms);
}

TEST_F(Reconnect, AnInactiveInstanceWaitsAnHour) {
    SessionEnd end;
    end.inactive_instance = true;
    EXPECT_EQ(policy.delay_after(end), 1h);
}

TEST(CleanEnd, FollowsTheCloseCodeUnlessTheFaultIsOurs) {
    const Error closed(ErrorCode::closed, "x");
    for (const std::uint16_t code : std::array<std::uint16_t, 4>{1000, 1001, 1006, 1011})
        EXPECT_TRUE(is_clean(closed, code)) << code;
    for (const std::uint16_t code : std::array<std::uint16_t, 3>{1002, 1009, 4000})
        EXPECT_FALSE(is_clean(closed, code)) << code;
    EXPECT_FALSE(is_clean(Error(ErrorCode::timeout, "x"), 1006));
    EXPECT_FALSE(is_clean(Error(ErrorCode::limit, "x"), 1006));
}

TEST(Draw, StaysBetweenLeastAndLeastPlusSpread) {
    EXPECT_EQ(draw(1min, 1min, [] { return 0.0; }), 1min);
    EXPECT_EQ(draw(1min, 1min, [] { return 0.5; }), 90s);
}

// ---- state changes ------------------------------------------------------------------------------------
TEST(StateChange, HasTheReferencesShape) {
    engine::StateChange change;
    change.task = TaskArn("t");
    change.status = engine::ReportedStatus::stopped;
    change.pull_started_at = *parse_rfc3339("2026-01-02T03:04:10.1004Z");
    change.execution_stopped_at = *parse_rfc3339("2026-01-02T03:13:20.25Z");
    engine::ContainerChange container;
    container.name = "app";
    container.status = engine::ReportedStatus::stopped;
    container.runtime_id = ContainerId("9f2c");
    container.image_digest = Digest("sha256:ab");
    container.exit_code = 0;
    container.reason = "OutOfMemoryError: Container killed due to memory usage";
    container.bindings.push_back({"0.0.0.0", 80, 32768, network::Protocol::tcp});
    container.bindings.push_back({"::", 80, 32768, network::Protocol::tcp});
    change.containers.push_back(container);
    EXPECT_EQ(state_change_request("prod", change),
              Json::parse(R"({"cluster":"prod","task":"t","status":"STOPPED","reason":"",
        "pullStartedAt":1767323050.1,"executionStoppedAt":1767323600.25,
        "containers":[{"containerName":"app","runtimeId":"9f2c","imageDigest":"sha256:ab","status":"STOPPED","exitCode":0,
        "reason":"OutOfMemoryError: Container killed due to memory usage",
        "networkBindings":[{"bindIP":"0.0.0.0","containerPort":80,"hostPort":32768,"protocol":"tcp"}]}]})"));
}

TEST(StateChange, LeavesUnknownThingsOut) {
    engine::StateChange change;
    change.task = TaskArn("t");
    change.containers.push_back({});
    change.containers[0].name = "app";
    const auto request = state_change_request("prod", change);
    EXPECT_EQ(request["containers"][0], Json::parse(R"({"containerName":"app","status":"PENDING"})"));
    EXPECT_EQ(request["reason"], "");
    EXPECT_FALSE(request.contains("pullStartedAt"));
    change.containers.clear();
    EXPECT_FALSE(state_change_request("prod", change).contains("containers"));
}

TEST(StateChange, CutsReasonsBetweenCharacters) {
    engine::StateChange change;
    change.reason = std::string(1023, 'x') + "\u00e9tc";
    EXPECT_EQ(state_change_request("prod", change)["reason"], std::string(1023, 'x'));
    EXPECT_EQ(cut_utf8("abc", 3), "abc");
    EXPECT_EQ(cut_utf8("abcd", 3), "abc");
    EXPECT_EQ(cut_utf8("\u20ac\u20ac", 5), "\u20ac");
    EXPECT_EQ(cut_utf8("\xf0\x9f\x98\x80z", 3), "");
    EXPECT_EQ(cut_utf8("\x80\x80\x80\x80\x80\x80", 5).size(), 5U) << "not UTF-8: any place will do";
}

} // namespace
} // namespace berth::control
