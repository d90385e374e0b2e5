// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const uint8_t bridge_mac[] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };
static const uint8_t peer_mac[] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x66 };

void test_bridges(void)
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

void test_link_changes(void)
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

void test_veth_pairs(void)
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

void test_namespaces(void)
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

    static const char forwarding[] = "/proc/sys/net/ipv4/conf/cnlpeer0/forwarding";
    int32_t own = -1;
    check_code(cnl_enter(other_namespace, &own), 0, "this thread goes to the other namespace");
    int file = open(forwarding, O_WRONLY | O_CLOEXEC);
    cnl_leave(own);
    check(file >= 0 && write(file, "1", 1) == 1, "a setting of a link there is opened there, and written");
    close(file);
    check(open(forwarding, O_WRONLY | O_CLOEXEC) < 0, "it is not here");
    check_code(cnl_enter(-1, &own), -EBADF, "a descriptor that is not open is refused");
    check(index_of("cnlveth0") > 0, "this thread is still here");
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", other_namespace);
    check(cnl_is_namespace(path), "a network namespace is known as one");
    check(!cnl_is_namespace("/proc/self/ns/mnt"), "a namespace of another kind is none");
    check(!cnl_is_namespace("/proc/self/status"), "a file is none");
    check(!cnl_is_namespace("/proc/self/none"), "nothing is none");

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

void test_retirement(void)
{
    static const uint32_t group = 0x12345678;
    add_bridge("cnlbr0");
    int bridge = index_of("cnlbr0");
    cnl_put_veth(kernel, "cnlveth0", NULL, bridge, 0, "cnlpeer0", NULL, -1, 1400);
    cnl_put_veth(kernel, "cnlveth1", NULL, bridge, 0, "cnlpeer1", NULL, other_namespace, 1400);
    cnl_put_veth(kernel, "cnlveth2", NULL, bridge, group + 1, "cnlpeer2", NULL, -1, 1400);
    check_code(cnl_commit(kernel), 0, "three pairs are made, the second with an end in another namespace");

    int first = index_of("cnlveth0");
    int second = index_of("cnlveth1");
    cnl_put_alias(kernel, "cnlveth0", "plugind:endpoint:1");
    cnl_put_retire(kernel, first, group);
    cnl_put_retire(kernel, second, group);
    check_code(cnl_commit(kernel), 0, "two ports are retired in one batch");
    struct cnl_link link;
    check_code(find(kernel, "cnlveth0", &link), 0, "the first is found");
    check(
        !link.is_up && link.master == 0 && link.group == group && strcmp(link.alias, "plugind:endpoint:1") == 0,
        "it is down, in no bridge and in the group, and has its alias");
    check(ip_prints("-j link show cnlveth0", "\"group\":\"305419896\"", NULL), "it is in the group for others, too");
    check(!strstr(output("ip -j link show cnlveth0"), "\"UP\""), "it is down for others, too");
    cnl_put_retire(kernel, first, group);
    check_code(cnl_commit(kernel), 0, "retiring it again changes nothing");

    cnl_put_retire(kernel, 0, group);
    check_code(cnl_commit(kernel), -EINVAL, "without a link nothing is retired");
    cnl_put_retire(kernel, -1, group);
    check_code(cnl_commit(kernel), -EINVAL, "nor with an index that no link can have");
    cnl_put_retire(kernel, bridge, 0);
    check_code(cnl_commit(kernel), -EINVAL, "the group of all other links is refused");
    check_code(find(kernel, "cnlbr0", &link), 0, "the bridge is found");
    cnl_put_retire(kernel, 999999, group);
    check_code(cnl_commit(kernel), -ENODEV, "a link that is gone is refused");

    cnl_put_delete_group(kernel, 0);
    check_code(cnl_commit(kernel), -EINVAL, "the group of all other links is not deleted");
    check(index_of("lo") > 0 && index_of("cnlbr0") > 0, "they are there");
    cnl_put_delete_group(kernel, group);
    check_code(cnl_commit(kernel), 0, "a group is deleted");
    check(index_of("cnlveth0") == 0 && index_of("cnlpeer0") == 0 && index_of("cnlveth1") == 0, "its links are gone");
    check(!other_ip_prints("-j link show", "\"cnlpeer1\""), "so is the end in the other namespace");
    check(index_of("cnlveth2") > 0 && index_of("cnlpeer2") > 0, "another group's are not");
    cnl_put_delete_group(kernel, group);
    check_code(cnl_commit(kernel), -ENODEV, "a group without links is refused");
    delete_link("cnlveth2");
    delete_link("cnlbr0");
}
