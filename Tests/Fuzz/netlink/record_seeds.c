// SPDX-License-Identifier: Apache-2.0
//
// Records what the real kernel answers to each operation of the netlink fuzzer, as inputs to begin with. To be run in a
// network namespace of its own: `scripts/fuzz.sh record`.
//
//   record_seeds DIRECTORY

#include "packets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The fuzzer takes no longer ones.
#define SEED_SIZE 6144

static FILE *seed;
static uint8_t operation;

// The linker puts these two in the place of libmnl's (--wrap), and gives its own the other name.
ssize_t __real_mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size);
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size);

ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size)
{
    ssize_t length = __real_mnl_socket_recvfrom(socket, buffer, size);
    if (length > 0 && seed && (size_t)ftell(seed) + sizeof(struct packet) + padded((size_t)length) <= SEED_SIZE) {
        struct packet header = { .operation = operation, .arrival = arrival_answer, .length = (uint16_t)length };
        fwrite(&header, sizeof(header), 1, seed);
        fwrite(buffer, padded((size_t)length), 1, seed);
    }
    return length;
}

struct span take_text(void)
{
    return (struct span){ (const uint8_t *)"", 0 };
}

static void shell(const char *command)
{
    if (system(command) != 0) {
        fprintf(stderr, "record_seeds: `%s` failed\n", command);
        exit(1);
    }
}

static void record(const char *directory, const char *name, uint8_t what, struct cnl_socket *socket)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    seed = fopen(path, "w");
    if (!seed) {
        fprintf(stderr, "record_seeds: cannot write %s: %s\n", path, strerror(errno));
        exit(1);
    }
    operation = what;
    run_operation((struct packet){ .operation = what }, socket);
    fclose(seed);
    seed = NULL;
}

int main(int count, char **arguments)
{
    struct cnl_socket *socket;
    struct cnl_socket *monitor;
    struct cnl_socket *flows;
    struct cnl_socket *firewall_monitor;
    if (count != 2 || cnl_open(&socket) < 0 || cnl_open_monitor(&monitor) < 0 || cnl_open_netfilter(&flows) < 0
        || cnl_open_firewall_monitor(&firewall_monitor) < 0) {
        fprintf(stderr, "usage: record_seeds DIRECTORY, in a network namespace of its own\n");
        return 1;
    }
    const char *directory = arguments[1];

    record(directory, "find-link-refused", operation_find_link, socket);
    // Eight requests, of which the kernel grants some and refuses some with a sentence.
    record(directory, "commit", operation_commit + 7 * operation_count, socket);
    shell("ip link set lo up && ip link set br-fuzz up && ip link add pdhfuzz master br-fuzz up type veth peer pdsfuzz"
          " && ip link set pdsfuzz up"
          " && ip address add 10.0.0.1/24 dev br-fuzz && ip address add fd00::1/64 dev br-fuzz nodad"
          " && ip address add 10.1.0.1 peer 10.1.0.2 dev br-fuzz"
          " && ip route add 10.2.0.0/16 via 10.0.0.2 && ip route add 10.3.0.0/16 via inet6 fd00::2 dev br-fuzz"
          " && ip route add fd01::/64 via fd00::2 && ip route add default via 10.0.0.2 table 1000"
          " && ip route add 10.4.0.0/16 nexthop via 10.0.0.2 nexthop via 10.0.0.3 && ip route add blackhole 10.5.0.0/16");
    record(directory, "find-link", operation_find_link, socket);
    record(directory, "namespace-id", operation_namespace_id, socket);
    record(directory, "dump-links", operation_dump_links, socket);
    record(directory, "dump-addresses", operation_dump_addresses, socket);
    record(directory, "dump-routes", operation_dump_routes, socket);
    record(directory, "monitor-made", operation_monitor, monitor);
    shell("ip link set pdhfuzz mtu 1400 && ip link set pdhfuzz master br-fuzz && ip link delete pdhfuzz"
          " && ip link delete br-fuzz");
    record(directory, "monitor-gone", operation_monitor, monitor);
    shell("nft 'add table inet fuzz; add chain inet fuzz c { type filter hook output priority 0; };"
          " add rule inet fuzz c ct state new accept; add set inet fuzz s { type mark; };"
          " add element inet fuzz s { 7 }; add counter inet fuzz n'");
    record(directory, "firewall-monitor-made", operation_firewall_monitor, firewall_monitor);
    shell("bash -c 'echo x >/dev/udp/::1/5000; echo x >/dev/udp/::1/5000; echo x >/dev/udp/127.0.0.1/5000'");
    record(directory, "dump-flows", operation_dump_flows, flows);
    shell("nft delete table inet fuzz");
    record(directory, "firewall-monitor-gone", operation_firewall_monitor, firewall_monitor);
    cnl_close(firewall_monitor);
    cnl_close(flows);
    cnl_close(monitor);
    cnl_close(socket);
    return 0;
}
