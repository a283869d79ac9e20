// What is kept and what is removed when the agent starts again, and when an administrator interferes.
#include "berth/network/network.hpp"

#include "agent/network/host_side.hpp"
#include "tests/unit/http/loop.hpp"
#include "tests/unit/network/peers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::network {
namespace {

using namespace test;
using testing::HasSubstr;

const ContainerId kOne(std::string(64, 'a')), kTwo(std::string(64, 'b'));
const NetworkOptions kOptions{.bridge = "test1", .subnet = "10.89.0.0/24", .table = "test1"};

class Recovery : public testing::Test {
  protected:
    Recovery() { restart(); }
    ~Recovery() override { static_cast<void>(loop_.run(network_->tear_down())); }

    // The agent dies without a word, and comes back.
    void restart() {
        network_.reset();
        network_ = std::move(*Network::open(loop_.executor(), pool_, Log(), kOptions));
    }
    Endpoint attach(const ContainerId& container, std::vector<PortMapping> ports) {
        auto endpoint = loop_.run(network_->attach(container, std::move(ports)));
        if (!endpoint) throw std::runtime_error(endpoint.error().message());
        return std::move(*endpoint);
    }
    static Traces traces() {
        const TableSpec spec{
            .table = kOptions.table, .bridge = kOptions.bridge, .subnet = *parse_subnet(kOptions.subnet)};
        return HostSide(spec).traces().value();
    }
    static void expect_served(const Endpoint& endpoint, std::uint16_t host_port) {
        UniqueFd listener;
        in_namespace(endpoint.netns.get(), [&] { listener = listen_on("0.0.0.0", 80); });
        const auto client = connect_to("127.0.0.1", host_port);
        say(client, "ping");
        EXPECT_EQ(hear(accept_from(listener).fd), "ping");
    }

    berth::test::Loop loop_;
    Pool pool_{2};
    std::unique_ptr<Network> network_;
};

TEST_F(Recovery, AdoptedContainersKeepAddressAndPorts) {
    const auto one = attach(kOne, {{80, 8080, Protocol::tcp}});
    restart();
    EXPECT_TRUE(can_bind(8080)) << "nobody holds it while the agent is away";
    expect_served(one, 8080);
    ASSERT_TRUE(loop_.run(network_->adopt(kOne, one.ip_address, one.bindings)));
    EXPECT_FALSE(can_bind(8080));
    expect_served(one, 8080);
    ASSERT_TRUE(loop_.run(network_->remove_strays()));
    expect_served(one, 8080);
    const auto two = attach(kTwo, {});
    EXPECT_NE(two.ip_address, one.ip_address);
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(loop_.run(network_->detach(kOne)));
    EXPECT_TRUE(traces().elements.empty());
    EXPECT_EQ(traces().links, std::vector<std::string>{"bvbbbbbbbbbbbb"});
}

TEST_F(Recovery, StraysAreRemoved) {
    const auto one = attach(kOne, {{80, 8080, Protocol::tcp}});
    const auto two = attach(kTwo, {{80, 8081, Protocol::tcp}});
    restart();
    ASSERT_TRUE(loop_.run(network_->adopt(kTwo, two.ip_address, two.bindings)));
    ASSERT_TRUE(loop_.run(network_->remove_strays()));
    EXPECT_EQ(traces().links, std::vector<std::string>{"bvbbbbbbbbbbbb"});
    ASSERT_EQ(traces().elements.size(), 1U);
    EXPECT_EQ(traces().elements[0].host_port, 8081);
    expect_served(two, 8081);
}

TEST_F(Recovery, NoStraysOnAHostThatNeverHadABridge) {
    EXPECT_TRUE(loop_.run(network_->remove_strays()));
    EXPECT_TRUE(loop_.run(network_->detach(kOne)));
    EXPECT_FALSE(*Links::open()->find("test1"));
}

TEST_F(Recovery, DetachOfAContainerFromAFormerLife) {
    const auto one = attach(kOne, {{80, 8080, Protocol::tcp}});
    const auto two = attach(kTwo, {{80, 8081, Protocol::tcp}});
    restart();
    ASSERT_TRUE(loop_.run(network_->detach(kOne)));
    EXPECT_EQ(traces().links, std::vector<std::string>{"bvbbbbbbbbbbbb"});
    ASSERT_EQ(traces().elements.size(), 1U);
    EXPECT_EQ(traces().elements[0].owner, kTwo.str());
}

TEST_F(Recovery, TheSameContainerAgainAfterACrash) {
    const auto one = attach(kOne, {{80, 8080, Protocol::tcp}});
    const auto two = attach(kTwo, {});
    restart();
    const auto again = attach(kTwo, {{80, 8080, Protocol::tcp}});
    expect_served(again, 8080);
    ASSERT_EQ(traces().elements.size(), 1U);
    EXPECT_EQ(traces().elements[0].owner, kTwo.str());
}

TEST_F(Recovery, AnAddressIsNotAdoptedTwice) {
    const auto one = attach(kOne, {});
    const auto twice = loop_.run(network_->adopt(kTwo, one.ip_address, {}));
    EXPECT_EQ(twice.error().code(), ErrorCode::exists);
    EXPECT_FALSE(loop_.run(network_->adopt(kTwo, "10.1.2.3", {})));
    EXPECT_FALSE(loop_.run(network_->adopt(kTwo, "nonsense", {})));
}

TEST_F(Recovery, FlushedRulesAreRestoredByTheNextContainer) {
    const auto one = attach(kOne, {{80, 8080, Protocol::tcp}});
    run("nft flush ruleset");
    const auto two = attach(kTwo, {{80, 8081, Protocol::tcp}});
    expect_served(one, 8080);
    expect_served(two, 8081);
    run("nft flush ruleset");
    EXPECT_TRUE(loop_.run(network_->detach(kOne)));
    EXPECT_TRUE(loop_.run(network_->detach(kTwo)));
    EXPECT_TRUE(loop_.run(network_->detach(kOne)));
    EXPECT_TRUE(loop_.run(network_->detach(kTwo)));
    EXPECT_TRUE(traces().links.empty());
}

TEST_F(Recovery, AMissingElementDoesNotSaveTheOthers) {
    attach(kOne, {{80, 8080, Protocol::tcp}, {81, 8081, Protocol::tcp}});
    run("nft delete element ip test1 tcp_ports '{ 8080 }'");
    EXPECT_TRUE(loop_.run(network_->detach(kOne)));
    EXPECT_TRUE(traces().elements.empty());
}

TEST_F(Recovery, ADeletedBridgeIsMadeAnew) {
    attach(kOne, {});
    run("ip link del test1");
    const auto two = attach(kTwo, {{80, 8081, Protocol::tcp}});
    expect_served(two, 8081);
}

TEST_F(Recovery, TheContainerOfAnElementIsShownByNft) {
    attach(kOne, {{80, 8080, Protocol::tcp}});
    run(fmt::format("nft list map ip test1 tcp_ports | grep -q '8080 comment \"{}\" : 10.89.0.2 . 80'",
                    kOne.str()));
}

TEST_F(Recovery, TearDownRemovesBridgeAndTable) {
    attach(kOne, {{80, 8080, Protocol::tcp}});
    ASSERT_TRUE(loop_.run(network_->tear_down()));
    run("test -z \"$(ip -br link | grep -E '^(test1|bv)')\" && test -z \"$(nft list ruleset)\"");
    EXPECT_TRUE(can_bind(8080));
    const auto again = attach(kOne, {{80, 8080, Protocol::tcp}});
    expect_served(again, 8080);
}

} // namespace
} // namespace berth::network
