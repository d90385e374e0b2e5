// SPDX-License-Identifier: Apache-2.0

#include "socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DUMP_ATTEMPTS 16

static int keep(struct cnl_socket *socket, const struct nlmsghdr *record)
{
    size_t length = MNL_ALIGN(record->nlmsg_len);
    if (socket->dump_length + length > socket->dump_capacity) {
        size_t capacity = 2 * socket->dump_capacity + CNL_RECEIVE_SIZE;
        unsigned char *dump = realloc(socket->dump, capacity);
        if (!dump)
            return -ENOMEM;
        socket->dump = dump;
        socket->dump_capacity = capacity;
    }
    memcpy(socket->dump + socket->dump_length, record, record->nlmsg_len);
    socket->dump_length += length;
    return 0;
}

static void forget_dump(struct cnl_socket *socket)
{
    free(socket->dump);
    socket->dump = NULL;
    socket->dump_length = socket->dump_capacity = 0;
    socket->record = socket->next = NULL;
    socket->next_length = 0;
}

// Reads a dump to its end, even when it is no longer wanted: until then the socket can make no other one.
// Returns -EINTR if it is inconsistent, because something changed meanwhile.
static int receive_dump(struct cnl_socket *socket)
{
    int code = 0;
    _Bool interrupted = 0;
    socket->dump_length = 0;

    for (;;) {
        int left = cnl_await(socket);
        if (left < 0)
            return left;

        const struct nlmsghdr *answer = (const struct nlmsghdr *)socket->received;
        for (; cnl_message_ok(answer, left); answer = mnl_nlmsg_next(answer, &left)) {
            if (!cnl_answers(socket, answer, socket->sequence))
                continue;
            if (answer->nlmsg_flags & NLM_F_DUMP_INTR)
                interrupted = 1;
            if (answer->nlmsg_type == NLMSG_ERROR) {
                code = cnl_refusal(socket, answer);
                return code < 0 ? code : -EBADMSG;
            }
            if (answer->nlmsg_type == NLMSG_DONE) {
                if (code == 0 && mnl_nlmsg_get_payload_len(answer) >= sizeof(int))
                    code = cnl_kernel_code(*(const int *)mnl_nlmsg_get_payload(answer));
                return code == 0 && interrupted ? -EINTR : code;
            }
            if (code == 0)
                code = keep(socket, answer);
        }
    }
}

struct nlmsghdr *cnl_begin_dump(struct cnl_socket *socket, uint16_t type)
{
    forget_dump(socket);
    socket->reason[0] = '\0';
    return cnl_is_idle(socket) ? cnl_begin(socket, type, NLM_F_DUMP) : NULL;
}

int cnl_end_dump(struct cnl_socket *socket, struct nlmsghdr *request)
{
    cnl_end(socket, request);
    if (socket->broken)
        return cnl_take_queue(socket);

    int code = -EINTR;
    for (int attempt = 0; attempt < DUMP_ATTEMPTS && code == -EINTR; attempt++) {
        if (attempt > 0)
            request->nlmsg_seq = ++socket->sequence;
        code = cnl_send_queue(socket);
        if (code == 0)
            code = receive_dump(socket);
    }
    cnl_take_queue(socket);
    if (code < 0) {
        forget_dump(socket);
        return code;
    }
    socket->next = (const struct nlmsghdr *)socket->dump;
    socket->next_length = (int)socket->dump_length;
    return 0;
}

int cnl_dump(struct cnl_socket *socket, uint16_t type, size_t header_size)
{
    struct nlmsghdr *request = cnl_begin_dump(socket, type);
    if (!request)
        return -EBUSY;
    // All zero is "every family" in each of the three headers.
    mnl_nlmsg_put_extra_header(request, header_size);
    if (type == RTM_GETLINK)
        mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    return cnl_end_dump(socket, request);
}

int cnl_receive_records(struct cnl_socket *socket)
{
    int length = cnl_receive_packet(socket);
    if (length < 0)
        return length;
    socket->next = (const struct nlmsghdr *)socket->received;
    socket->next_length = length;
    return 0;
}

_Bool cnl_step(struct cnl_socket *socket)
{
    if (!cnl_message_ok(socket->next, socket->next_length)) {
        forget_dump(socket);
        return 0;
    }
    socket->record = socket->next;
    socket->next = mnl_nlmsg_next(socket->next, &socket->next_length);
    return 1;
}
