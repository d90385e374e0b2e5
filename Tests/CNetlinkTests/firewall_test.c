// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

// The next change of the packet filter, or null after some seconds without one. Valid until the next call.
static const struct cnl_firewall_change *wait_for_firewall_change(struct cnl_socket *monitor)
{
    struct pollfd wait = { .fd = cnl_descriptor(monitor), .events = POLLIN };
    for (;;) {
        const struct cnl_firewall_change *change;
        int code = cnl_receive_firewall_change(monitor, &change);
        if (code == 0)
            return change;
        if (code != -EAGAIN || poll(&wait, 1, 5000) <= 0) {
            printf("       waiting for a change of the packet filter: %s\n", strerror(-code));
            return NULL;
        }
    }
}

// Whether the next change is that one, of the inet family and with a sender.
static _Bool firewall_sees(
    struct cnl_socket *monitor, enum cnl_firewall_part part, _Bool is_gone, const char *table, const char *name)
{
    enum { INET = 1 };
    const struct cnl_firewall_change *change = wait_for_firewall_change(monitor);
    if (!change)
        return 0;
    _Bool same = change->part == part && change->is_gone == is_gone && change->family == INET
        && strcmp(change->table, table) == 0 && strcmp(change->name, name) == 0 && change->process == 0
        && strcmp(change->process_name, "") == 0 && cnl_sender(monitor) != 0;
    if (!same)
        printf("       got part %d of %s %s\n", (int)change->part, change->table, change->name);
    return same;
}

static _Bool sees_generation(struct cnl_socket *monitor)
{
    const struct cnl_firewall_change *change = wait_for_firewall_change(monitor);
    return change && change->part == cnl_firewall_generation && change->process > 0
        && strcmp(change->process_name, "nft") == 0 && strcmp(change->table, "") == 0 && cnl_sender(monitor) != 0;
}

void test_firewall_monitor(void)
{
    struct cnl_socket *monitor;
    const struct cnl_firewall_change *change;
    check_code(cnl_open_firewall_monitor(&monitor), 0, "a monitor of the packet filter is opened");
    check_code(cnl_receive_firewall_change(monitor, &change), -EAGAIN, "nothing changed yet");

    check(
        system("nft 'add table inet cnlt; add chain inet cnlt c; add rule inet cnlt c accept;"
               " add set inet cnlt s { type mark; }; add element inet cnlt s { 7 }; add counter inet cnlt n'") == 0,
        "a transaction is made");
    check(firewall_sees(monitor, cnl_firewall_table, 0, "cnlt", ""), "its table is seen");
    check(firewall_sees(monitor, cnl_firewall_chain, 0, "cnlt", "c"), "its chain");
    check(firewall_sees(monitor, cnl_firewall_rule, 0, "cnlt", "c"), "its rule");
    check(firewall_sees(monitor, cnl_firewall_set, 0, "cnlt", "s"), "its set");
    check(firewall_sees(monitor, cnl_firewall_element, 0, "cnlt", "s"), "its element");
    check(firewall_sees(monitor, cnl_firewall_object, 0, "cnlt", "n"), "its counter");
    check(sees_generation(monitor), "and who made it");

    check(system("nft 'delete element inet cnlt s { 7 }; flush chain inet cnlt c'") == 0, "a second one is made");
    check(firewall_sees(monitor, cnl_firewall_element, 1, "cnlt", "s"), "an element that is gone is seen");
    check(firewall_sees(monitor, cnl_firewall_rule, 1, "cnlt", "c"), "a rule that is gone");
    check(sees_generation(monitor), "and who did it");

    check(system("nft delete table inet cnlt") == 0, "the table is deleted");
    _Bool chain_gone = 0;
    _Bool table_gone = 0;
    while ((change = wait_for_firewall_change(monitor)) && change->part != cnl_firewall_generation) {
        chain_gone = chain_gone || (change->part == cnl_firewall_chain && change->is_gone);
        table_gone = table_gone || (change->part == cnl_firewall_table && change->is_gone);
    }
    check(change && chain_gone && table_gone, "it is seen to go with all that was in it");
    check(system("nft delete table inet cnlt 2>/dev/null") != 0, "a transaction that fails");
    check_code(cnl_receive_firewall_change(monitor, &change), -EAGAIN, "is not told of");

    int least = 0;
    check(
        setsockopt(cnl_descriptor(monitor), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)) == 0,
        "the monitor gets the smallest buffer");
    check(
        system("(echo add table inet cnlt; for i in $(seq 500); do echo add chain inet cnlt c$i; done) | nft -f -"
               " && nft delete table inet cnlt") == 0,
        "more changes are made than it holds");
    int code;
    do {
        code = cnl_receive_firewall_change(monitor, &change);
    } while (code == 0);
    check_code(code, -ENOBUFS, "it says that some are lost");
    do {
        code = cnl_receive_firewall_change(monitor, &change);
    } while (code == 0);
    check_code(code, -EAGAIN, "and goes on afterwards");
    cnl_close(monitor);
}
