// Netlink, typed just enough: requests built in place, answers matched to them. Blocking; for the pool.
#pragma once

#include "berth/base/result.hpp"
#include "berth/base/unique_fd.hpp"

#include <linux/netlink.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>

namespace berth::network {

// One request. Its parts are bounded (names, addresses, 64-digit ids), so a small buffer of its own is
// enough; what does not fit is noticed when it is sent.
class Message {
  public:
    // NLM_F_REQUEST is added.
    Message(std::uint16_t type, std::uint16_t flags);

    // The header of the family (ifinfomsg, nfgenmsg …), zeroed; also inside a nest, as VETH_INFO_PEER wants
    // it.
    template <class Header>
    void add_header(const Header& header) {
        static_assert(std::is_trivially_copyable_v<Header>);
        append(std::as_bytes(std::span(&header, 1)));
    }
    void put(std::uint16_t type, std::span<const std::byte> value);
    void put(std::uint16_t type, std::string_view text); // with its final zero
    void put_u8(std::uint16_t type, std::uint8_t value);
    void put_u32(std::uint16_t type, std::uint32_t value);
    void put_u32_be(std::uint16_t type, std::uint32_t value);
    // Attributes added by `fill` become members of this one.
    void nest(std::uint16_t type, const std::function<void()>& fill);

    nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(buffer_.data()); }
    bool fits() const { return fits_; }

  private:
    void append(std::span<const std::byte> bytes);

    alignas(nlmsghdr) std::array<char, 768> buffer_;
    bool fits_ = true;
};

class NetlinkSocket {
  public:
    // In the network namespace of the calling thread, and it stays there.
    static Result<NetlinkSocket> open(int protocol);

    using OnReply = std::function<void(const nlmsghdr&)>;
    // Sends all in one datagram and waits until each that asks for an acknowledgement (or is a dump) has got
    // it. The first error wins; it carries errno in sys() and the kernel's own words where there are some.
    Status exchange(std::span<Message> messages, const OnReply& on_reply = {});
    Status exchange(Message message, const OnReply& on_reply = {}) {
        return exchange(std::span(&message, 1), on_reply);
    }
    // A dump. `again` forgets what was listed so far, when it must be begun anew.
    Status list(const Message& dump, const OnReply& on_reply, const std::function<void()>& again);

  private:
    explicit NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
    std::uint32_t sequence_ = 0;
};

} // namespace berth::network
