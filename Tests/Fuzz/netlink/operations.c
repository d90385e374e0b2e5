// SPDX-License-Identifier: Apache-2.0
//
// Every call of CNetlink that reads what the kernel says. What it returns is held to what the header promises, and every
// byte that a record points to is read, so that the address sanitizer sees where it is.

#include "packets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif

#define FAIL(sentence) fail(__func__, sentence)

static void fail(const char *function, const char *sentence)
{
    fprintf(stderr, "netlink: %s: %s\n", function, sentence);
    abort();
}

static void read_bytes(const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        (void)((const volatile uint8_t *)bytes)[i];
}

static void read_text(const char *text)
{
    if (!text)
        FAIL("a text is null");
    read_bytes(text, strlen(text));
}

static void check_link(const struct cnl_link *link)
{
    read_text(link->name);
    read_text(link->kind);
    read_text(link->alias);
    if (!link->mac && link->mac_length > 0)
        FAIL("a MAC address has a length and no bytes");
    read_bytes(link->mac, link->mac_length);
}

static void check_address(const struct cnl_address *address)
{
    if (!address->address || (address->length != 4 && address->length != 16))
        FAIL("an address of no family");
    read_bytes(address->address, address->length);
}

static void check_route(const struct cnl_route *route)
{
    if (route->length != 4 && route->length != 16)
        FAIL("a route of no family");
    if (route->destination)
        read_bytes(route->destination, route->length);
    if (!route->gateway != (route->gateway_length == 0))
        FAIL("a gateway has either a length or bytes");
    read_bytes(route->gateway, route->gateway_length);
}

// What every call returns that can fail: 0 or a negated errno, which the kernel keeps below 4096 (MAX_ERRNO).
static void check_code(int code)
{
    if (code > 0 || code < -4095)
        FAIL("the code is no negated errno");
}

static void commit(struct cnl_socket *socket, unsigned int requests)
{
    static const uint8_t mac[] = { 2, 0, 0, 0, 0, 1 };
    static const uint8_t address[16] = { 10, 0, 0, 1 };

    for (unsigned int i = 0; i < requests; i++) {
        switch (i % 8) {
        case 0: cnl_put_bridge(socket, "br-fuzz", mac, 1500); break;
        case 1: cnl_put_veth(socket, "pdhfuzz", NULL, 1, 0, "pdsfuzz", mac, -1, 1500); break;
        case 2: cnl_put_alias(socket, "br-fuzz", "plugind:network:fuzz"); break;
        case 3: cnl_put_address(socket, 1, address, 4, 24); break;
        case 4: cnl_put_delete_address(socket, 1, address, 16, 64); break;
        case 5: cnl_put_route(socket, address, 4, 8, address, 1, 254); break;
        case 6: cnl_put_delete_route(socket, address, 16, 0, NULL, 1, 254); break;
        case 7: cnl_put_ageing(socket, "br-fuzz", 300); break;
        }
    }
    check_code(cnl_commit(socket));
    read_text(cnl_reason(socket));
    if (cnl_commit(socket) != 0)
        FAIL("something is left in the queue");
}

static void find_link(struct cnl_socket *socket)
{
    const struct cnl_link *link;
    int code = cnl_find_link(socket, "br-fuzz", &link);
    check_code(code);
    read_text(cnl_reason(socket));
    if (code == 0)
        check_link(link);
}

static void namespace_id(struct cnl_socket *socket)
{
    int32_t id;
    int code = cnl_namespace_id(socket, 0, &id);
    check_code(code);
    if (code == 0)
        read_bytes(&id, sizeof(id));
}

// What is behind the last record of a dump is no part of it: nobody may look there.
static void poison_end(struct cnl_socket *socket)
{
#if __has_feature(address_sanitizer)
    ASAN_POISON_MEMORY_REGION(
        socket->dump + socket->dump_length, socket->dump ? socket->dump_capacity - socket->dump_length : 0);
#else
    (void)socket;
#endif
}

#define DUMP(kind, kinds) \
    static void dump_##kinds(struct cnl_socket *socket) \
    { \
        int code = cnl_dump_##kinds(socket); \
        check_code(code); \
        read_text(cnl_reason(socket)); \
        poison_end(socket); \
        const struct cnl_##kind *kind; \
        while ((kind = cnl_next_##kind(socket))) { \
            if (code < 0) \
                FAIL("a dump that failed has records"); \
            check_##kind(kind); \
        } \
        if (socket->dump) \
            FAIL("a dump that was read is kept"); \
    }

DUMP(link, links)
DUMP(address, addresses)
DUMP(route, routes)

static void receive_changes(struct cnl_socket *monitor)
{
    enum cnl_change change;
    int code;
    while ((code = cnl_receive(monitor, &change)) == 0) {
        (void)cnl_sender(monitor);
        const struct cnl_link *link = cnl_changed_link(monitor);
        if (link)
            check_link(link);
        const struct cnl_address *address = cnl_changed_address(monitor);
        if (address)
            check_address(address);
        const struct cnl_route *route = cnl_changed_route(monitor);
        if (route)
            check_route(route);
        _Bool is_link = change == cnl_change_link || change == cnl_change_link_gone;
        _Bool is_address = change == cnl_change_address || change == cnl_change_address_gone;
        _Bool is_route = change == cnl_change_route || change == cnl_change_route_gone;
        _Bool is_settings = change == cnl_change_settings;
        if (is_link != (link != NULL) || is_address != (address != NULL) || is_route != (route != NULL)
            || is_settings != (cnl_changed_settings(monitor) != 0))
            FAIL("a change is not of the kind that was said");
    }
    check_code(code);
    if (cnl_changed_link(monitor) || cnl_changed_address(monitor) || cnl_changed_route(monitor)
        || cnl_changed_settings(monitor) != 0)
        FAIL("a change is there after the last one");
}

static void check_flow(const struct cnl_flow *flow)
{
    if (flow->length != 4 && flow->length != 16)
        FAIL("a flow of no family");
    if (!flow->source || !flow->destination)
        FAIL("a flow that lacks an address");
    read_bytes(flow->source, flow->length);
    read_bytes(flow->destination, flow->length);
}

static void dump_flows(struct cnl_socket *socket)
{
    int code = cnl_dump_flows(socket, 16, 17, 5000);
    check_code(code);
    poison_end(socket);
    const struct cnl_flow *flow;
    while ((flow = cnl_next_flow(socket))) {
        if (code < 0)
            FAIL("a dump that failed has records");
        check_flow(flow);
        cnl_put_delete_flow(socket);
        check_code(cnl_commit(socket));
        // It is still there.
        check_flow(flow);
    }
    cnl_put_delete_flow(socket);
    if (cnl_commit(socket) != -EINVAL)
        FAIL("without a flow, something is deleted");
}

static void receive_firewall_changes(struct cnl_socket *monitor)
{
    const struct cnl_firewall_change *change;
    int code;
    while ((code = cnl_receive_firewall_change(monitor, &change)) == 0) {
        (void)cnl_sender(monitor);
        read_text(change->table);
        read_text(change->name);
        read_text(change->process_name);
        if ((unsigned int)change->part > cnl_firewall_generation)
            FAIL("a change of no kind");
        if (change->part == cnl_firewall_generation ? *change->table || *change->name
                                                    : change->process || *change->process_name)
            FAIL("a change says what another kind does");
    }
    check_code(code);
}

// Requests made of whatever text there is: what the queue holds in the end is checked where it is sent.
static void put_text(struct cnl_socket *socket)
{
    struct span text = take_text();
    char *name = strndup((const char *)text.bytes, text.length);
    if (!name)
        FAIL("no memory");
    uint32_t number = 0;
    memcpy(&number, text.bytes, text.length < sizeof(number) ? text.length : sizeof(number));

    cnl_put_bridge(socket, name, NULL, number);
    cnl_put_alias(socket, "br-fuzz", name);
    cnl_put_name(socket, (int32_t)number, name);
    cnl_put_ageing(socket, name, number);
    if (text.length >= 16) {
        cnl_put_route(socket, text.bytes, number % 32, number >> 8 & 0xff, text.bytes, (int32_t)number, number);
        cnl_put_connected_route(socket, text.bytes, number % 32, number >> 8 & 0xff, (int32_t)number);
    }
    check_code(cnl_commit(socket));
    free(name);
}

void run_operation(struct packet header, struct cnl_socket *socket)
{
    switch ((enum operation)(header.operation % operation_count)) {
    case operation_commit: commit(socket, 1 + header.operation / operation_count); break;
    case operation_find_link: find_link(socket); break;
    case operation_namespace_id: namespace_id(socket); break;
    case operation_dump_links: dump_links(socket); break;
    case operation_dump_addresses: dump_addresses(socket); break;
    case operation_dump_routes: dump_routes(socket); break;
    case operation_monitor: receive_changes(socket); break;
    case operation_text: put_text(socket); break;
    case operation_dump_flows: dump_flows(socket); break;
    case operation_firewall_monitor: receive_firewall_changes(socket); break;
    case operation_count: break;
    }
}
