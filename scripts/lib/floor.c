// SPDX-License-Identifier: Apache-2.0
//
// The floor of what an endpoint's life costs: what the kernel is asked for, and nothing else. A veth pair is made, one
// end in a bridge and with an alias, the other in a sandbox with an address and up; and deleted.
//
//   floor VARIANT CALLERS COUNT [FLUSHES DIRECTORY]
//
//     one      the inner end is made straight in the sandbox, each life deletes its own pair and waits for that
//     shared   the same, but a life ends with its pair down, out of the bridge and in a group; whatever has gathered
//              in 5 ms is deleted at once, by a thread that only does this
//     move     as one, but the pair is made here, and the inner end moved into the sandbox and back
//
// With FLUSHES, each life appends so often 4 KiB to a file in DIRECTORY, and waits until they are on the disk.
// Runs in namespaces of its own. Prints JSON; times are in milliseconds.

#define _GNU_SOURCE

#include "calls.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_CALLERS = 64,
    MAX_COUNT = 1000 * 1000,
    MAX_FLUSHES = 100,
    MTU = 1500,
    FLUSH_SIZE = 4096,
    GATHER_NS = 5 * 1000 * 1000,
    GROUPS = 2,
    FIRST_GROUP = 0x706c6701,
};

enum variant { ONE, SHARED, MOVE };

static const char *const variant_names[] = {"one", "shared", "move"};

struct group {
    /// Pairs that are in it.
    uint32_t waiting;
    /// Lives that took it, and whose pairs are not in it yet.
    uint32_t retiring;
};

struct floor {
    enum variant variant;
    uint32_t callers;
    uint32_t count;
    uint32_t flushes;
    const char *directory;
    int host;
    int32_t bridge;
    pthread_barrier_t barrier;
    atomic_uint next;
    uint64_t *times_ns;
    uint64_t *retire_times_ns;

    // Of the variant `shared`: one group gathers while the other is deleted.
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct group groups[GROUPS];
    uint32_t current;
    _Bool is_over;
    uint32_t deletions;
    uint64_t deletion_ns;
};

struct caller {
    struct floor *floor;
    pthread_t thread;
    struct cnl_socket *host;
    struct sandbox sandbox;
    int file;
};

static struct cnl_socket *open_socket(void) {
    struct cnl_socket *socket;
    int code = cnl_open(&socket);

    if (code < 0) {
        fail("cannot open a netlink socket: %s", strerror(-code));
    }
    return socket;
}

// Deleting together

static void retire(struct caller *caller, int32_t link) {
    struct floor *floor = caller->floor;
    uint32_t taken;

    pthread_mutex_lock(&floor->mutex);
    taken = floor->current;
    floor->groups[taken].retiring++;
    pthread_mutex_unlock(&floor->mutex);
    cnl_put_retire(caller->host, link, FIRST_GROUP + taken);
    commit(caller->host, "retire a pair");
    pthread_mutex_lock(&floor->mutex);
    floor->groups[taken].retiring--;
    floor->groups[taken].waiting++;
    pthread_cond_signal(&floor->changed);
    pthread_mutex_unlock(&floor->mutex);
}

static void *delete_groups(void *argument) {
    struct floor *floor = argument;
    const struct timespec pause = {.tv_nsec = GATHER_NS};
    struct cnl_socket *socket = open_socket();

    pthread_mutex_lock(&floor->mutex);
    for (;;) {
        uint32_t taken = floor->current;
        uint64_t begin;

        while (floor->groups[taken].waiting == 0 && !floor->is_over) {
            pthread_cond_wait(&floor->changed, &floor->mutex);
        }
        if (floor->groups[taken].waiting == 0) {
            break;
        }
        pthread_mutex_unlock(&floor->mutex);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&floor->mutex);
        floor->current = (taken + 1) % GROUPS;
        while (floor->groups[taken].retiring > 0) {
            pthread_cond_wait(&floor->changed, &floor->mutex);
        }
        floor->groups[taken].waiting = 0;
        pthread_mutex_unlock(&floor->mutex);

        begin = now_ns();
        cnl_put_delete_group(socket, FIRST_GROUP + taken);
        commit(socket, "delete a group");
        pthread_mutex_lock(&floor->mutex);
        floor->deletions++;
        floor->deletion_ns += now_ns() - begin;
    }
    pthread_mutex_unlock(&floor->mutex);
    cnl_close(socket);
    return NULL;
}

// A life

static void flush(const struct caller *caller) {
    static const char page[FLUSH_SIZE];

    for (uint32_t index = 0; index < caller->floor->flushes; index++) {
        if (write(caller->file, page, sizeof(page)) != sizeof(page) || fdatasync(caller->file) != 0) {
            fail("cannot write in %s: %s", caller->floor->directory, strerror(errno));
        }
    }
}

static void live(struct caller *caller, uint32_t index) {
    struct floor *floor = caller->floor;
    struct cnl_socket *host = caller->host;
    struct in_addr address = {htonl(0x0a000002 + index % 0xff00)};
    char outer[16], inner[16], alias[96];
    _Bool is_moved = floor->variant == MOVE;
    uint64_t begin = now_ns();

    snprintf(outer, sizeof(outer), "out%u", index);
    snprintf(inner, sizeof(inner), "in%u", index);
    snprintf(alias, sizeof(alias), "floor:endpoint:%064x", index);
    cnl_put_veth(host, outer, NULL, floor->bridge, 0, inner, NULL, is_moved ? -1 : caller->sandbox.fd, MTU);
    cnl_put_alias(host, outer, alias);
    commit(host, "make a pair");
    if (is_moved) {
        cnl_put_namespace(host, inner, caller->sandbox.fd);
        commit(host, "move a link");
    }
    settle(&caller->sandbox, inner, is_moved ? "eth0" : NULL, address, 16);
    flush(caller);

    if (floor->variant == SHARED) {
        int32_t link = index_of(host, outer);
        uint64_t middle = now_ns();

        retire(caller, link);
        floor->retire_times_ns[index] = now_ns() - middle;
    } else {
        if (is_moved) {
            move_back(&caller->sandbox, "eth0", inner, floor->host);
        }
        cnl_put_delete(host, outer);
        commit(host, "delete a pair");
    }
    floor->times_ns[index] = now_ns() - begin;
}

static void *run(void *argument) {
    struct caller *caller = argument;
    struct floor *floor = caller->floor;
    uint32_t index;

    caller->host = open_socket();
    open_sandbox(&caller->sandbox, make_namespace());
    if (floor->flushes > 0) {
        caller->file = open(floor->directory, O_WRONLY | O_TMPFILE | O_APPEND | O_CLOEXEC, 0600);
        if (caller->file < 0) {
            fail("cannot make a file in %s: %s", floor->directory, strerror(errno));
        }
    }
    pthread_barrier_wait(&floor->barrier);
    while ((index = atomic_fetch_add(&floor->next, 1)) < floor->count) {
        live(caller, index);
    }
    return NULL;
}

// The program

static enum variant variant(const char *name) {
    for (int index = ONE; index <= MOVE; index++) {
        if (strcmp(name, variant_names[index]) == 0) {
            return (enum variant)index;
        }
    }
    fail("there is no variant %s", name);
}

/// A namespace with nothing but a bridge, for this thread and those it starts.
static void make_host(struct floor *floor) {
    struct cnl_socket *socket;
    int code = cnl_unshare_network();

    if (code < 0) {
        fail("cannot make a network namespace: %s", strerror(-code));
    }
    floor->host = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    socket = open_socket();
    cnl_put_bridge(socket, "br", NULL, MTU);
    cnl_put_up(socket, "br", 1);
    commit(socket, "make a bridge");
    floor->bridge = index_of(socket, "br");
    cnl_close(socket);
}

int main(int argc, char **argv) {
    struct floor floor = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct caller *callers;
    pthread_t deleter;
    uint64_t begin;

    if (argc != 4 && argc != 6) {
        fail("usage: floor one|shared|move CALLERS COUNT [FLUSHES DIRECTORY]");
    }
    floor.variant = variant(argv[1]);
    floor.callers = number(argv[2], MAX_CALLERS, "CALLERS");
    floor.count = number(argv[3], MAX_COUNT, "COUNT");
    if (argc == 6) {
        floor.flushes = number(argv[4], MAX_FLUSHES, "FLUSHES");
        floor.directory = argv[5];
    }
    floor.times_ns = allocate(floor.count, sizeof(*floor.times_ns));
    floor.retire_times_ns = allocate(floor.count, sizeof(*floor.retire_times_ns));
    callers = allocate(floor.callers, sizeof(*callers));
    make_host(&floor);

    pthread_barrier_init(&floor.barrier, NULL, floor.callers + 1);
    for (uint32_t index = 0; index < floor.callers; index++) {
        callers[index].floor = &floor;
        if (pthread_create(&callers[index].thread, NULL, run, &callers[index]) != 0) {
            fail("cannot start a thread");
        }
    }
    if (floor.variant == SHARED && pthread_create(&deleter, NULL, delete_groups, &floor) != 0) {
        fail("cannot start a thread");
    }
    pthread_barrier_wait(&floor.barrier);
    begin = now_ns();
    for (uint32_t index = 0; index < floor.callers; index++) {
        pthread_join(callers[index].thread, NULL);
    }
    if (floor.variant == SHARED) {
        pthread_mutex_lock(&floor.mutex);
        floor.is_over = 1;
        pthread_cond_signal(&floor.changed);
        pthread_mutex_unlock(&floor.mutex);
        pthread_join(deleter, NULL);
    }
    begin = now_ns() - begin;

    printf("{");
    print_times("life", floor.times_ns, floor.count);
    if (floor.variant == SHARED) {
        printf(", ");
        print_times("retire", floor.retire_times_ns, floor.count);
        printf(", \"deletions\": %u, \"in deletions\": %.3f", floor.deletions, (double)floor.deletion_ns / 1e6);
    }
    printf(", \"count\": %u, \"seconds\": %.6f}\n", floor.count, (double)begin / 1e9);
    return 0;
}
