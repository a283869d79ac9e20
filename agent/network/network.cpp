// Bridge mode from the event loop's side: who has which address and ports; the kernel's part runs on the
// pool.
#include "berth/network/network.hpp"

#include "agent/network/host_side.hpp"
#include "agent/network/link_reaper.hpp"
#include "agent/network/namespace.hpp"
#include "agent/network/port_table.hpp"

#include <algorithm>
#include <cerrno>
#include <map>

namespace berth::network {
namespace {

class BridgeNetwork final : public Network {
  public:
    BridgeNetwork(Executor executor, Pool& pool, Log log, TableSpec table, PortRange dynamic_ports)
        : pool_(&pool), log_(std::move(log)), addresses_(std::make_shared<AddressPool>(table.subnet)),
          reaper_(std::move(executor), pool, log_, addresses_), ports_(dynamic_ports),
          host_(std::move(table)) {}

    Async<Result<Endpoint>> attach(ContainerId container, std::vector<PortMapping> ports) override;
    Async<Result<UniqueFd>> isolated() override;
    Async<Status> detach(ContainerId container) override;
    Async<Status> adopt(ContainerId container, std::string ip_address,
                        std::vector<PortBinding> bindings) override;
    Async<Status> remove_strays() override;
    Async<Status> tear_down() override;

  private:
    // On the pool.
    Result<UniqueFd> connect(const std::string& container, Ipv4 address,
                             std::span<const MapElement> elements);

    Async<Status> remove_all(ContainerId container);

    Pool* pool_;
    Log log_;
    std::shared_ptr<AddressPool> addresses_;
    LinkReaper reaper_;
    PortTable ports_;
    std::map<ContainerId, Ipv4> attached_;
    HostSide host_;
};

std::vector<MapElement> elements_of(const ContainerId& container, Ipv4 address,
                                    std::span<const PortBinding> bindings) {
    std::vector<MapElement> elements;
    for (const auto& binding : bindings)
        elements.push_back({.protocol = binding.protocol,
                            .host_port = binding.host_port,
                            .address = address,
                            .port = binding.container_port,
                            .owner = container.str()});
    return elements;
}

Result<UniqueFd> BridgeNetwork::connect(const std::string& container, Ipv4 address,
                                        std::span<const MapElement> elements) {
    const auto bridge = host_.prepare();
    if (!bridge) return fail(bridge.error());
    auto inside = make_namespace();
    if (!inside) return fail(std::move(inside.error()));
    auto links = Links::open();
    if (!links) return fail(std::move(links.error()));
    const VethSpec veth{.name = link_name(container),
                        .bridge = bridge->index,
                        .mtu = bridge->mtu,
                        .peer_netns = inside->fd.get(),
                        .peer_mac = mac_of(address)};
    auto added = links->add_veth(veth);
    if (!added && added.error().sys() == EEXIST) { // of an attempt that a crash cut short
        if (auto removed = links->remove(veth.name); !removed) return fail(std::move(removed.error()));
        added = links->add_veth(veth);
    }
    if (!added) return fail(std::move(added.error()));
    if (auto configured = inside->links.configure_inside(address, addresses_->subnet()); !configured)
        return fail(std::move(configured.error()));
    if (auto published = host_.publish(elements); !published) return fail(std::move(published.error()));
    return std::move(inside->fd);
}

Async<Result<Endpoint>> BridgeNetwork::attach(ContainerId container, std::vector<PortMapping> ports) {
    if (attached_.contains(container) || reaper_.has(container))
        co_return fail(ErrorCode::exists, "container {} has a network already", container);
    const auto address = addresses_->take();
    if (!address) co_return fail(address.error());
    attached_.emplace(container, *address);
    auto bindings = ports_.reserve(container, ports);
    if (!bindings) {
        attached_.erase(container);
        addresses_->give_back(*address);
        co_return fail(std::move(bindings.error()));
    }
    const auto elements = elements_of(container, *address, *bindings);
    const auto work = [&] { return connect(container.str(), *address, elements); };
    auto netns = co_await offload(*pool_, work);
    if (!netns) {
        auto undone = co_await remove_all(container);
        if (!undone)
            log_.warn("a network that could not be set up left traces",
                      {{"container", container}, {"error", undone.error().message()}});
        co_return fail(std::move(netns.error()), "connecting container {} to the bridge",
                       container.str().substr(0, 12));
    }
    Endpoint endpoint;
    endpoint.netns = std::move(*netns);
    endpoint.ip_address = address->str();
    endpoint.gateway = addresses_->subnet().gateway().str();
    endpoint.bindings = std::move(*bindings);
    co_return endpoint;
}

Async<Result<UniqueFd>> BridgeNetwork::isolated() {
    const auto work = []() -> Result<UniqueFd> {
        auto inside = make_namespace();
        if (!inside) return fail(std::move(inside.error()));
        if (auto up = inside->links.bring_up_loopback(); !up) return fail(std::move(up.error()));
        return std::move(inside->fd);
    };
    co_return co_await offload(*pool_, work);
}

Async<Status> BridgeNetwork::detach(ContainerId container) {
    if (!attached_.contains(container)) {
        co_await reaper_.done_with(container);
        co_return co_await remove_all(container);
    }
    // Ports first: nothing may lead to an address that is about to be somebody else's.
    const auto work = [&] { return host_.withdraw(container.str()); };
    auto withdrawn = co_await offload(*pool_, work);
    if (!withdrawn) co_return fail(std::move(withdrawn.error()), "container {}", container);
    ports_.release(container);
    if (const auto left = attached_.extract(container)) reaper_.take(container, left.mapped());
    co_return withdrawn;
}

Async<Status> BridgeNetwork::remove_all(ContainerId container) {
    const auto work = [&]() -> Status {
        if (auto withdrawn = host_.withdraw(container.str()); !withdrawn) return withdrawn;
        auto links = Links::open();
        if (!links) return fail(std::move(links.error()));
        return links->remove(link_name(container.str()));
    };
    auto removed = co_await offload(*pool_, work);
    if (!removed) co_return fail(std::move(removed.error()), "container {}", container);
    ports_.release(container);
    if (const auto left = attached_.extract(container)) addresses_->give_back(left.mapped());
    co_return removed;
}

Async<Status> BridgeNetwork::adopt(ContainerId container, std::string ip_address,
                                   std::vector<PortBinding> bindings) {
    const auto address = parse_ipv4(ip_address);
    if (!address) co_return fail(address.error(), "container {}", container);
    if (attached_.contains(container)) co_return Status{};
    if (auto taken = addresses_->take(*address); !taken)
        co_return fail(std::move(taken.error()), "container {}", container);
    attached_.emplace(container, *address);
    if (auto held = ports_.adopt(container, bindings); !held)
        log_.warn("a published port is used by another program too; connections still reach the container",
                  {{"container", container}, {"error", held.error().message()}});
    const auto elements = elements_of(container, *address, bindings);
    const auto work = [&]() -> Status {
        if (const auto bridge = host_.prepare(); !bridge) return fail(bridge.error());
        return host_.publish(elements);
    };
    co_return co_await offload(*pool_, work);
}

Async<Status> BridgeNetwork::remove_strays() {
    const auto list = [this] { return host_.traces(); };
    auto traces = co_await offload(*pool_, list);
    if (!traces) co_return fail(std::move(traces.error()), "looking for traces of former containers");
    // Judged here, after the look: a container that came meanwhile is known by now.
    const auto link_is_ours = [&](const std::string& name) {
        return std::ranges::any_of(attached_,
                                   [&](const auto& entry) { return link_name(entry.first.str()) == name; });
    };
    const auto element_is_ours = [&](const MapElement& element) {
        return attached_.contains(ContainerId(element.owner));
    };
    std::erase_if(traces->links, link_is_ours);
    std::erase_if(traces->elements, element_is_ours);
    if (traces->links.empty() && traces->elements.empty()) co_return Status{};
    log_.info("removing network traces of former containers",
              {{"links", traces->links.size()}, {"ports", traces->elements.size()}});
    const auto remove = [&] { return host_.remove(*traces); };
    co_return co_await offload(*pool_, remove);
}

Async<Status> BridgeNetwork::tear_down() {
    const auto work = [this] { return host_.tear_down(); };
    auto done = co_await offload(*pool_, work);
    if (!done) co_return fail(std::move(done.error()), "removing bridge and rules");
    for (const auto& [container, address] : std::exchange(attached_, {})) {
        ports_.release(container);
        addresses_->give_back(address);
    }
    co_return done;
}

bool is_identifier(std::string_view name) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto further = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.'; };
    return !name.empty() && name.size() <= 15 && letter(name[0]) && std::ranges::all_of(name, further);
}

} // namespace

Result<std::unique_ptr<Network>> Network::open(Executor executor, Pool& pool, Log log,
                                               NetworkOptions options) {
    const auto subnet = parse_subnet(options.subnet);
    if (!subnet) return fail(subnet.error(), "bridge {}", options.bridge);
    // nft's names know no hyphen, links' do.
    std::ranges::replace(options.table, '-', '_');
    auto bridge_as_identifier = options.bridge;
    std::ranges::replace(bridge_as_identifier, '-', '_');
    if (!is_identifier(bridge_as_identifier))
        return fail(ErrorCode::invalid,
                    "bridge name \"{}\": a letter, then letters, digits, '_', '.' or '-', at most 15 in all",
                    options.bridge);
    if (!is_identifier(options.table))
        return fail(ErrorCode::invalid,
                    "nftables table name \"{}\": a letter, then letters, digits, '_' or '.', at most 15",
                    options.table);
    PortRange range{options.dynamic_port_first, options.dynamic_port_last};
    if (range.first == 0) range = local_port_range();
    if (range.first > range.last)
        return fail(ErrorCode::invalid, "dynamic port range {}-{} is empty", range.first, range.last);
    TableSpec table{.table = options.table, .bridge = options.bridge, .subnet = *subnet};
    return std::make_unique<BridgeNetwork>(std::move(executor), pool, std::move(log), std::move(table),
                                           range);
}

} // namespace berth::network
