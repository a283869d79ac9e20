// IPv4 addresses and subnets as values, and the pool that containers' addresses come from.
#pragma once

#include "berth/base/result.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace berth::network {

struct Ipv4 {
    std::uint32_t value = 0; // host order
    auto operator<=>(const Ipv4&) const = default;

    std::uint32_t wire() const; // network order
    static Ipv4 from_wire(std::uint32_t value);
    std::string str() const;
};
Result<Ipv4> parse_ipv4(std::string_view text);

using Mac = std::array<std::uint8_t, 6>;
// 02:42 and the address, as Docker has it: who gets an address again gets its MAC too, so no neighbour's
// table goes stale.
Mac mac_of(Ipv4 address);

struct Subnet {
    Ipv4 network;
    int prefix = 0;

    Ipv4 gateway() const { return {network.value + 1}; }
    Ipv4 broadcast() const;
    bool contains(Ipv4 address) const;
    std::string str() const;
};
// "172.31.200.0/22"; host bits must be zero, /8 to /30.
Result<Subnet> parse_subnet(std::string_view text);

// Gives addresses out in turn, so that one which became free is used again as late as possible.
class AddressPool {
  public:
    explicit AddressPool(Subnet subnet) : subnet_(subnet), last_(subnet.gateway()) {}

    const Subnet& subnet() const { return subnet_; }
    Result<Ipv4> take();
    Status take(Ipv4 address); // this one, for a container that has it already
    void give_back(Ipv4 address) { used_.erase(address); }

  private:
    Subnet subnet_;
    std::set<Ipv4> used_;
    Ipv4 last_;
};

} // namespace berth::network
