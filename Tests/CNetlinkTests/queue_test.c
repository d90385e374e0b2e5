// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void test_queue(void)
{
    check_code(cnl_commit(kernel), 0, "an empty queue is sent without a word");

    struct cnl_link link;
    cnl_put_bridge(kernel, "cnlbr0", NULL, 1500);
    cnl_put_bridge(kernel, "a-name-of-16-byt", NULL, 1500);
    check_code(cnl_commit(kernel), -EINVAL, "a queue with a name that is too long is not sent");
    check(index_of("cnlbr0") == 0, "nothing of it happens");
    cnl_put_bridge(kernel, "", NULL, 1500);
    check_code(cnl_commit(kernel), -EINVAL, "an empty name is refused");
    check_code(find(kernel, "a-name-of-16-byt", &link), -EINVAL, "also where a link is asked for");
    cnl_put_name(kernel, 0, "cnlbr0");
    check_code(cnl_commit(kernel), -ENODEV, "renaming link 0 is refused");
    char alias[257];
    memset(alias, 'a', 256);
    alias[256] = '\0';
    add_bridge("cnlbr0");
    cnl_put_alias(kernel, "cnlbr0", alias);
    check_code(cnl_commit(kernel), -EINVAL, "an alias of 256 bytes is refused");
    cnl_put_alias(kernel, "cnlbr0", alias + 1);
    check_code(cnl_commit(kernel), 0, "one of 255 is not");
    check(find(kernel, "cnlbr0", &link) == 0 && strlen(link.alias) == 255, "it is there");

    cnl_put_mtu(kernel, "cnlmissing", 1400);
    cnl_put_mtu(kernel, "cnlbr0", 1);
    cnl_put_mtu(kernel, "cnlbr0", 1400);
    check_code(cnl_commit(kernel), -ENODEV, "the first of two refusals is reported");
    check(find(kernel, "cnlbr0", &link) == 0 && link.mtu == 1400, "the requests after it still ran");

    cnl_put_mtu(kernel, "cnlbr0", 1300);
    check_code(find(kernel, "cnlbr0", &link), -EBUSY, "nothing can be asked while something is queued");
    check_code(cnl_dump_links(kernel), -EBUSY, "nor dumped");
    int32_t id;
    check_code(cnl_namespace_id(kernel, other_namespace, &id), -EBUSY, "nor a namespace's id");
    check_code(cnl_commit(kernel), 0, "the queue is still good");
    check(find(kernel, "cnlbr0", &link) == 0 && link.mtu == 1300, "and does what it says");

    for (int i = 0; i < QUEUE_REQUESTS; i++)
        cnl_put_mtu(kernel, "cnlmissing", 1400);
    check_code(cnl_commit(kernel), -ENODEV, "as many refusals as a queue can get are all received");
    for (int i = 0; i < QUEUE_REQUESTS; i++)
        cnl_put_mtu(kernel, "cnlbr0", 1400);
    check_code(cnl_commit(kernel), 0, "as many requests as a queue takes are acknowledged");
    for (int i = 0; i < 10 * QUEUE_REQUESTS; i++)
        cnl_put_alias(kernel, "cnlbr0", alias + 1);
    check_code(cnl_commit(kernel), -EMSGSIZE, "a queue that is too full is not sent");
    check_code(find(kernel, "cnlbr0", &link), 0, "and is empty then");
    delete_link("cnlbr0");
}

void test_many_links(void)
{
    enum { PAIRS = 1000, BATCH = 100 };
    char name[16];
    char peer[16];
    for (int i = 0; i < PAIRS; i++) {
        snprintf(name, sizeof(name), "cnlv%d", i);
        snprintf(peer, sizeof(peer), "cnlp%d", i);
        cnl_put_veth(kernel, name, NULL, 0, 42, peer, NULL, -1, 1500);
        if (i % BATCH == BATCH - 1 && cnl_commit(kernel) < 0)
            check(0, "a batch of 100 pairs is made");
    }

    int count = 0;
    const struct cnl_link *link;
    check_code(cnl_dump_links(kernel), 0, "the links of 1000 pairs are dumped");
    while ((link = cnl_next_link(kernel)))
        count += link->group == 42 && link->peer > 0 && strcmp(link->kind, "veth") == 0;
    check(count == PAIRS, "every pair is there once");
    check_code(cnl_dump_links(kernel), 0, "a dump that is not read to its end");
    check(cnl_next_link(kernel) != NULL, "is begun");
    check_code(cnl_dump_links(kernel), 0, "and given up for the next one");

    // By group, as one request: a delete by name waits for an RCU grace period each.
    check(system("ip link delete group 42") == 0, "they are deleted");
}

// A dump while another process changes links all the time.
void test_dump_under_change(void)
{
    int writer = fork();
    if (writer == 0) {
        struct cnl_socket *own;
        if (cnl_open(&own) < 0)
            _exit(1);
        for (;;) {
            cnl_put_bridge(own, "cnlbusy", NULL, 1500);
            if (cnl_commit(own) < 0)
                _exit(1);
            cnl_put_delete(own, "cnlbusy");
            if (cnl_commit(own) < 0)
                _exit(1);
        }
    }
    int consistent = 0;
    const struct cnl_link *link;
    for (int i = 0; i < 200; i++) {
        int loopbacks = 0;
        if (cnl_dump_links(kernel) < 0)
            continue;
        while ((link = cnl_next_link(kernel)))
            loopbacks += link->index == 1;
        consistent += loopbacks == 1;
    }
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    check(consistent == 200, "every dump under change has the loopback once");
    cnl_put_delete(kernel, "cnlbusy");
    (void)!cnl_commit(kernel);
}
