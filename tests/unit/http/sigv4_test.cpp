// SigV4 against published vectors, against vectors of two AWS SDKs for the agent's websockets, and against
// itself.
#include "berth/base/sha256.hpp"
#include "berth/base/sigv4.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

const AwsCredentials kKey{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", {}};
const AwsCredentials kTemporary{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "TOKEN123", {}};

Time at(const char* text) { return parse_rfc3339(text).value(); }

std::string signature_in(const http::Headers& headers) {
    const std::string text = *headers.find("Authorization");
    return text.substr(text.find("Signature=") + 10);
}

std::optional<std::string> secret_of(const std::string& id) {
    if (id == kKey.access_key_id) return kKey.secret_access_key;
    return std::nullopt;
}

// The cases of AWS's SigV4 test suite: 2015-08-30T12:36:00Z, us-east-1, service "service".
struct Vector {
    const char* name;
    const char* method;
    const char* target;
    http::Headers more;
    const char* body;
    const char* signature;
};

class Published : public testing::TestWithParam<Vector> {};

TEST_P(Published, IsSignedAlike) {
    const Vector& v = GetParam();
    http::Request request(v.method, v.target);
    request.body = v.body;
    request.headers = v.more;
    request.headers.add("Host", "example.amazonaws.com");
    sign_request(request, kKey, {"us-east-1", "service", at("2015-08-30T12:36:00Z")});
    EXPECT_EQ(signature_in(request.headers), v.signature);
    const auto verified = verify_request(request, secret_of, at("2015-08-30T12:40:00Z"));
    ASSERT_TRUE(verified) << verified.error().message();
    EXPECT_EQ(verified->region, "us-east-1");
    EXPECT_EQ(verified->service, "service");
}

INSTANTIATE_TEST_SUITE_P(
    Suite, Published,
    testing::Values(Vector{"get_vanilla",
                           "GET",
                           "/",
                           {},
                           "",
                           "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
                    Vector{"post_vanilla",
                           "POST",
                           "/",
                           {},
                           "",
                           "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
                    Vector{"get_vanilla_query_order_key_case",
                           "GET",
                           "/?Param2=value2&Param1=value1",
                           {},
                           "",
                           "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
                    Vector{"get_vanilla_empty_query_key",
                           "GET",
                           "/?Param1=value1",
                           {},
                           "",
                           "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
                    Vector{
                        "get_vanilla_query_unreserved",
                        "GET",
                        "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                        {},
                        "",
                        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
                    Vector{"get_vanilla_utf8_query",
                           "GET",
                           "/?%E1%88%B4=bar",
                           {},
                           "",
                           "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
                    Vector{"get_slash_dot_slash",
                           "GET",
                           "/./",
                           {},
                           "",
                           "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
                    Vector{"get_relative",
                           "GET",
                           "/example/..",
                           {},
                           "",
                           "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
                    Vector{"get_slashes",
                           "GET",
                           "//example//",
                           {},
                           "",
                           "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
                    Vector{"get_utf8",
                           "GET",
                           "/\xe1\x88\xb4",
                           {},
                           "",
                           "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
                    Vector{"get_header_value_trim",
                           "GET",
                           "/",
                           {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
                           "",
                           "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
                    Vector{"get_header_key_duplicate",
                           "GET",
                           "/",
                           {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
                           "",
                           "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
                    Vector{"post_header_key_case",
                           "POST",
                           "/",
                           {{"My-Header1", "VALUE1"}},
                           "",
                           "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
                    Vector{"post_x_www_form_urlencoded",
                           "POST",
                           "/",
                           {{"Content-Type", "application/x-www-form-urlencoded"}},
                           "Param1=value1",
                           "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"}),
    [](const auto& info) { return std::string(info.param.name); });

const char* kInstance = "arn:aws:ecs:us-west-2:111122223333:container-instance/prod/0123456789abcdef";
const char* kTime = "2026-01-02T03:04:05Z";

http::Url acs_url(const std::string& space) {
    return http::parse_url(
               fmt::format("wss://ecs-a-1.us-west-2.amazonaws.com/ws?agentHash=abcdef12&agentVersion="
                           "1.105.1&clusterArn=prod&containerInstanceArn={}&dockerVersion="
                           "DockerVersion:{}25.0.3&protocolVersion=2&sendCredentials=true&seqNum=1",
                           kInstance, space))
        .value();
}

TEST(SigV4, SignsTheAcsUpgrade) {
    for (const char* space : {"+", "%20"}) {
        const auto headers = sign_websocket(acs_url(space), "", kTemporary, {"us-west-2", "ecs", at(kTime)});
        EXPECT_EQ(signature_in(headers), "9ae90e2402413d8ee69d37154ecbf7680a0801b8ef76eedd812466efd37c5428");
        EXPECT_EQ(headers.begin()->name, "Host");
        EXPECT_EQ(*headers.find("X-Amz-Security-Token"), "TOKEN123");
        EXPECT_EQ(*headers.find("X-Amz-Date"), "20260102T030405Z");
        EXPECT_NE(headers.find("Authorization")->find("SignedHeaders=host;x-amz-date;x-amz-security-token,"),
                  std::string::npos);
    }
}

TEST(SigV4, SignsTheTcsFrame) {
    const auto url = http::parse_url(fmt::format(
        "wss://ecs-t-1.us-west-2.amazonaws.com/ws?agentHash=abcdef12&agentVersion=1.105.1&cluster=prod&"
        "containerInstance={}&dockerVersion=25.0.3",
        kInstance));
    const auto headers = sign_websocket(
        *url,
        R"({"type":"PublishMetricsRequest","message":{"metadata":{"cluster":"prod","fin":true,"idle":true}}})",
        kTemporary, {"us-west-2", "ecs", at(kTime)});
    EXPECT_EQ(signature_in(headers), "c7c88a7427f82a3e9dfb3527096e357396c22872eec86fda320cdcf9757085c1");
}

TEST(SigV4, VerifiesAnUpgradeWithPlusForSpace) {
    const auto url = acs_url("+");
    http::Request request("GET", url.target);
    request.headers = sign_websocket(url, "", kTemporary, {"us-west-2", "ecs", at(kTime)});
    EXPECT_FALSE(verify_request(request, secret_of, at(kTime))) << "a plus means itself in ordinary requests";
    request.headers.add("Upgrade", "websocket");
    const auto verified = verify_request(request, secret_of, at(kTime));
    ASSERT_TRUE(verified) << verified.error().message();
    EXPECT_EQ(verified->access_key_id, "AKIDEXAMPLE");
}

// As botocore sends it: the headers named in SignedHeaders are not all headers.
http::Request aws_cli_request() {
    http::Request request("POST", "/");
    request.body = R"({"clusterName": "default"})";
    request.headers = {{"Host", "127.0.0.1:8080"},
                       {"X-Amz-Target", "AmazonEC2ContainerServiceV20141113.CreateCluster"},
                       {"Content-Type", "application/x-amz-json-1.1"}};
    sign_request(request, kKey, {"us-east-1", "ecs", at(kTime)});
    request.headers.add("Accept-Encoding", "identity");
    request.headers.add("User-Agent", "aws-cli/2.9.19 Python/3.11.2");
    request.headers.add("Content-Length", "26");
    return request;
}

struct Refused {
    const char* name;
    const char* error;
    void (*change)(http::Request& request);
};

void edit_authorization(http::Request& request, const std::string& from, const std::string& to) {
    std::string text = *request.headers.find("Authorization");
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    request.headers.set("Authorization", text.replace(at, from.size(), to));
}

class Refusals : public testing::TestWithParam<Refused> {};

TEST_P(Refusals, HaveTheNameThatAwsGivesThem) {
    http::Request request = aws_cli_request();
    ASSERT_TRUE(verify_request(request, secret_of, at(kTime)));
    GetParam().change(request);
    const auto verified = verify_request(request, secret_of, at(kTime));
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().name(), GetParam().error) << verified.error().message();
    EXPECT_EQ(verified.error().code(), ErrorCode::auth);
}

constexpr const char* kMissing = "MissingAuthenticationTokenException";
constexpr const char* kIncomplete = "IncompleteSignatureException";
constexpr const char* kInvalid = "InvalidSignatureException";

INSTANTIATE_TEST_SUITE_P(
    SigV4, Refusals,
    testing::Values(
        Refused{"no_header", kMissing, [](http::Request& r) { r.headers.erase("Authorization"); }},
        Refused{"two_headers", kIncomplete, [](http::Request& r) { r.headers.add("Authorization", "x"); }},
        Refused{"basic", kIncomplete, [](http::Request& r) { r.headers.set("Authorization", "Basic eDp5"); }},
        Refused{"other_algorithm", kIncomplete,
                [](http::Request& r) { edit_authorization(r, "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256X "); }},
        Refused{"no_signature", kIncomplete,
                [](http::Request& r) { edit_authorization(r, "Signature=", "S="); }},
        Refused{"no_credential", kIncomplete,
                [](http::Request& r) { edit_authorization(r, "Credential=", "C="); }},
        Refused{"short_scope", kIncomplete,
                [](http::Request& r) { edit_authorization(r, "/aws4_request", ""); }},
        Refused{"long_scope", kIncomplete,
                [](http::Request& r) { edit_authorization(r, "/aws4_request", "/a/b/c/d/aws4_request"); }},
        Refused{"empty_region", kIncomplete,
                [](http::Request& r) { edit_authorization(r, "us-east-1", ""); }},
        Refused{"given_twice", kIncomplete,
                [](http::Request& r) { edit_authorization(r, "Signature=", "Signature=a, Signature="); }},
        Refused{"no_date", kIncomplete, [](http::Request& r) { r.headers.erase("X-Amz-Date"); }},
        Refused{"bad_date", kIncomplete,
                [](http::Request& r) { r.headers.set("X-Amz-Date", "2026-01-02T03:04"); }},
        Refused{"unknown_key", "UnrecognizedClientException",
                [](http::Request& r) { edit_authorization(r, "AKIDEXAMPLE", "AKIDOTHER"); }},
        Refused{"other_day", kInvalid,
                [](http::Request& r) { edit_authorization(r, "20260102", "20260103"); }},
        Refused{"other_region", kInvalid,
                [](http::Request& r) { edit_authorization(r, "us-east-1", "us-east-2"); }},
        Refused{"other_body", kInvalid, [](http::Request& r) { r.body += " "; }},
        Refused{"other_target", kInvalid, [](http::Request& r) { r.target = "/?a"; }},
        Refused{"other_method", kInvalid, [](http::Request& r) { r.method = "PUT"; }},
        Refused{"other_operation", kInvalid,
                [](http::Request& r) { r.headers.set("X-Amz-Target", "X.DeleteCluster"); }},
        Refused{"operation_twice", kInvalid,
                [](http::Request& r) { r.headers.add("X-Amz-Target", "X.DeleteCluster"); }},
        Refused{"header_taken_away", kInvalid, [](http::Request& r) { r.headers.erase("Content-Type"); }},
        Refused{"operation_not_signed", kInvalid,
                [](http::Request& r) { edit_authorization(r, ";x-amz-target", ""); }},
        Refused{"host_not_signed", kInvalid, [](http::Request& r) { edit_authorization(r, "host;", ""); }},
        Refused{"short_signature", kInvalid,
                [](http::Request& r) {
                    std::string text = *r.headers.find("Authorization");
                    text.pop_back();
                    r.headers.set("Authorization", text);
                }},
        Refused{"wrong_hash", kInvalid,
                [](http::Request& r) { r.headers.add("X-Amz-Content-Sha256", sha256_hex("other")); }}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(SigV4, RefusesOldAndFutureRequests) {
    const http::Request request = aws_cli_request();
    EXPECT_TRUE(verify_request(request, secret_of, at(kTime) + std::chrono::minutes(15)));
    EXPECT_TRUE(verify_request(request, secret_of, at(kTime) - std::chrono::minutes(15)));
    EXPECT_FALSE(verify_request(request, secret_of, at(kTime) + std::chrono::seconds(901)));
    EXPECT_FALSE(verify_request(request, secret_of, at(kTime) - std::chrono::seconds(901)));
}

TEST(SigV4, PayloadHashMustMatchUnlessUnsigned) {
    http::Request request("PUT", "/bucket/key%20with%20space");
    request.headers = {{"Host", "s3.us-east-1.amazonaws.com"}};
    request.body = "hello";
    sign_request(request, kKey, {"us-east-1", "s3", at(kTime)});
    EXPECT_EQ(*request.headers.find("X-Amz-Content-Sha256"), sha256_hex("hello"));
    EXPECT_TRUE(verify_request(request, secret_of, at(kTime)));
    request.body = "other";
    EXPECT_FALSE(verify_request(request, secret_of, at(kTime)));

    http::Request loose("PUT", "/bucket/key");
    loose.headers = {{"Host", "s3.us-east-1.amazonaws.com"}, {"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"}};
    sign_request(loose, kKey, {"us-east-1", "s3", at(kTime)});
    loose.body = "anything";
    EXPECT_TRUE(verify_request(loose, secret_of, at(kTime)));
}

TEST(SigV4, AClaimedHashIsNotBelievedAlthoughItIsSigned) {
    http::Request request("PUT", "/");
    request.headers = {{"Host", "h"}, {"X-Amz-Content-Sha256", sha256_hex("claimed")}};
    request.body = "sent";
    sign_request(request, kKey, {"us-east-1", "ecs", at(kTime)});
    const auto verified = verify_request(request, secret_of, at(kTime));
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().message(), "X-Amz-Content-Sha256 does not match the body");
}

// The signature stays right when somebody on the way adds a header that it does not cover.
TEST(SigV4, WhatDecidesAboutTheMeaningMustBeSigned) {
    http::Request request("POST", "/");
    request.headers = {{"Host", "h"}};
    sign_request(request, kKey, {"us-east-1", "ecs", at(kTime)});
    request.headers.add("X-Other", "harmless");
    EXPECT_TRUE(verify_request(request, secret_of, at(kTime)));
    request.headers.add("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.DeleteCluster");
    const auto verified = verify_request(request, secret_of, at(kTime));
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().name(), "InvalidSignatureException");
    EXPECT_EQ(verified.error().message(), "'X-Amz-Target' must be one of the SignedHeaders");
}

TEST(SigV4, SigningAgainReplacesTheOldSignature) {
    http::Request request("GET", "/");
    request.headers = {{"Host", "h"}};
    sign_request(request, kTemporary, {"r", "s", at("2026-01-01T00:00:00Z")});
    sign_request(request, kTemporary, {"r", "s", at(kTime)});
    EXPECT_EQ(request.headers.all("Authorization").size(), 1U);
    EXPECT_TRUE(verify_request(request, secret_of, at(kTime)));
}

} // namespace
} // namespace berth
