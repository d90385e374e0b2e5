// SPDX-License-Identifier: Apache-2.0
//
// What the programs that measure plugind share: connections to its socket, calls over them as an engine makes them,
// and times. What goes wrong ends the program with a sentence and status 1, from any thread.

#ifndef CALLS_H
#define CALLS_H

#include <stddef.h>
#include <stdint.h>

/// An answer that does not come for so long is taken for none.
#define PATIENCE_MS (20 * 1000)

/// A connection that is kept, and what has come of the answer to its last call.
struct connection {
    int fd;
    size_t length;
    char answer[4096];
};

__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

uint64_t now_ns(void);

/// A number from 1 to `max` of the command line.
uint32_t number(const char *text, uint32_t max, const char *what);

void *allocate(size_t count, size_t size);

void connect_to(struct connection *connection, const char *path);

/// Sends a call as an engine does. It fits into the socket's buffer, since the one before was answered.
void send_call(struct connection *connection, const char *method, const char *body);

/// Reads what has come, or waits for something. Returns the body once the answer is complete, else NULL.
const char *receive(struct connection *connection, int may_wait);

/// Makes a call, and waits for the body of its answer.
const char *call(struct connection *connection, const char *method, const char *body);

/// Takes the value of a text, without what JSON escapes, out of a body. False if there is no such key, or no room.
_Bool find_text(const char *body, const char *key, char *value, size_t size);

/// Sorts the times and prints `"NAME": {"median": …, "p99": …, "max": …, "mean": …}`, in milliseconds.
void print_times(const char *name, uint64_t *times_ns, uint32_t count);

#endif
