// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE

#include "calls.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

void fail(const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

uint64_t now_ns(void) {
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint32_t number(const char *text, uint32_t max, const char *what) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > max) {
        fail("%s is to be a number from 1 to %u, not %s", what, max, text);
    }
    return (uint32_t)value;
}

void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);

    if (memory == NULL) {
        fail("out of memory");
    }
    return memory;
}

// Calls

void connect_to(struct connection *connection, const char *path) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};

    if (strlen(path) >= sizeof(name.sun_path)) {
        fail("the path of the socket is too long: %s", path);
    }
    strcpy(name.sun_path, path);
    connection->length = 0;
    connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&name, sizeof(name)) != 0 ||
        setsockopt(connection->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0) {
        fail("cannot connect to %s: %s", path, strerror(errno));
    }
}

void send_call(struct connection *connection, const char *method, const char *body) {
    char request[2048];
    int length = snprintf(
        request, sizeof(request),
        "POST /%s HTTP/1.1\r\nHost: plugin.moby.localhost\r\nUser-Agent: Go-http-client/1.1\r\n"
        "Content-Length: %zu\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\n\r\n%s",
        method, strlen(body), body);

    if (length >= (int)sizeof(request)) {
        fail("the request is too long: %s", body);
    }
    connection->length = 0;
    if (send(connection->fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
        fail("cannot send: %s", strerror(errno));
    }
}

/// The value of a header of an answer, or NULL.
static const char *header(const char *answer, const char *name) {
    const char *line = answer;

    while ((line = strstr(line, "\r\n")) != NULL && strncmp(line, "\r\n\r\n", 4) != 0) {
        line += 2;
        if (strncasecmp(line, name, strlen(name)) == 0) {
            return line + strlen(name);
        }
    }
    return NULL;
}

const char *receive(struct connection *connection, int may_wait) {
    size_t room = sizeof(connection->answer) - 1 - connection->length;
    ssize_t got = recv(
        connection->fd, connection->answer + connection->length, room, may_wait ? 0 : MSG_DONTWAIT);
    const char *end, *length;

    if (got < 0 && (errno == EINTR || (errno == EAGAIN && !may_wait))) {
        return NULL;
    }
    if (got < 0 && errno == EAGAIN) {
        fail("no answer within %d s", PATIENCE_MS / 1000);
    }
    if (got <= 0) {
        fail("cannot receive: %s", got == 0 ? "the connection was closed, or the answer is too long" : strerror(errno));
    }
    connection->length += (size_t)got;
    connection->answer[connection->length] = '\0';
    end = strstr(connection->answer, "\r\n\r\n");
    if (end == NULL) {
        return NULL;
    }
    length = header(connection->answer, "content-length:");
    if (length == NULL) {
        fail("an answer without a length: %s", connection->answer);
    }
    end += 4;
    if (connection->length - (size_t)(end - connection->answer) < strtoul(length, NULL, 10)) {
        return NULL;
    }
    if (strncmp(connection->answer, "HTTP/1.1 200 ", 13) != 0) {
        fail("a call is refused: %s", end);
    }
    return end;
}

const char *call(struct connection *connection, const char *method, const char *body) {
    const char *answer;

    send_call(connection, method, body);
    do {
        answer = receive(connection, 1);
    } while (answer == NULL);
    return answer;
}

_Bool find_text(const char *body, const char *key, char *value, size_t size) {
    char start[64];
    size_t length = 0;

    snprintf(start, sizeof(start), "\"%s\":\"", key);
    body = strstr(body, start);
    if (body == NULL) {
        return 0;
    }
    for (body += strlen(start); *body != '"' && *body != '\0'; body++) {
        // A slash may be written with a backslash before it.
        if (*body == '\\') {
            continue;
        }
        if (length + 1 >= size) {
            return 0;
        }
        value[length++] = *body;
    }
    value[length] = '\0';
    return *body == '"';
}

// Times

static int ascending(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

    return (a > b) - (a < b);
}

void print_times(const char *name, uint64_t *times_ns, uint32_t count) {
    double sum = 0;

    qsort(times_ns, count, sizeof(*times_ns), ascending);
    for (uint32_t index = 0; index < count; index++) {
        sum += times_ns[index];
    }
    printf("\"%s\": {\"median\": %.4f, \"p99\": %.4f, \"max\": %.4f, \"mean\": %.4f}", name,
           times_ns[(count - 1) / 2] / 1e6, times_ns[(uint64_t)(count - 1) * 99 / 100] / 1e6,
           times_ns[count - 1] / 1e6, sum / count / 1e6);
}
