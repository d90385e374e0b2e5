// SPDX-License-Identifier: Apache-2.0
//
// Callers of plugind's socket who play the lives of endpoints, each over a connection and in sandboxes of its own:
// RequestAddress, CreateEndpoint, Join, ProgramExternalConnectivity, EndpointOperInfo, RevokeExternalConnectivity,
// Leave, DeleteEndpoint, ReleaseAddress.
//
//   life_load lives|deletes|fill [WAY] SOCKET NAMESPACE HOLDER CALLERS COUNT NETWORK=POOL…
//   life_load hold CALLERS
//
//     lives    COUNT lives in all
//     deletes  COUNT rounds: each caller begins one life, and when all have left, all delete theirs at once
//     fill     COUNT lives begin, for sandboxes that do not exist, and stay
//     hold     makes sandboxes for so many callers, prints a line, and holds them until the end of its standard input
//
// HOLDER is the process that holds the sandboxes: the kernel takes seconds to take down hundreds of namespaces, and is
// slow to all others meanwhile, so they are made once for all runs. NAMESPACE is the path of the network namespace that
// plugind is in. WAY is how links get into sandboxes: with --moves what plugind leaves to the engine is done as the
// engine does it, moved there, set up, and moved back; with --direct it is an error if plugind leaves that to the
// engine; without either, nothing is done. The networks take turns. Prints JSON; times are in milliseconds.

#define _GNU_SOURCE

#include "life.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_CALLERS = 1024,
    MAX_COUNT = 1000 * 1000,
};

// What a caller does

static void live(struct load *load, struct caller *caller) {
    uint32_t index;

    while ((index = atomic_fetch_add(&load->next, 1)) < load->count) {
        struct life life;
        uint64_t begin = now_ns();

        join(caller, &life, index);
        of_endpoint(caller, &life, PROGRAM, endpoint_options);
        of_endpoint(caller, &life, OPER_INFO, "");
        of_endpoint(caller, &life, REVOKE, "");
        of_endpoint(caller, &life, LEAVE, "");
        move_out(caller, &life);
        of_endpoint(caller, &life, DELETE_ENDPOINT, "");
        release(caller, &life);
        load->life_times_ns[index] = now_ns() - begin;
    }
}

static void begin_only(struct load *load, struct caller *caller) {
    uint32_t index;

    while ((index = atomic_fetch_add(&load->next, 1)) < load->count) {
        struct life life;

        join(caller, &life, index);
        of_endpoint(caller, &life, PROGRAM, endpoint_options);
    }
}

static void delete_at_once(struct load *load, struct caller *caller) {
    for (uint32_t round = 0; round < load->count; round++) {
        struct life life;

        join(caller, &life, atomic_fetch_add(&load->next, 1));
        of_endpoint(caller, &life, PROGRAM, endpoint_options);
        of_endpoint(caller, &life, REVOKE, "");
        pthread_barrier_wait(&load->barrier);
        caller->leaving.begin_ns = now_ns();
        of_endpoint(caller, &life, LEAVE, "");
        caller->leaving.end_ns = now_ns();
        move_out(caller, &life);
        pthread_barrier_wait(&load->barrier);
        caller->deleting.begin_ns = now_ns();
        of_endpoint(caller, &life, DELETE_ENDPOINT, "");
        caller->deleting.end_ns = now_ns();
        pthread_barrier_wait(&load->barrier);
        release(caller, &life);
        // Until the links are gone.
        pthread_barrier_wait(&load->barrier);
    }
}

// The program

static int open_namespace(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        fail("cannot open %s: %s", path, strerror(errno));
    }
    return fd;
}

static struct cnl_socket *open_host(const struct load *load) {
    struct cnl_socket *socket;
    int code = cnl_open_in(load->host, &socket);

    if (code < 0) {
        fail("cannot open a netlink socket: %s", strerror(-code));
    }
    return socket;
}

static void *run(void *argument) {
    struct caller *caller = argument;
    struct load *load = caller->load;

    connect_to(&caller->connection, load->socket);
    if (load->has_sandboxes) {
        for (uint32_t index = 0; index < SANDBOXES; index++) {
            char key[64];

            write_key(key, sizeof(key), caller, index);
            open_sandbox(&caller->sandboxes[index], open_namespace(key));
        }
    }
    if (load->moves) {
        caller->host = open_host(load);
    }
    pthread_barrier_wait(&load->barrier);
    load->run(load, caller);
    return NULL;
}

static void wait_until_gone(struct cnl_socket *host) {
    const struct timespec pause = {.tv_nsec = 500 * 1000};
    uint64_t deadline = now_ns() + PATIENCE_MS * 1000000ULL;

    for (;;) {
        const struct cnl_link *link;
        uint32_t left = 0;
        int code = cnl_dump_links(host);

        if (code < 0) {
            fail("cannot read the links: %s", strerror(-code));
        }
        while ((link = cnl_next_link(host)) != NULL) {
            left += strcmp(link->kind, "veth") == 0;
        }
        if (left == 0) {
            return;
        }
        if (now_ns() > deadline) {
            fail("%u links are left after %d s", left, PATIENCE_MS / 1000);
        }
        nanosleep(&pause, NULL);
    }
}

/// From the first call of all callers until the last answer.
static struct span whole(const struct caller *callers, uint32_t count, _Bool is_leaving) {
    struct span whole = {.begin_ns = UINT64_MAX};

    for (uint32_t index = 0; index < count; index++) {
        struct span one = is_leaving ? callers[index].leaving : callers[index].deleting;

        whole.begin_ns = one.begin_ns < whole.begin_ns ? one.begin_ns : whole.begin_ns;
        whole.end_ns = one.end_ns > whole.end_ns ? one.end_ns : whole.end_ns;
    }
    return whole;
}

/// Times of rounds: until all have left, until all deletions are answered, and until the last link is gone.
static void watch_rounds(struct load *load, struct caller *callers) {
    uint64_t *left = allocate(load->count, sizeof(*left)), *deleted = allocate(load->count, sizeof(*deleted));
    uint64_t *gone = allocate(load->count, sizeof(*gone));
    struct cnl_socket *host = open_host(load);

    for (uint32_t round = 0; round < load->count; round++) {
        struct span leaving, deleting;

        for (int step = 0; step < 3; step++) {
            pthread_barrier_wait(&load->barrier);
        }
        wait_until_gone(host);
        gone[round] = now_ns();
        leaving = whole(callers, load->callers, 1);
        deleting = whole(callers, load->callers, 0);
        left[round] = leaving.end_ns - leaving.begin_ns;
        deleted[round] = deleting.end_ns - deleting.begin_ns;
        gone[round] -= deleting.begin_ns;
        pthread_barrier_wait(&load->barrier);
    }
    print_times("left", left, load->count);
    printf(", ");
    print_times("answered", deleted, load->count);
    printf(", ");
    print_times("gone", gone, load->count);
    printf(", ");
}

static void print_lives(struct load *load) {
    printf("\"calls\": {");
    for (int method = 0; method < METHODS; method++) {
        printf("%s", method == 0 ? "" : ", ");
        print_times(strchr(method_names[method], '.') + 1, load->times_ns[method], load->count);
    }
    printf("}, ");
    print_times("in calls", load->call_times_ns, load->count);
    printf(", ");
    print_times("in moves", load->move_times_ns, load->count);
    printf(", ");
    print_times("life", load->life_times_ns, load->count);
    printf(", ");
}

static void hold(uint32_t callers) {
    char byte;

    for (uint32_t index = 0; index < callers * SANDBOXES; index++) {
        int made = make_namespace();

        if (dup2(made, (int)(FIRST_DESCRIPTOR + index)) < 0) {
            fail("cannot hold a network namespace: %s", strerror(errno));
        }
        close(made);
    }
    puts("held");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
}

static void read_networks(struct load *load, int count, char **arguments) {
    load->network_count = (uint32_t)count;
    load->networks = allocate((size_t)count, sizeof(*load->networks));
    for (int index = 0; index < count; index++) {
        char *equals = strchr(arguments[index], '=');

        if (equals == NULL || equals - arguments[index] != ID_SIZE - 1 || strlen(equals) > 128) {
            fail("a network is to be ID=POOL, not %s", arguments[index]);
        }
        *equals = '\0';
        load->networks[index] = (struct network){.id = arguments[index], .pool = equals + 1};
    }
}

int main(int argc, char **argv) {
    struct load load = {.seed = scattered(now_ns() ^ (uint64_t)getpid())};
    struct caller *callers;
    const char *kind = argc > 1 ? argv[1] : "";
    _Bool is_lives = strcmp(kind, "lives") == 0, is_deletes = strcmp(kind, "deletes") == 0;
    uint64_t begin;

    load.moves = argc > 2 && strcmp(argv[2], "--moves") == 0;
    load.is_direct = argc > 2 && strcmp(argv[2], "--direct") == 0;
    argv += load.moves || load.is_direct;
    argc -= load.moves || load.is_direct;
    if (argc == 3 && strcmp(kind, "hold") == 0) {
        hold(number(argv[2], MAX_CALLERS, "CALLERS"));
        return 0;
    }
    if (argc < 8 || !(is_lives || is_deletes || strcmp(kind, "fill") == 0)) {
        fail("usage: life_load lives|deletes|fill [--moves|--direct] SOCKET NAMESPACE HOLDER CALLERS COUNT "
             "NETWORK=POOL…");
    }
    load.run = is_lives ? live : is_deletes ? delete_at_once : begin_only;
    load.has_sandboxes = is_lives || is_deletes;
    load.socket = argv[2];
    load.host = open_namespace(argv[3]);
    load.holder = number(argv[4], INT_MAX, "HOLDER");
    load.callers = number(argv[5], MAX_CALLERS, "CALLERS");
    load.count = number(argv[6], MAX_COUNT, "COUNT");
    read_networks(&load, argc - 7, argv + 7);
    if (is_lives) {
        for (int method = 0; method < METHODS; method++) {
            load.times_ns[method] = allocate(load.count, sizeof(uint64_t));
        }
        load.call_times_ns = allocate(load.count, sizeof(uint64_t));
        load.move_times_ns = allocate(load.count, sizeof(uint64_t));
        load.life_times_ns = allocate(load.count, sizeof(uint64_t));
    }

    callers = allocate(load.callers, sizeof(*callers));
    pthread_barrier_init(&load.barrier, NULL, load.callers + 1);
    for (uint32_t index = 0; index < load.callers; index++) {
        callers[index].load = &load;
        callers[index].number = index;
        if (pthread_create(&callers[index].thread, NULL, run, &callers[index]) != 0) {
            fail("cannot start a thread");
        }
    }
    pthread_barrier_wait(&load.barrier);
    begin = now_ns();
    printf("{");
    if (is_deletes) {
        watch_rounds(&load, callers);
    }
    for (uint32_t index = 0; index < load.callers; index++) {
        pthread_join(callers[index].thread, NULL);
    }
    begin = now_ns() - begin;
    if (is_lives) {
        print_lives(&load);
    }
    printf("\"count\": %u, \"seconds\": %.6f}\n", load.count, (double)begin / 1e9);
    return 0;
}
