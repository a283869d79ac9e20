// The parts of the AWS room that need no socket.
#include "berth/aws/aws.hpp"
#include "berth/aws/backoff.hpp"

#include "agent/aws/service_error.hpp"
#include "agent/aws/shared_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::aws {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

http::Response answer(unsigned status, std::string body, std::string type = "") {
    http::Response response(status, "application/json", std::move(body));
    if (!type.empty()) response.headers.set("x-amzn-errortype", std::move(type));
    return response;
}

TEST(Endpoint, FollowsPartitionAndService) {
    config::Config config;
    EXPECT_EQ(endpoint_for(config, "ecs", "us-west-2"), "https://ecs.us-west-2.amazonaws.com");
    EXPECT_EQ(endpoint_for(config, "ecr", "eu-central-1"), "https://api.ecr.eu-central-1.amazonaws.com");
    EXPECT_EQ(endpoint_for(config, "logs", "cn-north-1"), "https://logs.cn-north-1.amazonaws.com.cn");
    EXPECT_EQ(endpoint_for(config, "ssm", "us-gov-west-1"), "https://ssm.us-gov-west-1.amazonaws.com");
    EXPECT_EQ(endpoint_for(config, "ecs", "us-isob-east-1"), "https://ecs.us-isob-east-1.sc2s.sgov.gov");
    config.use_fips = true;
    EXPECT_EQ(endpoint_for(config, "ecs", "us-west-2"), "https://ecs-fips.us-west-2.amazonaws.com");
    EXPECT_EQ(endpoint_for(config, "ecr", "us-west-2"), "https://ecr-fips.us-west-2.amazonaws.com");
}

TEST(Endpoint, OverridesInOrder) {
    config::Config config;
    config.endpoint_urls[""] = "http://all";
    EXPECT_EQ(endpoint_for(config, "logs", "us-west-2"), "http://all");
    config.endpoint_urls["cloudwatch_logs"] = "http://logs";
    EXPECT_EQ(endpoint_for(config, "logs", "us-west-2"), "http://logs");
    config.endpoint_urls["ecs"] = "http://ecs";
    EXPECT_EQ(endpoint_for(config, "ecs", "us-west-2"), "http://ecs");
    config.backend_host = "http://backend";
    EXPECT_EQ(endpoint_for(config, "ecs", "us-west-2"), "http://backend");
    EXPECT_EQ(endpoint_for(config, "ecr", "us-west-2"), "http://all");
}

TEST(ServiceError, TakesTheCodeFromHeaderOrBodyAndStripsIt) {
    EXPECT_EQ(service_error(answer(400, "{}", "ClientException:http://x/")).name(), "ClientException");
    EXPECT_EQ(service_error(answer(400, R"({"__type":"com.amazonaws.ecs#ServerException"})")).name(),
              "ServerException");
    EXPECT_EQ(service_error(answer(400, R"({"code":"Throttling"})")).name(), "Throttling");
    EXPECT_EQ(service_error(answer(400, R"({"__type":"A"})", "ns#B:http://c#d")).name(), "B");
}

TEST(ServiceError, KeepsTextAndStatus) {
    const auto error =
        service_error(answer(400, R"({"__type":"ClientException","message":"Cluster not found."})"));
    EXPECT_EQ(error.message(), "ClientException: Cluster not found. (HTTP 400)");
    EXPECT_EQ(error.http_status(), 400U);
    EXPECT_EQ(error.code(), ErrorCode::invalid);
    EXPECT_THAT(service_error(answer(400, R"({"Message":"Capital"})")).message(), HasSubstr("Capital"));
}

TEST(ServiceError, SurvivesWhatIsNoAwsError) {
    for (const auto* body : {"", "<html>", "[]", "null", R"({"__type":7,"message":[]})"}) {
        const auto error = service_error(answer(502, body));
        EXPECT_EQ(error.name(), "") << body;
        EXPECT_EQ(error.code(), ErrorCode::unavailable) << body;
    }
    EXPECT_LT(
        service_error(answer(400, R"({"message":")" + std::string(100'000, 'x') + "\"}")).message().size(),
        2000U);
}

TEST(ServiceError, ClassifiesForCallers) {
    const auto code = [](unsigned status, const std::string& name) {
        return service_error(answer(status, R"({"__type":")" + name + "\"}")).code();
    };
    EXPECT_EQ(code(400, "ThrottlingException"), ErrorCode::unavailable);
    EXPECT_EQ(code(400, "UnrecognizedClientException"), ErrorCode::auth);
    EXPECT_EQ(code(400, "AccessDeniedException"), ErrorCode::permission);
    EXPECT_EQ(code(400, "ResourceNotFoundException"), ErrorCode::not_found);
    EXPECT_EQ(code(400, "ResourceAlreadyExistsException"), ErrorCode::exists);
    EXPECT_EQ(code(400, "ClientException"), ErrorCode::invalid);
}

TEST(Retry, OnlyWhatMayPass) {
    const auto retryable = [](unsigned status, const std::string& name) {
        return is_retryable(service_error(answer(status, R"({"__type":")" + name + "\"}")));
    };
    EXPECT_TRUE(retryable(400, "ThrottlingException"));
    EXPECT_TRUE(retryable(400, "RequestTimeout"));
    EXPECT_TRUE(retryable(503, ""));
    EXPECT_FALSE(retryable(501, ""));
    EXPECT_FALSE(retryable(400, "InvalidParameterException"));
    EXPECT_TRUE(is_retryable(Error(ErrorCode::io, "refused")));
    EXPECT_TRUE(is_retryable(Error(ErrorCode::timeout, "late")));
    EXPECT_FALSE(is_retryable(Error(ErrorCode::protocol, "nonsense")));
}

TEST(Retry, DelayGrowsToItsCap) {
    EXPECT_EQ(retry_delay(1, 0), 0s);
    EXPECT_EQ(retry_delay(1, 0.5), 1s);
    EXPECT_EQ(retry_delay(3, 0.5), 4s);
    EXPECT_EQ(retry_delay(30, 0.5), 20s);
}

TEST(Retry, QuotaRunsOutAndComesBack) {
    RetryQuota quota;
    const Error refused(ErrorCode::io, "refused");
    for (int i = 0; i < 100; ++i) EXPECT_EQ(quota.take(refused), 5);
    EXPECT_EQ(quota.take(refused), 0);
    quota.give_back(5);
    EXPECT_EQ(quota.take(Error(ErrorCode::timeout, "late")), 0)
        << "a retry after a time-out costs twice as much";
    EXPECT_EQ(quota.take(refused), 5);
}

TEST(Backoff, GrowsToItsMaximumWithJitterOnTopAndResets) {
    double jitter = 0;
    Backoff backoff({100ms, 2, 300ms, 0.2}, [&] { return jitter; });
    EXPECT_EQ(backoff.next(), 100ms);
    EXPECT_EQ(backoff.next(), 200ms);
    EXPECT_EQ(backoff.next(), 300ms);
    jitter = 0.5;
    EXPECT_EQ(backoff.next(), 330ms);
    backoff.reset();
    EXPECT_EQ(backoff.next(), 110ms);
}

TEST(Backoff, SystemRandomStaysInItsRange) {
    const auto random = system_random();
    std::set<double> seen;
    for (int i = 0; i < 100; ++i) {
        const double value = random();
        EXPECT_GE(value, 0);
        EXPECT_LT(value, 1);
        seen.insert(value);
    }
    EXPECT_GT(seen.size(), 90U);
}

TEST(HttpDate, ParsesOnlyItsOwnForm) {
    EXPECT_EQ(parse_http_date("Fri, 02 Jan 2026 03:04:05 GMT"), *parse_rfc3339("2026-01-02T03:04:05Z"));
    EXPECT_FALSE(parse_http_date("2026-01-02T03:04:05Z"));
    EXPECT_FALSE(parse_http_date("Fri, 02 Jan 2026 03:04:05 GMT+1"));
}

TEST(Profile, ReadsTheSectionAskedFor) {
    constexpr auto text =
        "# c\n[default]\naws_access_key_id=A\naws_secret_access_key = S\r\n"
        "[other]\naws_access_key_id = B\naws_secret_access_key = T\naws_session_token = U\n";
    auto found = read_profile(text, "default");
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->access_key_id, "A");
    EXPECT_EQ((*found)->secret_access_key, "S");
    EXPECT_EQ((*found)->session_token, "");
    found = read_profile(text, "other");
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->session_token, "U");
}

TEST(Profile, MissingSectionIsNothingHalfAPairIsAnErrorWithoutTheKey) {
    EXPECT_EQ(*read_profile("[a]\nx=y\n", "b"), std::nullopt);
    EXPECT_EQ(*read_profile("[a]\nregion=y\n", "a"), std::nullopt);
    EXPECT_EQ(*read_profile("aws_access_key_id=A\naws_secret_access_key=S\n", ""), std::nullopt);
    const auto half = read_profile("[a]\naws_secret_access_key=hunter2\n", "a");
    ASSERT_FALSE(half);
    EXPECT_EQ(half.error().message(), "[a] has no aws_access_key_id");
}

} // namespace
} // namespace berth::aws
