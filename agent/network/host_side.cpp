// The shared part of bridge mode, kept in order.
#include "agent/network/host_side.hpp"

#include "berth/base/files.hpp"

#include <algorithm>

namespace berth::network {
namespace {

constexpr std::string_view kLinkPrefix = "bv";
constexpr std::size_t kLinkDigits = 12; // a link's name has at most 15 characters

Status ensure_setting(const fs::path& path, std::string_view why) {
    const auto value = read_file(path);
    if (value && value->starts_with('1')) return {};
    auto written = write_control_file(path, "1");
    if (!written) return fail(std::move(written.error()), "{}", why);
    return {};
}

} // namespace

std::string link_name(std::string_view container) {
    return fmt::format("{}{}", kLinkPrefix, container.substr(0, kLinkDigits));
}

Result<Link> HostSide::prepare() {
    const std::scoped_lock lock(mutex_);
    auto links = Links::open();
    if (!links) return fail(std::move(links.error()));
    auto bridge = links->find(spec_.bridge);
    if (bridge && (!*bridge || !bridge_ready_)) {
        if (auto made = links->ensure_bridge(spec_.bridge, spec_.subnet); !made) return fail(made.error());
        const fs::path ipv4 = "/proc/sys/net/ipv4";
        if (auto set = ensure_setting(ipv4 / "ip_forward", "bridge mode needs IP forwarding"); !set)
            return fail(set.error());
        if (auto set = ensure_setting(ipv4 / "conf" / spec_.bridge / "route_localnet",
                                      "ports published on 127.0.0.1 need route_localnet on the bridge");
            !set)
            return fail(set.error());
        bridge_ready_ = true;
        bridge = links->find(spec_.bridge);
    }
    if (!bridge) return fail(bridge.error());
    if (!*bridge) return fail(ErrorCode::not_found, "bridge {} vanished", spec_.bridge);
    if (auto table = ensure_table(); !table) return fail(table.error());
    return **bridge;
}

Status HostSide::ensure_table() {
    const auto exists = maps_.table_exists();
    if (!exists) return fail(exists.error());
    if (*exists && table_ready_) return {};
    if (auto installed = install_table(spec_); !installed) return installed;
    for (const auto& [owner, elements] : published_)
        if (auto added = maps_.add(elements); !added) return added;
    table_ready_ = true;
    return {};
}

Status HostSide::publish(std::span<const MapElement> elements) {
    const std::scoped_lock lock(mutex_);
    if (elements.empty()) return {};
    published_[elements.front().owner].assign(elements.begin(), elements.end());
    return maps_.add(elements);
}

Status HostSide::withdraw(const std::string& owner) {
    const std::scoped_lock lock(mutex_);
    std::vector<MapElement> elements;
    if (const auto known = published_.find(owner); known != published_.end()) {
        elements = known->second;
    } else {
        auto all = maps_.list();
        if (!all) return fail(std::move(all.error()));
        std::ranges::copy_if(*all, std::back_inserter(elements),
                             [&](const MapElement& element) { return element.owner == owner; });
    }
    if (auto removed = maps_.remove(elements); !removed) return removed;
    published_.erase(owner);
    return {};
}

Result<Traces> HostSide::traces() {
    Traces traces;
    auto links = Links::open();
    if (!links) return fail(std::move(links.error()));
    const auto bridge = links->find(spec_.bridge);
    if (!bridge) return fail(bridge.error());
    if (*bridge) {
        const auto ports = links->ports_of((*bridge)->index);
        if (!ports) return fail(ports.error());
        for (const auto& port : *ports)
            if (port.kind == "veth" && port.name.starts_with(kLinkPrefix)) traces.links.push_back(port.name);
    }
    const std::scoped_lock lock(mutex_);
    auto elements = maps_.list();
    if (!elements) return fail(std::move(elements.error()));
    traces.elements = std::move(*elements);
    return traces;
}

Status HostSide::remove(const Traces& traces) {
    auto links = Links::open();
    if (!links) return fail(std::move(links.error()));
    {
        const std::scoped_lock lock(mutex_);
        if (auto removed = maps_.remove(traces.elements); !removed) return removed;
    }
    return links->remove(traces.links);
}

Status HostSide::tear_down() {
    const auto left = traces();
    if (!left) return fail(left.error());
    if (auto removed = remove(*left); !removed) return removed;
    const std::scoped_lock lock(mutex_);
    auto links = Links::open();
    if (!links) return fail(std::move(links.error()));
    published_.clear();
    bridge_ready_ = table_ready_ = false;
    if (auto removed = maps_.remove_table(); !removed) return removed;
    return links->remove(spec_.bridge);
}

} // namespace berth::network
