// The elements of berth's nftables maps (host port → address and port of a container), over nfnetlink.
// Blocking; for the pool.
#pragma once

#include "berth/network/ports.hpp"

#include "agent/network/address.hpp"
#include "agent/network/netlink.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace berth::network {

struct MapElement {
    Protocol protocol = Protocol::tcp;
    std::uint16_t host_port = 0;
    Ipv4 address;
    std::uint16_t port = 0;
    std::string owner; // container id; `nft list` shows it as the element's comment
    bool operator==(const MapElement&) const = default;
};

class NftMaps {
  public:
    explicit NftMaps(std::string table) : table_(std::move(table)) {}

    Result<bool> table_exists();
    // An element that is there with other contents is replaced, without a gap: its owner has lost the port.
    Status add(std::span<const MapElement> elements);
    // By host port. Missing elements and a missing table are success.
    Status remove(std::span<const MapElement> elements);
    // A missing table has none.
    Result<std::vector<MapElement>> list();
    Status remove_table();

  private:
    Message element_message(std::uint16_t type, std::uint16_t flags, const MapElement& element,
                            bool key_only) const;
    // What turns the elements that are there into these; others stay.
    Result<std::vector<Message>> replacements(std::span<const MapElement> elements);
    Status commit(std::vector<Message> changes); // all or nothing
    Status list(Protocol protocol, std::vector<MapElement>& elements);

    Result<NetlinkSocket*> socket();

    // Opened at the first need and kept: closing one waits until the kernel has freed what was removed.
    std::optional<NetlinkSocket> socket_;
    std::string table_;
};

} // namespace berth::network
