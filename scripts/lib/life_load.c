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

#include "calls.h"
#include "sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_CALLERS = 1024,
    MAX_COUNT = 1000 * 1000,
    // A sandbox ends with its container, while the next one has another: so none is used twice in a row.
    SANDBOXES = 4,
    // Where the holder has the first one.
    FIRST_DESCRIPTOR = 100,
    ID_SIZE = 65,
};

enum method {
    REQUEST_ADDRESS,
    CREATE_ENDPOINT,
    JOIN,
    PROGRAM,
    OPER_INFO,
    REVOKE,
    LEAVE,
    DELETE_ENDPOINT,
    RELEASE_ADDRESS,
    METHODS,
};

static const char *const method_names[METHODS] = {
    "IpamDriver.RequestAddress",
    "NetworkDriver.CreateEndpoint",
    "NetworkDriver.Join",
    "NetworkDriver.ProgramExternalConnectivity",
    "NetworkDriver.EndpointOperInfo",
    "NetworkDriver.RevokeExternalConnectivity",
    "NetworkDriver.Leave",
    "NetworkDriver.DeleteEndpoint",
    "IpamDriver.ReleaseAddress",
};

static const char options[] =
    "\"Options\":{\"com.docker.network.endpoint.exposedports\":[],\"com.docker.network.portmap\":[]}";

struct network {
    const char *id;
    const char *pool;
};

struct caller;

struct load {
    const char *socket;
    int host;
    uint32_t holder;
    _Bool moves;
    _Bool is_direct;
    _Bool has_sandboxes;
    uint32_t callers;
    uint32_t count;
    struct network *networks;
    uint32_t network_count;
    /// Makes the ids of this run others than those of the one before.
    uint64_t seed;
    atomic_uint next;
    pthread_barrier_t barrier;
    /// By life.
    uint64_t *times_ns[METHODS];
    uint64_t *call_times_ns;
    uint64_t *move_times_ns;
    uint64_t *life_times_ns;
    void (*run)(struct load *load, struct caller *caller);
};

struct span {
    uint64_t begin_ns;
    uint64_t end_ns;
};

struct caller {
    struct load *load;
    pthread_t thread;
    struct connection connection;
    uint32_t number;
    struct sandbox sandboxes[SANDBOXES];
    /// In plugind's namespace.
    struct cnl_socket *host;
    /// Of the two calls of a round that all make at once.
    struct span leaving;
    struct span deleting;
};

struct life {
    uint32_t number;
    const struct network *network;
    const struct sandbox *sandbox;
    /// Its path, as the engine tells it.
    char key[64];
    char endpoint[ID_SIZE];
    /// With the prefix's length.
    char address[INET_ADDRSTRLEN + 4];
    /// What the engine is to move, or "".
    char link[16];
};

// Calls

static const char *timed(struct caller *caller, const struct life *life, enum method method, const char *body) {
    uint64_t begin = now_ns();
    const char *answer = call(&caller->connection, method_names[method], body);
    uint64_t time = now_ns() - begin;

    if (caller->load->times_ns[method] != NULL) {
        caller->load->times_ns[method][life->number] = time;
        caller->load->call_times_ns[life->number] += time;
    }
    return answer;
}

static void of_endpoint(struct caller *caller, const struct life *life, enum method method, const char *rest) {
    char body[1024];

    snprintf(
        body, sizeof(body), "{\"NetworkID\":\"%s\",\"EndpointID\":\"%s\"%s%s}\n", life->network->id, life->endpoint,
        rest[0] != '\0' ? "," : "", rest);
    timed(caller, life, method, body);
}

/// Spreads a number over all bits (splitmix64): the names of links are made of the first digits of ids.
static uint64_t scattered(uint64_t value) {
    value += 0x9e3779b97f4a7c15;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

static void move_in(struct caller *caller, const struct life *life) {
    struct in_addr address;
    char text[sizeof(life->address)];
    char *slash;
    uint64_t begin = now_ns();

    if (life->link[0] == '\0') {
        return;
    }
    cnl_put_namespace(caller->host, life->link, life->sandbox->fd);
    commit(caller->host, "move a link into a sandbox");
    strcpy(text, life->address);
    slash = strchr(text, '/');
    *slash = '\0';
    inet_pton(AF_INET, text, &address);
    settle(life->sandbox, life->link, "eth0", address, (uint32_t)atoi(slash + 1));
    if (caller->load->move_times_ns != NULL) {
        caller->load->move_times_ns[life->number] += now_ns() - begin;
    }
}

static void move_out(struct caller *caller, const struct life *life) {
    uint64_t begin = now_ns();

    if (life->link[0] == '\0') {
        return;
    }
    move_back(life->sandbox, "eth0", life->link, caller->load->host);
    if (caller->load->move_times_ns != NULL) {
        caller->load->move_times_ns[life->number] += now_ns() - begin;
    }
}

/// The path of one of a caller's sandboxes.
static void write_key(char *key, size_t size, const struct caller *caller, uint32_t index) {
    snprintf(
        key, size, "/proc/%u/fd/%u", caller->load->holder, FIRST_DESCRIPTOR + caller->number * SANDBOXES + index);
}

/// Up to Join and what the engine does with its answer.
static void join(struct caller *caller, struct life *life, uint32_t life_number) {
    struct load *load = caller->load;
    const char *answer;
    char body[512];

    life->number = life_number;
    life->network = &load->networks[life_number % load->network_count];
    if (load->has_sandboxes) {
        uint32_t sandbox = life_number / load->callers % SANDBOXES;

        life->sandbox = &caller->sandboxes[sandbox];
        write_key(life->key, sizeof(life->key), caller, sandbox);
    } else {
        life->sandbox = NULL;
        snprintf(life->key, sizeof(life->key), "/var/run/docker/netns/%012x", life_number);
    }
    snprintf(
        life->endpoint, ID_SIZE, "%016lx%016lx%032x", scattered(load->seed + life_number), load->seed, life_number);

    snprintf(body, sizeof(body), "{\"PoolID\":\"%s\",\"Address\":\"\",\"Options\":null}\n", life->network->pool);
    answer = timed(caller, life, REQUEST_ADDRESS, body);
    if (!find_text(answer, "Address", life->address, sizeof(life->address)) || strchr(life->address, '/') == NULL) {
        fail("an answer without an address: %s", answer);
    }
    snprintf(
        body, sizeof(body), "\"Interface\":{\"Address\":\"%s\",\"AddressIPv6\":\"\",\"MacAddress\":\"\"},%s",
        life->address, options);
    of_endpoint(caller, life, CREATE_ENDPOINT, body);

    snprintf(body, sizeof(body), "\"SandboxKey\":\"%s\",%s", life->key, options);
    of_endpoint(caller, life, JOIN, body);
    if (!find_text(caller->connection.answer, "SrcName", life->link, sizeof(life->link))) {
        life->link[0] = '\0';
    }
    if (load->is_direct && life->link[0] != '\0') {
        fail("plugind does not attach straight into the sandbox: %s", caller->connection.answer);
    }
    if (load->is_direct && life_number < load->callers) {
        index_of(life->sandbox->socket, "eth0");
    }
    if (!load->moves) {
        life->link[0] = '\0';
    }
    move_in(caller, life);
}

static void release(struct caller *caller, struct life *life) {
    char body[512];

    snprintf(
        body, sizeof(body), "{\"PoolID\":\"%s\",\"Address\":\"%.*s\"}\n", life->network->pool,
        (int)strcspn(life->address, "/"), life->address);
    timed(caller, life, RELEASE_ADDRESS, body);
}

// What a caller does

static void live(struct load *load, struct caller *caller) {
    uint32_t index;

    while ((index = atomic_fetch_add(&load->next, 1)) < load->count) {
        struct life life;
        uint64_t begin = now_ns();

        join(caller, &life, index);
        of_endpoint(caller, &life, PROGRAM, options);
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
        of_endpoint(caller, &life, PROGRAM, options);
    }
}

static void delete_at_once(struct load *load, struct caller *caller) {
    for (uint32_t round = 0; round < load->count; round++) {
        struct life life;

        join(caller, &life, atomic_fetch_add(&load->next, 1));
        of_endpoint(caller, &life, PROGRAM, options);
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
