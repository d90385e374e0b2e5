// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static enum cnl_change wait_for_change(struct cnl_socket *monitor)
{
    enum cnl_change change;
    struct pollfd wait = { .fd = cnl_descriptor(monitor), .events = POLLIN };
    for (;;) {
        int code = cnl_receive(monitor, &change);
        if (code == 0)
            return change;
        if (code != -EAGAIN || poll(&wait, 1, 5000) <= 0) {
            printf("       waiting for a change: %s\n", strerror(-code));
            return (enum cnl_change)-1;
        }
    }
}

// Whether the next change is of that kind, skipping others up to a limit.
static _Bool sees(struct cnl_socket *monitor, enum cnl_change expected)
{
    for (int i = 0; i < 50; i++) {
        enum cnl_change change = wait_for_change(monitor);
        if (change == expected)
            return 1;
        if (change == (enum cnl_change)-1)
            return 0;
    }
    return 0;
}

void test_monitor(void)
{
    struct cnl_socket *monitor;
    enum cnl_change change;
    const struct cnl_link *link;
    const struct cnl_address *address;
    const struct cnl_route *route;
    check_code(cnl_open_monitor(&monitor), 0, "a monitor is opened");
    check_code(cnl_receive(monitor, &change), -EAGAIN, "nothing changed yet");

    add_bridge("cnlbr0");
    int bridge = index_of("cnlbr0");
    check(sees(monitor, cnl_change_link), "a new link is seen");
    check((link = cnl_changed_link(monitor)) && strcmp(link->name, "cnlbr0") == 0, "with its name");
    check(!cnl_changed_address(monitor) && !cnl_changed_route(monitor), "and is nothing else");

    cnl_put_up(kernel, "cnlbr0", 1);
    cnl_put_address(kernel, bridge, address4, 4, 24);
    check_code(cnl_commit(kernel), 0, "it gets an address");
    check(sees(monitor, cnl_change_address), "a new address is seen");
    check((address = cnl_changed_address(monitor)) && memcmp(address->address, address4, 4) == 0, "which one");
    check(sees(monitor, cnl_change_route), "a new route is seen");
    check((route = cnl_changed_route(monitor)) && route->prefix_length == 24 && route->link == bridge, "which one");

    cnl_put_veth(kernel, "cnlveth0", NULL, bridge, 0, "cnlpeer0", NULL, -1, 1500);
    check_code(cnl_commit(kernel), 0, "the bridge gets a port");
    cnl_put_master(kernel, "cnlveth0", 0);
    cnl_put_alias(kernel, "cnlveth0", "left");
    check_code(cnl_commit(kernel), 0, "which leaves it");
    _Bool gone = 0;
    do {
        change = wait_for_change(monitor);
        gone = gone || change == cnl_change_link_gone;
    } while (change != (enum cnl_change)-1
             && !((link = cnl_changed_link(monitor)) && strcmp(link->alias, "left") == 0));
    check(!gone, "a port that leaves a bridge is not a link that is gone");

    cnl_put_delete_address(kernel, bridge, address4, 4, 24);
    check_code(cnl_commit(kernel), 0, "the address is deleted");
    check(sees(monitor, cnl_change_address_gone), "which is seen");
    delete_link("cnlveth0");
    check(sees(monitor, cnl_change_link_gone), "a link that is gone is seen");

    int code = 0;
    for (int i = 0; i < 200; i++) {
        for (int j = 0; j < QUEUE_REQUESTS; j++)
            cnl_put_alias(kernel, "cnlbr0", j % 2 ? "a" : "b");
        code = cnl_commit(kernel);
        if (code < 0)
            break;
    }
    check_code(code, 0, "25600 changes are made that nobody reads");
    do {
        code = cnl_receive(monitor, &change);
    } while (code == 0);
    check_code(code, -ENOBUFS, "the monitor says that some are lost");
    do {
        code = cnl_receive(monitor, &change);
    } while (code == 0);
    check_code(code, -EAGAIN, "the monitor goes on afterwards");
    delete_link("cnlbr0");
    check(sees(monitor, cnl_change_link_gone), "it sees the next change");
    cnl_close(monitor);
}
