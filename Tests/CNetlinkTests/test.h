// SPDX-License-Identifier: Apache-2.0
//
// What the tests of CNetlink share: checks that are counted, and a second look at the kernel by `ip`.

#ifndef CNL_TEST_H
#define CNL_TEST_H

#include "CNetlink.h"

extern struct cnl_socket *kernel;
// A descriptor of the other namespace.
extern int other_namespace;

// As many as a queue of CNetlink takes.
#define QUEUE_REQUESTS 128
#define NSENTER "nsenter --net=/proc/%d/fd/%d "

void check(_Bool holds, const char *sentence);
void check_code(int code, int expected, const char *sentence);
// Everything a command prints. Valid until the next call.
const char *output(const char *command);
// Whether `ip` with these arguments prints every one of the texts that follow, up to a null.
__attribute__((sentinel)) _Bool ip_prints(const char *arguments, ...);
// The same in the other namespace, for one text.
_Bool other_ip_prints(const char *arguments, const char *expected);

// A copy of what is found, good until the next dump or question.
int find(struct cnl_socket *socket, const char *name, struct cnl_link *ret_link);
int index_of(const char *name);
void delete_link(const char *name);
void add_bridge(const char *name);

extern const uint8_t address4[4];
extern const uint8_t address6[16];

void test_bridges(void);
void test_link_changes(void);
void test_veth_pairs(void);
void test_namespaces(void);
void test_retirement(void);
void test_addresses(void);
void test_routes(void);
void test_queue(void);
void test_many_links(void);
void test_dump_under_change(void);
void test_monitor(void);
void test_firewall_monitor(void);
void test_flows(void);
void test_announcements(void);

#endif
