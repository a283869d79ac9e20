// Registry credentials: the agent's own logins and how one is chosen.
#include "berth/resources/registry_login.hpp"

#include <gtest/gtest.h>

namespace berth::resources {
namespace {

TEST(EngineAuth, BothFormats) {
    const auto docker =
        parse_engine_auth("docker",
                          R"({"https://registry.example/":{"username":"u","password":"p","email":"e"}})")
            .value();
    EXPECT_EQ(docker.at("registry.example").username, "u");
    const auto cfg =
        parse_engine_auth("dockercfg", R"({"registry.example/team":{"auth":"dXNlcjpwYTpzcw=="}})").value();
    EXPECT_EQ(cfg.at("registry.example/team").password, "pa:ss") << "split at the first colon";
    EXPECT_TRUE(parse_engine_auth("", "").value().empty());
}

TEST(EngineAuth, ErrorsNameTheRegistryButNoSecret) {
    for (const auto& [type, data] :
         {std::pair("docker", R"({"r":{"username":"u","password":7}})"),
          std::pair("dockercfg", R"({"r":{"auth":"c2VjcmV0"}})"), std::pair("docker", R"({"r":"secret"})"),
          std::pair("docker", "secret"), std::pair("other", "{}")}) {
        const auto parsed = parse_engine_auth(type, data);
        ASSERT_FALSE(parsed) << data;
        EXPECT_FALSE(parsed.error().message().contains("secret")) << parsed.error().message();
    }
}

TEST(EngineAuth, LongestPrefixWins) {
    const std::map<std::string, images::RegistryLogin> logins{
        {"registry.example", {.username = "all", .password = "1"}},
        {"registry.example/team", {.username = "team", .password = "2"}},
        {"index.docker.io/v1", {.username = "hub", .password = "3"}}};
    EXPECT_EQ(choose_login(logins, "registry.example/team/app:1").username, "team");
    EXPECT_EQ(choose_login(logins, "registry.example/teamwork/app").username, "all");
    EXPECT_EQ(choose_login(logins, "busybox").username, "hub");
    EXPECT_TRUE(choose_login(logins, "other.example/app").empty());
}

} // namespace
} // namespace berth::resources
