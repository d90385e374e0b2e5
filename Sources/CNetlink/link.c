// SPDX-License-Identifier: Apache-2.0

#include "socket.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>

#define MAC_LENGTH 6
// The kernel allows 256 bytes with the null (IFALIASZ in linux/if.h, which cannot be included beside net/if.h).
#define ALIAS_LENGTH 255
// The unit of times in link attributes, on every architecture that Linux has (USER_HZ).
#define TICKS_PER_SECOND 100

// Making

static struct nlmsghdr *begin_link(struct cnl_socket *socket, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *request = cnl_begin(socket, type, flags);
    mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
    return request;
}

// Only the bits of `change` are meant, so that nobody else's flags are touched.
static void put_flags(struct nlmsghdr *request, unsigned int flags, unsigned int change)
{
    struct ifinfomsg *header = mnl_nlmsg_get_payload(request);
    header->ifi_flags = flags;
    header->ifi_change = change;
}

void cnl_put_bridge(struct cnl_socket *socket, const char *name, const uint8_t *mac, uint32_t mtu)
{
    struct nlmsghdr *request = begin_link(socket, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    cnl_put_link_name(socket, request, IFLA_IFNAME, name);
    mnl_attr_put_u32(request, IFLA_MTU, mtu);
    if (mac)
        mnl_attr_put(request, IFLA_ADDRESS, MAC_LENGTH, mac);
    struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
    mnl_attr_put_str(request, IFLA_INFO_KIND, "bridge");
    struct nlattr *data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
    mnl_attr_put_u32(request, IFLA_BR_STP_STATE, 0);
    mnl_attr_nest_end(request, data);
    mnl_attr_nest_end(request, info);
    cnl_end(socket, request);
}

// A setting of a bridge. RTM_NEWLINK, because RTM_SETLINK does not read IFLA_LINKINFO.
static void put_bridge_setting(
    struct cnl_socket *socket, const char *bridge, uint16_t type, size_t size, const void *value)
{
    struct nlmsghdr *request = begin_link(socket, RTM_NEWLINK, NLM_F_ACK);
    cnl_put_link_name(socket, request, IFLA_IFNAME, bridge);
    struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
    mnl_attr_put_str(request, IFLA_INFO_KIND, "bridge");
    struct nlattr *data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
    mnl_attr_put(request, type, size, value);
    mnl_attr_nest_end(request, data);
    mnl_attr_nest_end(request, info);
    cnl_end(socket, request);
}

void cnl_put_multicast_snooping(struct cnl_socket *socket, const char *bridge, _Bool on)
{
    uint8_t value = on;
    put_bridge_setting(socket, bridge, IFLA_BR_MCAST_SNOOPING, sizeof(value), &value);
}

void cnl_put_ageing(struct cnl_socket *socket, const char *bridge, uint32_t seconds)
{
    uint32_t ticks = seconds * TICKS_PER_SECOND;
    if (seconds > UINT32_MAX / TICKS_PER_SECOND)
        cnl_break(socket, -EINVAL);
    put_bridge_setting(socket, bridge, IFLA_BR_AGEING_TIME, sizeof(ticks), &ticks);
}

void cnl_put_stp(struct cnl_socket *socket, const char *bridge, _Bool on)
{
    uint32_t value = on;
    put_bridge_setting(socket, bridge, IFLA_BR_STP_STATE, sizeof(value), &value);
}

// One queue each way. The kernel would make one for each processor and then take all but one away again, for which
// `netif_set_real_num_tx_queues` waits in `synchronize_net`: a quarter of what a pair costs (veth_init_queues, veth.c).
static void put_one_queue(struct nlmsghdr *request)
{
    mnl_attr_put_u32(request, IFLA_NUM_TX_QUEUES, 1);
    mnl_attr_put_u32(request, IFLA_NUM_RX_QUEUES, 1);
}

void cnl_put_veth(
    struct cnl_socket *socket, const char *name, const uint8_t *mac, int32_t master, uint32_t group,
    const char *peer, const uint8_t *peer_mac, int32_t peer_namespace_fd, uint32_t mtu)
{
    struct nlmsghdr *request = begin_link(socket, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    put_flags(request, IFF_UP, IFF_UP);
    cnl_put_link_name(socket, request, IFLA_IFNAME, name);
    mnl_attr_put_u32(request, IFLA_MTU, mtu);
    mnl_attr_put_u32(request, IFLA_GROUP, group);
    put_one_queue(request);
    if (mac)
        mnl_attr_put(request, IFLA_ADDRESS, MAC_LENGTH, mac);
    if (master != 0)
        mnl_attr_put_u32(request, IFLA_MASTER, (uint32_t)master);

    struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
    mnl_attr_put_str(request, IFLA_INFO_KIND, "veth");
    struct nlattr *data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
    struct nlattr *peer_info = mnl_attr_nest_start(request, VETH_INFO_PEER);
    mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
    cnl_put_link_name(socket, request, IFLA_IFNAME, peer);
    mnl_attr_put_u32(request, IFLA_MTU, mtu);
    put_one_queue(request);
    if (peer_mac)
        mnl_attr_put(request, IFLA_ADDRESS, MAC_LENGTH, peer_mac);
    if (peer_namespace_fd >= 0)
        mnl_attr_put_u32(request, IFLA_NET_NS_FD, (uint32_t)peer_namespace_fd);
    mnl_attr_nest_end(request, peer_info);
    mnl_attr_nest_end(request, data);
    mnl_attr_nest_end(request, info);
    cnl_end(socket, request);
}

// Deleting and changing

void cnl_put_delete(struct cnl_socket *socket, const char *name)
{
    struct nlmsghdr *request = begin_link(socket, RTM_DELLINK, NLM_F_ACK);
    cnl_put_link_name(socket, request, IFLA_IFNAME, name);
    cnl_end(socket, request);
}

void cnl_put_delete_group(struct cnl_socket *socket, uint32_t group)
{
    struct nlmsghdr *request = begin_link(socket, RTM_DELLINK, NLM_F_ACK);
    mnl_attr_put_u32(request, IFLA_GROUP, group);
    if (group == 0) // The group of every link that nobody put into one.
        cnl_break(socket, -EINVAL);
    cnl_end(socket, request);
}

void cnl_put_retire(struct cnl_socket *socket, int32_t link, uint32_t group)
{
    struct nlmsghdr *request = begin_link(socket, RTM_SETLINK, NLM_F_ACK);
    struct ifinfomsg *header = mnl_nlmsg_get_payload(request);
    header->ifi_index = link;
    put_flags(request, 0, IFF_UP);
    mnl_attr_put_u32(request, IFLA_MASTER, 0);
    mnl_attr_put_u32(request, IFLA_GROUP, group);
    if (link <= 0 || group == 0)
        cnl_break(socket, -EINVAL);
    cnl_end(socket, request);
}

// Begins a change of the link of that name.
static struct nlmsghdr *begin_change(struct cnl_socket *socket, const char *name)
{
    struct nlmsghdr *request = begin_link(socket, RTM_SETLINK, NLM_F_ACK);
    cnl_put_link_name(socket, request, IFLA_IFNAME, name);
    return request;
}

void cnl_put_alias(struct cnl_socket *socket, const char *name, const char *alias)
{
    struct nlmsghdr *request = begin_change(socket, name);
    if (strnlen(alias, ALIAS_LENGTH + 1) > ALIAS_LENGTH)
        cnl_break(socket, -EINVAL);
    else
        mnl_attr_put_str(request, IFLA_IFALIAS, alias);
    cnl_end(socket, request);
}

void cnl_put_group(struct cnl_socket *socket, const char *name, uint32_t group)
{
    struct nlmsghdr *request = begin_change(socket, name);
    mnl_attr_put_u32(request, IFLA_GROUP, group);
    cnl_end(socket, request);
}

void cnl_put_hairpin(struct cnl_socket *socket, const char *name, _Bool on)
{
    // RTM_SETLINK knows nothing of what a link is to its master (do_setlink in the kernel's net/core/rtnetlink.c).
    struct nlmsghdr *request = begin_link(socket, RTM_NEWLINK, NLM_F_ACK);
    cnl_put_link_name(socket, request, IFLA_IFNAME, name);
    struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
    mnl_attr_put_str(request, IFLA_INFO_SLAVE_KIND, "bridge");
    struct nlattr *data = mnl_attr_nest_start(request, IFLA_INFO_SLAVE_DATA);
    mnl_attr_put_u8(request, IFLA_BRPORT_MODE, on);
    mnl_attr_nest_end(request, data);
    mnl_attr_nest_end(request, info);
    cnl_end(socket, request);
}

void cnl_put_master(struct cnl_socket *socket, const char *name, int32_t master)
{
    struct nlmsghdr *request = begin_change(socket, name);
    mnl_attr_put_u32(request, IFLA_MASTER, (uint32_t)master);
    cnl_end(socket, request);
}

void cnl_put_mtu(struct cnl_socket *socket, const char *name, uint32_t mtu)
{
    struct nlmsghdr *request = begin_change(socket, name);
    mnl_attr_put_u32(request, IFLA_MTU, mtu);
    cnl_end(socket, request);
}

void cnl_put_mac(struct cnl_socket *socket, const char *name, const uint8_t *mac)
{
    struct nlmsghdr *request = begin_change(socket, name);
    mnl_attr_put(request, IFLA_ADDRESS, MAC_LENGTH, mac);
    cnl_end(socket, request);
}

void cnl_put_up(struct cnl_socket *socket, const char *name, _Bool up)
{
    struct nlmsghdr *request = begin_change(socket, name);
    put_flags(request, up ? IFF_UP : 0, IFF_UP);
    cnl_end(socket, request);
}

void cnl_put_name(struct cnl_socket *socket, int32_t link, const char *name)
{
    struct nlmsghdr *request = begin_change(socket, name);
    struct ifinfomsg *header = mnl_nlmsg_get_payload(request);
    header->ifi_index = link;
    if (link <= 0) // The kernel would look for a link that has the new name already.
        cnl_break(socket, -ENODEV);
    cnl_end(socket, request);
}

void cnl_put_namespace(struct cnl_socket *socket, const char *name, int32_t namespace_fd)
{
    struct nlmsghdr *request = begin_change(socket, name);
    mnl_attr_put_u32(request, IFLA_NET_NS_FD, (uint32_t)namespace_fd);
    cnl_end(socket, request);
}

// Reading

static void read_kind(const struct nlattr *info, struct cnl_link *link)
{
    const struct nlattr *attribute;
    mnl_attr_for_each_nested(attribute, info) {
        if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND
            && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
            link->kind = mnl_attr_get_str(attribute);
    }
}

static void read_link_attribute(const struct nlattr *attribute, struct cnl_link *link)
{
    _Bool is_string = mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0;
    _Bool is_u32 = mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0;

    switch (mnl_attr_get_type(attribute)) {
    case IFLA_IFNAME:
        if (is_string)
            link->name = mnl_attr_get_str(attribute);
        break;
    case IFLA_IFALIAS:
        if (is_string)
            link->alias = mnl_attr_get_str(attribute);
        break;
    case IFLA_ADDRESS:
        link->mac = mnl_attr_get_payload(attribute);
        link->mac_length = mnl_attr_get_payload_len(attribute);
        break;
    case IFLA_LINKINFO:
        read_kind(attribute, link);
        break;
    case IFLA_MTU:
        if (is_u32)
            link->mtu = mnl_attr_get_u32(attribute);
        break;
    case IFLA_GROUP:
        if (is_u32)
            link->group = mnl_attr_get_u32(attribute);
        break;
    case IFLA_MASTER:
        if (is_u32)
            link->master = (int32_t)mnl_attr_get_u32(attribute);
        break;
    case IFLA_LINK:
        if (is_u32)
            link->peer = (int32_t)mnl_attr_get_u32(attribute);
        break;
    case IFLA_LINK_NETNSID:
        if (is_u32)
            link->peer_namespace = (int32_t)mnl_attr_get_u32(attribute);
        break;
    }
}

const struct cnl_link *cnl_read_link(struct cnl_socket *socket)
{
    const struct nlmsghdr *record = socket->record;
    if (record->nlmsg_type != RTM_NEWLINK && record->nlmsg_type != RTM_DELLINK)
        return NULL;
    if (mnl_nlmsg_get_payload_len(record) < sizeof(struct ifinfomsg))
        return NULL;
    // A bridge reports its ports under AF_BRIDGE: RTM_DELLINK is then a port that left, and the link is still there.
    const struct ifinfomsg *header = mnl_nlmsg_get_payload(record);
    if (header->ifi_family != AF_UNSPEC)
        return NULL;

    struct cnl_link link = {
        .name = "",
        .kind = "",
        .alias = "",
        .index = header->ifi_index,
        .peer_namespace = -1,
        .is_up = (header->ifi_flags & IFF_UP) != 0,
    };
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, record, sizeof(*header))
        read_link_attribute(attribute, &link);
    socket->read.link = link;
    return &socket->read.link;
}

int cnl_find_link(struct cnl_socket *socket, const char *name, const struct cnl_link **ret_link)
{
    if (!cnl_is_idle(socket))
        return -EBUSY;

    struct nlmsghdr *request = begin_link(socket, RTM_GETLINK, 0);
    cnl_put_link_name(socket, request, IFLA_IFNAME, name);
    mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    cnl_end(socket, request);
    int code = cnl_ask(socket);
    if (code < 0)
        return code;

    const struct cnl_link *link = cnl_read_link(socket);
    if (!link)
        return -EBADMSG;
    *ret_link = link;
    return 0;
}

int cnl_dump_links(struct cnl_socket *socket)
{
    return cnl_dump(socket, RTM_GETLINK, sizeof(struct ifinfomsg));
}

const struct cnl_link *cnl_next_link(struct cnl_socket *socket)
{
    while (cnl_step(socket)) {
        const struct cnl_link *link = cnl_read_link(socket);
        if (link)
            return link;
    }
    return NULL;
}

int cnl_namespace_id(struct cnl_socket *socket, int32_t namespace_fd, int32_t *ret_id)
{
    if (!cnl_is_idle(socket))
        return -EBUSY;

    struct nlmsghdr *request = cnl_begin(socket, RTM_GETNSID, 0);
    mnl_nlmsg_put_extra_header(request, sizeof(struct rtgenmsg));
    mnl_attr_put_u32(request, NETNSA_FD, (uint32_t)namespace_fd);
    cnl_end(socket, request);
    int code = cnl_ask(socket);
    if (code < 0)
        return code;

    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, socket->record, sizeof(struct rtgenmsg)) {
        if (mnl_attr_get_type(attribute) == NETNSA_NSID && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0) {
            *ret_id = (int32_t)mnl_attr_get_u32(attribute);
            return 0;
        }
    }
    return -EBADMSG;
}
