// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void test_addresses(void)
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

void test_routes(void)
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

    static const char connected[] = "ip route show dev cnlbr0 proto kernel; ip -6 route show dev cnlbr0 fd00:9::/64";
    char *before = strdup(output(connected));
    (void)output("ip route delete 10.9.0.0/24; ip -6 route delete fd00:9::/64");
    cnl_put_connected_route(kernel, address4, 4, 24, bridge);
    cnl_put_connected_route(kernel, address6, 16, 64, bridge);
    check_code(cnl_commit(kernel), 0, "connected routes are added");
    check(before && *before && strcmp(before, output(connected)) == 0, "they are as the kernel had made them");
    free(before);
    cnl_put_connected_route(kernel, address4, 4, 33, bridge);
    check_code(cnl_commit(kernel), -EINVAL, "a prefix that is too long is refused");
    // Those over the deleted ones went with them.
    cnl_put_route(kernel, network4, 4, 16, gateway4, 0, 254);
    cnl_put_route(kernel, zero, 4, 0, gateway4, 0, 254);
    (void)!cnl_commit(kernel);

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
