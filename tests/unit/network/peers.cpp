// Blocking sockets with a deadline, for tests only.
#include "tests/unit/network/peers.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace berth::network::test {
namespace {

[[noreturn]] void raise(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

sockaddr_in address_of(const std::string& address, std::uint16_t port) {
    sockaddr_in result = {};
    result.sin_family = AF_INET;
    result.sin_port = htons(port);
    if (::inet_pton(AF_INET, address.c_str(), &result.sin_addr) != 1) throw std::runtime_error(address);
    return result;
}

const sockaddr* generic(const sockaddr_in& address) { return reinterpret_cast<const sockaddr*>(&address); }

UniqueFd make_socket(int type) {
    UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    if (!fd) raise("socket");
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
}

UniqueFd bound(int type, const std::string& address, std::uint16_t port) {
    auto fd = make_socket(type);
    const int on = 1;
    if (type == SOCK_STREAM) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const auto to = address_of(address, port);
    if (::bind(fd.get(), generic(to), sizeof to) != 0) raise("bind " + address);
    return fd;
}

} // namespace

void in_namespace(int netns, const std::function<void()>& work) {
    std::exception_ptr problem;
    std::thread([&] {
        try {
            if (::setns(netns, CLONE_NEWNET) != 0) raise("setns");
            work();
        } catch (...) {
            problem = std::current_exception();
        }
    }).join();
    if (problem) std::rethrow_exception(problem);
}

UniqueFd listen_on(const std::string& address, std::uint16_t port) {
    auto fd = bound(SOCK_STREAM, address, port);
    if (::listen(fd.get(), 16) != 0) raise("listen");
    return fd;
}

UniqueFd udp_on(const std::string& address, std::uint16_t port) { return bound(SOCK_DGRAM, address, port); }

UniqueFd connect_to(const std::string& address, std::uint16_t port, Protocol protocol) {
    auto fd = make_socket(protocol == Protocol::tcp ? SOCK_STREAM : SOCK_DGRAM);
    const auto to = address_of(address, port);
    if (::connect(fd.get(), generic(to), sizeof to) != 0) raise("connect to " + address);
    return fd;
}

Talker accept_from(const UniqueFd& listener) {
    sockaddr_in from = {};
    socklen_t size = sizeof from;
    UniqueFd fd(::accept4(listener.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC));
    if (!fd) raise("accept");
    return {std::move(fd), Ipv4::from_wire(from.sin_addr.s_addr).str()};
}

void say(const UniqueFd& fd, const std::string& text) {
    if (::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) raise("send");
}

std::string hear(const UniqueFd& fd) {
    std::array<char, 512> buffer{};
    const auto got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) raise("recv");
    return {buffer.data(), static_cast<std::size_t>(got)};
}

std::string answer_datagram(const UniqueFd& fd) {
    std::array<char, 512> buffer{};
    sockaddr_in from = {};
    socklen_t size = sizeof from;
    const auto got =
        ::recvfrom(fd.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 0) raise("recvfrom");
    for (auto& c : buffer) c = static_cast<char>(std::toupper(c));
    if (::sendto(fd.get(), buffer.data(), static_cast<std::size_t>(got), 0, generic(from), size) < 0)
        raise("sendto");
    return Ipv4::from_wire(from.sin_addr.s_addr).str();
}

bool has_input(const UniqueFd& fd) {
    pollfd item{.fd = fd.get(), .events = POLLIN, .revents = 0};
    return ::poll(&item, 1, 0) == 1;
}

bool can_bind(std::uint16_t port, Protocol protocol) {
    try {
        return static_cast<bool>(
            bound(protocol == Protocol::tcp ? SOCK_STREAM : SOCK_DGRAM, "0.0.0.0", port));
    } catch (const std::system_error&) {
        return false;
    }
}

void run(const std::string& command) {
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

std::size_t open_descriptors() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        count += entry.path().empty() ? 0 : 1;
    return count;
}

Outside::Outside() {
    const auto subnet = parse_subnet("10.99.0.0/24").value();
    auto links = Links::open().value();
    auto inside = make_namespace().value();
    const int bridge = links.ensure_bridge("outside0", subnet).value();
    const auto address = parse_ipv4(kAddress).value();
    const VethSpec veth{.name = "outside1",
                        .bridge = bridge,
                        .mtu = 1500,
                        .peer_netns = inside.fd.get(),
                        .peer_mac = mac_of(address)};
    if (auto added = links.add_veth(veth); !added) throw std::runtime_error(added.error().message());
    if (auto done = inside.links.configure_inside(address, subnet); !done)
        throw std::runtime_error(done.error().message());
    netns_ = std::move(inside.fd);
}

Outside::~Outside() {
    if (auto links = Links::open()) {
        const std::array names{std::string("outside1"), std::string("outside0")};
        static_cast<void>(links->remove(names));
    }
}

} // namespace berth::network::test
