// nfnetlink messages for elements of nf_tables maps, in batches.
#include "agent/network/nft_maps.hpp"

#include "agent/network/attributes.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace berth::network {
namespace {

constexpr std::uint8_t kCommentTag = 0; // how nft marks a comment in the user data of an element
constexpr std::uint16_t kCreate = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
constexpr std::size_t kElementsABatch = 64; // its acknowledgements must fit the socket's receive buffer

constexpr std::uint16_t nft_type(std::uint16_t message) {
    return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message);
}

Message nft_message(std::uint16_t message_type, std::uint16_t flags) {
    Message message(nft_type(message_type), flags);
    message.add_header(nfgenmsg{.nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0, .res_id = 0});
    return message;
}

Message batch_border(std::uint16_t type) {
    Message message(type, 0);
    message.add_header(
        nfgenmsg{.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)});
    return message;
}

std::string_view map_name(Protocol protocol) { return protocol == Protocol::tcp ? "tcp_ports" : "udp_ports"; }

// ipv4_addr . inet_service: each part fills whole 32-bit registers.
struct Target {
    std::uint32_t address;
    std::uint16_t port;
    std::uint16_t padding;
};

template <class T>
T value_of(const nlattr* data) {
    T value = {};
    each_member(data, [&](const nlattr* member) {
        if (mnl_attr_get_type(member) == NFTA_DATA_VALUE && mnl_attr_get_payload_len(member) >= sizeof value)
            std::memcpy(&value, mnl_attr_get_payload(member), sizeof value);
    });
    return value;
}

std::string read_comment(const nlattr* user_data) {
    std::string_view bytes(static_cast<const char*>(mnl_attr_get_payload(user_data)),
                           mnl_attr_get_payload_len(user_data));
    while (bytes.size() >= 2) {
        const auto length = static_cast<unsigned char>(bytes[1]);
        const auto value = bytes.substr(2, length);
        if (bytes[0] == kCommentTag) return std::string(value.substr(0, value.find('\0')));
        bytes.remove_prefix(std::min(bytes.size(), std::size_t{2} + length));
    }
    return {};
}

MapElement read_element(const nlattr* element, Protocol protocol) {
    MapElement result;
    result.protocol = protocol;
    each_member(element, [&](const nlattr* member) {
        switch (mnl_attr_get_type(member)) {
        case NFTA_SET_ELEM_KEY: result.host_port = ntohs(value_of<std::uint16_t>(member)); break;
        case NFTA_SET_ELEM_DATA: {
            const auto target = value_of<Target>(member);
            result.address = Ipv4::from_wire(target.address);
            result.port = ntohs(target.port);
            break;
        }
        case NFTA_SET_ELEM_USERDATA: result.owner = read_comment(member); break;
        default: break;
        }
    });
    return result;
}

} // namespace

Result<NetlinkSocket*> NftMaps::socket() {
    if (!socket_) {
        auto opened = NetlinkSocket::open(NETLINK_NETFILTER);
        if (!opened) return fail(std::move(opened.error()));
        socket_ = std::move(*opened);
    }
    return &*socket_;
}

Result<bool> NftMaps::table_exists() {
    auto kernel = socket();
    if (!kernel) return fail(std::move(kernel.error()));
    auto message = nft_message(NFT_MSG_GETTABLE, NLM_F_ACK);
    message.put(NFTA_TABLE_NAME, table_);
    auto found = (*kernel)->exchange(message);
    if (!found && found.error().sys() == ENOENT) return false;
    if (!found) return fail(std::move(found.error()), "looking for nftables table {}", table_);
    return true;
}

Message NftMaps::element_message(std::uint16_t type, std::uint16_t flags, const MapElement& element,
                                 bool key_only) const {
    auto message = nft_message(type, flags);
    const auto value = [&](std::uint16_t attribute, const auto& data) {
        message.nest(attribute, [&] { message.put(NFTA_DATA_VALUE, std::as_bytes(std::span(&data, 1))); });
    };
    const auto members = [&] {
        value(NFTA_SET_ELEM_KEY, htons(element.host_port));
        if (key_only) return;
        value(NFTA_SET_ELEM_DATA, Target{element.address.wire(), htons(element.port), 0});
        const auto comment = element.owner.substr(0, 120);
        std::string user_data{static_cast<char>(kCommentTag), static_cast<char>(comment.size() + 1)};
        user_data += comment;
        user_data += '\0';
        message.put(NFTA_SET_ELEM_USERDATA, std::as_bytes(std::span(user_data)));
    };
    const auto elements = [&] { message.nest(NFTA_LIST_ELEM, members); };
    message.put(NFTA_SET_ELEM_LIST_TABLE, table_);
    message.put(NFTA_SET_ELEM_LIST_SET, map_name(element.protocol));
    message.nest(NFTA_SET_ELEM_LIST_ELEMENTS, elements);
    return message;
}

Status NftMaps::commit(std::vector<Message> changes) {
    if (changes.empty()) return {};
    auto kernel = socket();
    if (!kernel) return fail(std::move(kernel.error()));
    changes.insert(changes.begin(), batch_border(NFNL_MSG_BATCH_BEGIN));
    changes.push_back(batch_border(NFNL_MSG_BATCH_END));
    return (*kernel)->exchange(changes);
}

Result<std::vector<Message>> NftMaps::replacements(std::span<const MapElement> elements) {
    const auto present = list();
    if (!present) return fail(present.error());
    std::vector<Message> changes;
    for (const auto& element : elements) {
        const auto same_key = [&](const MapElement& other) {
            return other.protocol == element.protocol && other.host_port == element.host_port;
        };
        const auto old = std::ranges::find_if(*present, same_key);
        if (old != present->end() && *old == element) continue;
        if (old != present->end())
            changes.push_back(element_message(NFT_MSG_DELSETELEM, NLM_F_ACK, element, true));
        changes.push_back(element_message(NFT_MSG_NEWSETELEM, kCreate, element, false));
    }
    return changes;
}

Status NftMaps::add(std::span<const MapElement> elements) {
    while (!elements.empty()) {
        const auto some = elements.first(std::min(elements.size(), kElementsABatch));
        std::vector<Message> additions;
        for (const auto& element : some)
            additions.push_back(element_message(NFT_MSG_NEWSETELEM, kCreate, element, false));
        auto added = commit(std::move(additions));
        if (!added && added.error().sys() == EEXIST) {
            auto changes = replacements(some);
            added = changes ? commit(std::move(*changes)) : Status(fail(std::move(changes.error())));
        }
        if (!added) return fail(std::move(added.error()), "publishing ports in nftables table {}", table_);
        elements = elements.subspan(some.size());
    }
    return {};
}

Status NftMaps::remove(std::span<const MapElement> elements) {
    while (!elements.empty()) {
        const auto some = elements.first(std::min(elements.size(), kElementsABatch));
        std::vector<Message> removals;
        for (const auto& element : some)
            removals.push_back(element_message(NFT_MSG_DELSETELEM, NLM_F_ACK, element, true));
        auto removed = commit(removals);
        if (!removed && removed.error().sys() == ENOENT) {
            // One that is missing undoes the whole batch: now each for itself.
            removed = {};
            for (const auto& removal : removals)
                if (auto one = commit({removal}); !one && one.error().sys() != ENOENT && removed)
                    removed = std::move(one);
        }
        if (!removed)
            return fail(std::move(removed.error()), "unpublishing ports in nftables table {}", table_);
        elements = elements.subspan(some.size());
    }
    return {};
}

Status NftMaps::list(Protocol protocol, std::vector<MapElement>& elements) {
    auto kernel = socket();
    if (!kernel) return fail(std::move(kernel.error()));
    auto message = nft_message(NFT_MSG_GETSETELEM, NLM_F_DUMP);
    message.put(NFTA_SET_ELEM_LIST_TABLE, table_);
    message.put(NFTA_SET_ELEM_LIST_SET, map_name(protocol));
    const auto before = elements.size();
    const auto collect = [&](const nlmsghdr& reply) {
        each_attribute(reply, sizeof(nfgenmsg), [&](const nlattr* attribute) {
            if (mnl_attr_get_type(attribute) != NFTA_SET_ELEM_LIST_ELEMENTS) return;
            each_member(attribute,
                        [&](const nlattr* element) { elements.push_back(read_element(element, protocol)); });
        });
    };
    return (*kernel)->list(message, collect, [&] { elements.resize(before); });
}

Result<std::vector<MapElement>> NftMaps::list() {
    std::vector<MapElement> elements;
    for (const auto protocol : {Protocol::tcp, Protocol::udp})
        if (auto listed = list(protocol, elements); !listed && listed.error().sys() != ENOENT)
            return fail(std::move(listed.error()), "listing published ports in nftables table {}", table_);
    return elements;
}

Status NftMaps::remove_table() {
    auto message = nft_message(NFT_MSG_DELTABLE, NLM_F_ACK);
    message.put(NFTA_TABLE_NAME, table_);
    auto removed = commit({message});
    if (!removed && removed.error().sys() != ENOENT)
        return fail(std::move(removed.error()), "removing nftables table {}", table_);
    return {};
}

} // namespace berth::network
