// SPDX-License-Identifier: Apache-2.0
//
// How an input of the netlink fuzzer is laid out: packets, one after the other. Each has a header that says how it
// arrives, and its bytes, padded to four. What the packets answer is said by the first of them that an operation reads:
// so every part of an input is an input, and two inputs in a row are one.

#ifndef FUZZ_PACKETS_H
#define FUZZ_PACKETS_H

#include "../../../Sources/CNetlink/socket.h"

#include <stddef.h>
#include <stdint.h>

// How a packet arrives. Higher values, of which there are more, are `arrival_answer`.
enum arrival {
    // Numbered and addressed as an answer to what was asked.
    arrival_answer,
    // As it is: to another request, or to another socket.
    arrival_as_is,
    // Not at all: a signal came, packets were lost, the packet was longer than the buffer, nothing is there.
    arrival_interrupted,
    arrival_lost,
    arrival_truncated,
    arrival_none,
    arrival_count,
};

enum operation {
    operation_commit,
    operation_find_link,
    operation_namespace_id,
    operation_dump_links,
    operation_dump_addresses,
    operation_dump_routes,
    operation_monitor,
    operation_text,
    operation_dump_flows,
    operation_firewall_monitor,
    operation_count,
};

struct packet {
    // An `operation`, plus `operation_count` times a number that it may use.
    uint8_t operation;
    // An `arrival` in the lower four bits.
    uint8_t arrival;
    uint16_t length;
};

// A part of an input.
struct span {
    const uint8_t *bytes;
    size_t length;
};

static inline size_t padded(size_t length)
{
    return (length + 3) & ~(size_t)3;
}

// Takes the first packet off, and returns its bytes: those that are there, if its header promises more.
// Returns 0 if there is none.
_Bool take_packet(struct span *input, struct packet *ret_header, struct span *ret_payload);

// Whether an operation is one for a monitor's socket.
static inline _Bool is_for_monitor(struct packet header)
{
    enum operation operation = (enum operation)(header.operation % operation_count);
    return operation == operation_monitor || operation == operation_firewall_monitor;
}

// Starts what `header` says, reads all of the answer, and checks it.
void run_operation(struct packet header, struct cnl_socket *socket);

// The bytes of the input's next packet, for an operation that takes them as text. Empty when seeds are recorded.
struct span take_text(void);

#endif
