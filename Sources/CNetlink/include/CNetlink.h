// SPDX-License-Identifier: Apache-2.0
//
// rtnetlink, and of netfilter's netlink the notices of the packet filter and the flows: as much as plugind needs, over
// libmnl. Packet filter rules are made through libnftables.
//
// A socket has a queue. `cnl_put_…` adds one request to it, `cnl_commit` sends the queue in one piece and waits for the
// kernel's answers. A request that cannot be built (malformed name, full queue) is remembered, and `cnl_commit` then
// sends nothing and returns why: so the `cnl_put_…` return nothing that a caller could forget to look at.
//
// A queue is not a transaction: the kernel goes on after a refusal. A request that names a link which an earlier
// request of the same queue makes therefore hits a stranger, if the name was taken. Commit between the two.
//
// Every other function that can fail returns 0 or a negated errno, and writes its outputs (`ret_…`) only with 0.
// A record that is read belongs to the socket, and is valid until the next call on it.
// Link index 0, namespace id -1 and namespace descriptor -1 mean "none".

#ifndef CNETLINK_H
#define CNETLINK_H

#include <stdint.h>

#pragma clang assume_nonnull begin
#define CNL_CHECKED __attribute__((warn_unused_result))

/// One netlink socket, the requests queued on it and the records read from it. Not for concurrent use.
struct cnl_socket;

/// Opens a socket in the calling thread's network namespace.
CNL_CHECKED int cnl_open(struct cnl_socket *_Nullable *_Nonnull ret_socket);

/// Opens a socket in the network namespace of a descriptor. The thread comes back to its own, or the process aborts.
CNL_CHECKED int cnl_open_in(int32_t namespace_fd, struct cnl_socket *_Nullable *_Nonnull ret_socket);

/// Takes the calling thread into the network namespace of a descriptor, whose files it then opens below /proc/sys/net.
/// `ret_own` is for `cnl_leave`, which has to follow soon, on the same thread.
CNL_CHECKED int cnl_enter(int32_t namespace_fd, int32_t *ret_own);

/// Takes the thread back to its own namespace, or aborts.
void cnl_leave(int32_t own);

/// Whether a network namespace is at that path (ioctl_ns(2)). What is left of one that is gone is an ordinary file.
_Bool cnl_is_namespace(const char *path);

/// Puts the thread that calls it into a new network namespace, which ends with it. Not for a thread of a pool.
CNL_CHECKED int cnl_unshare_network(void);

/// Opens a socket that makes no requests and receives every change of links, addresses and routes. Never blocks.
CNL_CHECKED int cnl_open_monitor(struct cnl_socket *_Nullable *_Nonnull ret_socket);

void cnl_close(struct cnl_socket *socket);

/// The descriptor, to wait on. Reading and closing it are the socket's.
int32_t cnl_descriptor(const struct cnl_socket *socket);

/// Sends the queue, waits for every acknowledgement and empties the queue.
/// Returns 0, or the first refusal; the requests after it still ran.
CNL_CHECKED int cnl_commit(struct cnl_socket *socket);

/// The kernel's words for the last refusal, or "". Valid until the next call.
const char *cnl_reason(const struct cnl_socket *socket);

/// The name of an errno, such as "EBUSY", or null if it is none. glibc's strerrorname_np, since 2.32.
const char *_Nullable cnl_errno_name(int32_t code);

// Links

/// `ip link add NAME mtu MTU address MAC type bridge stp_state 0`. The group address is left alone.
void cnl_put_bridge(struct cnl_socket *socket, const char *name, const uint8_t *_Nullable mac, uint32_t mtu);

/// `ip link set NAME type bridge mcast_snooping 0|1`.
void cnl_put_multicast_snooping(struct cnl_socket *socket, const char *bridge, _Bool on);

/// `ip link set NAME type bridge ageing_time …`: how long the bridge remembers where an address is.
void cnl_put_ageing(struct cnl_socket *socket, const char *bridge, uint32_t seconds);

/// `ip link set NAME type bridge stp_state 0|1`.
void cnl_put_stp(struct cnl_socket *socket, const char *bridge, _Bool on);

/// Makes a veth pair in one request. `name` is brought up at once; `peer` stays down, and is made in the namespace of
/// `peer_namespace_fd` if there is one. A missing MAC address is made by the kernel.
///
/// `ip link add NAME mtu MTU address MAC master MASTER group GROUP up
/// type veth peer name PEER mtu MTU address PEER_MAC`
void cnl_put_veth(
    struct cnl_socket *socket, const char *name, const uint8_t *_Nullable mac, int32_t master, uint32_t group,
    const char *peer, const uint8_t *_Nullable peer_mac, int32_t peer_namespace_fd, uint32_t mtu);

/// `ip link delete NAME`
void cnl_put_delete(struct cnl_socket *socket, const char *name);

/// `ip link delete group GROUP`: every link of the group at once, which takes one RCU grace period in all. -ENODEV if
/// there is none. Not group 0, which is that of every link that nobody put into one.
void cnl_put_delete_group(struct cnl_socket *socket, uint32_t group);

/// `ip link set dev LINK down nomaster group GROUP`, in one request. By index, so that no other link can be meant.
void cnl_put_retire(struct cnl_socket *socket, int32_t link, uint32_t group);

/// `ip link set NAME alias ALIAS`, 255 bytes at most. The kernel does not take one when it makes a link.
void cnl_put_alias(struct cnl_socket *socket, const char *name, const char *alias);

/// `ip link set NAME group GROUP`
void cnl_put_group(struct cnl_socket *socket, const char *name, uint32_t group);

/// `ip link set NAME type bridge_slave hairpin on`: a frame may leave a bridge by the port by which it came.
void cnl_put_hairpin(struct cnl_socket *socket, const char *name, _Bool on);

/// `ip link set NAME master MASTER`, or `nomaster` with 0.
void cnl_put_master(struct cnl_socket *socket, const char *name, int32_t master);

/// `ip link set NAME mtu MTU`
void cnl_put_mtu(struct cnl_socket *socket, const char *name, uint32_t mtu);

/// `ip link set NAME address MAC`
void cnl_put_mac(struct cnl_socket *socket, const char *name, const uint8_t *mac);

/// `ip link set NAME up|down`
void cnl_put_up(struct cnl_socket *socket, const char *name, _Bool up);

/// `ip link set dev LINK name NAME`. By index, because the name in a request is the new one.
void cnl_put_name(struct cnl_socket *socket, int32_t link, const char *name);

/// `ip link set NAME netns …`. Blocks for an RCU grace period.
void cnl_put_namespace(struct cnl_socket *socket, const char *name, int32_t namespace_fd);

/// A link as the kernel reports it.
struct cnl_link {
    const char *name;
    /// The driver, such as "bridge", or "".
    const char *kind;
    const char *alias;
    const uint8_t *_Nullable mac;
    uint32_t mac_length;
    int32_t index;
    /// Index of the bridge that the link is a port of.
    int32_t master;
    /// Index of the other end, in its namespace.
    int32_t peer;
    /// The id of the other end's namespace, if it is another one.
    int32_t peer_namespace;
    uint32_t mtu;
    uint32_t group;
    _Bool is_up;
};

/// Looks one link up. Returns -ENODEV if there is none of that name.
CNL_CHECKED int cnl_find_link(
    struct cnl_socket *socket, const char *name, const struct cnl_link *_Nullable *_Nonnull ret_link);

/// The id by which the socket's namespace knows another one, or -1 if it has not met it.
CNL_CHECKED int cnl_namespace_id(struct cnl_socket *socket, int32_t namespace_fd, int32_t *ret_id);

// Addresses and routes. `length` is 4 for IPv4 and 16 for IPv6, and counts for every address of a request.

/// `ip address replace ADDRESS/PREFIX brd + dev LINK nodad`
void cnl_put_address(
    struct cnl_socket *socket, int32_t link, const uint8_t *address, uint32_t length, uint32_t prefix_length);

/// `ip address delete ADDRESS/PREFIX dev LINK`
void cnl_put_delete_address(
    struct cnl_socket *socket, int32_t link, const uint8_t *address, uint32_t length, uint32_t prefix_length);

/// An address of a link.
struct cnl_address {
    const uint8_t *address;
    uint32_t length;
    uint32_t prefix_length;
    int32_t link;
};

/// `ip route add DESTINATION/PREFIX [via GATEWAY] [dev LINK] table TABLE`
void cnl_put_route(
    struct cnl_socket *socket, const uint8_t *destination, uint32_t length, uint32_t prefix_length,
    const uint8_t *_Nullable gateway, int32_t link, uint32_t table);

/// The route that the kernel makes by itself when a link that is up gets an address, for when somebody deleted it:
/// `ip route add PREFIX dev LINK proto kernel scope link src SOURCE`, or for IPv6
/// `ip route add PREFIX dev LINK proto kernel metric 256`.
void cnl_put_connected_route(
    struct cnl_socket *socket, const uint8_t *source, uint32_t length, uint32_t prefix_length, int32_t link);

/// `ip route delete DESTINATION/PREFIX [via GATEWAY] [dev LINK] table TABLE`
void cnl_put_delete_route(
    struct cnl_socket *socket, const uint8_t *destination, uint32_t length, uint32_t prefix_length,
    const uint8_t *_Nullable gateway, int32_t link, uint32_t table);

/// A unicast route.
struct cnl_route {
    /// Null for the default route.
    const uint8_t *_Nullable destination;
    uint32_t length;
    uint32_t prefix_length;
    const uint8_t *_Nullable gateway;
    /// Not always `length`: an IPv4 route may have an IPv6 gateway.
    uint32_t gateway_length;
    /// 0 for a route over several links.
    int32_t link;
    uint32_t table;
};

// Dumps: one call asks for everything, then `cnl_next_…` until it is null, which gives the memory back.
// A dump that the kernel calls inconsistent is asked for again, a few times; then it is -EINTR.

CNL_CHECKED int cnl_dump_links(struct cnl_socket *socket);
const struct cnl_link *_Nullable cnl_next_link(struct cnl_socket *socket);

CNL_CHECKED int cnl_dump_addresses(struct cnl_socket *socket);
const struct cnl_address *_Nullable cnl_next_address(struct cnl_socket *socket);

CNL_CHECKED int cnl_dump_routes(struct cnl_socket *socket);
const struct cnl_route *_Nullable cnl_next_route(struct cnl_socket *socket);

// Changes

/// What a monitor was told.
enum __attribute__((enum_extensibility(closed))) cnl_change {
    cnl_change_link,
    cnl_change_link_gone,
    cnl_change_address,
    cnl_change_address_gone,
    cnl_change_route,
    cnl_change_route_gone,
    /// Forwarding, or another of a link's settings that are told of (linux/netconf.h).
    cnl_change_settings,
};

/// Takes the next change. Returns -EAGAIN when there is none, -ENOBUFS when the kernel had to drop some: dump then.
CNL_CHECKED int cnl_receive(struct cnl_socket *socket, enum cnl_change *ret_change);

/// The netlink port of whoever asked for the change that was taken: mostly the process id of a program, as that is
/// what the kernel gives a program's first socket. 0 if the kernel did it by itself, or does not tell.
uint32_t cnl_sender(const struct cnl_socket *socket);

// The change that was taken, or null if it is of another kind.

const struct cnl_link *_Nullable cnl_changed_link(struct cnl_socket *socket);
const struct cnl_address *_Nullable cnl_changed_address(struct cnl_socket *socket);
const struct cnl_route *_Nullable cnl_changed_route(struct cnl_socket *socket);
/// The index of the link, negative for all links (-1) and for those to come (-2), 0 if it is of another kind.
int32_t cnl_changed_settings(const struct cnl_socket *socket);

// The packet filter

/// Opens a socket that makes no requests and receives every change of the packet filter's rules. Never blocks.
CNL_CHECKED int cnl_open_firewall_monitor(struct cnl_socket *_Nullable *_Nonnull ret_socket);

/// What a change of the packet filter is about.
enum __attribute__((enum_extensibility(closed))) cnl_firewall_part {
    cnl_firewall_table,
    cnl_firewall_chain,
    cnl_firewall_rule,
    cnl_firewall_set,
    cnl_firewall_element,
    cnl_firewall_object,
    cnl_firewall_flowtable,
    /// Nothing more: every change of a transaction was told.
    cnl_firewall_generation,
};

/// A change of the packet filter.
struct cnl_firewall_change {
    enum cnl_firewall_part part;
    _Bool is_gone;
    /// NFPROTO_…, the family of the table.
    uint8_t family;
    /// "" if it is not about a table.
    const char *table;
    /// Of the chain that is meant or that the rule is in; of the set that is meant or that the element is in; of the
    /// object or flowtable. Or "".
    const char *name;
    /// Of a generation: the thread that made the transaction, as the initial namespace numbers it, or 0.
    uint32_t process;
    /// Of a generation: what that thread is called, or "".
    const char *process_name;
};

/// Takes the next change. Returns -EAGAIN when there is none, -ENOBUFS when some are lost: look at everything then.
/// `cnl_sender` tells the netlink port that the transaction came from.
CNL_CHECKED int cnl_receive_firewall_change(
    struct cnl_socket *socket, const struct cnl_firewall_change *_Nullable *_Nonnull ret_change);

// Flows that the kernel tracks (conntrack)

/// Opens a socket for requests about flows, in the calling thread's network namespace.
CNL_CHECKED int cnl_open_netfilter(struct cnl_socket *_Nullable *_Nonnull ret_socket);

/// A flow, in its original direction: what its first packet said before any translation.
struct cnl_flow {
    const uint8_t *source;
    const uint8_t *destination;
    /// Of either address.
    uint32_t length;
    /// IPPROTO_…
    uint8_t protocol;
    /// 0 where the protocol has no ports.
    uint16_t source_port;
    uint16_t destination_port;
};

/// Dumps the flows of a family: 4 for IPv4, 16 for IPv6. From 5.8 on the kernel leaves out those of another protocol
/// and, unless it is 0, to another port; so look at what comes. It walks all of its table for that: 9 ms were measured
/// with 262,144 buckets (net.netfilter.nf_conntrack_buckets).
CNL_CHECKED int cnl_dump_flows(struct cnl_socket *socket, uint32_t length, uint8_t protocol, uint16_t port);
const struct cnl_flow *_Nullable cnl_next_flow(struct cnl_socket *socket);

/// `conntrack -D` of the flow that was read last, and of no later one that has its addresses and ports.
/// Committed while the dump is still read, which goes on after that.
void cnl_put_delete_flow(struct cnl_socket *socket);

#pragma clang assume_nonnull end
#endif
