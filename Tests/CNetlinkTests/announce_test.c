// SPDX-License-Identifier: Apache-2.0
//
// What RTNetlink relies on: the kernel announces a link's addresses when it is given the MAC address that it has.

#define _GNU_SOURCE
#include "test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS 5000
// Where the type of ICMPv6 is, right after the headers of Ethernet and IPv6.
#define ICMP6_TYPE 54
// The kernel announces its own link-local address as well, once it knows that nobody has it.
#define TARGET 62

static const uint8_t mac[] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x66 };

static const uint8_t expected_arp[] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // to everybody
    0x02, 0x11, 0x22, 0x33, 0x44, 0x66, // from the MAC address
    0x08, 0x06,                         // ARP
    0x00, 0x01, 0x08, 0x00,             // of Ethernet and IPv4
    0x06, 0x04, 0x00, 0x01,             // lengths of their addresses; request
    0x02, 0x11, 0x22, 0x33, 0x44, 0x66, // sender
    0x0a, 0x09, 0x00, 0x01,             //
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // target: whoever has the sender's address
    0x0a, 0x09, 0x00, 0x01,             //
};

static const uint8_t expected_advertisement[] = {
    0x33, 0x33, 0x00, 0x00, 0x00, 0x01, // to all nodes
    0x02, 0x11, 0x22, 0x33, 0x44, 0x66, // from the MAC address
    0x86, 0xdd,                         // IPv6
    0x60, 0x00, 0x00, 0x00,             // version
    0x00, 0x20, 0x3a, 0xff,             // 32 bytes of ICMPv6, hop limit 255
    0xfd, 0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, // from the address
    0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, // to ff02::1
    0x88, 0x00, 0xf3, 0xdf,             // neighbour advertisement, sum
    0x20, 0x00, 0x00, 0x00,             // not by a router, not asked for, override
    0xfd, 0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, // of the address
    0x02, 0x01, 0x02, 0x11, 0x22, 0x33, 0x44, 0x66, // which is at the MAC address
};

// A socket that receives every frame that a link of this namespace sends or receives.
static int open_listener(const char *name)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = index_of(name),
    };
    int listener = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (listener >= 0 && bind(listener, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        close(listener);
        return -1;
    }
    return listener;
}

static _Bool is_announcement(const uint8_t *frame, ssize_t length)
{
    uint16_t type;
    if (length < ETH_HLEN)
        return 0;
    memcpy(&type, frame + ETH_ALEN * 2, sizeof(type));
    return type == htons(ETHERTYPE_ARP)
        || (type == htons(ETHERTYPE_IPV6) && length >= TARGET + 16 && frame[ICMP6_TYPE] == ND_NEIGHBOR_ADVERT
            && memcmp(frame + TARGET, address6, 16) == 0);
}

static void set(const char *setting, const char *value)
{
    int32_t own;
    int file = -1;
    if (cnl_enter(other_namespace, &own) == 0) {
        file = open(setting, O_WRONLY | O_CLOEXEC);
        cnl_leave(own);
    }
    check(file >= 0 && write(file, value, 1) == 1, "what is announced is set");
    if (file >= 0)
        close(file);
}

// Whether the next announcement is exactly that. The kernel sends other frames by itself.
static _Bool hears(int listener, const uint8_t *expected, ssize_t expected_length)
{
    uint8_t frame[2048];
    ssize_t length;
    struct pollfd wait = { .fd = listener, .events = POLLIN };
    do {
        if (poll(&wait, 1, TIMEOUT_MS) <= 0) {
            printf("       nothing is heard\n");
            return 0;
        }
        length = recv(listener, frame, sizeof(frame), 0);
    } while (!is_announcement(frame, length));

    if (length == expected_length && memcmp(frame, expected, (size_t)length) == 0)
        return 1;
    printf("       heard");
    for (ssize_t i = 0; i < length; i++)
        printf(" %02x", frame[i]);
    printf("\n");
    return 0;
}

void test_announcements(void)
{
    static const char ipv4[] = "/proc/sys/net/ipv4/conf/cnlpeer0/arp_notify";
    static const char ipv6[] = "/proc/sys/net/ipv6/conf/cnlpeer0/ndisc_notify";

    cnl_put_veth(kernel, "cnlveth0", NULL, 0, 0, "cnlpeer0", mac, other_namespace, 1500);
    check_code(cnl_commit(kernel), 0, "a pair is made with its second end in another namespace");
    struct cnl_socket *elsewhere;
    struct cnl_link peer;
    check_code(cnl_open_in(other_namespace, &elsewhere), 0, "a socket is opened there");
    check_code(find(elsewhere, "cnlpeer0", &peer), 0, "it finds that end");
    int listener = open_listener("cnlveth0");
    check(listener >= 0, "the first end is listened to");

    cnl_put_address(elsewhere, peer.index, address4, 4, 24);
    cnl_put_address(elsewhere, peer.index, address6, 16, 64);
    cnl_put_up(elsewhere, "cnlpeer0", 1);
    cnl_put_mac(elsewhere, "cnlpeer0", mac);
    check_code(cnl_commit(elsewhere), 0, "it gets addresses, is brought up and given the MAC address that it has");

    // Each is heard next, so nothing was announced before, and nothing of the other family.
    set(ipv4, "1");
    cnl_put_mac(elsewhere, "cnlpeer0", mac);
    check_code(cnl_commit(elsewhere), 0, "it is given its MAC address once more, with IPv4 to be announced");
    check(hears(listener, expected_arp, sizeof(expected_arp)), "that is a gratuitous ARP request");
    set(ipv4, "0");
    set(ipv6, "1");
    cnl_put_mac(elsewhere, "cnlpeer0", mac);
    check_code(cnl_commit(elsewhere), 0, "and with IPv6 to be announced");
    check(
        hears(listener, expected_advertisement, sizeof(expected_advertisement)),
        "that is an unsolicited neighbour advertisement");
    check(find(elsewhere, "cnlpeer0", &peer) == 0 && memcmp(peer.mac, mac, 6) == 0, "the MAC address is as it was");

    close(listener);
    cnl_close(elsewhere);
    delete_link("cnlveth0");
}
