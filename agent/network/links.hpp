// Links, addresses and routes, over rtnetlink. Blocking; for the pool.
#pragma once

#include "agent/network/address.hpp"
#include "agent/network/netlink.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace berth::network {

struct Link {
    int index = 0;
    int master = 0; // bridge it is a port of
    std::uint32_t mtu = 0;
    std::string name, kind; // "bridge", "veth"; empty for hardware
};

// A pair whose one end is a port of a bridge here and whose other end is born in another namespace as eth0.
struct VethSpec {
    std::string name;
    int bridge = 0;
    std::uint32_t mtu = 0;
    int peer_netns = -1; // borrowed
    Mac peer_mac{};
};

class Links {
  public:
    // Of the network namespace of the calling thread.
    static Result<Links> open();

    Result<std::optional<Link>> find(const std::string& name);
    Result<std::vector<Link>> ports_of(int bridge);
    // What packets to the outside fit into: the MTU of the default route's link, 1500 without one.
    Result<std::uint32_t> uplink_mtu();

    // Made, addressed and up; what is there already is kept.
    Result<int> ensure_bridge(const std::string& name, const Subnet& subnet);
    Status add_veth(const VethSpec& spec); // this end up
    // Gone when it returns; missing is success. Many take hardly longer than one.
    Status remove(std::span<const std::string> names);
    Status remove(const std::string& name) { return remove(std::span(&name, 1)); }

    Status bring_up_loopback();
    // Inside a container's namespace: loopback, eth0, default route.
    Status configure_inside(Ipv4 address, const Subnet& subnet);

  private:
    explicit Links(NetlinkSocket socket) : socket_(std::move(socket)) {}
    Result<std::optional<Link>> get(Message request);
    NetlinkSocket socket_;
};

} // namespace berth::network
