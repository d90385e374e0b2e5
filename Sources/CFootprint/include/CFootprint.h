// SPDX-License-Identifier: Apache-2.0
//
// What keeps the program small, in its file (icudata.c) and in memory (resident.c).

#ifndef CFOOTPRINT_H
#define CFOOTPRINT_H

/// Unmaps the pages of code and constants that starting up has touched, and those of the heap that are free. What serving
/// needs of the first comes back from the page cache page by page when it is used, at less than a microsecond each; the
/// rest no longer counts as resident.
///
/// Starting a Swift program walks every type's metadata and every relocation, some 20 MB that are never looked at again.
void cfp_release_startup_pages(void);

/// Has what is freed given back to the kernel: one heap for all threads, instead of eight for each processor of which each
/// keeps its own holes; and what is large for a moment (a list of all links) mapped by itself, as it always should be:
/// glibc's malloc keeps twice as much free as the largest piece that was ever given back. To be called as early
/// as can be: threads keep the heaps that they have. With 10,000 endpoints made one by one, 41 MB were left of 154.
void cfp_keep_heap_small(void);

#endif
