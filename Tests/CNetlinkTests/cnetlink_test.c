// SPDX-License-Identifier: Apache-2.0
//
// Every call of CNetlink against the real kernel, checked with `ip -j`. scripts/netns-test.sh builds this with the
// address and undefined-behaviour sanitizers and runs it in a network namespace of its own:
//
//   this namespace: cnlbr0 (bridge), cnlveth0 + cnlpeer0 (pair) …    other namespace: peers made or moved there

#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cnl_socket *kernel;
int other_namespace;
static int passed;
static int failed;

const uint8_t address4[4] = { 10, 9, 0, 1 };
const uint8_t address6[16] = { 0xfd, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };

void check(_Bool holds, const char *sentence)
{
    printf("%s %s\n", holds ? "ok    " : "FAILED", sentence);
    if (holds)
        passed++;
    else
        failed++;
}

void check_code(int code, int expected, const char *sentence)
{
    check(code == expected, sentence);
    if (code != expected)
        printf("       got %d (%s), expected %d; reason: %s\n", code, strerror(-code), expected, cnl_reason(kernel));
}

const char *output(const char *command)
{
    static char text[65536];
    FILE *pipe = popen(command, "r");
    if (!pipe)
        return "";
    size_t length = fread(text, 1, sizeof(text) - 1, pipe);
    text[length] = '\0';
    pclose(pipe);
    return text;
}

_Bool ip_prints(const char *arguments, ...)
{
    char command[512];
    snprintf(command, sizeof(command), "ip %s 2>&1", arguments);
    const char *text = output(command);

    _Bool all = 1;
    va_list expected;
    va_start(expected, arguments);
    for (const char *part; (part = va_arg(expected, const char *));) {
        if (!strstr(text, part)) {
            printf("       `%s` lacks %s:\n%s\n", command, part, text);
            all = 0;
        }
    }
    va_end(expected);
    return all;
}

_Bool other_ip_prints(const char *arguments, const char *expected)
{
    char command[512];
    snprintf(command, sizeof(command), NSENTER "ip %s 2>&1", (int)getpid(), other_namespace, arguments);
    return strstr(output(command), expected) != NULL;
}

int find(struct cnl_socket *socket, const char *name, struct cnl_link *ret_link)
{
    const struct cnl_link *link;
    int code = cnl_find_link(socket, name, &link);
    if (code == 0)
        *ret_link = *link;
    return code;
}

int index_of(const char *name)
{
    struct cnl_link link;
    return find(kernel, name, &link) == 0 ? link.index : 0;
}

void delete_link(const char *name)
{
    cnl_put_delete(kernel, name);
    check_code(cnl_commit(kernel), 0, "a link is deleted");
}

void add_bridge(const char *name)
{
    cnl_put_bridge(kernel, name, NULL, 1500);
    if (cnl_commit(kernel) < 0)
        check(0, "a bridge to test with is made");
}

// A namespace that lives as long as its descriptor.
static int make_namespace(void)
{
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int made = -1;
    if (own >= 0 && unshare(CLONE_NEWNET) == 0) {
        made = open("/proc/self/ns/net", O_RDONLY); // Not close-on-exec: nsenter opens it through /proc.
        if (setns(own, CLONE_NEWNET) < 0)
            abort();
    }
    close(own);
    return made;
}

// What a test must leave as it was, in both namespaces. To be freed.
static char *snapshot(void)
{
    static const char format[] =
        "state='ip -o link; ip -o address; ip -4 route show table all; ip -6 route show table all; nft -j list ruleset'; "
        "sh -c \"$state\" && " NSENTER "sh -c \"$state\"";
    char command[512];
    snprintf(command, sizeof(command), format, (int)getpid(), other_namespace);
    const char *text = output(command);
    check(strstr(text, "nftables") != NULL, "the state of the namespaces is read");
    return strdup(text);
}

static void run(const char *name, void (*test)(void))
{
    char sentence[64];
    snprintf(sentence, sizeof(sentence), "%s leaves nothing", name);
    char *before = snapshot();
    test();
    char *after = snapshot();
    _Bool same = before && after && strcmp(before, after) == 0;
    check(same, sentence);
    if (!same)
        printf("       before:\n%s\n       after:\n%s\n", before, after);
    free(before);
    free(after);
}

#define RUN(test) run(#test, test)

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    other_namespace = make_namespace();
    if (other_namespace < 0 || cnl_open(&kernel) < 0) {
        perror("cannot make a namespace and a socket");
        return 1;
    }

    RUN(test_bridges);
    RUN(test_link_changes);
    RUN(test_veth_pairs);
    RUN(test_namespaces);
    RUN(test_retirement);
    RUN(test_addresses);
    RUN(test_routes);
    RUN(test_queue);
    RUN(test_many_links);
    RUN(test_dump_under_change);
    RUN(test_monitor);
    RUN(test_firewall_monitor);
    RUN(test_flows);
    RUN(test_announcements);

    cnl_close(kernel);
    close(other_namespace);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
