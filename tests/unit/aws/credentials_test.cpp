// The credential chain, the metadata service and the region, against files and a real HTTP server.
#include "berth/aws/aws.hpp"
#include "berth/aws/imds.hpp"
#include "berth/base/encoding.hpp"
#include "berth/base/files.hpp"

#include "tests/unit/aws/scripted_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

namespace berth::aws {
namespace {

using testing::AllOf;
using testing::HasSubstr;

double no_jitter() { return 0; }

class Metadata : public testing::Test {
  protected:
    fs::path directory = fs::temp_directory_path() / ("berth-aws-" + random_hex(12));
    tests::Loop loop;
    tests::ScriptedServer server{loop};
    http::Client client{loop.executor(), {}};
    config::Config config;
    std::string token = "T1";
    bool tokens_exist = true;
    std::map<std::string, std::string> documents;

    void SetUp() override {
        fs::create_directory(directory);
        config.metadata_endpoint = server.url();
        config.environment["HOME"] = directory;
        server.always = [this](const http::Request& request) { return metadata(request); };
    }
    void TearDown() override { fs::remove_all(directory); }

    http::Response metadata(const http::Request& request) {
        if (request.method == "PUT" && !tokens_exist) return {405, "text/plain", ""};
        if (request.method == "PUT") {
            http::Response response(200, "text/plain", token);
            response.headers.set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "300");
            return response;
        }
        const auto* given = request.headers.find("x-aws-ec2-metadata-token");
        if (tokens_exist && (!given || *given != token)) return {401, "text/plain", ""};
        const auto found = documents.find(request.target);
        if (found == documents.end()) return {404, "text/plain", ""};
        return {200, "text/plain", found->second};
    }
    void add_role(const std::string& expiration) {
        const std::string path = "/latest/meta-data/iam/security-credentials/";
        documents[path] = "worker\nsecond";
        documents[path + "worker"] =
            R"({"Code":"Success","AccessKeyId":"ROLEKEY","SecretAccessKey":"S","Token":"T",)"
            R"("Expiration":")" +
            expiration + "\"}";
    }
    void write(const std::string& name, const std::string& text) {
        fs::create_directories((directory / name).parent_path());
        ASSERT_TRUE(write_file_atomic(directory / name, text, 0600, false));
    }
    Result<AwsCredentials> credentials() {
        chain = make_instance_chain(loop.executor(), client, config, Log());
        return loop.run(chain->get());
    }
    std::shared_ptr<CredentialsProvider> chain;
};

TEST_F(Metadata, EnvironmentComesFirst) {
    config.environment["AWS_ACCESS_KEY_ID"] = "ENVKEY";
    config.environment["AWS_SECRET_ACCESS_KEY"] = "S";
    config.environment["AWS_SESSION_TOKEN"] = "T";
    write(".aws/credentials", "[default]\naws_access_key_id=FILEKEY\naws_secret_access_key=S\n");
    const auto found = credentials();
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ(found->access_key_id, "ENVKEY");
    EXPECT_EQ(found->session_token, "T");
    EXPECT_TRUE(server.requests.empty());
}

TEST_F(Metadata, HalfOfThePairNamesTheMissingHalf) {
    config.environment["AWS_ACCESS_KEY_ID"] = "ENVKEY";
    const auto found = credentials();
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error().message(), HasSubstr("AWS_SECRET_ACCESS_KEY is not set"));
}

TEST_F(Metadata, SharedFileComesNextWithItsProfile) {
    write(".aws/credentials", "[default]\naws_access_key_id=FILEKEY\naws_secret_access_key=S\n"
                              "[p]\naws_access_key_id=PKEY\naws_secret_access_key=S\n");
    EXPECT_EQ(credentials()->access_key_id, "FILEKEY");
    config.environment["AWS_PROFILE"] = "p";
    EXPECT_EQ(credentials()->access_key_id, "PKEY");
    EXPECT_TRUE(server.requests.empty());
}

TEST_F(Metadata, ConfigurationFileNamesItsSectionsDifferently) {
    write("cfg", "[profile p]\naws_access_key_id=CKEY\naws_secret_access_key=S\n");
    config.environment["AWS_CONFIG_FILE"] = directory / "cfg";
    config.environment["AWS_PROFILE"] = "p";
    EXPECT_EQ(credentials()->access_key_id, "CKEY");
}

TEST_F(Metadata, ANamedProfileThatDoesNotExistIsAnError) {
    config.environment["AWS_PROFILE"] = "nobody";
    config.environment["AWS_SHARED_CREDENTIALS_FILE"] = directory / "creds";
    add_role("2099-01-01T00:00:00Z");
    const auto found = credentials();
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error().message(), AllOf(HasSubstr("AWS_PROFILE=nobody"), HasSubstr("creds")));
}

TEST_F(Metadata, InstanceRoleComesLastAndIsCached) {
    add_role("2099-01-01T00:00:00Z");
    const auto found = credentials();
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ(found->access_key_id, "ROLEKEY");
    EXPECT_LE(*found->expiration, now() + std::chrono::hours(1));
    const auto asked = server.requests.size();
    EXPECT_TRUE(loop.run(chain->get()));
    EXPECT_EQ(server.requests.size(), asked);
}

TEST_F(Metadata, CredentialsNearTheirEndAreFetchedAnew) {
    add_role(to_rfc3339(now() + std::chrono::minutes(2), 0));
    EXPECT_TRUE(credentials());
    const auto asked = server.requests.size();
    EXPECT_TRUE(loop.run(chain->get()));
    EXPECT_GT(server.requests.size(), asked);
}

TEST_F(Metadata, CredentialsNearTheirEndServeWhileTheRoleIsGone) {
    add_role(to_rfc3339(now() + std::chrono::minutes(2), 0));
    EXPECT_TRUE(credentials());
    documents.clear();
    EXPECT_EQ(loop.run(chain->get())->access_key_id, "ROLEKEY");
}

TEST_F(Metadata, RoleWithoutSuccessIsAnError) {
    add_role("2099-01-01T00:00:00Z");
    documents["/latest/meta-data/iam/security-credentials/worker"] =
        R"({"Code":"AssumeRoleUnauthorizedAccess"})";
    const auto found = credentials();
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error().message(), HasSubstr("AssumeRoleUnauthorizedAccess"));
}

TEST_F(Metadata, NothingAnywhereSaysWhatToDo) {
    const auto found = credentials();
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error().message(), AllOf(HasSubstr("set AWS_ACCESS_KEY_ID"), HasSubstr("HTTP 404")));
}

TEST_F(Metadata, DisabledMeansNeverAsked) {
    config.metadata_disabled = true;
    EXPECT_FALSE(credentials());
    EXPECT_TRUE(server.requests.empty());
}

TEST_F(Metadata, TokenIsFetchedOnceAndSent) {
    documents["/latest/meta-data/instance-id"] = "i-1";
    Imds imds(client, config, no_jitter);
    EXPECT_EQ(*loop.run(imds.get("/latest/meta-data/instance-id")), "i-1");
    EXPECT_EQ(*loop.run(imds.get("/latest/meta-data/instance-id")), "i-1");
    ASSERT_EQ(server.requests.size(), 3U);
    EXPECT_EQ(server.requests[0].method, "PUT");
    EXPECT_EQ(server.requests[0].target, "/latest/api/token");
    EXPECT_NE(server.requests[0].headers.find("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"), nullptr);
}

TEST_F(Metadata, RefusedTokensMeanVersionOne) {
    tokens_exist = false;
    documents["/latest/meta-data/instance-id"] = "i-1";
    Imds imds(client, config, no_jitter);
    EXPECT_EQ(*loop.run(imds.get("/latest/meta-data/instance-id")), "i-1");
    EXPECT_EQ(*loop.run(imds.get("/latest/meta-data/instance-id")), "i-1");
    EXPECT_EQ(server.requests.size(), 3U) << "the token is asked for only once";
    EXPECT_EQ(server.requests[1].headers.find("x-aws-ec2-metadata-token"), nullptr);
}

TEST_F(Metadata, ATokenThatIsRefusedIsReplacedOnce) {
    documents["/latest/meta-data/instance-id"] = "i-1";
    Imds imds(client, config, no_jitter);
    EXPECT_TRUE(loop.run(imds.get("/latest/meta-data/instance-id")));
    token = "T2";
    EXPECT_TRUE(loop.run(imds.get("/latest/meta-data/instance-id")));
}

TEST_F(Metadata, AServiceThatAnsweredBeforeIsTriedAgain) {
    documents["/latest/meta-data/instance-id"] = "i-1";
    Imds imds(client, config, no_jitter);
    EXPECT_TRUE(loop.run(imds.get("/latest/meta-data/instance-id")));
    server.then(500, "");
    server.then(503, "");
    EXPECT_TRUE(loop.run(imds.get("/latest/meta-data/instance-id")));
}

TEST_F(Metadata, IdentityIsBothPartsOrNothing) {
    documents["/latest/dynamic/instance-identity/document"] = "{\n}";
    Imds imds(client, config, no_jitter);
    EXPECT_EQ(loop.run(instance_identity(&imds, no_jitter, Log())).document, "");
    documents["/latest/dynamic/instance-identity/signature"] = "MIIB";
    const auto identity = loop.run(instance_identity(&imds, no_jitter, Log()));
    EXPECT_EQ(identity.document, "{\n}");
    EXPECT_EQ(identity.signature, "MIIB");
}

TEST_F(Metadata, IdentityOutsideEc2IsOneRefusedProbe) {
    server.stop();
    Imds imds(client, config, no_jitter);
    const auto identity = loop.run(instance_identity(&imds, no_jitter, Log()));
    EXPECT_EQ(identity.document, "");
    EXPECT_FALSE(imds.answered());
}

TEST_F(Metadata, RegionIsConfiguredOrTheInstances) {
    documents["/latest/dynamic/instance-identity/document"] = R"({"region":"eu-west-1"})";
    EXPECT_EQ(*loop.run(find_region(&client, config)), "eu-west-1");
    documents["/latest/dynamic/instance-identity/document"] = R"({"region":7})";
    documents["/latest/meta-data/placement/region"] = "eu-west-2";
    EXPECT_EQ(*loop.run(find_region(&client, config)), "eu-west-2");
    config.region = "us-east-1";
    EXPECT_EQ(*loop.run(find_region(&client, config)), "us-east-1");
}

TEST_F(Metadata, NoRegionAnywhereSaysWhatToSet) {
    config.metadata_disabled = true;
    const auto region = loop.run(find_region(&client, config));
    ASSERT_FALSE(region);
    EXPECT_THAT(region.error().message(),
                AllOf(HasSubstr("set AWS_DEFAULT_REGION"), HasSubstr("AWS_EC2_METADATA_DISABLED")));
}

} // namespace
} // namespace berth::aws
