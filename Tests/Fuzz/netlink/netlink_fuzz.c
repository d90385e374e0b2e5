// SPDX-License-Identifier: Apache-2.0
//
// Feeds CNetlink with packets that no kernel sent: libFuzzer's entry point, and the part of libmnl that talks to a
// socket, which here takes packets from the input. What builds and reads messages is libmnl's own.

#include "packets.h"

#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#define PORT_ID 4242

struct mnl_socket {
    // Numbers of the requests that were sent last; the next acknowledgement is for `first`.
    uint32_t first;
    uint32_t last;
    // Up to where the buffer may be read.
    size_t end;
};

static struct span input;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    // One for requests and one for changes. Most inputs need one only, and clearing its buffers is half of the work.
    struct cnl_socket *sockets[2] = { NULL, NULL };

    input = (struct span){ bytes, length };
    for (;;) {
        struct span rest = input;
        struct packet header;
        struct span payload;
        if (!take_packet(&rest, &header, &payload))
            break;
        struct cnl_socket **socket = &sockets[is_for_monitor(header)];
        if (!*socket && (is_for_monitor(header) ? cnl_open_monitor(socket) : cnl_open(socket)) < 0)
            abort();
        run_operation(header, *socket);
        // An operation that read nothing would be started for ever.
        if (input.length > rest.length)
            input = rest;
    }
    for (size_t i = 0; i < MNL_ARRAY_SIZE(sockets); i++) {
        if (sockets[i])
            cnl_close(sockets[i]);
    }
    return 0;
}

_Bool take_packet(struct span *rest, struct packet *ret_header, struct span *ret_payload)
{
    if (rest->length < sizeof(*ret_header))
        return 0;
    memcpy(ret_header, rest->bytes, sizeof(*ret_header));
    rest->bytes += sizeof(*ret_header);
    rest->length -= sizeof(*ret_header);

    size_t length = ret_header->length < rest->length ? ret_header->length : rest->length;
    size_t taken = padded(length) < rest->length ? padded(length) : rest->length;
    *ret_payload = (struct span){ rest->bytes, length };
    rest->bytes += taken;
    rest->length -= taken;
    return 1;
}

struct span take_text(void)
{
    struct packet header;
    struct span payload;
    return take_packet(&input, &header, &payload) ? payload : (struct span){ (const uint8_t *)"", 0 };
}

// libmnl's socket

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
    (void)bus, (void)flags;
    struct mnl_socket *socket = calloc(1, sizeof(*socket));
    if (socket)
        socket->end = CNL_RECEIVE_SIZE;
    return socket;
}

int mnl_socket_close(struct mnl_socket *socket)
{
    free(socket);
    return 0;
}

int mnl_socket_bind(struct mnl_socket *socket, unsigned int groups, pid_t pid)
{
    (void)socket, (void)groups, (void)pid;
    return 0;
}

int mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *value, socklen_t length)
{
    (void)socket, (void)type, (void)value, (void)length;
    return 0;
}

int mnl_socket_get_fd(const struct mnl_socket *handle)
{
    // Options are set on it, and nothing else. One for all: opening it would take longer than the rest.
    static int descriptor = -1;
    (void)handle;
    if (descriptor < 0)
        descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return descriptor;
}

unsigned int mnl_socket_get_portid(const struct mnl_socket *socket)
{
    (void)socket;
    return PORT_ID;
}

// Takes requests, which must be whole and numbered one after the other.
ssize_t mnl_socket_sendto(const struct mnl_socket *constant, const void *queue, size_t length)
{
    struct mnl_socket *socket = (struct mnl_socket *)constant;
    const struct nlmsghdr *request = queue;
    int left = (int)length;
    // Numbers go up; requests that were not sent after all have had theirs.
    if (!cnl_message_ok(request, left) || request->nlmsg_seq <= socket->last)
        abort();
    socket->first = request->nlmsg_seq;
    for (socket->last = socket->first - 1; cnl_message_ok(request, left); request = mnl_nlmsg_next(request, &left)) {
        if (request->nlmsg_seq != ++socket->last)
            abort();
    }
    if (left != 0)
        abort();
    return (ssize_t)length;
}

// Numbers and addresses the messages of a packet as the kernel does; the last one's length may be wrong.
static void address(struct mnl_socket *socket, void *packet, size_t length)
{
    struct nlmsghdr *answer = packet;
    int left = (int)length;
    while (left >= (int)sizeof(*answer)) {
        answer->nlmsg_seq = socket->first;
        answer->nlmsg_pid = PORT_ID;
        if (answer->nlmsg_type == NLMSG_ERROR && socket->first < socket->last)
            socket->first++;
        if (!cnl_message_ok(answer, left))
            break;
        answer = mnl_nlmsg_next(answer, &left);
    }
}

// What is behind a packet, but for its padding, is no part of it: nobody may look there.
static void shut_behind(struct mnl_socket *socket, uint8_t *buffer, size_t length)
{
    size_t end = padded(length);
    // Only the difference, because poisoning takes longer than anything else here.
    if (end > socket->end)
        ASAN_UNPOISON_MEMORY_REGION(buffer, end);
    else
        ASAN_POISON_MEMORY_REGION(buffer + end, socket->end - end);
    socket->end = end;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *constant, void *buffer, size_t size)
{
    struct mnl_socket *socket = (struct mnl_socket *)constant;
    static const int codes[arrival_count] = {
        [arrival_interrupted] = EINTR,
        [arrival_lost] = ENOBUFS,
        [arrival_truncated] = ENOSPC,
        [arrival_none] = EAGAIN,
    };
    struct packet header;
    struct span payload;
    if (!take_packet(&input, &header, &payload)) {
        errno = EAGAIN;
        return -1;
    }
    unsigned int arrival = header.arrival % 16;
    if (arrival < arrival_count && codes[arrival] != 0) {
        errno = codes[arrival];
        return -1;
    }
    if (payload.length > size) {
        errno = ENOSPC;
        return -1;
    }

    shut_behind(socket, buffer, payload.length);
    memcpy(buffer, payload.bytes, payload.length);
    if (arrival != arrival_as_is)
        address(socket, buffer, payload.length);
    return (ssize_t)payload.length;
}
