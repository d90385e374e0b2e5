// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t local4[] = { 127, 0, 0, 1 };
static const uint8_t other_local4[] = { 127, 0, 0, 2 };
static const uint8_t local6[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };

// Sends a datagram from a port of its own.
static void send_datagram(const uint8_t *address, uint32_t length, uint16_t port)
{
    struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    memcpy(length == 4 ? (void *)&to4.sin_addr : (void *)&to6.sin6_addr, address, length);
    int file = socket(length == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ssize_t sent = length == 4 ? sendto(file, "x", 1, 0, (struct sockaddr *)&to4, sizeof(to4))
                               : sendto(file, "x", 1, 0, (struct sockaddr *)&to6, sizeof(to6));
    check(sent == 1, "a datagram is sent");
    close(file);
}

// How many flows the kernel tells of. Nothing is left out here.
static int count_flows(struct cnl_socket *flows, uint32_t length, uint8_t protocol, uint16_t port)
{
    int count = 0;
    check_code(cnl_dump_flows(flows, length, protocol, port), 0, "flows are dumped");
    while (cnl_next_flow(flows))
        count++;
    return count;
}

void test_flows(void)
{
    struct cnl_socket *flows;
    check_code(cnl_open_netfilter(&flows), 0, "a socket for flows is opened");
    check(count_flows(flows, 4, IPPROTO_UDP, 0) == 0, "there are none where nothing asks for them");
    check(
        system("nft 'add table inet cnlt; add chain inet cnlt c { type filter hook output priority 0; };"
               " add rule inet cnlt c ct state new accept'") == 0,
        "flows are tracked");
    send_datagram(local4, 4, 5001);
    send_datagram(local4, 4, 5001);
    send_datagram(local4, 4, 5000);
    send_datagram(other_local4, 4, 5000);
    send_datagram(local6, 16, 5000);
    send_datagram(local6, 16, 5001);

    check(count_flows(flows, 4, IPPROTO_UDP, 0) == 4, "the kernel tells of a protocol's");
    check(count_flows(flows, 4, IPPROTO_UDP, 5000) == 2, "of those to a port");
    check(count_flows(flows, 4, IPPROTO_TCP, 0) == 0, "of none of another protocol");
    check(count_flows(flows, 16, IPPROTO_UDP, 5000) == 1, "and of IPv6 ones");

    const struct cnl_flow *flow;
    check_code(cnl_dump_flows(flows, 4, IPPROTO_UDP, 5001), 0, "flows are dumped");
    check(
        (flow = cnl_next_flow(flows)) && flow->length == 4 && flow->protocol == IPPROTO_UDP
            && flow->destination_port == 5001 && flow->source_port != 0 && memcmp(flow->source, local4, 4) == 0
            && memcmp(flow->destination, local4, 4) == 0,
        "a flow is read as it was made");
    cnl_put_delete_flow(flows);
    check_code(cnl_commit(flows), 0, "it is deleted");
    cnl_put_delete_flow(flows);
    check_code(cnl_commit(flows), -ENOENT, "deleting it again is refused");
    check(cnl_next_flow(flows) && !cnl_next_flow(flows), "the dump goes on meanwhile");
    cnl_put_delete_flow(flows);
    check_code(cnl_commit(flows), -EINVAL, "after the last one nothing is deleted");
    check(count_flows(flows, 4, IPPROTO_UDP, 0) == 3, "the others are left");

    check_code(cnl_dump_flows(flows, 16, IPPROTO_UDP, 0), 0, "IPv6 flows are dumped");
    while (cnl_next_flow(flows))
        cnl_put_delete_flow(flows);
    check_code(cnl_commit(flows), 0, "they are deleted in one piece");
    check(count_flows(flows, 16, IPPROTO_UDP, 0) == 0, "none is left");
    check_code(cnl_dump_flows(flows, 5, IPPROTO_UDP, 0), -EINVAL, "a family that there is not is refused");
    check_code(cnl_commit(flows), 0, "and leaves nothing in the queue");

    check_code(cnl_dump_flows(flows, 4, IPPROTO_UDP, 0), 0, "the rest is dumped");
    check(cnl_next_flow(flows) != NULL, "and begun");
    cnl_put_delete_flow(flows);
    check_code(cnl_dump_flows(flows, 4, IPPROTO_UDP, 0), -EBUSY, "nothing is dumped while something is queued");
    check_code(cnl_commit(flows), 0, "the queue is still good");
    check(count_flows(flows, 4, IPPROTO_UDP, 0) == 2, "and does what it says");
    check(system("nft delete table inet cnlt") == 0, "flows are tracked no more");
    cnl_close(flows);
}
