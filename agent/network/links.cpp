// rtnetlink messages for bridges, veth pairs, addresses and routes.
#include "agent/network/links.hpp"

#include "agent/network/attributes.hpp"

#include <fmt/ranges.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <cerrno>
#include <span>

namespace berth::network {
namespace {

constexpr std::uint16_t kCreate = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
constexpr int kLoopbackIndex = 1; // in every network namespace
constexpr std::uint32_t kUsualMtu = 1500;
constexpr std::uint32_t kDoomedGroup = 0x6265'7274; // link groups are for users; nobody else has this one

std::span<const std::byte> bytes_of(const Mac& mac) { return std::as_bytes(std::span(mac)); }

ifinfomsg link_header(unsigned flags_on = 0, int index = 0) {
    ifinfomsg head = {};
    head.ifi_family = AF_UNSPEC;
    head.ifi_index = index;
    head.ifi_flags = head.ifi_change = flags_on;
    return head;
}

Link read_link(const nlmsghdr& message) {
    Link link;
    link.index = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message))->ifi_index;
    each_attribute(message, sizeof(ifinfomsg), [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
        case IFLA_IFNAME: link.name = mnl_attr_get_str(attribute); break;
        case IFLA_MTU: link.mtu = mnl_attr_get_u32(attribute); break;
        case IFLA_MASTER: link.master = static_cast<int>(mnl_attr_get_u32(attribute)); break;
        case IFLA_LINKINFO:
            each_member(attribute, [&](const nlattr* member) {
                if (mnl_attr_get_type(member) == IFLA_INFO_KIND) link.kind = mnl_attr_get_str(member);
            });
            break;
        default: break;
        }
    });
    return link;
}

Message up_message(int index) {
    Message message(RTM_NEWLINK, NLM_F_ACK);
    message.add_header(link_header(IFF_UP, index));
    return message;
}

Message address_message(int index, Ipv4 address, const Subnet& subnet) {
    Message message(RTM_NEWADDR, kCreate);
    ifaddrmsg head = {};
    head.ifa_family = AF_INET;
    head.ifa_prefixlen = static_cast<std::uint8_t>(subnet.prefix);
    head.ifa_index = static_cast<std::uint32_t>(index);
    message.add_header(head);
    message.put_u32(IFA_LOCAL, address.wire());
    message.put_u32(IFA_ADDRESS, address.wire());
    message.put_u32(IFA_BROADCAST, subnet.broadcast().wire());
    return message;
}

Message default_route_message(int index, Ipv4 gateway) {
    Message message(RTM_NEWROUTE, kCreate);
    rtmsg head = {};
    head.rtm_family = AF_INET;
    head.rtm_table = RT_TABLE_MAIN;
    head.rtm_protocol = RTPROT_BOOT;
    head.rtm_scope = RT_SCOPE_UNIVERSE;
    head.rtm_type = RTN_UNICAST;
    message.add_header(head);
    message.put_u32(RTA_GATEWAY, gateway.wire());
    message.put_u32(RTA_OIF, static_cast<std::uint32_t>(index));
    return message;
}

} // namespace

Result<Links> Links::open() {
    auto socket = NetlinkSocket::open(NETLINK_ROUTE);
    if (!socket) return fail(std::move(socket.error()));
    return Links(std::move(*socket));
}

Result<std::optional<Link>> Links::get(Message request) {
    std::optional<Link> link;
    auto found = socket_.exchange(std::move(request), [&](const nlmsghdr& reply) {
        if (reply.nlmsg_type == RTM_NEWLINK) link = read_link(reply);
    });
    if (!found && found.error().sys() != ENODEV) return fail(std::move(found.error()));
    return link;
}

Result<std::optional<Link>> Links::find(const std::string& name) {
    Message message(RTM_GETLINK, NLM_F_ACK);
    message.add_header(link_header());
    message.put(IFLA_IFNAME, name);
    auto link = get(std::move(message));
    if (!link) return fail(std::move(link.error()), "looking for link {}", name);
    return link;
}

Result<std::vector<Link>> Links::ports_of(int bridge) {
    Message message(RTM_GETLINK, NLM_F_DUMP);
    message.add_header(link_header());
    message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(bridge)); // kernels that ignore it list them all
    std::vector<Link> ports;
    const auto collect = [&](const nlmsghdr& reply) {
        if (auto link = read_link(reply); link.master == bridge) ports.push_back(std::move(link));
    };
    auto listed = socket_.list(message, collect, [&] { ports.clear(); });
    if (!listed) return fail(std::move(listed.error()), "listing the ports of the bridge");
    return ports;
}

Result<std::uint32_t> Links::uplink_mtu() {
    // The route to an address of the documentation range is the default route, whatever the tables hold.
    Message look_up(RTM_GETROUTE, NLM_F_ACK);
    rtmsg head = {};
    head.rtm_family = AF_INET;
    head.rtm_dst_len = 32;
    look_up.add_header(head);
    look_up.put_u32(RTA_DST, Ipv4{0xc000'0201}.wire()); // 192.0.2.1
    int index = 0;
    auto routed = socket_.exchange(look_up, [&](const nlmsghdr& reply) {
        each_attribute(reply, sizeof(rtmsg), [&](const nlattr* attribute) {
            if (mnl_attr_get_type(attribute) == RTA_OIF)
                index = static_cast<int>(mnl_attr_get_u32(attribute));
        });
    });
    if (!routed || index == 0 || index == kLoopbackIndex) return kUsualMtu; // no way out: no limit to keep to
    Message message(RTM_GETLINK, NLM_F_ACK);
    message.add_header(link_header(0, index));
    const auto link = get(std::move(message));
    if (!link) return fail(link.error(), "reading the MTU of the default route's link");
    return *link ? (*link)->mtu : kUsualMtu;
}

Result<int> Links::ensure_bridge(const std::string& name, const Subnet& subnet) {
    auto link = find(name);
    if (link && !*link) {
        const auto mtu = uplink_mtu();
        if (!mtu) return fail(mtu.error());
        Message create(RTM_NEWLINK, kCreate);
        create.add_header(link_header());
        create.put(IFLA_IFNAME, name);
        create.put_u32(IFLA_MTU, *mtu);
        // Its own MAC: otherwise the bridge takes one of a port, and changes it when that port goes.
        create.put(IFLA_ADDRESS, bytes_of(mac_of(subnet.gateway())));
        create.nest(IFLA_LINKINFO, [&] { create.put(IFLA_INFO_KIND, "bridge"); });
        auto created = socket_.exchange(create);
        if (!created && created.error().sys() != EEXIST)
            return fail(std::move(created.error()), "creating bridge {}", name);
        link = find(name);
    }
    if (!link) return fail(std::move(link.error()));
    if (!*link || (*link)->kind != "bridge")
        return fail(ErrorCode::exists,
                    "link {} exists and is not a bridge; configure another name for the bridge", name);
    const int index = (*link)->index;
    auto addressed = socket_.exchange(address_message(index, subnet.gateway(), subnet));
    if (!addressed && addressed.error().sys() != EEXIST)
        return fail(std::move(addressed.error()), "giving {} to bridge {}", subnet.gateway().str(), name);
    if (auto up = socket_.exchange(up_message(index)); !up)
        return fail(std::move(up.error()), "bringing up bridge {}", name);
    return index;
}

Status Links::add_veth(const VethSpec& spec) {
    Message message(RTM_NEWLINK, kCreate);
    message.add_header(link_header(IFF_UP));
    message.put(IFLA_IFNAME, spec.name);
    message.put_u32(IFLA_MTU, spec.mtu);
    message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(spec.bridge));
    const auto peer = [&] {
        message.add_header(link_header()); // up before the pair is one, it would be refused
        message.put(IFLA_IFNAME, "eth0");
        message.put_u32(IFLA_MTU, spec.mtu);
        message.put(IFLA_ADDRESS, bytes_of(spec.peer_mac));
        message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(spec.peer_netns));
    };
    const auto data = [&] { message.nest(VETH_INFO_PEER, peer); };
    const auto info = [&] {
        message.put(IFLA_INFO_KIND, "veth");
        message.nest(IFLA_INFO_DATA, data);
    };
    message.nest(IFLA_LINKINFO, info);
    // Hairpin: with br_netfilter a connection of a container to its own published port is turned round inside
    // the bridge. It can only be set on a port that exists.
    Message hairpin(RTM_NEWLINK, NLM_F_ACK);
    hairpin.add_header(link_header());
    hairpin.put(IFLA_IFNAME, spec.name);
    const auto port_data = [&] { hairpin.put_u8(IFLA_BRPORT_MODE, 1); };
    const auto port_info = [&] {
        hairpin.put(IFLA_INFO_SLAVE_KIND, "bridge");
        hairpin.nest(IFLA_INFO_SLAVE_DATA, port_data);
    };
    hairpin.nest(IFLA_LINKINFO, port_info);
    std::array messages{message, hairpin};
    auto created = socket_.exchange(messages);
    if (!created) return fail(std::move(created.error()), "creating veth pair {}", spec.name);
    return {};
}

Status Links::remove(std::span<const std::string> names) {
    // Links of one group go in one request, with one wait for the kernel's readers.
    bool any = false;
    Status result;
    for (const auto& name : names) {
        Message mark(RTM_NEWLINK, NLM_F_ACK);
        mark.add_header(link_header());
        mark.put(IFLA_IFNAME, name);
        mark.put_u32(IFLA_GROUP, kDoomedGroup);
        auto marked = socket_.exchange(mark);
        any = any || marked;
        if (!marked && marked.error().sys() != ENODEV && result)
            result = fail(std::move(marked.error()), "removing link {}", name);
    }
    if (!any) return result;
    Message message(RTM_DELLINK, NLM_F_ACK);
    message.add_header(link_header());
    message.put_u32(IFLA_GROUP, kDoomedGroup);
    auto removed = socket_.exchange(message);
    if (!removed && removed.error().sys() != ENODEV)
        return fail(std::move(removed.error()), "removing links {}", fmt::join(names, ", "));
    return result;
}

Status Links::bring_up_loopback() {
    auto up = socket_.exchange(up_message(kLoopbackIndex));
    if (!up) return fail(std::move(up.error()), "bringing up lo");
    return {};
}

Status Links::configure_inside(Ipv4 address, const Subnet& subnet) {
    const auto eth0 = find("eth0");
    if (!eth0) return fail(eth0.error());
    if (!*eth0) return fail(ErrorCode::not_found, "the container's eth0 is gone");
    const int index = (*eth0)->index;
    std::array messages{up_message(kLoopbackIndex), up_message(index),
                        address_message(index, address, subnet),
                        default_route_message(index, subnet.gateway())};
    auto configured = socket_.exchange(messages);
    if (!configured) return fail(std::move(configured.error()), "configuring {} on eth0", address.str());
    return {};
}

} // namespace berth::network
