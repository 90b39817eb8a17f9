/* SPDX-License-Identifier: MIT */
/*
 * Memory that a warm reset leaves as it is, so that one run can leave word to
 * the next.  Nobody promises that: firmware, boot loader, our own loader and
 * the kernel use memory as they like before anybody looks.  So there is a list
 * of fixed places that none of those known to us touches (ARCHITECTURE.md has
 * the measurement), and the first KEEP_COPIES of them that are free get a copy
 * each.  Which those are may differ from boot to boot: all are looked at.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/memmap.h"

#define KEEP_BYTES  32768u
#define KEEP_COPIES 2
#define KEEP_PLACES 7

/* The physical address of place i < KEEP_PLACES. */
uint64_t keep_place(unsigned i);

/* Lists the places that this run takes, KEEP_COPIES at most, as MEM_RESERVED.
 * Returns how many.  Pure. */
uint32_t keep_choose(const struct memmap *m, struct mem_range out[KEEP_COPIES]);

/* Writes cached bytes to memory: a reset by hardware drops what lies in the
 * cache alone.  Context: any. */
void keep_flush(const void *p, size_t len);
