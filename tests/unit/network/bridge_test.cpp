// Bridge mode as containers and their clients meet it.
#include "berth/network/network.hpp"

#include "agent/network/host_side.hpp"
#include "agent/network/port_table.hpp"
#include "tests/unit/http/loop.hpp"
#include "tests/unit/network/peers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::network {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;

const ContainerId kOne(std::string(64, '1')), kTwo(std::string(64, '2')), kThree(std::string(64, '3'));

class Bridge : public testing::Test {
  protected:
    Bridge() { network_ = open(); }
    ~Bridge() override {
        if (network_) static_cast<void>(loop_.run(network_->tear_down()));
    }

    std::unique_ptr<Network> open() {
        auto opened = Network::open(loop_.executor(), pool_, Log(), options_);
        if (!opened) throw std::runtime_error(opened.error().message());
        return std::move(*opened);
    }
    Result<Endpoint> try_attach(const ContainerId& container, std::vector<PortMapping> ports = {}) {
        return loop_.run(network_->attach(container, std::move(ports)));
    }
    Endpoint attach(const ContainerId& container, std::vector<PortMapping> ports = {}) {
        auto endpoint = try_attach(container, std::move(ports));
        if (!endpoint) throw std::runtime_error(endpoint.error().message());
        return std::move(*endpoint);
    }
    // Until the link is gone too.
    Status detach(const ContainerId& container) {
        if (auto detached = loop_.run(network_->detach(container)); !detached) return detached;
        return loop_.run(network_->detach(container));
    }
    Traces traces() { return HostSide(spec()).traces().value(); }
    TableSpec spec() const {
        return {.table = options_.table, .bridge = options_.bridge, .subnet = *parse_subnet(options_.subnet)};
    }
    static UniqueFd listen_in(const Endpoint& endpoint, std::uint16_t port) {
        UniqueFd listener;
        in_namespace(endpoint.netns.get(), [&] { listener = listen_on("0.0.0.0", port); });
        return listener;
    }
    static UniqueFd connect_from(int netns, const std::string& address, std::uint16_t port,
                                 Protocol protocol = Protocol::tcp) {
        UniqueFd socket;
        in_namespace(netns, [&] { socket = connect_to(address, port, protocol); });
        return socket;
    }
    // Talks both ways over a fresh connection; returns the client's address as the server sees it.
    static std::string talk(const UniqueFd& client, const UniqueFd& listener) {
        const auto server = accept_from(listener);
        say(client, "ping");
        EXPECT_EQ(hear(server.fd), "ping");
        say(server.fd, "pong");
        EXPECT_EQ(hear(client), "pong");
        return server.peer;
    }

    NetworkOptions options_{.bridge = "test-br0", .subnet = "10.88.0.0/24", .table = "test_table"};
    berth::test::Loop loop_;
    Pool pool_{2};
    std::unique_ptr<Network> network_;
};

TEST_F(Bridge, GivesAConfiguredNamespace) {
    const auto endpoint = attach(kOne);
    EXPECT_EQ(endpoint.ip_address, "10.88.0.2");
    EXPECT_EQ(endpoint.gateway, "10.88.0.1");
    const auto host_end = Links::open()->find("bv111111111111");
    ASSERT_TRUE(host_end && *host_end);
    EXPECT_EQ((*host_end)->mtu, 1500U);
    in_namespace(endpoint.netns.get(), [&] {
        run("ip link show eth0 | grep -q 'link/ether 02:42:0a:58:00:02'");
        run("ip link show eth0 | grep -q 'mtu 1500 .*state UP'");
        run("ip -4 addr show eth0 | grep -q 'inet 10.88.0.2/24 brd 10.88.0.255'");
        run("ip route | grep -q '^default via 10.88.0.1 dev eth0'");
        const auto listener = listen_on("127.0.0.1", 80);
        EXPECT_EQ(talk(connect_to("127.0.0.1", 80), listener), "127.0.0.1");
    });
}

TEST_F(Bridge, TakesTheMtuOfTheWayOut) {
    run("ip link add up0 type bridge && ip link set up0 mtu 1400 up && ip addr add 10.77.0.1/24 dev up0 && "
        "ip route add default via 10.77.0.2");
    const auto endpoint = attach(kOne);
    run("ip link del up0");
    in_namespace(endpoint.netns.get(), [] { run("ip link show eth0 | grep -q 'mtu 1400 '"); });
}

TEST_F(Bridge, ContainersReachTheGatewayAndEachOther) {
    const auto one = attach(kOne), two = attach(kTwo);
    EXPECT_NE(one.ip_address, two.ip_address);
    const auto on_host = listen_on("10.88.0.1", 8081);
    EXPECT_EQ(talk(connect_from(one.netns.get(), one.gateway, 8081), on_host), one.ip_address);
    const auto on_two = listen_in(two, 80);
    EXPECT_EQ(talk(connect_from(one.netns.get(), two.ip_address, 80), on_two), one.ip_address);
}

TEST_F(Bridge, ContainersReachTheOutsideWithTheHostsAddress) {
    const Outside outside;
    const auto one = attach(kOne);
    UniqueFd listener;
    in_namespace(outside.netns(), [&] { listener = listen_on("0.0.0.0", 443); });
    EXPECT_EQ(talk(connect_from(one.netns.get(), Outside::kAddress, 443), listener), Outside::kOurAddress);
}

TEST_F(Bridge, PublishedPortsAreReachedFromEverywhere) {
    const Outside outside;
    const auto one = attach(kOne, {{80, 8080, Protocol::tcp}});
    const auto two = attach(kTwo);
    ASSERT_EQ(one.bindings.size(), 1U);
    EXPECT_EQ(one.bindings[0].host_port, 8080);
    const auto listener = listen_in(one, 80);
    EXPECT_EQ(talk(connect_from(outside.netns(), Outside::kOurAddress, 8080), listener), Outside::kAddress)
        << "the source address is kept";
    EXPECT_EQ(talk(connect_to("127.0.0.1", 8080), listener), "10.88.0.1");
    EXPECT_EQ(talk(connect_to(Outside::kOurAddress, 8080), listener), Outside::kOurAddress);
    EXPECT_EQ(talk(connect_from(two.netns.get(), Outside::kOurAddress, 8080), listener), "10.88.0.1")
        << "from another container";
    EXPECT_EQ(talk(connect_from(one.netns.get(), "10.88.0.1", 8080), listener), "10.88.0.1") << "from itself";
}

TEST_F(Bridge, PublishesUdp) {
    const Outside outside;
    const auto one = attach(kOne, {{53, 5353, Protocol::udp}});
    UniqueFd server;
    in_namespace(one.netns.get(), [&] { server = udp_on("0.0.0.0", 53); });
    for (const int client_netns : {outside.netns(), -1}) {
        const auto client = client_netns < 0
                                ? connect_to("127.0.0.1", 5353, Protocol::udp)
                                : connect_from(client_netns, Outside::kOurAddress, 5353, Protocol::udp);
        say(client, "question");
        EXPECT_EQ(answer_datagram(server), client_netns < 0 ? "10.88.0.1" : Outside::kAddress);
        EXPECT_EQ(hear(client), "QUESTION");
    }
}

TEST_F(Bridge, DynamicPortsAreGivenAndWork) {
    const auto one = attach(kOne, {{80, 0, Protocol::tcp}, {81, 0, Protocol::tcp}, {80, 0, Protocol::udp}});
    ASSERT_EQ(one.bindings.size(), 3U);
    EXPECT_NE(one.bindings[0].host_port, one.bindings[1].host_port);
    const auto range = local_port_range();
    for (const auto& binding : one.bindings) {
        EXPECT_GE(binding.host_port, range.first);
        EXPECT_LE(binding.host_port, range.last);
    }
    const auto listener = listen_in(one, 81);
    talk(connect_to("127.0.0.1", one.bindings[1].host_port), listener);
}

TEST_F(Bridge, FromOutsideOnlyPublishedPortsAreReached) {
    const Outside outside;
    const auto one = attach(kOne, {{53, 5353, Protocol::udp}});
    UniqueFd published, hidden;
    in_namespace(one.netns.get(), [&] {
        published = udp_on("0.0.0.0", 53);
        hidden = udp_on("0.0.0.0", 54);
    });
    say(connect_from(outside.netns(), one.ip_address, 54, Protocol::udp), "for the hidden one");
    // What was sent later has arrived, so what was sent before has arrived too or never will.
    say(connect_from(outside.netns(), Outside::kOurAddress, 5353, Protocol::udp), "for the published one");
    EXPECT_EQ(hear(published), "for the published one");
    EXPECT_FALSE(has_input(hidden));
}

TEST_F(Bridge, ContainersDoNotReachTheHostsLoopback) {
    const auto one = attach(kOne);
    const auto loopback = udp_on("127.0.0.1", 7777);
    const auto open = udp_on("10.88.0.1", 7778);
    in_namespace(one.netns.get(), [&] {
        // What a hostile container with its own routing can do.
        run("echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet && ip rule add pref 1 table local && "
            "ip rule add pref 0 from 10.88.0.2 to 127.0.0.1 table 99 && ip rule del pref 0 table local && "
            "ip route add 127.0.0.1 via 10.88.0.1 table 99");
        const auto socket = udp_on("10.88.0.2", 0);
        sockaddr_in to = {};
        to.sin_family = AF_INET;
        to.sin_port = htons(7777);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ASSERT_GT(::sendto(socket.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
        say(connect_to("10.88.0.1", 7778, Protocol::udp), "later");
    });
    EXPECT_EQ(hear(open), "later");
    EXPECT_FALSE(has_input(loopback));
}

TEST_F(Bridge, ATakenPortIsNamedAndNothingStays) {
    const auto listener = listen_on("0.0.0.0", 9090);
    attach(kThree); // makes bridge and table
    ASSERT_TRUE(detach(kThree));
    const auto before = open_descriptors();
    const auto refused = try_attach(kOne, {{80, 8080, Protocol::tcp}, {80, 9090, Protocol::tcp}});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message(), HasSubstr("9090/tcp"));
    EXPECT_TRUE(can_bind(8080));
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_TRUE(traces().links.empty());
    EXPECT_TRUE(try_attach(kOne, {{80, 8080, Protocol::tcp}})) << "its address and name are free again";
}

TEST_F(Bridge, DetachLeavesNothing) {
    attach(kThree);
    ASSERT_TRUE(detach(kThree));
    const auto before = open_descriptors();
    {
        const auto one = attach(kOne, {{80, 8080, Protocol::tcp}, {53, 5353, Protocol::udp}});
        const auto there = traces();
        EXPECT_EQ(there.links, std::vector<std::string>{"bv111111111111"});
        ASSERT_EQ(there.elements.size(), 2U);
        EXPECT_EQ(there.elements[0].owner, kOne.str());
        EXPECT_EQ(there.elements[0].address.str(), one.ip_address);
        EXPECT_EQ(there.elements[0].host_port, 8080);
        EXPECT_EQ(there.elements[0].port, 80);
        ASSERT_TRUE(detach(kOne));
    }
    EXPECT_TRUE(traces().links.empty());
    EXPECT_TRUE(traces().elements.empty());
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_TRUE(can_bind(8080));
    EXPECT_TRUE(detach(kOne)) << "nothing there is success";
}

ContainerId numbered(int number) { return ContainerId(fmt::format("{:012x}{:052x}", number, 0)); }

Async<void> attach_numbered(Network* network, int number, std::vector<Endpoint>* endpoints, int* ended) {
    std::vector<PortMapping> ports{{80, 0, Protocol::tcp}};
    auto endpoint = co_await network->attach(numbered(number), std::move(ports));
    EXPECT_TRUE(endpoint) << endpoint.error().message();
    if (endpoint) endpoints->push_back(std::move(*endpoint));
    ++*ended;
}

Async<void> detach_numbered(Network* network, int number, int* ended) {
    for (const auto* time : {"first", "second"}) {
        const auto done = co_await network->detach(numbered(number));
        EXPECT_TRUE(done) << time << done.error().message();
    }
    ++*ended;
}

TEST_F(Bridge, ManyAtOnce) {
    constexpr int kCount = 40;
    std::vector<Endpoint> endpoints;
    int ended = 0;
    for (int i = 0; i < kCount; ++i)
        spawn(loop_.executor(), attach_numbered(network_.get(), i, &endpoints, &ended), {});
    loop_.drive([&] { return ended == kCount; });
    EXPECT_EQ(traces().links.size(), 40U);
    EXPECT_EQ(traces().elements.size(), 40U);
    const auto listener = listen_in(endpoints.at(39), 80);
    talk(connect_to("127.0.0.1", endpoints.at(39).bindings.at(0).host_port), listener);
    ended = 0;
    for (int i = 0; i < kCount; ++i) spawn(loop_.executor(), detach_numbered(network_.get(), i, &ended), {});
    loop_.drive([&] { return ended == kCount; });
    EXPECT_TRUE(traces().links.empty());
    EXPECT_TRUE(traces().elements.empty());
}

TEST_F(Bridge, IsolatedHasOnlyLoopback) {
    const auto netns = loop_.run(network_->isolated());
    ASSERT_TRUE(netns);
    in_namespace(netns->get(), [] {
        run("test -z \"$(ip -br link show up | grep -v '^lo ')\"");
        const auto listener = listen_on("127.0.0.1", 80);
        talk(connect_to("127.0.0.1", 80), listener);
    });
}

TEST_F(Bridge, AddressesRunOutAndComeBack) {
    options_.subnet = "10.88.1.0/30";
    network_ = open();
    attach(kOne);
    const auto none = try_attach(kTwo);
    EXPECT_EQ(none.error().code(), ErrorCode::no_space);
    EXPECT_THAT(none.error().message(), HasSubstr("10.88.1.0/30"));
    ASSERT_TRUE(detach(kOne));
    EXPECT_TRUE(try_attach(kTwo));
}

TEST_F(Bridge, RefusesOptionsItCannotUse) {
    for (const auto& [bridge, subnet] : {std::pair{"with space", "10.0.0.0/24"},
                                         {"0digit", "10.0.0.0/24"},
                                         {"much-too-long-name", "10.0.0.0/24"},
                                         {"ok", "10.0.0.0/33"}}) {
        NetworkOptions options;
        options.bridge = options.table = bridge;
        options.subnet = subnet;
        EXPECT_FALSE(Network::open(loop_.executor(), pool_, Log(), options)) << bridge;
    }
}

TEST_F(Bridge, ALinkOfThatNameThatIsNoBridgeIsSaid) {
    run("ip link add test-br0 type veth");
    const auto refused = try_attach(kOne);
    run("ip link del test-br0");
    EXPECT_THAT(refused.error().message(), AllOf(HasSubstr("test-br0"), HasSubstr("not a bridge")));
}

} // namespace
} // namespace berth::network
