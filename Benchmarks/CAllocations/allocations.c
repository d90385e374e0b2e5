// SPDX-License-Identifier: Apache-2.0

#include "CAllocations.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

// The C library's own functions under their other names. Those of this file take the place of the usual names in the
// whole program, in its shared libraries too.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *piece, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static atomic_uint_fast64_t count;

static void note(void) {
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
}

uint64_t allocations(void) {
    return atomic_load_explicit(&count, memory_order_relaxed);
}

void *malloc(size_t size) {
    note();
    return __libc_malloc(size);
}

void *calloc(size_t pieces, size_t size) {
    note();
    return __libc_calloc(pieces, size);
}

void *realloc(void *piece, size_t size) {
    note();
    return __libc_realloc(piece, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **ret_piece, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0) return EINVAL;
    note();
    void *piece = __libc_memalign(alignment, size);
    if (piece == NULL) return ENOMEM;
    *ret_piece = piece;
    return 0;
}
