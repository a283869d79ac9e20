// Challenges of registries and of servers that are none.
#include "agent/images/www_authenticate.hpp"

#include <gtest/gtest.h>

namespace berth::images {
namespace {

TEST(WwwAuthenticate, BearerWithItsParameters) {
    const auto all = parse_challenges(
        R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/x:pull,push")");
    ASSERT_TRUE(all) << all.error().message();
    ASSERT_EQ(all->size(), 1U);
    EXPECT_EQ((*all)[0].scheme, "bearer");
    EXPECT_EQ((*all)[0].parameter("realm"), "https://auth.docker.io/token");
    EXPECT_EQ((*all)[0].parameter("service"), "registry.docker.io");
    EXPECT_EQ((*all)[0].parameter("scope"), "repository:library/x:pull,push");
    EXPECT_EQ((*all)[0].parameter("error"), "");
}

TEST(WwwAuthenticate, SeveralInOneHeader) {
    const auto all = parse_challenges(
        R"(Basic realm="a \"quoted\" name" , , Negotiate, BEARER Realm = token , Service="s")");
    ASSERT_TRUE(all) << all.error().message();
    ASSERT_EQ(all->size(), 3U);
    EXPECT_EQ((*all)[0].scheme, "basic");
    EXPECT_EQ((*all)[0].parameter("realm"), "a \"quoted\" name");
    EXPECT_EQ((*all)[1].scheme, "negotiate");
    EXPECT_EQ((*all)[2].scheme, "bearer");
    EXPECT_EQ((*all)[2].parameter("realm"), "token");
    EXPECT_EQ((*all)[2].parameter("service"), "s");
}

TEST(WwwAuthenticate, CredentialsInOneWordAreSkipped) {
    const auto all = parse_challenges("Negotiate abc/def==, Basic realm=x");
    ASSERT_TRUE(all) << all.error().message();
    ASSERT_EQ(all->size(), 2U);
    EXPECT_EQ((*all)[1].parameter("realm"), "x");
}

TEST(WwwAuthenticate, NothingIsNoChallenge) {
    EXPECT_TRUE(parse_challenges("")->empty());
    EXPECT_TRUE(parse_challenges(" , ,")->empty());
}

TEST(WwwAuthenticate, MalformedOnesAreErrors) {
    for (const auto* text : {"Bearer realm=\"open", "Bearer realm=\"open\\",
                             "\"Bearer\"", "=x", "Bearer\x01"}) {
        const auto all = parse_challenges(text);
        ASSERT_FALSE(all) << text;
        EXPECT_EQ(all.error().code(), ErrorCode::protocol) << text;
    }
    EXPECT_EQ(parse_challenges(std::string(9000, 'a')).error().code(), ErrorCode::limit);
}

} // namespace
} // namespace berth::images
