// JSON 1.1 calls against a real HTTP server that plays the service.
#include "berth/aws/aws.hpp"

#include "tests/unit/aws/scripted_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::aws {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

double no_delay() { return 0; }

const AwsCredentials kCredentials{"AKIDEXAMPLE", "wJalrXUtnFEMI", "TOKEN123", std::nullopt};

class JsonCall : public testing::Test {
  protected:
    tests::Loop loop;
    tests::ScriptedServer server{loop};
    http::Client http_client{loop.executor(), {}};
    JsonClient client{loop.executor(), http_client, make_static(kCredentials), service(), no_delay};

    Service service() { return {"ecs", "AmazonEC2ContainerServiceV20141113.", server.url(), "us-west-2"}; }
    Result<Json> call(Json input = Json::object()) {
        return loop.run(client.call("ListClusters", std::move(input), deadline_in(15s)));
    }
    static std::string header(const http::Request& request, const char* name) {
        const auto* value = request.headers.find(name);
        return value ? *value : "";
    }
};

TEST_F(JsonCall, SendsASignedRequestAndReadsTheAnswer) {
    server.then(200, R"({"clusterArns":["a"]})");
    const auto answer = call({{"maxResults", 5}});
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ((*answer)["clusterArns"][0], "a");
    ASSERT_EQ(server.requests.size(), 1U);
    const auto& request = server.requests[0];
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/");
    EXPECT_EQ(request.body, R"({"maxResults":5})");
    EXPECT_EQ(header(request, "Content-Type"), "application/x-amz-json-1.1");
    EXPECT_EQ(header(request, "X-Amz-Target"), "AmazonEC2ContainerServiceV20141113.ListClusters");
    EXPECT_EQ(header(request, "X-Amz-Security-Token"), "TOKEN123");
    const auto secret = [](const std::string& id) {
        return id == "AKIDEXAMPLE" ? std::optional<std::string>("wJalrXUtnFEMI") : std::nullopt;
    };
    const auto verified = verify_request(request, secret, now());
    ASSERT_TRUE(verified) << verified.error().message();
    EXPECT_EQ(verified->service, "ecs");
    EXPECT_EQ(verified->region, "us-west-2");
}

TEST_F(JsonCall, NamesOperationEndpointAndException) {
    server.then(400,
                R"({"__type":"UnrecognizedClientException","message":"The security token is invalid."})");
    const auto answer = call();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().name(), "UnrecognizedClientException");
    EXPECT_EQ(answer.error().code(), ErrorCode::auth);
    EXPECT_EQ(answer.error().message(),
              "ecs ListClusters: " + server.url() +
                  ": UnrecognizedClientException: The security token is invalid. (HTTP 400)");
    EXPECT_EQ(server.requests.size(), 1U);
}

TEST_F(JsonCall, RetriesServerErrorsAndThrottling) {
    server.then(500, "oops");
    server.then(400, R"({"__type":"ThrottlingException"})");
    server.then(200, "{}");
    EXPECT_TRUE(call());
    EXPECT_EQ(server.requests.size(), 3U);
}

TEST_F(JsonCall, GivesUpAfterItsAttempts) {
    const auto answer = loop.run(client.call("ListClusters", Json::object(), deadline_in(15s), 2));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().http_status(), 500U);
    EXPECT_EQ(server.requests.size(), 2U);
}

TEST_F(JsonCall, ReportsAnUnreachableEndpoint) {
    server.stop();
    const auto answer = loop.run(client.call("ListClusters", Json::object(), deadline_in(15s), 1));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::io);
    EXPECT_THAT(answer.error().message(), HasSubstr("ecs ListClusters"));
    EXPECT_THAT(answer.error().message(), Not(HasSubstr("wJalrXUtnFEMI")));
}

TEST_F(JsonCall, AnAnswerThatIsNoJsonIsAProtocolError) {
    server.then(200, "<html>");
    const auto answer = call();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::protocol);
}

// The real server always tells the true date, so this one speaks bytes.
TEST(JsonCallClock, TakesTheServicesClockWhenItsOwnIsWrong) {
    tests::Loop loop;
    std::vector<std::string> heads;
    auto script = [&](test::tcp::socket& socket, unsigned) -> Async<void> {
        auto head = co_await test::read_head(socket);
        const bool first = heads.empty();
        heads.push_back(std::move(head));
        const std::string body =
            first ? R"({"__type":"InvalidSignatureException","message":"expired"})" : "{}";
        auto answer =
            fmt::format("HTTP/1.1 {}\r\nDate: Fri, 02 Jan 2037 03:04:05 GMT\r\nContent-Length: {}\r\n"
                        "Connection: close\r\n\r\n{}",
                        first ? "400 Bad Request" : "200 OK", body.size(), body);
        co_await test::send(socket, std::move(answer));
    };
    const test::RawServer server(loop, script);
    http::Client http_client(loop.executor(), {});
    JsonClient client(loop.executor(), http_client, make_static(kCredentials),
                      {"ecs", "AmazonEC2ContainerServiceV20141113.", server.url(), "us-west-2"});
    for (int i = 0; i < 2; ++i) {
        const auto answer = loop.run(client.call("ListClusters", Json::object(), test::soon()));
        EXPECT_TRUE(answer) << answer.error().message();
    }
    ASSERT_EQ(heads.size(), 3U);
    EXPECT_THAT(heads[0], Not(HasSubstr("20370102T0304")));
    EXPECT_THAT(heads[1], HasSubstr("20370102T0304"));
    EXPECT_THAT(heads[2], HasSubstr("20370102T0304"));
    EXPECT_GT(client.service_time(), *parse_rfc3339("2037-01-02T03:04:04Z"));
}

TEST_F(JsonCall, AWrongKeyIsNotTakenForAWrongClock) {
    server.always = [](const http::Request&) {
        return tests::json_response(400,
                                    R"({"__type":"InvalidSignatureException","message":"does not match"})");
    };
    EXPECT_FALSE(call());
    EXPECT_EQ(server.requests.size(), 1U);
}

} // namespace
} // namespace berth::aws
