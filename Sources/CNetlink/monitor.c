// SPDX-License-Identifier: Apache-2.0

#include "socket.h"

#include <errno.h>
#include <fcntl.h>

// Starting a container makes about twenty messages of 2 to 4 KiB each; this holds those of some twenty containers.
#define RECEIVE_BUFFER_SIZE (2 * 1024 * 1024)

int cnl_open_monitor(struct cnl_socket **ret_socket)
{
    struct cnl_socket *socket;
    int code = cnl_open(&socket);
    if (code < 0)
        return code;

    if (fcntl(cnl_descriptor(socket), F_SETFL, O_NONBLOCK) < 0)
        goto failed;
    // Without CAP_NET_ADMIN the buffer stays as it is.
    int size = RECEIVE_BUFFER_SIZE;
    (void)setsockopt(cnl_descriptor(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));

    static const int groups[] = {
        RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
    };
    for (size_t i = 0; i < MNL_ARRAY_SIZE(groups); i++) {
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
        int length = cnl_receive_packet(socket);
        if (length < 0)
            return length;
        socket->next = (const struct nlmsghdr *)socket->received;
        socket->next_length = length;
    }
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
