/* SPDX-License-Identifier: MIT */
/*
 * The allocator behind malloc: two-level segregated free lists over one block
 * of memory (after Masmano and others, "TLSF", 2004).  Allocation and release
 * are O(1), neighbours that are free are always joined, and the block is a
 * hard limit: when nothing fits, the answer is NULL and a counter.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_ALIGN  16
#define HEAP_LEVELS 32
#define HEAP_SLOTS  8

struct heap_block;

struct heap {
	struct heap_block *first, *end;
	uint32_t level_map;
	uint8_t slot_map[HEAP_LEVELS];
	struct heap_block *free[HEAP_LEVELS][HEAP_SLOTS];
	size_t size, used, peak; /* bytes, block headers included */
	uint32_t blocks;         /* allocated ones */
	uint64_t failures;
};

/* Takes size bytes at mem, aligned to HEAP_ALIGN, for ever. */
void heap_init(struct heap *h, void *mem, size_t size);

/* Returns len bytes aligned to HEAP_ALIGN, or NULL (counted).  len 0 is a
 * block of its own too. */
void *heap_alloc(struct heap *h, size_t len);

/* Gives a block back; NULL does nothing.  Asserts that it is allocated. */
void heap_free(struct heap *h, void *p);

/* Resizes, in place where it can; the old block stays when NULL is returned. */
void *heap_realloc(struct heap *h, void *p, size_t len);

/* Walks every block and list.  Returns whether all of it is consistent. */
bool heap_check(const struct heap *h);
