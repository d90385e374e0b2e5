// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE

#include "sandbox.h"

#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

static int own_namespace(void) {
    int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        fail("cannot open the network namespace: %s", strerror(errno));
    }
    return fd;
}

int make_namespace(void) {
    int own = own_namespace(), made;
    int code = cnl_unshare_network();

    if (code < 0) {
        fail("cannot make a network namespace: %s", strerror(-code));
    }
    made = own_namespace();
    if (setns(own, CLONE_NEWNET) != 0) {
        fail("cannot go back to a network namespace: %s", strerror(errno));
    }
    close(own);
    return made;
}

void open_sandbox(struct sandbox *sandbox, int namespace_fd) {
    int code = cnl_open_in(namespace_fd, &sandbox->socket);

    if (code < 0) {
        fail("cannot open a netlink socket: %s", strerror(-code));
    }
    sandbox->fd = namespace_fd;
}

void commit(struct cnl_socket *socket, const char *what) {
    int code = cnl_commit(socket);

    if (code < 0) {
        fail("cannot %s: %s %s", what, strerror(-code), cnl_reason(socket));
    }
}

int32_t index_of(struct cnl_socket *socket, const char *name) {
    const struct cnl_link *link;
    int code = cnl_find_link(socket, name, &link);

    if (code < 0) {
        fail("cannot find the link %s: %s", name, strerror(-code));
    }
    return link->index;
}

void settle(
    const struct sandbox *sandbox, const char *name, const char *new_name, struct in_addr address,
    uint32_t prefix_length) {
    struct cnl_socket *socket = sandbox->socket;
    int32_t index = index_of(socket, name);

    if (new_name != NULL) {
        cnl_put_name(socket, index, new_name);
    }
    cnl_put_address(socket, index, (const uint8_t *)&address, sizeof(address), prefix_length);
    cnl_put_up(socket, new_name != NULL ? new_name : name, 1);
    commit(socket, "set a link up in a sandbox");
}

void move_back(const struct sandbox *sandbox, const char *name, const char *former_name, int namespace_fd) {
    struct cnl_socket *socket = sandbox->socket;
    int32_t index = index_of(socket, name);

    cnl_put_up(socket, name, 0);
    cnl_put_name(socket, index, former_name);
    cnl_put_namespace(socket, former_name, namespace_fd);
    commit(socket, "move a link back");
}
