// Names of protocols.
#include "berth/network/ports.hpp"

namespace berth::network {

std::string_view to_string(Protocol protocol) { return protocol == Protocol::tcp ? "tcp" : "udp"; }

} // namespace berth::network
