// Subnets and the order in which addresses are given out.
#include "agent/network/address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::network {
namespace {

using testing::HasSubstr;

TEST(Address, TextAndBack) {
    EXPECT_EQ(parse_ipv4("172.31.200.1")->str(), "172.31.200.1");
    EXPECT_EQ(parse_ipv4("255.255.255.255")->value, 0xffff'ffffU);
    for (const auto* text : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "::1", "a.b.c.d", " 1.2.3.4"})
        EXPECT_FALSE(parse_ipv4(text)) << text;
}

TEST(Address, MacFollowsFromTheAddress) {
    EXPECT_EQ(mac_of(*parse_ipv4("172.31.200.2")), (Mac{0x02, 0x42, 172, 31, 200, 2}));
}

TEST(Subnet, Parts) {
    const auto subnet = parse_subnet("172.31.200.0/22");
    ASSERT_TRUE(subnet);
    EXPECT_EQ(subnet->gateway().str(), "172.31.200.1");
    EXPECT_EQ(subnet->broadcast().str(), "172.31.203.255");
    EXPECT_EQ(subnet->str(), "172.31.200.0/22");
    EXPECT_TRUE(subnet->contains(*parse_ipv4("172.31.203.7")));
    EXPECT_FALSE(subnet->contains(*parse_ipv4("172.31.204.0")));
}

TEST(Subnet, RefusesWhatItCannotUse) {
    for (const auto* text : {"", "172.31.200.0", "172.31.200.0/", "172.31.200.0/31", "172.31.200.0/7",
                             "172.31.200.0/x", "172.31.200.0/22 ", "fd00::/64"})
        EXPECT_FALSE(parse_subnet(text)) << text;
    EXPECT_THAT(parse_subnet("172.31.201.0/22").error().message(), HasSubstr("172.31.200.0/22"));
}

TEST(AddressPool, GivesEachOnceAndTheFreedOnesLast) {
    AddressPool pool(*parse_subnet("10.0.0.0/29")); // .2 to .6
    std::vector<std::string> given;
    for (int i = 0; i < 5; ++i) given.push_back(pool.take()->str());
    EXPECT_THAT(given, testing::ElementsAre("10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"));
    const auto none = pool.take();
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code(), ErrorCode::no_space);
    EXPECT_THAT(none.error().message(), HasSubstr("10.0.0.0/29"));
    pool.give_back(*parse_ipv4("10.0.0.5"));
    pool.give_back(*parse_ipv4("10.0.0.3"));
    EXPECT_EQ(pool.take()->str(), "10.0.0.3");
    pool.give_back(*parse_ipv4("10.0.0.3"));
    EXPECT_EQ(pool.take()->str(), "10.0.0.5");
    EXPECT_EQ(pool.take()->str(), "10.0.0.3");
}

TEST(AddressPool, TakesWhatAContainerHasAlready) {
    AddressPool pool(*parse_subnet("10.0.0.0/29"));
    EXPECT_TRUE(pool.take(*parse_ipv4("10.0.0.2")));
    EXPECT_EQ(pool.take(*parse_ipv4("10.0.0.2")).error().code(), ErrorCode::exists);
    for (const auto* text : {"10.0.0.0", "10.0.0.1", "10.0.0.7", "10.0.0.8"})
        EXPECT_EQ(pool.take(*parse_ipv4(text)).error().code(), ErrorCode::invalid) << text;
    EXPECT_EQ(pool.take()->str(), "10.0.0.3");
}

} // namespace
} // namespace berth::network
