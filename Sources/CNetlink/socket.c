// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "socket.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

// The kernel does all of its work inside send(), so an answer that is not there soon will not come.
#define RECEIVE_TIMEOUT_SECONDS 5
// As in the kernel's own linux/err.h.
#define MAX_ERRNO 4095

int cnl_open_protocol(int protocol, struct cnl_socket **ret_socket)
{
    struct cnl_socket *socket = calloc(1, sizeof(*socket));
    if (!socket)
        return -ENOMEM;

    socket->mnl = mnl_socket_open2(protocol, SOCK_CLOEXEC);
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

int cnl_open(struct cnl_socket **ret_socket)
{
    return cnl_open_protocol(NETLINK_ROUTE, ret_socket);
}

int cnl_open_netfilter(struct cnl_socket **ret_socket)
{
    return cnl_open_protocol(NETLINK_NETFILTER, ret_socket);
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

const char *cnl_errno_name(int32_t code)
{
    return strerrorname_np(code);
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

int cnl_kernel_code(int code)
{
    return code <= 0 && code >= -MAX_ERRNO ? code : -EBADMSG;
}

int cnl_refusal(struct cnl_socket *socket, const struct nlmsghdr *answer)
{
    if (mnl_nlmsg_get_payload_len(answer) < sizeof(struct nlmsgerr))
        return -EBADMSG;
    const struct nlmsgerr *error = mnl_nlmsg_get_payload(answer);
    int code = cnl_kernel_code(error->error);
    if (code == 0 || !(answer->nlmsg_flags & NLM_F_ACK_TLVS))
        return code;

    // The sentence comes after the request that was refused, of which the kernel sends the header or all of it.
    size_t offset = sizeof(*error);
    if (!(answer->nlmsg_flags & NLM_F_CAPPED))
        offset += MNL_ALIGN(error->msg.nlmsg_len) - sizeof(struct nlmsghdr);
    if (offset > mnl_nlmsg_get_payload_len(answer))
        return code;

    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, answer, offset) {
        if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG
            && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0) {
            strncpy(socket->reason, mnl_attr_get_str(attribute), sizeof(socket->reason) - 1);
            break;
        }
    }
    return code;
}

int cnl_receive_packet(struct cnl_socket *socket)
{
    ssize_t length;
    do {
        length = mnl_socket_recvfrom(socket->mnl, socket->received, sizeof(socket->received));
    } while (length < 0 && errno == EINTR);
    return length < 0 ? -errno : (int)length;
}

int cnl_await(struct cnl_socket *socket)
{
    int length = cnl_receive_packet(socket);
    return length == -EAGAIN ? -ETIMEDOUT : length;
}

int cnl_send_queue(struct cnl_socket *socket)
{
    ssize_t sent;
    do {
        sent = mnl_socket_sendto(socket->mnl, socket->queue, socket->queued);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

int cnl_take_queue(struct cnl_socket *socket)
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

_Bool cnl_answers(const struct cnl_socket *socket, const struct nlmsghdr *answer, uint32_t number)
{
    return answer->nlmsg_seq == number && mnl_nlmsg_portid_ok(answer, mnl_socket_get_portid(socket->mnl));
}

int cnl_commit(struct cnl_socket *socket)
{
    socket->reason[0] = '\0';
    if (socket->queued == 0 || socket->broken)
        return cnl_take_queue(socket);

    uint32_t waiting = socket->queued_requests;
    uint32_t number = socket->sequence - waiting + 1;
    int first_refusal = 0;
    int code = cnl_send_queue(socket);
    cnl_take_queue(socket);
    if (code < 0)
        return code;

    // The kernel answers in the order of the requests.
    while (waiting > 0) {
        int left = cnl_await(socket);
        if (left < 0)
            return left;

        const struct nlmsghdr *answer = (const struct nlmsghdr *)socket->received;
        for (; waiting > 0 && cnl_message_ok(answer, left); answer = mnl_nlmsg_next(answer, &left)) {
            if (!cnl_answers(socket, answer, number) || answer->nlmsg_type != NLMSG_ERROR)
                continue;
            number++;
            waiting--;
            if (first_refusal == 0)
                first_refusal = cnl_refusal(socket, answer);
        }
    }
    return first_refusal;
}

int cnl_ask(struct cnl_socket *socket)
{
    socket->reason[0] = '\0';
    int code = socket->broken ? 0 : cnl_send_queue(socket);
    int broken = cnl_take_queue(socket);
    if (broken < 0 || code < 0)
        return broken < 0 ? broken : code;

    for (;;) {
        int left = cnl_await(socket);
        if (left < 0)
            return left;

        const struct nlmsghdr *answer = (const struct nlmsghdr *)socket->received;
        for (; cnl_message_ok(answer, left); answer = mnl_nlmsg_next(answer, &left)) {
            if (!cnl_answers(socket, answer, socket->sequence))
                continue;
            if (answer->nlmsg_type == NLMSG_ERROR) {
                code = cnl_refusal(socket, answer);
                return code < 0 ? code : -EBADMSG;
            }
            socket->record = answer;
            return 0;
        }
    }
}
