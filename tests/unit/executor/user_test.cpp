// Docker's User field against passwd and group files.
#include "agent/executor/user.hpp"

#include <gtest/gtest.h>

namespace berth::executor {
namespace {

constexpr std::string_view kPasswd = "root:x:0:0:root:/root:/bin/sh\n"
                                     "broken line\n"
                                     "app:x:1000:1001:App:/home/app:/bin/sh\n"
                                     "nohome:x:1002:1002:::/bin/sh\n";
constexpr std::string_view kGroup =
    "root:x:0:\nstaff:x:50:other,app\nwheel:x:10:app\nappgroup:x:1001:app\nbad:x:y:app\n";

TEST(User, EmptyIsRoot) {
    const auto user = resolve_user("", kPasswd, kGroup).value();
    EXPECT_EQ(user.uid, 0U);
    EXPECT_EQ(user.gid, 0U);
    EXPECT_EQ(user.home, "/root");
}

TEST(User, NameBringsGroupsAndHome) {
    const auto user = resolve_user("app", kPasswd, kGroup).value();
    EXPECT_EQ(user.uid, 1000U);
    EXPECT_EQ(user.gid, 1001U);
    EXPECT_EQ(user.home, "/home/app");
    EXPECT_EQ(user.groups, (std::vector<std::uint32_t>{50, 10}));
}

TEST(User, NumberIsLookedUpButNeedNotExist) {
    EXPECT_EQ(resolve_user("1000", kPasswd, kGroup).value().gid, 1001U);
    const auto unknown = resolve_user("4711", kPasswd, kGroup).value();
    EXPECT_EQ(unknown.uid, 4711U);
    EXPECT_EQ(unknown.gid, 0U);
    EXPECT_EQ(unknown.home, "/");
    EXPECT_EQ(resolve_user("nohome", kPasswd, kGroup).value().home, "/");
}

TEST(User, GroupReplacesSupplementaryOnes) {
    const auto user = resolve_user("app:wheel", kPasswd, kGroup).value();
    EXPECT_EQ(user.gid, 10U);
    EXPECT_TRUE(user.groups.empty());
    EXPECT_EQ(resolve_user("5:6", "", "").value().gid, 6U);
}

TEST(User, UnknownNamesAreErrorsThatNameThem) {
    EXPECT_EQ(resolve_user("nobody", kPasswd, kGroup).error().message(),
              "user \"nobody\" is not in the image's /etc/passwd");
    EXPECT_EQ(resolve_user("app:nogroup", kPasswd, kGroup).error().message(),
              "group \"nogroup\" is not in the image's /etc/group");
    EXPECT_FALSE(resolve_user("99999999999", kPasswd, kGroup));
    EXPECT_FALSE(resolve_user("-1", kPasswd, kGroup));
    EXPECT_FALSE(resolve_group("bad", kGroup));
}

} // namespace
} // namespace berth::executor
