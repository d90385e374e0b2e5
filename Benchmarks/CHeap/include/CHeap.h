// SPDX-License-Identifier: Apache-2.0

#include <stddef.h>

/// How many bytes of memory malloc has given out and not got back, in all arenas, what it adds to each among them.
size_t heap_bytes_in_use(void);
