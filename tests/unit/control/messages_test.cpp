// Decoding and encoding ACS frames, and what a payload asks for.
#include "agent/control/acs_messages.hpp"
#include "agent/control/acs_payload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::control {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const std::string kIds = R"("messageId":"m-1","clusterArn":"c","containerInstanceArn":"ci")";
const std::string kTask =
    R"({"arn":"arn:aws:ecs:us-west-2:1:task/prod/0f1e","family":"web","version":"7","desiredStatus":"RUNNING",
        "containers":[{"name":"app","image":"web:1","essential":true,"memory":64},
                      {"name":"side","image":"web:1","essential":false,"memory":64}]})";

std::string frame(const std::string& type, const std::string& message) {
    return R"({"type":")" + type + R"(","message":{)" + message + "}}";
}
template <class T>
T decoded(const std::string& text) {
    auto message = decode_frame(text);
    if (!message) throw std::runtime_error(message.error().message());
    return std::get<T>(std::move(*message));
}
std::string error_of(const std::string& text) {
    const auto message = decode_frame(text);
    EXPECT_FALSE(message) << text;
    return message ? "" : message.error().message();
}
PayloadContent content_of(const std::string& tasks) {
    int number = 0;
    const auto payload = decoded<Payload>(frame("PayloadMessage", kIds + R"(,"tasks":[)" + tasks + "]"));
    return read_payload(payload, [&] { return ContainerId("id-" + std::to_string(++number)); });
}

TEST(Decode, Heartbeat) {
    EXPECT_EQ(decoded<Heartbeat>(frame("HeartbeatMessage", R"("healthy":true,"messageId":"h")")).message_id,
              "h");
}

TEST(Decode, KeysMatchWithoutRegardToCase) {
    EXPECT_EQ(decoded<Heartbeat>(frame("HeartbeatMessage", R"("MessageID":"h")")).message_id, "h");
}

TEST(Decode, Payload) {
    const auto payload =
        decoded<Payload>(frame("PayloadMessage", kIds + R"(,"seqNum":42,"tasks":[{}],"new":1)"));
    EXPECT_EQ(payload.ids.message_id, "m-1");
    EXPECT_EQ(payload.ids.cluster_arn, "c");
    EXPECT_EQ(payload.ids.container_instance_arn, "ci");
    EXPECT_EQ(payload.sequence_number, 42);
    EXPECT_EQ(payload.tasks.size(), 1U);
}

TEST(Decode, Credentials) {
    const auto message = decoded<RefreshedCredentials>(frame(
        "IAMRoleCredentialsMessage",
        R"("messageId":"m","taskArn":"t","roleType":"TaskExecution","roleCredentials":{"credentialsId":"c-1",
                 "roleArn":"r","accessKeyId":"a","secretAccessKey":"s","sessionToken":"k","expiration":"e"})"));
    EXPECT_EQ(message.message_id, "m");
    EXPECT_EQ(message.credentials.credentials_id, "c-1");
    EXPECT_EQ(message.credentials.secret_access_key, "s");
    EXPECT_EQ(message.credentials.expiration, "e");
    EXPECT_EQ(message.credentials.task, TaskArn("t"));
    EXPECT_TRUE(message.credentials.execution_role);
}

TEST(Decode, ManifestKeepsOnlyWhatShallRun) {
    const auto manifest = decoded<TaskManifest>(frame(
        "TaskManifestMessage", kIds + R"(,"timeline":7,"tasks":[{"taskArn":"a","desiredStatus":"RUNNING"},
                                               {"taskArn":"b","desiredStatus":"STOPPED"},{"taskArn":"c"}])"));
    EXPECT_EQ(manifest.timeline, 7);
    EXPECT_THAT(manifest.running, ElementsAre(TaskArn("a")));
}

TEST(Decode, StopVerification) {
    const auto message = decoded<StopVerification>(
        frame("TaskStopVerificationAck", R"("messageId":"m","stopTasks":[{"taskArn":"a"},{"taskArn":"b"}])"));
    EXPECT_THAT(message.stop, ElementsAre(TaskArn("a"), TaskArn("b")));
}

TEST(Decode, AttachmentsUpdatesAndNotices) {
    const auto eni = R"(,"taskArn":"t","waitTimeoutMs":1000,"elasticNetworkInterfaces":[{"ec2Id":"e"}])";
    EXPECT_EQ(decoded<Attachment>(frame("AttachTaskNetworkInterfacesMessage", kIds + eni)).ids.message_id,
              "m-1");
    EXPECT_EQ(decoded<Attachment>(frame("AttachInstanceNetworkInterfacesMessage", kIds + eni)).type,
              "AttachInstanceNetworkInterfacesMessage");
    EXPECT_EQ(
        decoded<Attachment>(frame("ConfirmAttachmentMessage", kIds + R"(,"attachment":{})")).ids.cluster_arn,
        "c");
    EXPECT_EQ(decoded<AgentUpdate>(frame("StageUpdateMessage", kIds)).ids.message_id, "m-1");
    EXPECT_EQ(decoded<AgentUpdate>(frame("PerformUpdateMessage", kIds)).type, "PerformUpdateMessage");
    EXPECT_EQ(decoded<Notice>(frame("CloseMessage", R"("message":"bye")")).text, "bye");
    EXPECT_EQ(decoded<Notice>(R"({"type":"ErrorMessage"})").text, "");
}

TEST(Decode, WhatIsNoFrame) {
    EXPECT_THAT(error_of("hello"), HasSubstr("not JSON"));
    EXPECT_THAT(error_of(""), HasSubstr("not JSON"));
    EXPECT_THAT(error_of("[]"), HasSubstr("not a JSON object"));
    EXPECT_THAT(error_of("{}"), HasSubstr("type"));
    EXPECT_THAT(error_of(R"({"type":7,"message":{}})"), HasSubstr("type"));
    EXPECT_THAT(error_of(R"({"type":"HeartbeatMessage","message":[]})"), HasSubstr("HeartbeatMessage"));
    EXPECT_THAT(error_of(std::string(100'000, '[')), HasSubstr("not JSON"));
    EXPECT_EQ(error_of(frame("NewsMessage", "")), "message type \"NewsMessage\" is not known");
}

struct BadField {
    const char* type;
    const char* message;
    const char* field;
};
class WrongField : public testing::TestWithParam<BadField> {};
TEST_P(WrongField, IsNamed) {
    EXPECT_THAT(error_of(frame(GetParam().type, GetParam().message)),
                HasSubstr(std::string(GetParam().type) + "." + GetParam().field));
}
INSTANTIATE_TEST_SUITE_P(
    Decode, WrongField,
    testing::Values(
        BadField{"PayloadMessage", R"("clusterArn":"c","containerInstanceArn":"ci")", "messageId"},
        BadField{"PayloadMessage", R"("messageId":"","clusterArn":"c","containerInstanceArn":"ci")",
                 "messageId"},
        BadField{"PayloadMessage",
                 R"("messageId":"m","clusterArn":"c","containerInstanceArn":"ci","tasks":{})", "tasks"},
        BadField{"PayloadMessage", R"("messageId":"m","clusterArn":7,"containerInstanceArn":"ci")",
                 "clusterArn"},
        BadField{"PayloadMessage",
                 R"("messageId":"m","clusterArn":"c","containerInstanceArn":"ci","seqNum":"1")", "seqNum"},
        BadField{"IAMRoleCredentialsMessage", R"("messageId":"m","roleType":"TaskExecution")", "taskArn"},
        BadField{"IAMRoleCredentialsMessage", R"("messageId":"m","taskArn":"t","roleType":"Other")",
                 "roleType"},
        BadField{"IAMRoleCredentialsMessage", R"("messageId":"m","taskArn":"t","roleType":"TaskExecution")",
                 "roleCredentials"},
        BadField{"IAMRoleCredentialsMessage",
                 R"("messageId":"m","taskArn":"t","roleType":"TaskExecution","roleCredentials":{})",
                 "roleCredentials.credentialsId"},
        BadField{"TaskManifestMessage", R"("tasks":[{"taskArn":"a"},{}])", "tasks[1].taskArn"},
        BadField{"TaskManifestMessage", R"("tasks":[7])", "tasks[0]"},
        BadField{"TaskStopVerificationAck", R"("stopTasks":[])", "messageId"},
        BadField{"StageUpdateMessage", "", "messageId"},
        BadField{
            "AttachTaskNetworkInterfacesMessage",
            R"("messageId":"m","clusterArn":"c","containerInstanceArn":"ci","taskArn":"t","waitTimeoutMs":0)",
            "waitTimeoutMs"},
        BadField{"AttachInstanceNetworkInterfacesMessage",
                 R"("messageId":"m","clusterArn":"c","containerInstanceArn":"ci","waitTimeoutMs":5)",
                 "elasticNetworkInterfaces"},
        BadField{"ConfirmAttachmentMessage",
                 R"("messageId":"m","clusterArn":"c","containerInstanceArn":"ci")", "attachment"}));

TEST(Encode, EveryAnswerHasItsFields) {
    const MessageIds ids{"m", "c", "ci"};
    EXPECT_EQ(
        Json::parse(encode_ack(ids)),
        Json::parse(
            R"({"type":"AckRequest","message":{"cluster":"c","containerInstance":"ci","messageId":"m"}})"));
    EXPECT_EQ(Json::parse(encode_nack(ids, "no")), Json::parse(R"({"type":"NackRequest","message":
              {"cluster":"c","containerInstance":"ci","messageId":"m","reason":"no"}})"));
    EXPECT_EQ(Json::parse(encode_heartbeat_ack("h")),
              Json::parse(R"({"type":"HeartbeatAckRequest","message":{"messageId":"h"}})"));
    TaskCredentials set;
    set.credentials_id = "c-1";
    set.expiration = "e";
    set.secret_access_key = "hunter2";
    EXPECT_EQ(Json::parse(encode_credentials_ack("m", set)),
              Json::parse(R"({"type":"IAMRoleCredentialsAckRequest",
              "message":{"messageId":"m","expiration":"e","credentialsId":"c-1"}})"));
    EXPECT_EQ(
        Json::parse(encode_stop_candidates(ids, {TaskArn("t")})),
        Json::parse(R"({"type":"TaskStopVerificationMessage","message":{"messageId":"m","stopCandidates":
              [{"taskArn":"t","taskClusterArn":"c","desiredStatus":"STOPPED"}]}})"));
}

TEST(ReadPayload, ARunningTaskGetsAnIdForEveryContainer) {
    const auto content = content_of(kTask);
    EXPECT_EQ(content.event.message_id, "m-1");
    EXPECT_THAT(content.event.invalid, IsEmpty());
    ASSERT_THAT(content.event.run, SizeIs(1));
    EXPECT_THAT(content.event.ids, ElementsAre(ContainerId("id-1"), ContainerId("id-2")));
}

TEST(ReadPayload, ATaskToStopNeedsOnlyItsName) {
    const auto content = content_of(R"({"arn":"t","desiredStatus":"STOPPED","containers":7})");
    EXPECT_THAT(content.event.stop, ElementsAre(TaskArn("t")));
    EXPECT_THAT(content.event.invalid, IsEmpty());
    EXPECT_THAT(content.event.ids, IsEmpty());
}

TEST(ReadPayload, ABadTaskIsNamedAndDoesNotDisturbTheOthers) {
    const auto content =
        content_of(R"(null,{"family":"f"},{"arn":"x","desiredStatus":"RUNNING","containers":[{"name":7}]},)" +
                   kTask + R"(,{"arn":"y","desiredStatus":"CREATED"},{"arn":"z"})");
    EXPECT_THAT(content.event.run, SizeIs(1));
    ASSERT_THAT(content.event.invalid, SizeIs(5));
    EXPECT_TRUE(content.event.invalid[0].arn.empty());
    EXPECT_TRUE(content.event.invalid[1].arn.empty());
    EXPECT_EQ(content.event.invalid[2].arn, TaskArn("x"));
    EXPECT_THAT(content.event.invalid[3].why, AllOf(HasSubstr("desiredStatus"), HasSubstr("CREATED")));
    EXPECT_THAT(content.event.invalid[4].why, HasSubstr("desiredStatus"));
}

std::string with_credentials(const std::string& credentials) {
    return kTask.substr(0, kTask.size() - 1) + "," + credentials + "}";
}

TEST(ReadPayload, CollectsBothSetsOfCredentials) {
    const auto content =
        content_of(with_credentials(R"("roleCredentials":{"credentialsId":"c-1","expiration":"e1"},
                                       "executionRoleCredentials":{"credentialsId":"c-2","expiration":"e2"})"));
    ASSERT_THAT(content.credentials, SizeIs(2));
    EXPECT_EQ(content.credentials[0].credentials_id, "c-1");
    EXPECT_FALSE(content.credentials[0].execution_role);
    EXPECT_EQ(content.credentials[1].credentials_id, "c-2");
    EXPECT_TRUE(content.credentials[1].execution_role);
    EXPECT_EQ(content.credentials[1].task, TaskArn("arn:aws:ecs:us-west-2:1:task/prod/0f1e"));
    const auto acks = payload_acks({"m-1", "c", "ci"}, content);
    ASSERT_THAT(acks, SizeIs(3));
    EXPECT_THAT(acks[0], HasSubstr("AckRequest"));
    EXPECT_THAT(acks[1], AllOf(HasSubstr("c-1"), HasSubstr("m-1")));
    EXPECT_THAT(acks[2], AllOf(HasSubstr("c-2"), HasSubstr("e2")));
}

TEST(ReadPayload, MalformedCredentialsMakeTheTaskInvalidWithoutLeakingThem) {
    const auto content =
        content_of(with_credentials(R"("roleCredentials":{"credentialsId":7,"secretAccessKey":"hunter2"})"));
    ASSERT_THAT(content.event.invalid, SizeIs(1));
    EXPECT_THAT(content.event.invalid[0].why,
                AllOf(HasSubstr("roleCredentials.credentialsId"), Not(HasSubstr("hunter2"))));
    EXPECT_THAT(content.credentials, IsEmpty());
}

TEST(PayloadAcks, NoneWhenATaskWasInvalid) {
    EXPECT_THAT(payload_acks({"m", "c", "ci"}, content_of(kTask + ",null")), IsEmpty());
    EXPECT_THAT(payload_acks({"m", "c", "ci"}, content_of("")), SizeIs(1));
}

} // namespace
} // namespace berth::control
