// Sockets in other network namespaces, and an outside world behind a second bridge.
#pragma once

#include "berth/base/unique_fd.hpp"
#include "berth/network/ports.hpp"

#include "agent/network/namespace.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace berth::network::test {

// Runs it on a thread that has entered the namespace; sockets made there stay there.
void in_namespace(int netns, const std::function<void()>& work);

struct Talker {
    UniqueFd fd;
    std::string peer; // address that the other side is seen with
};
// These throw on failure, and after ten seconds without an answer.
UniqueFd listen_on(const std::string& address, std::uint16_t port); // TCP
UniqueFd udp_on(const std::string& address, std::uint16_t port);
UniqueFd connect_to(const std::string& address, std::uint16_t port, Protocol protocol = Protocol::tcp);
Talker accept_from(const UniqueFd& listener);
void say(const UniqueFd& fd, const std::string& text);
std::string hear(const UniqueFd& fd);
// Receives a datagram, answers with the same in capitals, returns where it came from.
std::string answer_datagram(const UniqueFd& fd);
bool has_input(const UniqueFd& fd); // right now
bool can_bind(std::uint16_t port, Protocol protocol = Protocol::tcp);
void run(const std::string& command); // in the calling thread's namespaces

std::size_t open_descriptors();

// A host of another network: 10.99.0.2, whose way to everywhere leads through us, 10.99.0.1.
class Outside {
  public:
    Outside();
    ~Outside();
    int netns() const { return netns_.get(); }
    static constexpr const char* kAddress = "10.99.0.2";
    static constexpr const char* kOurAddress = "10.99.0.1";

  private:
    UniqueFd netns_;
};

} // namespace berth::network::test
