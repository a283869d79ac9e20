// Network namespaces of containers: bridge, addresses, NAT and published ports. All by netlink.
//
// A network namespace made here is held by its descriptor alone, never by a mount: handed to the shim it
// lives as long as the container, and when everything dies nothing is left. Links and nftables elements are
// keyed by container id so that a restarted agent can adopt or remove them.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/ids.hpp"
#include "berth/base/log.hpp"
#include "berth/base/unique_fd.hpp"
#include "berth/network/ports.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace berth::network {

struct NetworkOptions {
    std::string bridge = "berth0";
    std::string subnet = "172.31.200.0/22";                      // the bridge gets the first address
    std::string table = "berth";                                 // nftables table name
    std::uint16_t dynamic_port_first = 0, dynamic_port_last = 0; // 0: ip_local_port_range
};

struct Endpoint {
    UniqueFd netns;         // configured, with lo up; give it to the shim
    std::string ip_address; // IPv4
    std::string gateway;
    std::vector<PortBinding> bindings; // dynamic ports resolved
};

class Network {
  public:
    static Result<std::unique_ptr<Network>> open(Executor executor, Pool& pool, Log log,
                                                 NetworkOptions options);
    virtual ~Network() = default;

    // Bridge mode: own namespace, veth, address, published ports. The bridge and the nftables table are made
    // at the first call. Errors name the port that is taken.
    virtual Async<Result<Endpoint>> attach(ContainerId container, std::vector<PortMapping> ports) = 0;
    // Mode none: a namespace with only loopback.
    virtual Async<Result<UniqueFd>> isolated() = 0;
    // Removes everything of a container; nothing there is success. Its ports are free when this returns; its
    // link goes right afterwards, as the kernel takes its time with it. A second call waits for that too.
    virtual Async<Status> detach(ContainerId container) = 0;
    // After a restart: addresses and ports that running containers hold (from the store).
    virtual Async<Status> adopt(ContainerId container, std::string ip_address,
                                std::vector<PortBinding> bindings) = 0;
    // Removes links and rules of containers that are not adopted.
    virtual Async<Status> remove_strays() = 0;
    // Removes bridge and table too (tests, purge, `berth run` without agent).
    virtual Async<Status> tear_down() = 0;
};

} // namespace berth::network
