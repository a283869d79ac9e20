// Who has which port of the host. A port in use is held by a bound socket, so that nobody else can take it.
#pragma once

#include "berth/base/ids.hpp"
#include "berth/base/result.hpp"
#include "berth/base/unique_fd.hpp"
#include "berth/network/ports.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace berth::network {

struct PortRange {
    std::uint16_t first = 0, last = 0;
};
// net.ipv4.ip_local_port_range, or 49153-65535 where that cannot be read.
PortRange local_port_range();

// The sockets are bound and never listen: packets from outside are redirected before they reach a socket, and
// without the redirection a connection is refused. Event loop only; nothing here blocks.
class PortTable {
  public:
    explicit PortTable(PortRange dynamic) : dynamic_(dynamic), next_(dynamic.first) {}

    // All of them or none. The error names the port that is taken, and by whom if that is known.
    Result<std::vector<PortBinding>> reserve(const ContainerId& container,
                                             std::span<const PortMapping> mappings);
    // For a container that has them already. An error means that somebody else got hold of a port meanwhile;
    // the bindings are recorded nevertheless, for the kernel redirects them in any case.
    Status adopt(const ContainerId& container, std::span<const PortBinding> bindings);
    void release(const ContainerId& container);

  private:
    using Key = std::pair<Protocol, std::uint16_t>;
    struct Holder {
        ContainerId container;
        UniqueFd socket;
    };
    Result<std::uint16_t> hold_static(const ContainerId& container, const PortMapping& mapping);
    Result<std::uint16_t> hold_dynamic(const ContainerId& container, Protocol protocol);

    PortRange dynamic_;
    std::uint16_t next_;
    std::map<Key, Holder> held_;
};

} // namespace berth::network
