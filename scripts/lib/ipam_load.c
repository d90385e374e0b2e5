// SPDX-License-Identifier: Apache-2.0
//
// Callers of plugind's IPAM: each has a connection to the socket, and asks for the next address when it has the last.
//
//   ipam_load SOCKET POOL CALLERS COUNT
//
// Requests COUNT addresses of the pool in all, each for a container of another name, and then releases them all.
// Prints JSON: for requests and for releases the seconds that all took, and the times of the single calls.

#define _GNU_SOURCE

#include "calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

enum {
    MAX_CALLERS = 1024,
    MAX_COUNT = 10 * 1000 * 1000,
    ADDRESS_SIZE = 48,
};

struct caller {
    struct connection connection;
    /// Which of the calls it has made.
    uint32_t call;
    uint64_t begin_ns;
};

struct load {
    const char *socket;
    const char *pool;
    uint32_t callers;
    uint32_t count;
    struct caller *caller;
    int epoll;
    char (*addresses)[ADDRESS_SIZE];
    uint64_t *times_ns;
};

static void connect_caller(struct load *load, struct caller *caller) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = caller};

    connect_to(&caller->connection, load->socket);
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, caller->connection.fd, &event) != 0) {
        fail("cannot watch a connection: %s", strerror(errno));
    }
}

static void begin(struct load *load, struct caller *caller, uint32_t index, int is_release) {
    char body[512];
    int length;

    if (is_release) {
        length = snprintf(
            body, sizeof(body), "{\"PoolID\":\"%s\",\"Address\":\"%s\"}\n", load->pool, load->addresses[index]);
    } else {
        length = snprintf(
            body, sizeof(body),
            "{\"PoolID\":\"%s\",\"Address\":\"\",\"Options\":{\"com.docker.network.endpoint.name\":\"load-%u\"}}\n",
            load->pool, index);
    }
    if (length >= (int)sizeof(body)) {
        fail("the pool's id is too long: %s", load->pool);
    }
    caller->call = index;
    caller->begin_ns = now_ns();
    send_call(&caller->connection, is_release ? "IpamDriver.ReleaseAddress" : "IpamDriver.RequestAddress", body);
}

/// Takes the address, without the prefix's length, out of an answer.
static void note_address(struct load *load, uint32_t index, const char *body) {
    if (!find_text(body, "Address", load->addresses[index], ADDRESS_SIZE)) {
        fail("an answer without an address: %s", body);
    }
    load->addresses[index][strcspn(load->addresses[index], "/")] = '\0';
}

/// Makes all calls of one kind and prints their figures.
static void run(struct load *load, int is_release) {
    struct epoll_event events[64];
    uint32_t begun = 0, done = 0;
    uint64_t start = now_ns();

    while (begun < load->callers && begun < load->count) {
        begin(load, &load->caller[begun], begun, is_release);
        begun++;
    }
    while (done < load->count) {
        int count = epoll_wait(load->epoll, events, 64, PATIENCE_MS);

        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            fail("no answer within %d s, after %u of %u", PATIENCE_MS / 1000, done, load->count);
        }
        for (int i = 0; i < count; i++) {
            struct caller *caller = events[i].data.ptr;
            const char *body = receive(&caller->connection, 0);

            if (body == NULL) {
                continue;
            }
            load->times_ns[caller->call] = now_ns() - caller->begin_ns;
            if (!is_release) {
                note_address(load, caller->call, body);
            }
            done++;
            if (begun < load->count) {
                begin(load, caller, begun, is_release);
                begun++;
            }
        }
    }
    printf("\"%s\": {\"seconds\": %.6f, ", is_release ? "release" : "request", (double)(now_ns() - start) / 1e9);
    print_times("calls", load->times_ns, load->count);
    printf("}");
}

int main(int argc, char **argv) {
    struct load load = {0};

    if (argc != 5) {
        fail("usage: ipam_load SOCKET POOL CALLERS COUNT");
    }
    load.socket = argv[1];
    load.pool = argv[2];
    load.callers = number(argv[3], MAX_CALLERS, "CALLERS");
    load.count = number(argv[4], MAX_COUNT, "COUNT");
    load.caller = allocate(load.callers, sizeof(*load.caller));
    load.addresses = allocate(load.count, sizeof(*load.addresses));
    load.times_ns = allocate(load.count, sizeof(*load.times_ns));
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load.epoll < 0) {
        fail("cannot watch connections: %s", strerror(errno));
    }
    for (uint32_t index = 0; index < load.callers; index++) {
        connect_caller(&load, &load.caller[index]);
    }
    printf("{");
    run(&load, 0);
    printf(", ");
    run(&load, 1);
    printf("}\n");
    return 0;
}
