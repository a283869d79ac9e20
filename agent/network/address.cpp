// IPv4 addresses: text, bytes, subnets and who has which.
#include "agent/network/address.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace berth::network {

std::uint32_t Ipv4::wire() const { return htonl(value); }
Ipv4 Ipv4::from_wire(std::uint32_t value) { return {ntohl(value)}; }

std::string Ipv4::str() const {
    return fmt::format("{}.{}.{}.{}", value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255);
}

Result<Ipv4> parse_ipv4(std::string_view text) {
    in_addr address = {};
    if (::inet_pton(AF_INET, std::string(text).c_str(), &address) != 1)
        return fail(ErrorCode::invalid, "\"{}\" is not an IPv4 address", text);
    return Ipv4::from_wire(address.s_addr);
}

Mac mac_of(Ipv4 address) {
    const auto byte = [&](int shift) { return static_cast<std::uint8_t>(address.value >> shift); };
    return {0x02, 0x42, byte(24), byte(16), byte(8), byte(0)};
}

Ipv4 Subnet::broadcast() const { return {network.value | (0xffff'ffffU >> prefix)}; }
bool Subnet::contains(Ipv4 address) const { return network <= address && address <= broadcast(); }
std::string Subnet::str() const { return fmt::format("{}/{}", network.str(), prefix); }

Result<Subnet> parse_subnet(std::string_view text) {
    const auto slash = text.find('/');
    const auto digits = slash == text.npos ? std::string_view() : text.substr(slash + 1);
    Subnet subnet;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), subnet.prefix);
    const auto network = parse_ipv4(text.substr(0, slash));
    if (!network || digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size())
        return fail(ErrorCode::invalid, "\"{}\" is not an IPv4 subnet like 172.31.200.0/22", text);
    if (subnet.prefix < 8 || subnet.prefix > 30)
        return fail(ErrorCode::invalid, "subnet {}: the prefix must be /8 to /30", text);
    subnet.network = {network->value & ~(0xffff'ffffU >> subnet.prefix)};
    if (subnet.network != *network)
        return fail(ErrorCode::invalid, "subnet {} has host bits set; did you mean {}?", text, subnet.str());
    return subnet;
}

Result<Ipv4> AddressPool::take() {
    const auto first = subnet_.gateway().value + 1;
    const auto count = subnet_.broadcast().value - first;
    if (used_.size() >= count)
        return fail(ErrorCode::no_space,
                    "all {} addresses of the bridge's subnet {} are in use; stop a container or configure a "
                    "larger subnet",
                    count, subnet_.str());
    do {
        last_ = {last_.value + 1 < subnet_.broadcast().value ? last_.value + 1 : first};
    } while (used_.contains(last_));
    used_.insert(last_);
    return last_;
}

Status AddressPool::take(Ipv4 address) {
    if (!subnet_.contains(address) || address <= subnet_.gateway() || address == subnet_.broadcast())
        return fail(ErrorCode::invalid, "address {} is not one of the bridge's subnet {}", address.str(),
                    subnet_.str());
    if (!used_.insert(address).second)
        return fail(ErrorCode::exists, "address {} belongs to another container", address.str());
    return {};
}

} // namespace berth::network
