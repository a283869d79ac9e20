// Registration and state-change submission against a real HTTP server.
#include "tests/unit/control/service.hpp"

#include <gmock/gmock.h>

namespace berth::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kThrottled = R"({"__type":"ThrottlingException","message":"slow down"})";

// Echoes the attributes, as the service does.
http::Response registered(const http::Request& request) {
    const auto body = Json::parse(request.body);
    const Json answer{
        {"containerInstance", {{"containerInstanceArn", kInstanceArn}, {"attributes", body["attributes"]}}}};
    return tests::json_response(200, answer.dump());
}

class Register : public ServiceTest {
  protected:
    Result<Registration> register_now(const std::string& saved = "") {
        make();
        return loop.run(control->register_instance(saved));
    }
    std::vector<std::string> operations() const {
        std::vector<std::string> names;
        for (const auto& request : server.requests) names.push_back(operation_of(request));
        return names;
    }
};

TEST_F(Register, GivesTheArn) {
    server.answers.push_back(registered);
    const auto got = register_now();
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->container_instance_arn, kInstanceArn);
    EXPECT_THAT(operations(), ElementsAre("RegisterContainerInstance"));
}

TEST_F(Register, ThrottlesAreOutlastedWithTheSameClientToken) {
    for (int i = 0; i < 5; ++i) server.then(400, kThrottled);
    server.then(400, R"({"__type":"ServerException"})");
    server.answers.push_back(registered);
    EXPECT_TRUE(register_now());
    ASSERT_EQ(server.requests.size(), 7U);
    const auto token = Json::parse(server.requests[0].body)["clientToken"];
    EXPECT_EQ(token.get<std::string>().size(), 36U);
    for (const auto& request : server.requests) EXPECT_EQ(Json::parse(request.body)["clientToken"], token);
}

TEST_F(Register, ThrottlesThatDoNotEndAreTheError) {
    timing.registration_limit = std::chrono::milliseconds(1);
    server.always = [](const http::Request&) { return tests::json_response(400, kThrottled); };
    const auto got = register_now();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().name(), "ThrottlingException");
}

TEST_F(Register, ARefusedParameterIsTerminalAtOnce) {
    server.then(
        400,
        R"({"__type":"ClientException","message":"Container instance type changes are not supported."})");
    const auto got = register_now("saved");
    ASSERT_FALSE(got);
    EXPECT_TRUE(is_terminal(got.error()));
    EXPECT_THAT(got.error().message(), HasSubstr("registering in prod"));
    EXPECT_EQ(server.requests.size(), 1U);
}

TEST_F(Register, AWrongSignatureIsNamedAndNotTerminal) {
    server.then(
        403, R"({"__type":"InvalidSignatureException","message":"The request signature does not match."})");
    const auto got = register_now();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().name(), "InvalidSignatureException");
    EXPECT_FALSE(is_terminal(got.error()));
}

TEST_F(Register, TheDefaultClusterIsCreatedWhenMissing) {
    config.cluster = "default";
    server.then(400, R"({"__type":"ClientException","message":"Cluster not found."})");
    server.then(200, R"({"cluster":{"clusterName":"default"}})");
    server.answers.push_back(registered);
    EXPECT_TRUE(register_now());
    EXPECT_THAT(operations(),
                ElementsAre("RegisterContainerInstance", "CreateCluster", "RegisterContainerInstance"));
    EXPECT_EQ(server.requests[1].body, R"({"clusterName":"default"})");
}

TEST_F(Register, AClusterAskedForByNameIsNot) {
    config.cluster = "default";
    config.environment["ECS_CLUSTER"] = "default";
    server.then(400, R"({"__type":"ClientException","message":"Cluster not found."})");
    EXPECT_FALSE(register_now());
    EXPECT_THAT(operations(), ElementsAre("RegisterContainerInstance"));
}

TEST_F(Register, StopEndsTheWaiting) {
    timing.registration.first = std::chrono::hours(1);
    timing.registration_limit = std::chrono::hours(10);
    server.always = [](const http::Request&) { return tests::json_response(400, kThrottled); };
    make();
    std::optional<Result<Registration>> got;
    asio::co_spawn(loop.io, control->register_instance(""),
                   [&](std::exception_ptr, Result<Registration> result) { got = std::move(result); });
    loop.drive([&] { return server.requests.size() == 3; });
    control->stop();
    loop.drive([&] { return got.has_value(); });
    ASSERT_FALSE(*got);
    EXPECT_EQ(got->error().code(), ErrorCode::cancelled);
}

class Submit : public ServiceTest {
  protected:
    std::optional<Status> done;

    static engine::StateChange change() {
        engine::StateChange change;
        change.task = TaskArn("t");
        change.status = engine::ReportedStatus::running;
        return change;
    }
    void start() {
        make();
        asio::co_spawn(loop.io, control->submit(change()),
                       [this](std::exception_ptr, Status status) { done = std::move(status); });
    }
    void finish() {
        loop.drive([this] { return done.has_value(); });
    }
};

TEST_F(Submit, SendsTheChange) {
    server.then(200, R"({"acknowledgment":"x"})");
    start();
    finish();
    EXPECT_TRUE(done->has_value());
    ASSERT_EQ(calls("SubmitTaskStateChange"), 1U);
    EXPECT_EQ(Json::parse(server.requests[0].body)["status"], "RUNNING");
}

TEST_F(Submit, GoesOnThroughAnyErrorUntilItIsTaken) {
    for (int i = 0; i < 10; ++i) server.then(500, "");
    server.then(403, R"({"__type":"AccessDeniedException"})");
    server.then(400, kThrottled);
    server.then(200, "not json");
    server.then(200, "{}");
    start();
    finish();
    EXPECT_TRUE(done->has_value());
    EXPECT_EQ(server.requests.size(), 14U);
}

TEST_F(Submit, AChangeThatIsRefusedForGoodIsAnError) {
    server.then(400, R"({"__type":"InvalidParameterException","message":"no such task"})");
    start();
    finish();
    ASSERT_FALSE(*done);
    EXPECT_EQ(done->error().name(), "InvalidParameterException");
    EXPECT_THAT(done->error().message(), HasSubstr("no such task"));
    EXPECT_EQ(server.requests.size(), 1U);
}

TEST_F(Submit, StopEndsItBetweenTwoTries) {
    timing.submission.first = std::chrono::hours(1);
    server.always = [](const http::Request&) {
        return tests::json_response(400, R"({"__type":"AccessDeniedException"})");
    };
    start();
    loop.drive([&] { return server.requests.size() == 1; });
    control->stop();
    finish();
    ASSERT_FALSE(*done);
    EXPECT_EQ(done->error().code(), ErrorCode::cancelled);
}

TEST_F(Submit, StopEndsItWhileTheServiceIsSilent) {
    // Accepts and never answers.
    unsigned asked = 0;
    auto script = [&](test::tcp::socket& socket, unsigned) -> Async<void> {
        co_await test::read_head(socket);
        ++asked;
        co_await test::read_all(socket);
    };
    const test::RawServer silent(loop, script);
    config.backend_host = silent.url("");
    start();
    loop.drive([&] { return asked == 1; });
    control->stop();
    finish();
    ASSERT_FALSE(*done);
    EXPECT_EQ(done->error().code(), ErrorCode::cancelled);
}

TEST_F(Submit, AfterStopNothingIsSent) {
    make();
    control->stop();
    const auto status = loop.run(control->submit(change()));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), ErrorCode::cancelled);
    EXPECT_TRUE(server.requests.empty());
}

} // namespace
} // namespace berth::control
