// Reserving ports of the host by binding them.
#include "agent/network/port_table.hpp"

#include "berth/base/files.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>

namespace berth::network {
namespace {

Result<UniqueFd> bind_once(Protocol protocol, std::uint16_t port, bool reuse) {
    const int type = (protocol == Protocol::tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC;
    UniqueFd socket(::socket(AF_INET, type, 0));
    if (!socket) return fail_errno(errno, "opening a socket for port {}/{}", port, to_string(protocol));
    const int on = reuse ? 1 : 0;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // Datagrams that arrive while the redirection is missing are not worth memory.
    const int least = 0;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail_errno(errno, "binding port {}/{}", port, to_string(protocol));
    return socket;
}

// Without SO_REUSEADDR nobody can bind beside us. With it, connections in TIME_WAIT that a former server on
// this port left are no obstacle, as they would be none to a new server; one that listens still is.
Result<UniqueFd> bind_port(Protocol protocol, std::uint16_t port) {
    auto socket = bind_once(protocol, port, false);
    if (socket || socket.error().sys() != EADDRINUSE || protocol == Protocol::udp) return socket;
    return bind_once(protocol, port, true);
}

} // namespace

PortRange local_port_range() {
    PortRange range;
    const auto text = read_file("/proc/sys/net/ipv4/ip_local_port_range");
    if (text && std::sscanf(text->c_str(), "%hu %hu", &range.first, &range.last) == 2 && range.first > 0 &&
        range.first <= range.last)
        return range;
    return {49153, 65535};
}

Result<std::uint16_t> PortTable::hold_static(const ContainerId& container, const PortMapping& mapping) {
    const auto port = mapping.host_port;
    const auto protocol = to_string(mapping.protocol);
    if (const auto other = held_.find({mapping.protocol, port}); other != held_.end())
        return fail(
            ErrorCode::exists,
            "host port {}/{} is already published by container {}; stop it or choose another hostPort", port,
            protocol, other->second.container);
    auto socket = bind_port(mapping.protocol, port);
    if (!socket && socket.error().sys() == EADDRINUSE)
        return fail(
            ErrorCode::exists,
            "host port {}/{} is already in use on this host by another program (`ss -lnp sport = :{}` "
            "names it); stop that or choose another hostPort",
            port, protocol, port);
    if (!socket) return fail(std::move(socket.error()));
    held_.insert_or_assign({mapping.protocol, port}, Holder{container, std::move(*socket)});
    return port;
}

Result<std::uint16_t> PortTable::hold_dynamic(const ContainerId& container, Protocol protocol) {
    const int count = dynamic_.last - dynamic_.first + 1;
    for (int tried = 0; tried < count; ++tried) {
        const auto port = next_;
        next_ = port < dynamic_.last ? static_cast<std::uint16_t>(port + 1) : dynamic_.first;
        if (held_.contains({protocol, port})) continue;
        auto socket = bind_once(protocol, port, false);
        if (!socket && socket.error().sys() == EADDRINUSE) continue;
        if (!socket) return fail(std::move(socket.error()));
        held_.insert_or_assign({protocol, port}, Holder{container, std::move(*socket)});
        return port;
    }
    return fail(ErrorCode::no_space,
                "no {} port is free for hostPort 0 in {}-{}; stop a container or widen the range "
                "(ECS_DYNAMIC_HOST_PORT_RANGE)",
                to_string(protocol), dynamic_.first, dynamic_.last);
}

Result<std::vector<PortBinding>> PortTable::reserve(const ContainerId& container,
                                                    std::span<const PortMapping> mappings) {
    std::vector<PortBinding> bindings;
    for (const auto& mapping : mappings) {
        auto port = mapping.host_port == 0 ? hold_dynamic(container, mapping.protocol)
                                           : hold_static(container, mapping);
        if (!port) {
            release(container);
            return fail(std::move(port.error()));
        }
        PortBinding binding;
        binding.container_port = mapping.container_port;
        binding.host_port = *port;
        binding.protocol = mapping.protocol;
        bindings.push_back(std::move(binding));
    }
    return bindings;
}

Status PortTable::adopt(const ContainerId& container, std::span<const PortBinding> bindings) {
    Status result;
    for (const auto& binding : bindings) {
        auto socket = bind_port(binding.protocol, binding.host_port);
        if (!socket && result)
            result = fail(std::move(socket.error()), "port {}/{} of a running container", binding.host_port,
                          to_string(binding.protocol));
        held_.insert_or_assign({binding.protocol, binding.host_port},
                               Holder{container, socket ? std::move(*socket) : UniqueFd()});
    }
    return result;
}

void PortTable::release(const ContainerId& container) {
    std::erase_if(held_, [&](const auto& entry) { return entry.second.container == container; });
}

} // namespace berth::network
