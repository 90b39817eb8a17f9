/* SPDX-License-Identifier: MIT */
/*
 * The physical memory map, made clean: what firmware hands over may be
 * unsorted, overlapping, unaligned and contradictory.  Pure; tested on the
 * host.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/boot_info.h"

/* Each input range adds at most two borders; the four are the image, and what
 * keep.h takes. */
#define MEMMAP_INPUT_MAX (BOOT_RANGES_MAX + BOOT_EXTENTS_MAX + 4)
#define MEMMAP_MAX       (2 * MEMMAP_INPUT_MAX)

struct memmap {
	uint32_t count;
	struct mem_range range[MEMMAP_MAX];
};

/*
 * Fills out with ranges that are sorted, disjoint, page aligned and merged
 * where neighbours have one type.  Where ranges overlap, the higher type of
 * enum mem_type wins: reserved over free, and "do not touch" over all.  Free
 * memory loses partly covered pages, everything else gains them.  Free memory
 * below MEMMAP_LOWEST is left out.  n is at most MEMMAP_INPUT_MAX; unknown
 * types count as MEM_OTHER.
 */
void memmap_normalise(
    struct memmap *out, const struct mem_range *in, uint32_t n);

/* Firmware scribbles over the first MiB of some machines while they run. */
#define MEMMAP_LOWEST 0x100000ull

/* Bytes of one type. */
uint64_t memmap_total(const struct memmap *m, uint32_t type);

/* The type of the range in which all of [base, base + len) lies, or 0. */
uint32_t memmap_type_of(const struct memmap *m, uint64_t base, uint64_t len);

/* Whether any byte of [base, base + len) has the type. */
bool memmap_overlaps(
    const struct memmap *m, uint64_t base, uint64_t len, uint32_t type);
