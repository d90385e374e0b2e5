// SPDX-License-Identifier: Apache-2.0

#include "socket.h"

#include <stddef.h>

// The metric of the routes that come with IPv6 addresses (linux/ipv6_route.h in the kernel's own headers).
#define IP6_RT_PRIO_ADDRCONF 256

static void put_route(
    struct cnl_socket *socket, uint16_t type, uint16_t flags, const uint8_t *destination, uint32_t length,
    uint32_t prefix_length, const uint8_t *gateway, int32_t link, uint32_t table)
{
    struct nlmsghdr *request = cnl_begin(socket, type, NLM_F_ACK | flags);
    struct rtmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    header->rtm_family = cnl_family(socket, length, prefix_length);
    header->rtm_dst_len = (uint8_t)prefix_length;
    header->rtm_table = RT_TABLE_UNSPEC; // RTA_TABLE has it, where it may be above 255.
    header->rtm_type = RTN_UNICAST;
    if (type == RTM_NEWROUTE) {
        header->rtm_protocol = RTPROT_STATIC;
        header->rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    } else {
        header->rtm_scope = RT_SCOPE_NOWHERE; // "any"
    }

    if (header->rtm_family != AF_UNSPEC) {
        if (prefix_length > 0)
            mnl_attr_put(request, RTA_DST, length, destination);
        if (gateway)
            mnl_attr_put(request, RTA_GATEWAY, length, gateway);
    }
    if (link != 0)
        mnl_attr_put_u32(request, RTA_OIF, (uint32_t)link);
    mnl_attr_put_u32(request, RTA_TABLE, table);
    cnl_end(socket, request);
}

void cnl_put_route(
    struct cnl_socket *socket, const uint8_t *destination, uint32_t length, uint32_t prefix_length,
    const uint8_t *gateway, int32_t link, uint32_t table)
{
    put_route(
        socket, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, destination, length, prefix_length, gateway, link, table);
}

void cnl_put_connected_route(
    struct cnl_socket *socket, const uint8_t *source, uint32_t length, uint32_t prefix_length, int32_t link)
{
    struct nlmsghdr *request = cnl_begin(socket, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    struct rtmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    header->rtm_family = cnl_family(socket, length, prefix_length);
    header->rtm_dst_len = (uint8_t)prefix_length;
    header->rtm_table = RT_TABLE_MAIN;
    header->rtm_protocol = RTPROT_KERNEL;
    header->rtm_type = RTN_UNICAST;
    header->rtm_scope = header->rtm_family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    if (header->rtm_family != AF_UNSPEC) {
        // IPv4 refuses a destination with bits beyond the prefix; IPv6 cuts them off.
        uint8_t destination[16];
        for (uint32_t i = 0; i < length; i++) {
            uint32_t bits = prefix_length > 8 * i ? prefix_length - 8 * i : 0;
            destination[i] = bits >= 8 ? source[i] : source[i] & (uint8_t)(0xff00 >> bits);
        }
        mnl_attr_put(request, RTA_DST, length, destination);
        if (header->rtm_family == AF_INET)
            mnl_attr_put(request, RTA_PREFSRC, length, source);
        else
            mnl_attr_put_u32(request, RTA_PRIORITY, IP6_RT_PRIO_ADDRCONF);
    }
    mnl_attr_put_u32(request, RTA_OIF, (uint32_t)link);
    cnl_end(socket, request);
}

void cnl_put_delete_route(
    struct cnl_socket *socket, const uint8_t *destination, uint32_t length, uint32_t prefix_length,
    const uint8_t *gateway, int32_t link, uint32_t table)
{
    put_route(socket, RTM_DELROUTE, 0, destination, length, prefix_length, gateway, link, table);
}

// The gateway of the other family, which comes with the family in front.
static void read_via(const struct nlattr *attribute, struct cnl_route *route)
{
    const struct rtvia *via = mnl_attr_get_payload(attribute);
    if (mnl_attr_get_payload_len(attribute) <= sizeof(*via))
        return;
    route->gateway = via->rtvia_addr;
    route->gateway_length = (uint32_t)(mnl_attr_get_payload_len(attribute) - sizeof(*via));
}

static void read_route_attribute(const struct nlattr *attribute, struct cnl_route *route)
{
    _Bool is_u32 = mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0;

    switch (mnl_attr_get_type(attribute)) {
    case RTA_DST:
        route->destination = cnl_address_bytes(attribute, route->length);
        break;
    case RTA_GATEWAY:
        route->gateway = cnl_address_bytes(attribute, route->length);
        route->gateway_length = route->gateway ? route->length : 0;
        break;
    case RTA_VIA:
        read_via(attribute, route);
        break;
    case RTA_OIF:
        if (is_u32)
            route->link = (int32_t)mnl_attr_get_u32(attribute);
        break;
    case RTA_TABLE:
        if (is_u32)
            route->table = mnl_attr_get_u32(attribute);
        break;
    }
}

const struct cnl_route *cnl_read_route(struct cnl_socket *socket)
{
    const struct nlmsghdr *record = socket->record;
    if (record->nlmsg_type != RTM_NEWROUTE && record->nlmsg_type != RTM_DELROUTE)
        return NULL;
    if (mnl_nlmsg_get_payload_len(record) < sizeof(struct rtmsg))
        return NULL;
    const struct rtmsg *header = mnl_nlmsg_get_payload(record);
    if (header->rtm_family != AF_INET && header->rtm_family != AF_INET6)
        return NULL;
    if (header->rtm_type != RTN_UNICAST || (header->rtm_flags & RTM_F_CLONED))
        return NULL;

    struct cnl_route route = {
        .length = header->rtm_family == AF_INET ? 4 : 16,
        .prefix_length = header->rtm_dst_len,
        .table = header->rtm_table,
    };
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, record, sizeof(*header))
        read_route_attribute(attribute, &route);
    socket->read.route = route;
    return &socket->read.route;
}

int cnl_dump_routes(struct cnl_socket *socket)
{
    return cnl_dump(socket, RTM_GETROUTE, sizeof(struct rtmsg));
}

const struct cnl_route *cnl_next_route(struct cnl_socket *socket)
{
    while (cnl_step(socket)) {
        const struct cnl_route *route = cnl_read_route(socket);
        if (route)
            return route;
    }
    return NULL;
}
