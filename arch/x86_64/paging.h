/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own page tables (layout.h draws the space).  W^X: no page is
 * both writable and executable, by any of its mappings.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/arch.h"
#include "arch/x86_64/layout.h"

/* Where the image lies in physical memory. */
paddr_t image_phys(void);
void image_set_phys(paddr_t base);

/* Memory by its physical address: usable RAM, and before paging_init anything
 * below 4 GiB. */
static inline void *phys_to_virt(paddr_t p)
{
	return (void *)(DIRECT_BASE + p);
}

/* Builds the final tables from memory_map() and switches to them.  Panics when
 * memory is too small.  Context: boot, after memory_init. */
void paging_init(void);

/* Whether an access to the address would find a page.  Context: any. */
bool paging_is_mapped(uint64_t address);

/* Whether the address lies in an unmapped page that guards a stack. */
bool paging_is_guard(uint64_t address);
