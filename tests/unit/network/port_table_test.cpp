// Reserving ports: static, dynamic, taken, adopted.
#include "agent/network/port_table.hpp"
#include "tests/unit/network/peers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::network {
namespace {

using test::can_bind;
using testing::AllOf;
using testing::HasSubstr;

const ContainerId kOne("1111"), kTwo("2222");

std::vector<PortMapping> ports(std::initializer_list<PortMapping> list) { return list; }

TEST(PortTable, HoldsWhatItHasGivenUntilReleased) {
    PortTable table({40000, 40009});
    const auto bindings = table.reserve(kOne, ports({{80, 8080, Protocol::tcp}, {53, 0, Protocol::udp}}));
    ASSERT_TRUE(bindings);
    EXPECT_EQ((*bindings)[0].host_port, 8080);
    EXPECT_EQ((*bindings)[0].container_port, 80);
    EXPECT_EQ((*bindings)[1].host_port, 40000);
    EXPECT_EQ((*bindings)[1].protocol, Protocol::udp);
    EXPECT_FALSE(can_bind(8080));
    EXPECT_FALSE(can_bind(40000, Protocol::udp));
    EXPECT_TRUE(can_bind(40000, Protocol::tcp));
    table.release(kOne);
    EXPECT_TRUE(can_bind(8080));
    EXPECT_TRUE(can_bind(40000, Protocol::udp));
}

TEST(PortTable, SaysWhoHasThePort) {
    PortTable table({40000, 40009});
    ASSERT_TRUE(table.reserve(kOne, ports({{80, 8080, Protocol::tcp}})));
    const auto ours = table.reserve(kTwo, ports({{81, 8081, Protocol::tcp}, {80, 8080, Protocol::tcp}}));
    EXPECT_THAT(ours.error().message(), AllOf(HasSubstr("8080/tcp"), HasSubstr("1111")));
    EXPECT_TRUE(can_bind(8081)) << "all or none";

    const auto listener = test::listen_on("0.0.0.0", 9090);
    const auto foreign = table.reserve(kTwo, ports({{80, 9090, Protocol::tcp}}));
    EXPECT_EQ(foreign.error().code(), ErrorCode::exists);
    EXPECT_THAT(foreign.error().message(), AllOf(HasSubstr("9090/tcp"), HasSubstr("another program")));
    EXPECT_TRUE(table.reserve(kTwo, ports({{80, 9090, Protocol::udp}}))) << "the protocols do not mix";
}

TEST(PortTable, ConnectionsInTimeWaitAreNoObstacle) {
    auto listener = test::listen_on("127.0.0.1", 9191);
    auto client = test::connect_to("127.0.0.1", 9191);
    test::accept_from(listener).fd.reset(); // the server closes first: TIME_WAIT is on its side
    EXPECT_EQ(test::hear(client), "");
    client.reset();
    listener.reset();
    PortTable table({40000, 40009});
    EXPECT_TRUE(table.reserve(kOne, ports({{80, 9191, Protocol::tcp}})));
}

TEST(PortTable, DynamicPortsGoRoundAndSkipWhatIsTaken) {
    PortTable table({40000, 40002});
    const auto taken = test::listen_on("0.0.0.0", 40001);
    const PortMapping any{80, 0, Protocol::tcp};
    EXPECT_EQ(table.reserve(kOne, ports({any}))->front().host_port, 40000);
    EXPECT_EQ(table.reserve(kTwo, ports({any}))->front().host_port, 40002);
    const auto none = table.reserve(ContainerId("3333"), ports({any}));
    EXPECT_EQ(none.error().code(), ErrorCode::no_space);
    EXPECT_THAT(none.error().message(), HasSubstr("40000-40002"));
    table.release(kTwo);
    EXPECT_EQ(table.reserve(ContainerId("3333"), ports({any}))->front().host_port, 40002);
}

TEST(PortTable, AdoptsEvenWhatSomebodyGotHoldOf) {
    PortTable table({40000, 40009});
    PortBinding binding;
    binding.container_port = 80;
    binding.host_port = 8080;
    EXPECT_TRUE(table.adopt(kOne, std::vector{binding}));
    EXPECT_FALSE(can_bind(8080));
    const auto listener = test::listen_on("0.0.0.0", 9090);
    binding.host_port = 9090;
    EXPECT_FALSE(table.adopt(kTwo, std::vector{binding}));
    EXPECT_THAT(table.reserve(kOne, ports({{80, 9090, Protocol::tcp}})).error().message(), HasSubstr("2222"));
}

TEST(PortTable, KernelRange) {
    const auto range = local_port_range();
    EXPECT_GT(range.first, 1023);
    EXPECT_LT(range.first, range.last);
}

} // namespace
} // namespace berth::network
