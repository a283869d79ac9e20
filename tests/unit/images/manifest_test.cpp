// Manifests, indexes and configs: real shapes, and shapes that must be refused.
#include "berth/base/encoding.hpp"

#include "agent/images/ecr_login.hpp"
#include "agent/images/manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::images {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string digest(char c) { return "sha256:" + std::string(64, c); }

std::string layer(const std::string& type, char c = 'b') {
    return R"({"mediaType":")" + type + R"(","size":7,"digest":")" + digest(c) + R"("})";
}

std::string manifest(const std::string& layers, const std::string& more = "") {
    return R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":3,"digest":")" +
           digest('c') + R"("},"layers":[)" + layers + "]" + more + "}";
}

std::string error_of(const std::string& text, const std::string& type = "") {
    const auto document = parse_manifest(text, type);
    return document ? "accepted" : document.error().message();
}

TEST(Manifest, OfDockerAndOciIsRead) {
    for (const auto* type :
         {"application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.oci.image.layer.v1.tar+gzip",
          "application/vnd.oci.image.layer.v1.tar+zstd", "application/vnd.oci.image.layer.v1.tar",
          "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
          "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"}) {
        const auto document = parse_manifest(
            manifest(layer(type) + "," + layer(type, 'd'), R"(,"annotations":{"a":"b"},"unknown":[1])"), "");
        ASSERT_TRUE(document) << document.error().message();
        const auto& read = std::get<Manifest>(*document);
        EXPECT_EQ(read.config.digest.str(), digest('c'));
        ASSERT_EQ(read.layers.size(), 2U);
        EXPECT_EQ(read.layers[0].digest.str(), digest('b'));
        EXPECT_EQ(read.layers[0].size, 7U);
    }
}

TEST(Manifest, WithoutLayersIsAnImageToo) {
    const auto document = parse_manifest(manifest(""), "");
    ASSERT_TRUE(document) << document.error().message();
    EXPECT_TRUE(std::get<Manifest>(*document).layers.empty());
}

TEST(Manifest, OfSchema1IsRefusedWithAdvice) {
    EXPECT_THAT(error_of(R"({"schemaVersion":1,"fsLayers":[]})"), HasSubstr("retired schema 1 format"));
    EXPECT_THAT(error_of("{}", "application/vnd.docker.distribution.manifest.v1+prettyjws"),
                HasSubstr("retired schema 1 format"));
}

TEST(Manifest, ThatIsDamagedIsRefused) {
    EXPECT_THAT(error_of("["), HasSubstr("manifest"));
    EXPECT_THAT(error_of("[]"), HasSubstr("expected a JSON object"));
    EXPECT_THAT(error_of("{}", "text/html"), HasSubstr("\"text/html\" is not an image"));
    EXPECT_THAT(error_of(R"({"layers":[]})"), HasSubstr("config: missing"));
    EXPECT_THAT(error_of(R"({"layers":{},"config":{}})"), HasSubstr("layers"));
    EXPECT_THAT(error_of(manifest(R"({"mediaType":"x"})")), HasSubstr("layers[0].digest"));
    EXPECT_THAT(error_of(manifest("7")), HasSubstr("layers[0]: expected an object"));
    EXPECT_THAT(error_of(manifest(R"({"digest":"sha512:ab","size":1})")), HasSubstr("not a sha256 digest"));
    EXPECT_THAT(error_of(manifest(R"({"digest":")" + digest('a') + R"(","size":-1})")),
                HasSubstr("layers[0].size: -1"));
    EXPECT_THAT(error_of(manifest(layer("application/vnd.oci.image.layer.v1.tar+gzip+encrypted"))),
                HasSubstr("+encrypted"));
    EXPECT_THAT(error_of(manifest("", R"(,"manifests":[])")), HasSubstr("both layers and manifests"));
    std::string many;
    for (int i = 0; i < 501; ++i)
        many += (i > 0 ? "," : "") + layer("application/vnd.oci.image.layer.v1.tar");
    EXPECT_THAT(error_of(manifest(many)), HasSubstr("501 entries are more than 500"));
}

std::string entry(char c, const std::string& platform) {
    return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":9,"digest":")" + digest(c) +
           R"(","platform":)" + platform + "}";
}

Result<Descriptor> choose(const std::vector<std::string>& entries, const Platform& machine) {
    std::string list;
    for (const auto& one : entries) list += (list.empty() ? "" : ",") + one;
    const auto document = parse_manifest(R"({"schemaVersion":2,"manifests":[)" + list + "]}", "");
    if (!document) return std::unexpected(document.error());
    return choose_platform(std::get<Index>(*document), machine);
}

TEST(Index, GivesTheManifestForTheMachine) {
    const std::vector<std::string> entries = {
        entry('0', R"({"os":"unknown","architecture":"unknown"})"),
        entry('1', R"({"os":"windows","architecture":"amd64"})"),
        entry('2', R"({"os":"linux","architecture":"arm","variant":"v6"})"),
        entry('3', R"({"os":"linux","architecture":"arm","variant":"v7"})"),
        entry('4', R"({"os":"linux","architecture":"arm64","variant":"v8"})"),
        entry('5', R"({"os":"linux","architecture":"amd64","variant":"v3"})"),
        entry('6', R"({"os":"linux","architecture":"amd64"})"),
        entry('7', R"({"os":"linux","architecture":"amd64"})"),
    };
    const Platform amd64{.os = "linux", .architecture = "amd64", .variant = ""};
    EXPECT_EQ(choose(entries, amd64)->digest.str(), digest('6')); // the first of equals, no newer variant
    const Platform arm64{.os = "linux", .architecture = "arm64", .variant = "v8"};
    EXPECT_EQ(choose(entries, arm64)->digest.str(), digest('4'));
    const Platform armv7{.os = "linux", .architecture = "arm", .variant = "v7"};
    EXPECT_EQ(choose(entries, armv7)->digest.str(), digest('3'));
    const Platform armv6{.os = "linux", .architecture = "arm", .variant = "v6"};
    EXPECT_EQ(choose(entries, armv6)->digest.str(), digest('2'));
    const Platform ppc{.os = "linux", .architecture = "ppc64le", .variant = ""};
    const auto none = choose(entries, ppc);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code(), ErrorCode::not_found);
    EXPECT_THAT(none.error().message(), HasSubstr("linux/ppc64le"));
    EXPECT_THAT(none.error().message(), HasSubstr("linux/arm/v6"));
    EXPECT_THAT(none.error().message(), testing::Not(HasSubstr("unknown")));
}

TEST(Index, WithoutEntriesOffersNothing) {
    EXPECT_THAT(choose({}, this_platform()).error().message(), HasSubstr("only for: nothing"));
}

TEST(Config, IsRead) {
    const auto document = parse_config(R"({"os":"linux","architecture":"amd64","history":[{}],
        "config":{"Entrypoint":["/a","b"],"Cmd":null,"Env":["A=1","B="],"User":"app:staff","WorkingDir":"/w",
                  "StopSignal":"SIGQUIT","Volumes":{"/data":{}},"ExposedPorts":{"80/tcp":{},"53/udp":{}},
                  "Labels":{"k":"v"}},
        "rootfs":{"type":"layers","diff_ids":[")" +
                                       digest('1') + R"(",")" + digest('2') + R"("]}})");
    ASSERT_TRUE(document) << document.error().message();
    EXPECT_THAT(document->config.entrypoint, ElementsAre("/a", "b"));
    EXPECT_TRUE(document->config.command.empty());
    EXPECT_THAT(document->config.environment, ElementsAre("A=1", "B="));
    EXPECT_EQ(document->config.user, "app:staff");
    EXPECT_EQ(document->config.working_dir, "/w");
    EXPECT_EQ(document->config.stop_signal, "SIGQUIT");
    EXPECT_THAT(document->config.volumes, ElementsAre("/data"));
    EXPECT_THAT(document->config.exposed_ports, ElementsAre("53/udp", "80/tcp"));
    EXPECT_EQ(document->config.labels.at("k"), "v");
    ASSERT_EQ(document->diff_ids.size(), 2U);
    EXPECT_EQ(document->diff_ids[1].str(), digest('2'));
}

TEST(Config, NeedsLittle) {
    const auto document = parse_config(R"({"rootfs":{"type":"layers","diff_ids":null}})");
    ASSERT_TRUE(document) << document.error().message();
    EXPECT_TRUE(document->diff_ids.empty());
}

TEST(Config, ThatIsDamagedIsRefusedByName) {
    const auto error = [](const std::string& text) {
        const auto document = parse_config(text);
        return document ? std::string("accepted") : document.error().message();
    };
    EXPECT_THAT(error("nonsense"), HasSubstr("image config"));
    EXPECT_THAT(error("{}"), HasSubstr("rootfs: missing"));
    EXPECT_THAT(error(R"({"os":"windows","rootfs":{}})"), HasSubstr("operating system \"windows\""));
    EXPECT_THAT(error(R"({"rootfs":{"diff_ids":["x"]}})"), HasSubstr("rootfs.diff_ids[0]"));
    EXPECT_THAT(error(R"({"rootfs":{},"config":{"Env":"A=1"}})"), HasSubstr("config.Env"));
    EXPECT_THAT(error(R"({"rootfs":{},"config":{"Volumes":[]}})"), HasSubstr("config.Volumes"));
}

TEST(EcrLogin, IsTakenFromTheAnswer) {
    const Json answer{{"authorizationData",
                       {{{"authorizationToken", base64_encode("AWS:pass:word")},
                         {"expiresAt", 1767323050.5},
                         {"proxyEndpoint", "https://1.dkr.ecr.us-west-2.amazonaws.com"}}}}};
    const auto parsed = parse_ecr_authorization(answer);
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(parsed->login.username, "AWS");
    EXPECT_EQ(parsed->login.password, "pass:word");
    EXPECT_EQ(to_epoch_seconds(parsed->expires_at), 1767323050.5);
    EXPECT_EQ(parsed->endpoint, "https://1.dkr.ecr.us-west-2.amazonaws.com");
}

TEST(EcrLogin, ErrorsNameTheFieldAndNotTheToken) {
    const auto error = [](const char* text) {
        const auto parsed = parse_ecr_authorization(*parse_json(text));
        return parsed ? std::string("accepted") : parsed.error().message();
    };
    EXPECT_THAT(error("[]"), HasSubstr("not a JSON object"));
    EXPECT_THAT(error("{}"), HasSubstr("exactly one entry"));
    EXPECT_THAT(error(R"({"authorizationData":[{},{}]})"), HasSubstr("exactly one entry"));
    EXPECT_THAT(error(R"({"authorizationData":[{"expiresAt":1}]})"), HasSubstr("authorizationToken"));
    const auto wrong = error(R"({"authorizationData":[{"authorizationToken":"c2VjcmV0","expiresAt":1}]})");
    EXPECT_THAT(wrong, HasSubstr("user:password"));
    EXPECT_THAT(wrong, testing::Not(HasSubstr("c2VjcmV0")));
    EXPECT_THAT(error(R"({"authorizationData":[{"authorizationToken":"YTpi"}]})"),
                HasSubstr("expiresAt is missing"));
}

} // namespace
} // namespace berth::images
