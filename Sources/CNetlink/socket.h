// SPDX-License-Identifier: Apache-2.0
//
// What the files of this module share: the socket, and building and reading of messages.

#ifndef CNL_SOCKET_H
#define CNL_SOCKET_H

#include "include/CNetlink.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <stdalign.h>

// Room for as many veth pairs as there may be requests.
#define CNL_QUEUE_SIZE 32768
// Their acknowledgements must fit into a receive buffer of the kernel's default size: 212,992 bytes, of which each
// occupies nearly 1,000.
#define CNL_QUEUE_REQUESTS 128
// No request is longer: a veth pair needs about 250 bytes, the longest alias 300.
#define CNL_REQUEST_SIZE 1024
// The kernel fills a dump's packets up to 32 KiB if the reader has that much room.
#define CNL_RECEIVE_SIZE 32768

struct cnl_socket {
    struct mnl_socket *mnl;
    // Number of the newest request. The first one is 1.
    uint32_t sequence;
    // Why the queue cannot be sent, or 0.
    int broken;
    uint32_t queued_requests;
    size_t queued;
    // The record that was read last, and those after it.
    const struct nlmsghdr *record;
    const struct nlmsghdr *next;
    int next_length;
    // What the current record says.
    union {
        struct cnl_link link;
        struct cnl_address address;
        struct cnl_route route;
        struct cnl_firewall_change firewall_change;
        struct cnl_flow flow;
    } read;
    // Every record of a dump.
    unsigned char *dump;
    size_t dump_length;
    size_t dump_capacity;
    char reason[256];
    // A request that finds no room is built behind the end, where it is not sent.
    alignas(struct nlmsghdr) unsigned char queue[CNL_QUEUE_SIZE + CNL_REQUEST_SIZE];
    alignas(struct nlmsghdr) unsigned char received[CNL_RECEIVE_SIZE];
};

// Opens a socket of a netlink protocol in the calling thread's network namespace.
int cnl_open_protocol(int protocol, struct cnl_socket **ret_socket);
// Opens one that receives what is told to multicast groups, and never blocks.
int cnl_open_listener(int protocol, const int *groups, size_t count, struct cnl_socket **ret_socket);

// Begins a request at the end of the queue; `flags` beyond NLM_F_REQUEST. CNL_REQUEST_SIZE bytes may be put into it.
struct nlmsghdr *cnl_begin(struct cnl_socket *socket, uint16_t type, uint16_t flags);
// Adds the request to the queue, unless the queue is broken.
void cnl_end(struct cnl_socket *socket, struct nlmsghdr *request);
// The queue cannot be sent any more. The first reason is kept.
void cnl_break(struct cnl_socket *socket, int code);
// Puts a link's name, 1 to 15 bytes.
void cnl_put_link_name(struct cnl_socket *socket, struct nlmsghdr *request, uint16_t type, const char *name);

// The type of a message of one of netfilter's subsystems, all of which share a protocol.
#define CNL_NETFILTER_TYPE(subsystem, message) ((uint16_t)((subsystem) << 8 | (message)))

// Whether a whole message is left. libmnl up to 1.0.4 takes a length above INT_MAX for a negative one, which always fits.
static inline _Bool cnl_message_ok(const struct nlmsghdr *message, int left)
{
    return mnl_nlmsg_ok(message, left) && message->nlmsg_len <= (uint32_t)left;
}

// Receives one packet. Returns its length, or a negated errno.
int cnl_receive_packet(struct cnl_socket *socket);
// The same, for a socket that waits: nothing there is a timeout.
int cnl_await(struct cnl_socket *socket);
// A code of the kernel's, which is 0 or a negated errno. Taken for anything else, it could mean success to a caller.
int cnl_kernel_code(int code);
// Keeps the kernel's sentence of a refusal and returns its errno.
int cnl_refusal(struct cnl_socket *socket, const struct nlmsghdr *answer);
// Whether a message answers the request of that number. One that answers an older request, which timed out, does not.
_Bool cnl_answers(const struct cnl_socket *socket, const struct nlmsghdr *answer, uint32_t number);
// Sends all that is queued, as one packet. Leaves it queued.
int cnl_send_queue(struct cnl_socket *socket);
// Forgets the queue, and says what is wrong with it.
int cnl_take_queue(struct cnl_socket *socket);
// Whether nothing is queued, so that something can be asked.
_Bool cnl_is_idle(const struct cnl_socket *socket);
// Asks for one record, with the only request of the queue, and makes it the current one.
int cnl_ask(struct cnl_socket *socket);
// Begins the request of a dump. Returns null if something is queued.
struct nlmsghdr *cnl_begin_dump(struct cnl_socket *socket, uint16_t type);
// Adds it to the queue, sends it as the only one and receives every record.
int cnl_end_dump(struct cnl_socket *socket, struct nlmsghdr *request);
// Asks rtnetlink for all of a kind.
int cnl_dump(struct cnl_socket *socket, uint16_t type, size_t header_size);
// Receives one packet, to step through its records.
int cnl_receive_records(struct cnl_socket *socket);
// Steps to the next record. At the end it returns false and gives the memory of a dump back.
_Bool cnl_step(struct cnl_socket *socket);

// Reads the current record, if it is one of the kind. Returns null otherwise.
const struct cnl_link *cnl_read_link(struct cnl_socket *socket);
const struct cnl_address *cnl_read_address(struct cnl_socket *socket);
const struct cnl_route *cnl_read_route(struct cnl_socket *socket);
const struct cnl_firewall_change *cnl_read_firewall_change(struct cnl_socket *socket);
const struct cnl_flow *cnl_read_flow(struct cnl_socket *socket);

// The address in an attribute, or null if its length is not one that the family has (4 or 16).
const uint8_t *cnl_address_bytes(const struct nlattr *attribute, uint32_t length);
// AF_INET or AF_INET6. Breaks the queue if `length` or `prefix_length` is neither's.
uint8_t cnl_family(struct cnl_socket *socket, uint32_t length, uint32_t prefix_length);

#endif
