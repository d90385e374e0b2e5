// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CFootprint.h"

#include <link.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/// Only segments that are mapped without write permission: their pages are the file's, unchanged, so that dropping
/// the mapping loses nothing. (Relocations are in writable segments, also those that are made read-only afterwards.)
static int release(struct dl_phdr_info *object, size_t size, void *data)
{
    (void)size;
    (void)data;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
            continue;
        uintptr_t begin = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz + page - 1) & ~(page - 1);
        // A refusal costs nothing but the memory.
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

void cfp_release_startup_pages(void)
{
    (void)dl_iterate_phdr(release, NULL);
    // Reading the state leaves memory free in the heap: 12 of 74 MB with 10,000 endpoints.
    malloc_trim(0);
}

void cfp_keep_heap_small(void)
{
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
}
