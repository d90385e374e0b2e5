// SPDX-License-Identifier: Apache-2.0

#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <string.h>

uint8_t cnl_family(struct cnl_socket *socket, uint32_t length, uint32_t prefix_length)
{
    if ((length != 4 && length != 16) || prefix_length > 8 * length) {
        cnl_break(socket, -EINVAL);
        return AF_UNSPEC;
    }
    return length == 4 ? AF_INET : AF_INET6;
}

const uint8_t *cnl_address_bytes(const struct nlattr *attribute, uint32_t length)
{
    return mnl_attr_get_payload_len(attribute) == length ? mnl_attr_get_payload(attribute) : NULL;
}

// The last address of the prefix, unless that is too small to have one (RFC 3021).
static void put_broadcast(struct nlmsghdr *request, const uint8_t *address, uint32_t prefix_length)
{
    if (prefix_length > 30)
        return;
    uint32_t broadcast;
    memcpy(&broadcast, address, sizeof(broadcast));
    broadcast |= htonl(UINT32_MAX >> prefix_length);
    mnl_attr_put(request, IFA_BROADCAST, sizeof(broadcast), &broadcast);
}

static void put_address(
    struct cnl_socket *socket, uint16_t type, uint16_t flags, int32_t link, const uint8_t *address, uint32_t length,
    uint32_t prefix_length)
{
    struct nlmsghdr *request = cnl_begin(socket, type, NLM_F_ACK | flags);
    struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    header->ifa_family = cnl_family(socket, length, prefix_length);
    header->ifa_prefixlen = (uint8_t)prefix_length;
    header->ifa_index = (uint32_t)link;
    if (header->ifa_family != AF_UNSPEC) {
        mnl_attr_put(request, IFA_LOCAL, length, address);
        mnl_attr_put(request, IFA_ADDRESS, length, address);
    }
    if (header->ifa_family == AF_INET && type == RTM_NEWADDR)
        put_broadcast(request, address, prefix_length);
    // Duplicate address detection would hold the address back for 1 to 2 seconds. Only IPv6 has it.
    if (header->ifa_family == AF_INET6)
        mnl_attr_put_u32(request, IFA_FLAGS, IFA_F_NODAD);
    cnl_end(socket, request);
}

void cnl_put_address(
    struct cnl_socket *socket, int32_t link, const uint8_t *address, uint32_t length, uint32_t prefix_length)
{
    put_address(socket, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, link, address, length, prefix_length);
}

void cnl_put_delete_address(
    struct cnl_socket *socket, int32_t link, const uint8_t *address, uint32_t length, uint32_t prefix_length)
{
    put_address(socket, RTM_DELADDR, 0, link, address, length, prefix_length);
}

const struct cnl_address *cnl_read_address(struct cnl_socket *socket)
{
    const struct nlmsghdr *record = socket->record;
    if (record->nlmsg_type != RTM_NEWADDR && record->nlmsg_type != RTM_DELADDR)
        return NULL;
    if (mnl_nlmsg_get_payload_len(record) < sizeof(struct ifaddrmsg))
        return NULL;
    const struct ifaddrmsg *header = mnl_nlmsg_get_payload(record);
    if (header->ifa_family != AF_INET && header->ifa_family != AF_INET6)
        return NULL;

    struct cnl_address address = {
        .length = header->ifa_family == AF_INET ? 4 : 16,
        .prefix_length = header->ifa_prefixlen,
        .link = (int32_t)header->ifa_index,
    };
    // On a point-to-point link IFA_ADDRESS is the other end's; without one, IPv6 has only IFA_ADDRESS.
    const uint8_t *local = NULL;
    const uint8_t *either = NULL;
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, record, sizeof(*header)) {
        if (mnl_attr_get_type(attribute) == IFA_LOCAL)
            local = cnl_address_bytes(attribute, address.length);
        if (mnl_attr_get_type(attribute) == IFA_ADDRESS)
            either = cnl_address_bytes(attribute, address.length);
    }
    if (!local && !either)
        return NULL;
    address.address = local ? local : either;
    socket->read.address = address;
    return &socket->read.address;
}

int cnl_dump_addresses(struct cnl_socket *socket)
{
    return cnl_dump(socket, RTM_GETADDR, sizeof(struct ifaddrmsg));
}

const struct cnl_address *cnl_next_address(struct cnl_socket *socket)
{
    while (cnl_step(socket)) {
        const struct cnl_address *address = cnl_read_address(socket);
        if (address)
            return address;
    }
    return NULL;
}
