// SPDX-License-Identifier: Apache-2.0
//
// The life of an endpoint as a caller of plugind's socket plays it.

#ifndef LIFE_H
#define LIFE_H

#include "calls.h"
#include "sandbox.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

enum {
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

/// What the methods are called in the protocol.
extern const char *const method_names[METHODS];

/// What the engine sends with some of them.
extern const char endpoint_options[];

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

/// Asks for an address, makes an endpoint and joins it: up to what the engine does with the answer.
void join(struct caller *caller, struct life *life, uint32_t life_number);

/// A call that names the endpoint, and what else is in it.
void of_endpoint(struct caller *caller, const struct life *life, enum method method, const char *rest);

/// Moves the link back out of the sandbox, as the engine does, if it had moved it there.
void move_out(struct caller *caller, const struct life *life);

/// Gives the address back.
void release(struct caller *caller, struct life *life);

/// The path of one of a caller's sandboxes.
void write_key(char *key, size_t size, const struct caller *caller, uint32_t index);

/// Spreads a number over all bits (splitmix64): the names of links are made of the first digits of ids.
uint64_t scattered(uint64_t value);

#endif
