// SPDX-License-Identifier: Apache-2.0

#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netconf.h>

// Starting a container makes about twenty messages of 2 to 4 KiB each; this holds those of some twenty containers.
#define RECEIVE_BUFFER_SIZE (2 * 1024 * 1024)

int cnl_open_listener(int protocol, const int *groups, size_t count, struct cnl_socket **ret_socket)
{
    struct cnl_socket *socket;
    int code = cnl_open_protocol(protocol, &socket);
    if (code < 0)
        return code;

    if (fcntl(cnl_descriptor(socket), F_SETFL, O_NONBLOCK) < 0)
        goto failed;
    // Without CAP_NET_ADMIN the buffer stays as it is.
    int size = RECEIVE_BUFFER_SIZE;
    (void)setsockopt(cnl_descriptor(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));

    for (size_t i = 0; i < count; i++) {
        int group = groups[i];
        if (mnl_socket_setsockopt(socket->mnl, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
            goto failed;
    }
    *ret_socket = socket;
    return 0;

failed:
    code = -errno;
    cnl_close(socket);
    return code;
}

int cnl_open_monitor(struct cnl_socket **ret_socket)
{
    static const int groups[] = {
        RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
        RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF,
    };
    return cnl_open_listener(NETLINK_ROUTE, groups, MNL_ARRAY_SIZE(groups), ret_socket);
}

// The link whose settings changed, or 0 if the current record is of another kind.
static int32_t read_settings(const struct cnl_socket *socket)
{
    const struct nlmsghdr *record = socket->record;
    if (record->nlmsg_type != RTM_NEWNETCONF || mnl_nlmsg_get_payload_len(record) < sizeof(struct netconfmsg))
        return 0;
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, record, sizeof(struct netconfmsg)) {
        if (mnl_attr_get_type(attribute) == NETCONFA_IFINDEX && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
            return (int32_t)mnl_attr_get_u32(attribute);
    }
    return 0;
}

// Whether the current record is a change that a reader can have, and which.
static _Bool classify(struct cnl_socket *socket, enum cnl_change *ret_change)
{
    uint16_t type = socket->record->nlmsg_type;
    if (cnl_read_link(socket))
        *ret_change = type == RTM_NEWLINK ? cnl_change_link : cnl_change_link_gone;
    else if (cnl_read_address(socket))
        *ret_change = type == RTM_NEWADDR ? cnl_change_address : cnl_change_address_gone;
    else if (cnl_read_route(socket))
        *ret_change = type == RTM_NEWROUTE ? cnl_change_route : cnl_change_route_gone;
    else if (read_settings(socket) != 0)
        *ret_change = cnl_change_settings;
    else
        return 0;
    return 1;
}

int cnl_receive(struct cnl_socket *socket, enum cnl_change *ret_change)
{
    for (;;) {
        while (cnl_step(socket)) {
            if (classify(socket, ret_change))
                return 0;
        }
        int code = cnl_receive_records(socket);
        if (code < 0)
            return code;
    }
}

uint32_t cnl_sender(const struct cnl_socket *socket)
{
    return socket->record ? socket->record->nlmsg_pid : 0;
}

const struct cnl_link *cnl_changed_link(struct cnl_socket *socket)
{
    return socket->record ? cnl_read_link(socket) : NULL;
}

const struct cnl_address *cnl_changed_address(struct cnl_socket *socket)
{
    return socket->record ? cnl_read_address(socket) : NULL;
}

const struct cnl_route *cnl_changed_route(struct cnl_socket *socket)
{
    return socket->record ? cnl_read_route(socket) : NULL;
}

int32_t cnl_changed_settings(const struct cnl_socket *socket)
{
    return socket->record ? read_settings(socket) : 0;
}
