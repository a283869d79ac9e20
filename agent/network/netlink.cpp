// Netlink framing over libmnl: building, sending, collecting acknowledgements.
#include "agent/network/netlink.hpp"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace berth::network {

Message::Message(std::uint16_t type, std::uint16_t flags) : buffer_{} {
    auto* head = mnl_nlmsg_put_header(buffer_.data());
    head->nlmsg_type = type;
    head->nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
}

void Message::append(std::span<const std::byte> bytes) {
    const auto used = header()->nlmsg_len;
    const auto padded = MNL_ALIGN(bytes.size());
    if (!(fits_ = fits_ && used + padded <= buffer_.size())) return;
    std::memcpy(buffer_.data() + used, bytes.data(), bytes.size());
    header()->nlmsg_len = static_cast<std::uint32_t>(used + padded);
}

void Message::put(std::uint16_t type, std::span<const std::byte> value) {
    fits_ = fits_ && mnl_attr_put_check(header(), buffer_.size(), type, value.size(), value.data());
}

void Message::put(std::uint16_t type, std::string_view text) {
    const std::string zero_terminated(text);
    put(type, std::as_bytes(std::span(zero_terminated.c_str(), text.size() + 1)));
}

void Message::put_u8(std::uint16_t type, std::uint8_t value) {
    put(type, std::as_bytes(std::span(&value, 1)));
}

void Message::put_u32(std::uint16_t type, std::uint32_t value) {
    put(type, std::as_bytes(std::span(&value, 1)));
}

void Message::put_u32_be(std::uint16_t type, std::uint32_t value) { put_u32(type, htonl(value)); }

void Message::nest(std::uint16_t type, const std::function<void()>& fill) {
    auto* start = mnl_attr_nest_start_check(header(), buffer_.size(), type);
    fits_ = fits_ && start != nullptr;
    if (!fits_) return;
    fill();
    mnl_attr_nest_end(header(), start);
}

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
    UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    if (!fd) return fail_errno(errno, "opening a netlink socket");
    const sockaddr_nl address{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail_errno(errno, "binding a netlink socket");
    const int on = 1;
    // Both only make errors better: short acknowledgements, and the kernel's reason in words.
    ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    // The kernel answers before send returns or soon after; a thread of the pool must never hang on it.
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return NetlinkSocket(std::move(fd));
}

namespace {

std::string kernel_words(const nlmsghdr& head) {
    std::string words;
    if (head.nlmsg_type != NLMSG_ERROR || !(head.nlmsg_flags & NLM_F_ACK_TLVS)) return words;
    auto collect = [](const nlattr* attribute, void* out) {
        if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
            mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
            *static_cast<std::string*>(out) = mnl_attr_get_str(attribute);
        return MNL_CB_OK;
    };
    mnl_attr_parse(&head, sizeof(nlmsgerr), collect, &words);
    return words;
}

// Of an acknowledgement or of the end of a dump: both begin with an error number.
Status outcome(const nlmsghdr& head) {
    if (mnl_nlmsg_get_payload_len(&head) < sizeof(int))
        return fail(ErrorCode::protocol, "netlink: the kernel's answer is too short");
    const int error = -*static_cast<const int*>(mnl_nlmsg_get_payload(&head));
    if (error == 0) return {};
    const auto words = kernel_words(head);
    return words.empty() ? fail_errno(error, "netlink") : fail_errno(error, "netlink: {}", words);
}

} // namespace

Status NetlinkSocket::list(const Message& dump, const OnReply& on_reply, const std::function<void()>& again) {
    for (int attempt = 1;; ++attempt) {
        auto listed = exchange(dump, on_reply);
        if (listed || listed.error().sys() != EINTR || attempt == 10) return listed;
        again();
    }
}

Status NetlinkSocket::exchange(std::span<Message> messages, const OnReply& on_reply) {
    std::string wire;
    std::vector<std::uint32_t> open_requests;
    for (auto& message : messages) {
        if (!message.fits()) return fail(ErrorCode::internal, "netlink: a request is larger than its buffer");
        auto* head = message.header();
        head->nlmsg_seq = ++sequence_;
        const bool dump = (head->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
        if (dump || (head->nlmsg_flags & NLM_F_ACK)) open_requests.push_back(sequence_);
        wire.append(reinterpret_cast<const char*>(head), head->nlmsg_len);
    }
    if (messages.empty()) return {};
    const auto first = messages.front().header()->nlmsg_seq;
    if (::send(fd_.get(), wire.data(), wire.size(), 0) < 0) return fail_errno(errno, "netlink: sending");

    Status result;
    alignas(nlmsghdr) std::array<char, 32768> buffer;
    while (!open_requests.empty()) {
        const auto got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(errno, "netlink: receiving");
        int left = static_cast<int>(got);
        for (auto* head = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(head, left);
             head = mnl_nlmsg_next(head, &left)) {
            if (head->nlmsg_seq < first || head->nlmsg_seq > sequence_) continue; // of an earlier exchange
            if (head->nlmsg_flags & NLM_F_DUMP_INTR && result)
                result = fail_errno(EINTR, "netlink: things changed while they were listed");
            if (head->nlmsg_type != NLMSG_ERROR && head->nlmsg_type != NLMSG_DONE) {
                if (on_reply) on_reply(*head);
                continue;
            }
            const auto answered = std::ranges::find(open_requests, head->nlmsg_seq);
            auto status = outcome(*head);
            // A batch that fails as a whole is answered once, under the number of its beginning.
            const bool whole_batch = !status && answered == open_requests.end() && head->nlmsg_seq == first;
            if (answered != open_requests.end()) open_requests.erase(answered);
            if (!status && result) result = std::move(status);
            if (whole_batch) return result;
        }
    }
    return result;
}

} // namespace berth::network
