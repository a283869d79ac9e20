// Ports as they are asked for and as they are given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace berth::network {

enum class Protocol : std::uint8_t { tcp, udp };
std::string_view to_string(Protocol protocol); // "tcp", "udp"

struct PortMapping {
    std::uint16_t container_port = 0;
    std::uint16_t host_port = 0; // 0: dynamic
    Protocol protocol = Protocol::tcp;
};

struct PortBinding {
    std::string bind_ip = "0.0.0.0";
    std::uint16_t container_port = 0, host_port = 0;
    Protocol protocol = Protocol::tcp;
};

} // namespace berth::network
