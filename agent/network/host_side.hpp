// What all bridged containers share on the host: bridge, nftables table, kernel settings. Found missing, each
// is made anew, so neither `nft flush ruleset` nor a deleted bridge outlasts the next container.
#pragma once

#include "agent/network/links.hpp"
#include "agent/network/nft_maps.hpp"
#include "agent/network/nft_table.hpp"

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace berth::network {

// "bv" and 12 digits of the container's id.
std::string link_name(std::string_view container);

// What containers have left on the host, whoever made it.
struct Traces {
    std::vector<std::string> links;
    std::vector<MapElement> elements;
};

// Thread-safe and blocking; for the pool.
class HostSide {
  public:
    explicit HostSide(TableSpec spec) : spec_(std::move(spec)), maps_(spec_.table) {}

    Result<Link> prepare(); // the bridge
    Status publish(std::span<const MapElement> elements);
    // All elements of a container, also those of a former life of the agent.
    Status withdraw(const std::string& owner);
    Result<Traces> traces();
    Status remove(const Traces& traces);
    Status tear_down();

  private:
    Status ensure_table();

    TableSpec spec_;
    std::mutex mutex_;
    NftMaps maps_;
    bool bridge_ready_ = false, table_ready_ = false;
    std::map<std::string, std::vector<MapElement>> published_; // by owner
};

} // namespace berth::network
