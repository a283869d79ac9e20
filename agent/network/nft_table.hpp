// berth's own nftables table: set up once by a child `nft`, which is the only program this room executes.
#pragma once

#include "agent/network/address.hpp"

#include <string>

namespace berth::network {

struct TableSpec {
    std::string table, bridge;
    Subnet subnet;
};

// What `nft -f -` reads: complete, and harmless when the table exists already (its elements stay).
std::string ruleset(const TableSpec& spec);
// Blocking.
Status install_table(const TableSpec& spec);

} // namespace berth::network
