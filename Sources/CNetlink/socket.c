// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

// The kernel does all of its work inside send(), so an answer that is not there soon will not come.
#define RECEIVE_TIMEOUT_SECONDS 5
#define DUMP_ATTEMPTS 16

int cnl_open(struct cnl_socket **ret_socket)
{
    struct cnl_socket *socket = calloc(1, sizeof(*socket));
    if (!socket)
        return -ENOMEM;

    socket->mnl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!socket->mnl)
        goto failed;

    int on = 1;
    struct timeval timeout = { .tv_sec = RECEIVE_TIMEOUT_SECONDS };
    if (mnl_socket_setsockopt(socket->mnl, NETLINK_EXT_ACK, &on, sizeof(on)) < 0
        || mnl_socket_setsockopt(socket->mnl, NETLINK_CAP_ACK, &on, sizeof(on)) < 0
        || setsockopt(mnl_socket_get_fd(socket->mnl), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0
        || mnl_socket_bind(socket->mnl, 0, MNL_SOCKET_AUTOPID) < 0)
        goto failed;

    *ret_socket = socket;
    return 0;

failed:;
    int code = -errno;
    if (socket->mnl)
        mnl_socket_close(socket->mnl);
    free(socket);
    return code;
}

int cnl_open_in(int32_t namespace_fd, struct cnl_socket **ret_socket)
{
    int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (own < 0)
        return -errno;

    int code = 0;
    if (setns(namespace_fd, CLONE_NEWNET) < 0) {
        code = -errno;
    } else {
        code = cnl_open(ret_socket);
        // A thread that stayed there would do the daemon's work in somebody else's namespace.
        if (setns(own, CLONE_NEWNET) < 0)
            abort();
    }
    close(own);
    return code;
}

void cnl_close(struct cnl_socket *socket)
{
    mnl_socket_close(socket->mnl);
    free(socket->dump);
    free(socket);
}

int32_t cnl_descriptor(const struct cnl_socket *socket)
{
    return mnl_socket_get_fd(socket->mnl);
}

const char *cnl_reason(const struct cnl_socket *socket)
{
    return socket->reason;
}

// Requests

struct nlmsghdr *cnl_begin(struct cnl_socket *socket, uint16_t type, uint16_t flags)
{
    if (socket->queued_requests == CNL_QUEUE_REQUESTS || socket->queued + CNL_REQUEST_SIZE > CNL_QUEUE_SIZE)
        cnl_break(socket, -EMSGSIZE);

    struct nlmsghdr *request = mnl_nlmsg_put_header(socket->queue + socket->queued);
    request->nlmsg_type = type;
    request->nlmsg_flags = NLM_F_REQUEST | flags;
    return request;
}

void cnl_end(struct cnl_socket *socket, struct nlmsghdr *request)
{
    if (socket->broken)
        return;
    request->nlmsg_seq = ++socket->sequence;
    socket->queued += MNL_ALIGN(request->nlmsg_len);
    socket->queued_requests++;
}

void cnl_break(struct cnl_socket *socket, int code)
{
    if (!socket->broken)
        socket->broken = code;
}

void cnl_put_link_name(struct cnl_socket *socket, struct nlmsghdr *request, uint16_t type, const char *name)
{
    size_t length = strnlen(name, IFNAMSIZ);
    if (length == 0 || length == IFNAMSIZ)
        cnl_break(socket, -EINVAL);
    else
        mnl_attr_put_strz(request, type, name);
}

// Answers

// Keeps the kernel's sentence of a refusal and returns its errno.
static int refusal(struct cnl_socket *socket, const struct nlmsghdr *answer)
{
    if (mnl_nlmsg_get_payload_len(answer) < sizeof(struct nlmsgerr))
        return -EBADMSG;
    const struct nlmsgerr *error = mnl_nlmsg_get_payload(answer);
    if (error->error == 0 || !(answer->nlmsg_flags & NLM_F_ACK_TLVS))
        return error->error;

    // The sentence comes after the request that was refused, of which the kernel sends the header or all of it.
    size_t offset = sizeof(*error);
    if (!(answer->nlmsg_flags & NLM_F_CAPPED))
        offset += MNL_ALIGN(error->msg.nlmsg_len) - sizeof(struct nlmsghdr);
    if (offset > mnl_nlmsg_get_payload_len(answer))
        return error->error;

    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, answer, offset) {
        if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG
            && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0) {
            strncpy(socket->reason, mnl_attr_get_str(attribute), sizeof(socket->reason) - 1);
            break;
        }
    }
    return error->error;
}

int cnl_receive_packet(struct cnl_socket *socket)
{
    ssize_t length;
    do {
        length = mnl_socket_recvfrom(socket->mnl, socket->received, sizeof(socket->received));
    } while (length < 0 && errno == EINTR);
    return length < 0 ? -errno : (int)length;
}

// The same, for a socket that waits: nothing there is a timeout.
static int await(struct cnl_socket *socket)
{
    int length = cnl_receive_packet(socket);
    return length == -EAGAIN ? -ETIMEDOUT : length;
}

static int send_queue(struct cnl_socket *socket)
{
    ssize_t sent;
    do {
        sent = mnl_socket_sendto(socket->mnl, socket->queue, socket->queued);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

// Forgets the queue, and says what is wrong with it.
static int take_queue(struct cnl_socket *socket)
{
    int code = socket->broken;
    socket->broken = 0;
    socket->queued = 0;
    socket->queued_requests = 0;
    return code;
}

_Bool cnl_is_idle(const struct cnl_socket *socket)
{
    return socket->queued == 0 && !socket->broken;
}

// Whether a message answers the request of that number. One that answers an older request, which timed out, does not.
static _Bool answers(const struct cnl_socket *socket, const struct nlmsghdr *answer, uint32_t number)
{
    return answer->nlmsg_seq == number && mnl_nlmsg_portid_ok(answer, mnl_socket_get_portid(socket->mnl));
}

int cnl_commit(struct cnl_socket *socket)
{
    socket->reason[0] = '\0';
    if (socket->queued == 0 || socket->broken)
        return take_queue(socket);

    uint32_t waiting = socket->queued_requests;
    uint32_t number = socket->sequence - waiting + 1;
    int first_refusal = 0;
    int code = send_queue(socket);
    take_queue(socket);
    if (code < 0)
        return code;

    // The kernel answers in the order of the requests.
    while (waiting > 0) {
        int left = await(socket);
        if (left < 0)
            return left;

        const struct nlmsghdr *answer = (const struct nlmsghdr *)socket->received;
        for (; mnl_nlmsg_ok(answer, left); answer = mnl_nlmsg_next(answer, &left)) {
            if (!answers(socket, answer, number) || answer->nlmsg_type != NLMSG_ERROR)
                continue;
            number++;
            waiting--;
            if (first_refusal == 0)
                first_refusal = refusal(socket, answer);
        }
    }
    return first_refusal;
}

int cnl_ask(struct cnl_socket *socket)
{
    socket->reason[0] = '\0';
    int code = socket->broken ? 0 : send_queue(socket);
    int broken = take_queue(socket);
    if (broken < 0 || code < 0)
        return broken < 0 ? broken : code;

    for (;;) {
        int left = await(socket);
        if (left < 0)
            return left;

        const struct nlmsghdr *answer = (const struct nlmsghdr *)socket->received;
        for (; mnl_nlmsg_ok(answer, left); answer = mnl_nlmsg_next(answer, &left)) {
            if (!answers(socket, answer, socket->sequence))
                continue;
            if (answer->nlmsg_type == NLMSG_ERROR) {
                code = refusal(socket, answer);
                return code < 0 ? code : -EBADMSG;
            }
            socket->record = answer;
            return 0;
        }
    }
}

// Dumps

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
        int left = await(socket);
        if (left < 0)
            return left;

        const struct nlmsghdr *answer = (const struct nlmsghdr *)socket->received;
        for (; mnl_nlmsg_ok(answer, left); answer = mnl_nlmsg_next(answer, &left)) {
            if (!answers(socket, answer, socket->sequence))
                continue;
            if (answer->nlmsg_flags & NLM_F_DUMP_INTR)
                interrupted = 1;
            if (answer->nlmsg_type == NLMSG_ERROR)
                return refusal(socket, answer);
            if (answer->nlmsg_type == NLMSG_DONE) {
                if (code == 0 && mnl_nlmsg_get_payload_len(answer) >= sizeof(int))
                    code = *(const int *)mnl_nlmsg_get_payload(answer);
                return code == 0 && interrupted ? -EINTR : code;
            }
            if (code == 0)
                code = keep(socket, answer);
        }
    }
}

int cnl_dump(struct cnl_socket *socket, uint16_t type, size_t header_size)
{
    forget_dump(socket);
    socket->reason[0] = '\0';
    if (!cnl_is_idle(socket))
        return -EBUSY;

    int code = -EINTR;
    for (int attempt = 0; attempt < DUMP_ATTEMPTS && code == -EINTR; attempt++) {
        struct nlmsghdr *request = cnl_begin(socket, type, NLM_F_DUMP);
        // All zero is "every family" in each of the three headers.
        mnl_nlmsg_put_extra_header(request, header_size);
        if (type == RTM_GETLINK)
            mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
        cnl_end(socket, request);
        code = send_queue(socket);
        take_queue(socket);
        if (code == 0)
            code = receive_dump(socket);
    }
    if (code < 0) {
        forget_dump(socket);
        return code;
    }
    socket->next = (const struct nlmsghdr *)socket->dump;
    socket->next_length = (int)socket->dump_length;
    return 0;
}

_Bool cnl_step(struct cnl_socket *socket)
{
    if (!mnl_nlmsg_ok(socket->next, socket->next_length)) {
        forget_dump(socket);
        return 0;
    }
    socket->record = socket->next;
    socket->next = mnl_nlmsg_next(socket->next, &socket->next_length);
    return 1;
}
