// SPDX-License-Identifier: Apache-2.0
//
// Callers of plugind's IPAM: each has a connection to the socket, and asks for the next address when it has the last.
//
//   ipam_load SOCKET POOL CALLERS COUNT
//
// Requests COUNT addresses of the pool in all, each for a container of another name, and then releases them all.
// Prints, for requests and for releases, a line: the seconds that all took, and of the single calls the median, the
// 99th percentile and the maximum in microseconds. Anything but success ends it with status 1 and a sentence, and so
// does an answer that does not come within ten seconds.

#define _GNU_SOURCE

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_CALLERS = 1024,
    MAX_COUNT = 10 * 1000 * 1000,
    PATIENCE_MS = 10 * 1000,
    ADDRESS_SIZE = 48,
};

struct caller {
    int fd;
    /// Which of the calls it has made.
    uint32_t call;
    uint64_t begin_ns;
    size_t length;
    char answer[4096];
};

struct load {
    const char *socket;
    const char *pool;
    uint32_t callers;
    uint32_t count;
    struct caller *caller;
    int epoll;
    char (*addresses)[ADDRESS_SIZE];
    uint32_t *times_ns;
};

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    fputs("ipam_load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint32_t number(const char *text, uint32_t max, const char *what) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > max) {
        fail("%s is to be a number from 1 to %u, not %s", what, max, text);
    }
    return (uint32_t)value;
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);

    if (memory == NULL) {
        fail("out of memory");
    }
    return memory;
}

static void connect_caller(struct load *load, struct caller *caller) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = caller};

    if (strlen(load->socket) >= sizeof(name.sun_path)) {
        fail("the path of the socket is too long: %s", load->socket);
    }
    strcpy(name.sun_path, load->socket);
    caller->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (caller->fd < 0 || connect(caller->fd, (struct sockaddr *)&name, sizeof(name)) != 0) {
        fail("cannot connect to %s: %s", load->socket, strerror(errno));
    }
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, caller->fd, &event) != 0) {
        fail("cannot watch a connection: %s", strerror(errno));
    }
}

/// Sends a call as an engine does. It fits into the socket's buffer, since the one before was answered.
static void call(struct load *load, struct caller *caller, uint32_t index, int is_release) {
    char body[512], request[1024];
    int length, body_length;

    if (is_release) {
        body_length = snprintf(
            body, sizeof(body), "{\"PoolID\":\"%s\",\"Address\":\"%s\"}\n", load->pool, load->addresses[index]);
    } else {
        body_length = snprintf(
            body, sizeof(body),
            "{\"PoolID\":\"%s\",\"Address\":\"\",\"Options\":{\"com.docker.network.endpoint.name\":\"load-%u\"}}\n",
            load->pool, index);
    }
    length = snprintf(
        request, sizeof(request),
        "POST /IpamDriver.%s HTTP/1.1\r\nHost: plugin.moby.localhost\r\nUser-Agent: Go-http-client/1.1\r\n"
        "Content-Length: %d\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\n\r\n%s",
        is_release ? "ReleaseAddress" : "RequestAddress", body_length, body);
    if (body_length >= (int)sizeof(body) || length >= (int)sizeof(request)) {
        fail("the pool's id is too long: %s", load->pool);
    }
    caller->call = index;
    caller->length = 0;
    caller->begin_ns = now_ns();
    if (send(caller->fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
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

/// Reads what has come. Returns the body once the answer is complete, else NULL.
static const char *receive(struct caller *caller) {
    size_t room = sizeof(caller->answer) - 1 - caller->length;
    ssize_t got = recv(caller->fd, caller->answer + caller->length, room, MSG_DONTWAIT);
    const char *end, *length;

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return NULL;
    }
    if (got <= 0) {
        fail("cannot receive: %s", got == 0 ? "the connection was closed, or the answer is too long" : strerror(errno));
    }
    caller->length += (size_t)got;
    caller->answer[caller->length] = '\0';
    end = strstr(caller->answer, "\r\n\r\n");
    if (end == NULL) {
        return NULL;
    }
    length = header(caller->answer, "content-length:");
    if (length == NULL) {
        fail("an answer without a length: %s", caller->answer);
    }
    end += 4;
    if (caller->length - (size_t)(end - caller->answer) < strtoul(length, NULL, 10)) {
        return NULL;
    }
    if (strncmp(caller->answer, "HTTP/1.1 200 ", 13) != 0) {
        fail("call %u is refused: %s", caller->call, end);
    }
    return end;
}

/// Takes the address, without the prefix's length, out of an answer.
static void note_address(struct load *load, uint32_t index, const char *body) {
    static const char key[] = "\"Address\":\"";
    const char *start = strstr(body, key);
    size_t length;

    if (start == NULL) {
        fail("an answer without an address: %s", body);
    }
    start += strlen(key);
    // The slash may be written with a backslash before it.
    length = strcspn(start, "/\\\"");
    if (length == 0 || length >= ADDRESS_SIZE) {
        fail("an answer with a strange address: %s", body);
    }
    memcpy(load->addresses[index], start, length);
    load->addresses[index][length] = '\0';
}

static int ascending(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

    return (a > b) - (a < b);
}

static double percentile_us(const struct load *load, uint32_t percent) {
    return load->times_ns[(uint64_t)(load->count - 1) * percent / 100] / 1000.0;
}

/// Makes all calls of one kind and prints their line.
static void run(struct load *load, int is_release) {
    struct epoll_event events[64];
    uint32_t begun = 0, done = 0;
    uint64_t begin = now_ns(), time;

    while (begun < load->callers && begun < load->count) {
        call(load, &load->caller[begun], begun, is_release);
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
            const char *body = receive(caller);

            if (body == NULL) {
                continue;
            }
            time = now_ns() - caller->begin_ns;
            load->times_ns[caller->call] = time < UINT32_MAX ? (uint32_t)time : UINT32_MAX;
            if (!is_release) {
                note_address(load, caller->call, body);
            }
            done++;
            if (begun < load->count) {
                call(load, caller, begun, is_release);
                begun++;
            }
        }
    }
    time = now_ns() - begin;
    qsort(load->times_ns, load->count, sizeof(*load->times_ns), ascending);
    printf("%s %.6f %.1f %.1f %.1f\n", is_release ? "release" : "request", (double)time / 1e9,
           percentile_us(load, 50), percentile_us(load, 99), load->times_ns[load->count - 1] / 1000.0);
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
    run(&load, 0);
    run(&load, 1);
    return 0;
}
