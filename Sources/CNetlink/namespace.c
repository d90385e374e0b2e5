// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CNetlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

int cnl_unshare_network(void)
{
    return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
}

int cnl_enter(int32_t namespace_fd, int32_t *ret_own)
{
    int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (own < 0)
        return -errno;
    if (setns(namespace_fd, CLONE_NEWNET) < 0) {
        int code = -errno;
        close(own);
        return code;
    }
    *ret_own = own;
    return 0;
}

void cnl_leave(int32_t own)
{
    // A thread that stayed there would do the daemon's work in somebody else's namespace.
    if (setns(own, CLONE_NEWNET) < 0)
        abort();
    close(own);
}

int cnl_open_in(int32_t namespace_fd, struct cnl_socket **ret_socket)
{
    int32_t own;
    int code = cnl_enter(namespace_fd, &own);
    if (code < 0)
        return code;
    code = cnl_open(ret_socket);
    cnl_leave(own);
    return code;
}

_Bool cnl_is_namespace(const char *path)
{
    // Not to wait for a writer, should it be a named pipe.
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return 0;
    int type = ioctl(file, NS_GET_NSTYPE);
    close(file);
    return type == CLONE_NEWNET;
}
