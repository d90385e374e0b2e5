// SPDX-License-Identifier: Apache-2.0
//
// What the programs that measure the life of an endpoint share: sandboxes, and what is done to links in them.
// What goes wrong ends the program, from any thread.

#ifndef SANDBOX_H
#define SANDBOX_H

#include "CNetlink.h"

#include <netinet/in.h>
#include <stdint.h>

struct sandbox {
    /// Of its network namespace.
    int fd;
    struct cnl_socket *socket;
};

/// The descriptor of a new network namespace, from which the calling thread comes back.
int make_namespace(void);

/// A sandbox in that namespace.
void open_sandbox(struct sandbox *sandbox, int namespace_fd);

/// Sends what is queued.
void commit(struct cnl_socket *socket, const char *what);

int32_t index_of(struct cnl_socket *socket, const char *name);

/// Gives a link in a sandbox another name, unless it is NULL, and its address, and brings it up.
void settle(
    const struct sandbox *sandbox, const char *name, const char *new_name, struct in_addr address,
    uint32_t prefix_length);

/// What an engine does when a sandbox ends: down, its former name, and back to the namespace it came from.
void move_back(const struct sandbox *sandbox, const char *name, const char *former_name, int namespace_fd);

#endif
