/* SPDX-License-Identifier: MIT */
/* The boot-time allocator behind arch_mem_alloc. */
#pragma once

#include <stdint.h>

#include "arch/boot_info.h"
#include "arch/x86_64/keep.h"
#include "arch/x86_64/memmap.h"

/*
 * Takes the memory map of boot_info, with the image, the extents and
 * boot_info's own reservations, and opens arch_mem_alloc.  Panics when no
 * usable memory is there.  Context: boot, before paging_init.
 */
void memory_init(const struct boot_info *bi);

/* The physical addresses of the places that memory_init took for what the next
 * run shall find (keep.h).  Returns how many, at most KEEP_COPIES. */
uint32_t memory_keep(uint64_t base[KEEP_COPIES]);

/* The map as memory_init cleaned it. */
const struct memmap *memory_map(void);
