// SPDX-License-Identifier: Apache-2.0
//
// Every call of CNetlink against the real kernel, checked with `ip -j`. scripts/netns-test.sh builds this with the
// address and undefined-behaviour sanitizers and runs it in a network namespace of its own:
//
//   this namespace: cnlbr0 (bridge), cnlveth0 + cnlpeer0 (pair) …    other namespace: peers made or moved there

#define _GNU_SOURCE
#include "CNetlink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUEUE_REQUESTS 128

static int passed;
static int failed;
static struct cnl_socket *kernel;
static int other_namespace;

static void check(_Bool holds, const char *sentence)
{
    printf("%s %s\n", holds ? "ok    " : "FAILED", sentence);
    if (holds)
        passed++;
    else
        failed++;
}

static void check_code(int code, int expected, const char *sentence)
{
    check(code == expected, sentence);
    if (code != expected)
        printf("       got %d (%s), expected %d; reason: %s\n", code, strerror(-code), expected, cnl_reason(kernel));
}

// Everything a command prints. Valid until the next call.
static const char *output(const char *command)
{
    static char text[65536];
    FILE *pipe = popen(command, "r");
    if (!pipe)
        return "";
    size_t length = fread(text, 1, sizeof(text) - 1, pipe);
    text[length] = '\0';
    pclose(pipe);
    return text;
}

// Whether `ip` with these arguments prints every one of the texts that follow, up to a null.
__attribute__((sentinel)) static _Bool ip_prints(const char *arguments, ...)
{
    char command[512];
    snprintf(command, sizeof(command), "ip %s 2>&1", arguments);
    const char *text = output(command);

    _Bool all = 1;
    va_list expected;
    va_start(expected, arguments);
    for (const char *part; (part = va_arg(expected, const char *));) {
        if (!strstr(text, part)) {
            printf("       `%s` lacks %s:\n%s\n", command, part, text);
            all = 0;
        }
    }
    va_end(expected);
    return all;
}

// The same in the other namespace.
#define NSENTER "nsenter --net=/proc/%d/fd/%d "
static _Bool other_ip_prints(const char *arguments, const char *expected)
{
    char command[512];
    snprintf(command, sizeof(command), NSENTER "ip %s 2>&1", (int)getpid(), other_namespace, arguments);
    return strstr(output(command), expected) != NULL;
}

// A copy of what is found, good until the next dump or question.
static int find(struct cnl_socket *socket, const char *name, struct cnl_link *ret_link)
{
    const struct cnl_link *link;
    int code = cnl_find_link(socket, name, &link);
    if (code == 0)
        *ret_link = *link;
    return code;
}

static int index_of(const char *name)
{
    struct cnl_link link;
    return find(kernel, name, &link) == 0 ? link.index : 0;
}

static void delete_link(const char *name)
{
    cnl_put_delete(kernel, name);
    check_code(cnl_commit(kernel), 0, "a link is deleted");
}

static void add_bridge(const char *name)
{
    cnl_put_bridge(kernel, name, NULL, 1500);
    if (cnl_commit(kernel) < 0)
        check(0, "a bridge to test with is made");
}

static const uint8_t bridge_mac[] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };
static const uint8_t peer_mac[] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x66 };

static void test_bridges(void)
{
    cnl_put_bridge(kernel, "cnlbr0", bridge_mac, 1400);
    check_code(cnl_commit(kernel), 0, "a bridge is made");
    check(
        ip_prints(
            "-d -j link show cnlbr0", "\"info_kind\":\"bridge\"", "\"mtu\":1400", "\"address\":\"02:11:22:33:44:55\"",
            "\"stp_state\":0", "\"group_addr\":\"01:80:c2:00:00:00\"", "\"operstate\":\"DOWN\"", NULL),
        "it has MTU, MAC address, no STP and the standard group address");

    struct cnl_link link;
    check_code(find(kernel, "cnlbr0", &link), 0, "it is found");
    check(
        link.index > 0 && strcmp(link.name, "cnlbr0") == 0 && strcmp(link.kind, "bridge") == 0 && link.mtu == 1400
            && link.mac_length == 6 && memcmp(link.mac, bridge_mac, 6) == 0 && !link.is_up && link.master == 0
            && link.peer == 0 && link.peer_namespace == -1 && link.group == 0 && strcmp(link.alias, "") == 0,
        "it is read as it was made");

    cnl_put_bridge(kernel, "cnlbr0", bridge_mac, 1400);
    check_code(cnl_commit(kernel), -EEXIST, "a second bridge of that name is refused");

    cnl_put_multicast_snooping(kernel, "cnlbr0", 0);
    cnl_put_ageing(kernel, "cnlbr0", 0);
    cnl_put_stp(kernel, "cnlbr0", 1);
    check_code(cnl_commit(kernel), 0, "multicast snooping, ageing and STP are changed");
    check(
        ip_prints("-d -j link show cnlbr0", "\"mcast_snooping\":0", "\"ageing_time\":0", "\"stp_state\":1", NULL),
        "the bridge has them");
    cnl_put_ageing(kernel, "cnlbr0", 300);
    cnl_put_stp(kernel, "cnlbr0", 0);
    check_code(cnl_commit(kernel), 0, "they are changed back");
    check(ip_prints("-d -j link show cnlbr0", "\"ageing_time\":30000", "\"stp_state\":0", NULL), "the bridge has them");

    cnl_put_stp(kernel, "cnlmissing", 0);
    check_code(cnl_commit(kernel), -ENODEV, "a setting of a missing bridge is refused, and makes none");
    check_code(find(kernel, "cnlmissing", &link), -ENODEV, "a missing link is not found");
    delete_link("cnlbr0");
}

static void test_link_changes(void)
{
    add_bridge("cnlbr0");
    cnl_put_alias(kernel, "cnlbr0", "plugind:network:1");
    cnl_put_group(kernel, "cnlbr0", 7);
    cnl_put_mtu(kernel, "cnlbr0", 9000);
    cnl_put_mac(kernel, "cnlbr0", peer_mac);
    cnl_put_up(kernel, "cnlbr0", 1);
    check_code(cnl_commit(kernel), 0, "alias, group, MTU, MAC address and up are set in one batch");
    check(
        ip_prints(
            "-j link show cnlbr0", "\"ifalias\":\"plugind:network:1\"", "\"group\":\"7\"", "\"mtu\":9000",
            "\"address\":\"02:11:22:33:44:66\"", "\"UP\"", NULL),
        "the link has them");

    struct cnl_link link;
    check_code(find(kernel, "cnlbr0", &link), 0, "the link is found");
    check(
        strcmp(link.alias, "plugind:network:1") == 0 && link.group == 7 && link.mtu == 9000 && link.is_up,
        "they are read back");

    int index = link.index;
    cnl_put_up(kernel, "cnlbr0", 0);
    cnl_put_alias(kernel, "cnlbr0", "");
    cnl_put_name(kernel, index, "cnlbr1");
    check_code(cnl_commit(kernel), 0, "a link is brought down, loses its alias and is renamed");
    check_code(find(kernel, "cnlbr1", &link), 0, "it is found by its new name");
    check(link.index == index && !link.is_up && strcmp(link.alias, "") == 0, "it is the same link");

    cnl_put_mtu(kernel, "cnlbr1", 67);
    check_code(cnl_commit(kernel), -EINVAL, "an MTU below the least is refused");
    check(strcmp(cnl_reason(kernel), "mtu less than device minimum") == 0, "the kernel's sentence says so");
    cnl_put_mtu(kernel, "cnlbr1", 65536);
    check_code(cnl_commit(kernel), -EINVAL, "an MTU above the greatest is refused");
    check(strcmp(cnl_reason(kernel), "mtu greater than device maximum") == 0, "the kernel's sentence says so");
    cnl_put_mtu(kernel, "cnlbr1", 1500);
    check_code(cnl_commit(kernel), 0, "a good one is not");
    check(strcmp(cnl_reason(kernel), "") == 0, "the old sentence is gone");
    delete_link("cnlbr1");
    cnl_put_delete(kernel, "cnlbr1");
    check_code(cnl_commit(kernel), -ENODEV, "deleting it again is refused");
}

static void test_veth_pairs(void)
{
    add_bridge("cnlbr0");
    int bridge = index_of("cnlbr0");
    cnl_put_veth(kernel, "cnlveth0", bridge_mac, bridge, 9, "cnlpeer0", peer_mac, -1, 1400);
    check_code(cnl_commit(kernel), 0, "a veth pair is made in one request");
    check(
        ip_prints(
            "-d -j link show cnlveth0", "\"info_kind\":\"veth\"", "\"mtu\":1400", "\"master\":\"cnlbr0\"",
            "\"group\":\"9\"", "\"address\":\"02:11:22:33:44:55\"", "\"link\":\"cnlpeer0\"", "\"UP\"", NULL),
        "its first end has MTU, master, group and MAC address, and is up");
    check(
        ip_prints(
            "-d -j link show cnlpeer0", "\"mtu\":1400", "\"address\":\"02:11:22:33:44:66\"", "\"operstate\":\"DOWN\"",
            "\"flags\":[\"BROADCAST\",\"MULTICAST\"", NULL),
        "its second end has MTU and MAC address, and is down");

    struct cnl_link first;
    struct cnl_link second;
    check_code(find(kernel, "cnlveth0", &first), 0, "the first end is found");
    check_code(find(kernel, "cnlpeer0", &second), 0, "the second end is found");
    check(
        first.peer == second.index && second.peer == first.index && first.master == bridge && first.group == 9
            && first.peer_namespace == -1 && second.master == 0,
        "they know each other, and the first its bridge");

    cnl_put_veth(kernel, "cnlveth1", NULL, 0, 0, "cnlpeer0", NULL, -1, 1400);
    check_code(cnl_commit(kernel), -EEXIST, "a pair with a second end of a taken name is refused");
    check(index_of("cnlveth1") == 0, "it leaves nothing");
    cnl_put_veth(kernel, "cnlveth1", NULL, 999999, 0, "cnlpeer1", NULL, -1, 1400);
    check_code(cnl_commit(kernel), -EINVAL, "a pair for a missing bridge is refused");
    check(index_of("cnlveth1") == 0 && index_of("cnlpeer1") == 0, "it leaves nothing");
    cnl_put_veth(kernel, "cnlveth1", NULL, bridge, 0, "cnlpeer1", NULL, -1, 67);
    check_code(cnl_commit(kernel), -EINVAL, "a pair with an MTU below the least is refused");
    check(index_of("cnlveth1") == 0 && index_of("cnlpeer1") == 0, "it leaves nothing");

    cnl_put_master(kernel, "cnlveth0", 0);
    check_code(cnl_commit(kernel), 0, "a port leaves its bridge");
    check(index_of("cnlveth0") > 0 && !strstr(output("ip -j link show cnlveth0"), "master"), "the link stays");
    cnl_put_master(kernel, "cnlveth0", bridge);
    check_code(cnl_commit(kernel), 0, "it is put in again");
    check(ip_prints("-j link show cnlveth0", "\"master\":\"cnlbr0\"", NULL), "the bridge has it");
    delete_link("cnlveth0");
    check(index_of("cnlpeer0") == 0, "the second end goes with the first");
    delete_link("cnlbr0");
}

static void test_namespaces(void)
{
    int32_t id = 99;
    check_code(cnl_namespace_id(kernel, other_namespace, &id), 0, "a namespace's id is asked for");
    check(id == -1, "a namespace that was not met has none");

    cnl_put_veth(kernel, "cnlveth0", NULL, 0, 0, "cnlpeer0", peer_mac, other_namespace, 1400);
    check_code(cnl_commit(kernel), 0, "a pair is made with its second end in another namespace");
    check(other_ip_prints("-j link show cnlpeer0", "\"address\":\"02:11:22:33:44:66\""), "it is there");
    check(index_of("cnlpeer0") == 0, "it is not here");

    struct cnl_link link;
    check_code(find(kernel, "cnlveth0", &link), 0, "the first end is found");
    int peer = link.peer;
    int peer_namespace = link.peer_namespace;
    check(peer > 0 && peer_namespace >= 0, "it names its peer's index and namespace");
    check_code(cnl_namespace_id(kernel, other_namespace, &id), 0, "the namespace's id is asked for");
    check(id == peer_namespace, "it is the one that the link names");

    struct cnl_socket *elsewhere;
    check_code(cnl_open_in(other_namespace, &elsewhere), 0, "a socket is opened in the other namespace");
    check_code(find(elsewhere, "cnlpeer0", &link), 0, "it finds the link there");
    check(link.index == peer, "of the index that the first end names");
    check_code(find(elsewhere, "cnlveth0", &link), -ENODEV, "it does not find a link from here");
    cnl_close(elsewhere);
    check(index_of("cnlveth0") > 0, "this thread is still here");
    check_code(cnl_open_in(-1, &elsewhere), -EBADF, "a descriptor that is not open is refused");

    add_bridge("cnlbr0");
    cnl_put_veth(kernel, "cnlveth1", NULL, 0, 0, "cnlpeer1", NULL, -1, 1400);
    check_code(cnl_commit(kernel), 0, "a pair is made here");
    cnl_put_namespace(kernel, "cnlpeer1", other_namespace);
    check_code(cnl_commit(kernel), 0, "its second end is moved");
    check(other_ip_prints("-j link show cnlpeer1", "\"ifname\":\"cnlpeer1\""), "it is there");
    check(index_of("cnlpeer1") == 0, "it is not here");
    delete_link("cnlveth0");
    delete_link("cnlveth1");
    delete_link("cnlbr0");
}

static const uint8_t address4[] = { 10, 9, 0, 1 };
static const uint8_t address6[] = { 0xfd, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };

static void test_addresses(void)
{
    add_bridge("cnlbr0");
    int bridge = index_of("cnlbr0");
    cnl_put_up(kernel, "cnlbr0", 1);
    cnl_put_address(kernel, bridge, address4, 4, 24);
    cnl_put_address(kernel, bridge, address6, 16, 64);
    check_code(cnl_commit(kernel), 0, "an IPv4 and an IPv6 address are added");
    check(ip_prints("-j -4 address show cnlbr0", "\"local\":\"10.9.0.1\",\"prefixlen\":24", NULL), "ip sees the first");
    check(
        ip_prints("-j -6 address show cnlbr0", "\"local\":\"fd00:9::1\",\"prefixlen\":64", "\"nodad\":true", NULL),
        "ip sees the second, without duplicate address detection");
    check(!strstr(output("ip -j -6 address show dev cnlbr0 to fd00:9::1"), "tentative"), "which is ready at once");
    cnl_put_address(kernel, bridge, address4, 4, 24);
    cnl_put_address(kernel, bridge, address6, 16, 64);
    check_code(cnl_commit(kernel), 0, "adding them again succeeds");

    int found = 0;
    const struct cnl_address *address;
    check_code(cnl_dump_addresses(kernel), 0, "addresses are dumped");
    while ((address = cnl_next_address(kernel))) {
        if (address->link != bridge)
            continue;
        if (address->length == 4 && address->prefix_length == 24 && memcmp(address->address, address4, 4) == 0)
            found++;
        if (address->length == 16 && address->prefix_length == 64 && memcmp(address->address, address6, 16) == 0)
            found++;
    }
    check(found == 2, "both are among them");

    cnl_put_delete_address(kernel, bridge, address4, 4, 24);
    cnl_put_delete_address(kernel, bridge, address6, 16, 64);
    check_code(cnl_commit(kernel), 0, "they are deleted");
    check(!strstr(output("ip -j address show cnlbr0"), "10.9.0.1"), "ip does not see the first");
    check(!strstr(output("ip -j address show cnlbr0"), "fd00:9::1"), "ip does not see the second");
    cnl_put_delete_address(kernel, bridge, address4, 4, 24);
    check_code(cnl_commit(kernel), -EADDRNOTAVAIL, "deleting one again is refused");
    cnl_put_address(kernel, 999999, address4, 4, 24);
    check_code(cnl_commit(kernel), -ENODEV, "an address for a missing link is refused");
    cnl_put_address(kernel, bridge, address4, 5, 24);
    check_code(cnl_commit(kernel), -EINVAL, "an address of five bytes is refused");
    cnl_put_address(kernel, bridge, address4, 4, 33);
    check_code(cnl_commit(kernel), -EINVAL, "a prefix length of 33 is refused");
    delete_link("cnlbr0");
}

// Whether a dump has the route with this gateway (or none) and table.
static _Bool has_route(uint32_t length, uint32_t prefix_length, const uint8_t *gateway, int link, uint32_t table)
{
    _Bool found = 0;
    const struct cnl_route *route;
    check_code(cnl_dump_routes(kernel), 0, "routes are dumped");
    while ((route = cnl_next_route(kernel))) {
        _Bool same_gateway = gateway
            ? route->gateway_length == length && memcmp(route->gateway, gateway, length) == 0
            : route->gateway == NULL;
        if (route->length == length && route->prefix_length == prefix_length && same_gateway && route->link == link
            && route->table == table && (route->destination != NULL) == (prefix_length > 0))
            found = 1;
    }
    return found;
}

static void test_routes(void)
{
    static const uint8_t gateway4[] = { 10, 9, 0, 254 };
    static const uint8_t gateway6[] = { 0xfd, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe };
    static const uint8_t network4[] = { 10, 77, 0, 0 };
    static const uint8_t network6[] = { 0xfd, 0, 0, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
    static const uint8_t zero[16];

    add_bridge("cnlbr0");
    int bridge = index_of("cnlbr0");
    cnl_put_address(kernel, bridge, address4, 4, 24);
    cnl_put_address(kernel, bridge, address6, 16, 64);
    cnl_put_up(kernel, "cnlbr0", 1);
    cnl_put_route(kernel, network4, 4, 16, gateway4, 0, 254);
    cnl_put_route(kernel, network6, 16, 64, gateway6, bridge, 254);
    cnl_put_route(kernel, zero, 4, 0, gateway4, 0, 254);
    cnl_put_route(kernel, network4, 4, 16, NULL, bridge, 1000);
    check_code(cnl_commit(kernel), 0, "routes by gateway, by link, by default and of another table are added");
    check(
        ip_prints(
            "-j -4 route", "\"dst\":\"10.77.0.0/16\",\"gateway\":\"10.9.0.254\",\"dev\":\"cnlbr0\"",
            "\"dst\":\"default\",\"gateway\":\"10.9.0.254\"", NULL),
        "ip sees the IPv4 ones");
    check(
        ip_prints("-j -6 route", "\"dst\":\"fd00:77::/64\",\"gateway\":\"fd00:9::fe\"", NULL), "and the IPv6 one");
    check(ip_prints("-j route show table 1000", "\"dst\":\"10.77.0.0/16\",\"dev\":\"cnlbr0\"", NULL), "and table 1000");

    check(has_route(4, 16, gateway4, bridge, 254), "the route by gateway is read");
    check(has_route(16, 64, gateway6, bridge, 254), "the IPv6 route is read");
    check(has_route(4, 0, gateway4, bridge, 254), "the default route is read");
    check(has_route(4, 16, NULL, bridge, 1000), "the other table's route is read");

    cnl_put_route(kernel, network4, 4, 16, gateway4, 0, 254);
    check_code(cnl_commit(kernel), -EEXIST, "a route that is there is refused");
    static const uint8_t unreachable[] = { 192, 0, 2, 1 };
    cnl_put_route(kernel, network4, 4, 24, unreachable, 0, 1000);
    check(cnl_commit(kernel) < 0, "a gateway that no route leads to is refused");
    check(strcmp(cnl_reason(kernel), "Nexthop has invalid gateway") == 0, "in the kernel's words");

    cnl_put_delete_route(kernel, network4, 4, 16, gateway4, 0, 254);
    cnl_put_delete_route(kernel, network6, 16, 64, gateway6, bridge, 254);
    cnl_put_delete_route(kernel, zero, 4, 0, gateway4, 0, 254);
    cnl_put_delete_route(kernel, network4, 4, 16, NULL, bridge, 1000);
    check_code(cnl_commit(kernel), 0, "they are deleted");
    check(!strstr(output("ip -j route show table all"), "10.77."), "ip does not see them");
    cnl_put_delete_route(kernel, network4, 4, 16, gateway4, 0, 254);
    check_code(cnl_commit(kernel), -ESRCH, "deleting one again is refused");
    delete_link("cnlbr0");
}

static void test_queue(void)
{
    check_code(cnl_commit(kernel), 0, "an empty queue is sent without a word");

    struct cnl_link link;
    cnl_put_bridge(kernel, "cnlbr0", NULL, 1500);
    cnl_put_bridge(kernel, "a-name-of-16-byt", NULL, 1500);
    check_code(cnl_commit(kernel), -EINVAL, "a queue with a name that is too long is not sent");
    check(index_of("cnlbr0") == 0, "nothing of it happens");
    cnl_put_bridge(kernel, "", NULL, 1500);
    check_code(cnl_commit(kernel), -EINVAL, "an empty name is refused");
    check_code(find(kernel, "a-name-of-16-byt", &link), -EINVAL, "also where a link is asked for");
    cnl_put_name(kernel, 0, "cnlbr0");
    check_code(cnl_commit(kernel), -ENODEV, "renaming link 0 is refused");
    char alias[257];
    memset(alias, 'a', 256);
    alias[256] = '\0';
    add_bridge("cnlbr0");
    cnl_put_alias(kernel, "cnlbr0", alias);
    check_code(cnl_commit(kernel), -EINVAL, "an alias of 256 bytes is refused");
    cnl_put_alias(kernel, "cnlbr0", alias + 1);
    check_code(cnl_commit(kernel), 0, "one of 255 is not");
    check(find(kernel, "cnlbr0", &link) == 0 && strlen(link.alias) == 255, "it is there");

    cnl_put_mtu(kernel, "cnlmissing", 1400);
    cnl_put_mtu(kernel, "cnlbr0", 1);
    cnl_put_mtu(kernel, "cnlbr0", 1400);
    check_code(cnl_commit(kernel), -ENODEV, "the first of two refusals is reported");
    check(find(kernel, "cnlbr0", &link) == 0 && link.mtu == 1400, "the requests after it still ran");

    cnl_put_mtu(kernel, "cnlbr0", 1300);
    check_code(find(kernel, "cnlbr0", &link), -EBUSY, "nothing can be asked while something is queued");
    check_code(cnl_dump_links(kernel), -EBUSY, "nor dumped");
    int32_t id;
    check_code(cnl_namespace_id(kernel, other_namespace, &id), -EBUSY, "nor a namespace's id");
    check_code(cnl_commit(kernel), 0, "the queue is still good");
    check(find(kernel, "cnlbr0", &link) == 0 && link.mtu == 1300, "and does what it says");

    for (int i = 0; i < QUEUE_REQUESTS; i++)
        cnl_put_mtu(kernel, "cnlmissing", 1400);
    check_code(cnl_commit(kernel), -ENODEV, "as many refusals as a queue can get are all received");
    for (int i = 0; i < QUEUE_REQUESTS; i++)
        cnl_put_mtu(kernel, "cnlbr0", 1400);
    check_code(cnl_commit(kernel), 0, "as many requests as a queue takes are acknowledged");
    for (int i = 0; i < 10 * QUEUE_REQUESTS; i++)
        cnl_put_alias(kernel, "cnlbr0", alias + 1);
    check_code(cnl_commit(kernel), -EMSGSIZE, "a queue that is too full is not sent");
    check_code(find(kernel, "cnlbr0", &link), 0, "and is empty then");
    delete_link("cnlbr0");
}

static void test_many_links(void)
{
    enum { PAIRS = 1000, BATCH = 100 };
    char name[16];
    char peer[16];
    for (int i = 0; i < PAIRS; i++) {
        snprintf(name, sizeof(name), "cnlv%d", i);
        snprintf(peer, sizeof(peer), "cnlp%d", i);
        cnl_put_veth(kernel, name, NULL, 0, 42, peer, NULL, -1, 1500);
        if (i % BATCH == BATCH - 1 && cnl_commit(kernel) < 0)
            check(0, "a batch of 100 pairs is made");
    }

    int count = 0;
    const struct cnl_link *link;
    check_code(cnl_dump_links(kernel), 0, "the links of 1000 pairs are dumped");
    while ((link = cnl_next_link(kernel)))
        count += link->group == 42 && link->peer > 0 && strcmp(link->kind, "veth") == 0;
    check(count == PAIRS, "every pair is there once");
    check_code(cnl_dump_links(kernel), 0, "a dump that is not read to its end");
    check(cnl_next_link(kernel) != NULL, "is begun");
    check_code(cnl_dump_links(kernel), 0, "and given up for the next one");

    // By group, as one request: a delete by name waits for an RCU grace period each.
    check(system("ip link delete group 42") == 0, "they are deleted");
}

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

static void test_monitor(void)
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

// A dump while another process changes links all the time.
static void test_dump_under_change(void)
{
    int writer = fork();
    if (writer == 0) {
        struct cnl_socket *own;
        if (cnl_open(&own) < 0)
            _exit(1);
        for (;;) {
            cnl_put_bridge(own, "cnlbusy", NULL, 1500);
            if (cnl_commit(own) < 0)
                _exit(1);
            cnl_put_delete(own, "cnlbusy");
            if (cnl_commit(own) < 0)
                _exit(1);
        }
    }
    int consistent = 0;
    const struct cnl_link *link;
    for (int i = 0; i < 200; i++) {
        int loopbacks = 0;
        if (cnl_dump_links(kernel) < 0)
            continue;
        while ((link = cnl_next_link(kernel)))
            loopbacks += link->index == 1;
        consistent += loopbacks == 1;
    }
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    check(consistent == 200, "every dump under change has the loopback once");
    cnl_put_delete(kernel, "cnlbusy");
    (void)!cnl_commit(kernel);
}

// A namespace that lives as long as its descriptor.
static int make_namespace(void)
{
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int made = -1;
    if (own >= 0 && unshare(CLONE_NEWNET) == 0) {
        made = open("/proc/self/ns/net", O_RDONLY); // Not close-on-exec: nsenter opens it through /proc.
        if (setns(own, CLONE_NEWNET) < 0)
            abort();
    }
    close(own);
    return made;
}

// What a test must leave as it was, in both namespaces. To be freed.
static char *snapshot(void)
{
    static const char format[] =
        "state='ip -o link; ip -o address; ip -4 route show table all; ip -6 route show table all; nft -j list ruleset'; "
        "sh -c \"$state\" && " NSENTER "sh -c \"$state\"";
    char command[512];
    snprintf(command, sizeof(command), format, (int)getpid(), other_namespace);
    const char *text = output(command);
    check(strstr(text, "nftables") != NULL, "the state of the namespaces is read");
    return strdup(text);
}

static void run(const char *name, void (*test)(void))
{
    char sentence[64];
    snprintf(sentence, sizeof(sentence), "%s leaves nothing", name);
    char *before = snapshot();
    test();
    char *after = snapshot();
    _Bool same = before && after && strcmp(before, after) == 0;
    check(same, sentence);
    if (!same)
        printf("       before:\n%s\n       after:\n%s\n", before, after);
    free(before);
    free(after);
}

#define RUN(test) run(#test, test)

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    other_namespace = make_namespace();
    if (other_namespace < 0 || cnl_open(&kernel) < 0) {
        perror("cannot make a namespace and a socket");
        return 1;
    }

    RUN(test_bridges);
    RUN(test_link_changes);
    RUN(test_veth_pairs);
    RUN(test_namespaces);
    RUN(test_addresses);
    RUN(test_routes);
    RUN(test_queue);
    RUN(test_many_links);
    RUN(test_dump_under_change);
    RUN(test_monitor);

    cnl_close(kernel);
    close(other_namespace);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
