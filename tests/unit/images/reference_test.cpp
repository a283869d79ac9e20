// Image references as Docker reads them.
#include "berth/images/images.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::images {
namespace {

const std::string kHex(64, 'a');

struct Case {
    std::string text, registry, repository, tag;
    bool digest = false;
};

TEST(Reference, IsReadLikeDockerReadsIt) {
    const Case cases[] = {
        {"busybox", "docker.io", "library/busybox", "latest"},
        {"busybox:1.36", "docker.io", "library/busybox", "1.36"},
        {"library/busybox", "docker.io", "library/busybox", "latest"},
        {"amazon/amazon-ecs-sample", "docker.io", "amazon/amazon-ecs-sample", "latest"},
        {"docker.io/busybox", "docker.io", "library/busybox", "latest"},
        {"index.docker.io/busybox", "docker.io", "library/busybox", "latest"},
        {"localhost/app", "localhost", "app", "latest"},
        {"localhost:5000/app:v1", "localhost:5000", "app", "v1"},
        {"127.0.0.1:5000/team/app", "127.0.0.1:5000", "team/app", "latest"},
        {"[::1]:5000/app:v2", "[::1]:5000", "app", "v2"},
        {"quay.io/org/team/app:a_b.c-d", "quay.io", "org/team/app", "a_b.c-d"},
        {"111122223333.dkr.ecr.us-west-2.amazonaws.com/app:7", "111122223333.dkr.ecr.us-west-2.amazonaws.com",
         "app", "7"},
        {"public.ecr.aws/docker/library/nginx", "public.ecr.aws", "docker/library/nginx", "latest"},
        {"HOST/app", "HOST", "app", "latest"},
        {"app__x/y---z.w", "docker.io", "app__x/y---z.w", "latest"},
        {"busybox@sha256:" + kHex, "docker.io", "library/busybox", "", true},
        {"quay.io/app:v1@sha256:" + kHex, "quay.io", "app", "v1", true},
    };
    for (const auto& [text, registry, repository, tag, digest] : cases) {
        const auto reference = parse_reference(text);
        ASSERT_TRUE(reference) << text << ": " << reference.error().message();
        EXPECT_EQ(reference->registry, registry) << text;
        EXPECT_EQ(reference->repository, repository) << text;
        EXPECT_EQ(reference->tag, tag) << text;
        EXPECT_EQ(reference->digest.str(), digest ? "sha256:" + kHex : "") << text;
    }
}

TEST(Reference, OfManyWordsForOneImageIsTheSameText) {
    for (const auto* text :
         {"busybox", "busybox:latest", "docker.io/busybox", "index.docker.io/library/busybox:latest"})
        EXPECT_EQ(parse_reference(text)->str(), "docker.io/library/busybox:latest");
    EXPECT_EQ(parse_reference("a.io/b@sha256:" + kHex)->str(), "a.io/b@sha256:" + kHex);
}

TEST(Reference, IsRefusedWhenItIsNone) {
    for (const std::string& text : {std::string(),
                                    std::string(":"),
                                    std::string("app:"),
                                    std::string("App"),
                                    std::string("a.io/App"),
                                    std::string("app@sha256:123"),
                                    std::string("app@md5:") + kHex,
                                    std::string("app@sha256:") + std::string(64, 'A'),
                                    std::string("a//b"),
                                    std::string("/app"),
                                    std::string("app/"),
                                    std::string("-app"),
                                    std::string("a..b"),
                                    std::string("a___b"),
                                    std::string("app:tag with space"),
                                    std::string("app:") + std::string(129, 't'),
                                    std::string("app:.t"),
                                    std::string("host-.com/app"),
                                    std::string("a.io:99999/app"),
                                    std::string("a.io:x/app"),
                                    std::string("[::1/app"),
                                    std::string("app\n"),
                                    std::string("../app"),
                                    kHex,
                                    std::string(300, 'a'),
                                    std::string("https://a.io/app")}) {
        const auto reference = parse_reference(text);
        ASSERT_FALSE(reference) << text << " became " << reference->str();
        EXPECT_EQ(reference.error().code(), ErrorCode::invalid);
        EXPECT_THAT(reference.error().message(), testing::HasSubstr("invalid image reference"));
    }
}

} // namespace
} // namespace berth::images
