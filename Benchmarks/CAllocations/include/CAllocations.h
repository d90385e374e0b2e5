// SPDX-License-Identifier: Apache-2.0

#include <stdint.h>

/// How many pieces of memory this process has asked for since it started, in all threads: each call of malloc and its
/// kin counts. A program that links this has its allocator wrapped.
uint64_t allocations(void);
