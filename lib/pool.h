/* SPDX-License-Identifier: MIT */
/*
 * Memory in two forms.  An arena hands out pieces of one block at boot and
 * never takes them back.  A pool holds objects of one size, made at boot from
 * an arena; get and put are O(1), exhaustion is NULL and a counter.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct arena {
	uint8_t *base;
	size_t size, used;
};

/* Returns size bytes, zeroed, aligned to align (a power of two), or NULL when
 * the arena is used up.  Context: boot. */
void *arena_alloc(struct arena *a, size_t size, size_t align);

/* As arena_alloc, but of undefined contents. */
void *arena_take(struct arena *a, size_t size, size_t align);

struct pool {
	const char *name;
	void *free_list;
	uint32_t fresh; /* objects from this one on were never handed out */
	uint8_t *base;
	size_t object_bytes;
	uint32_t total, in_use, peak;
	uint64_t failures;
};

/* What malloc promises; no object of ours needs more. */
#define POOL_ALIGN 16

/* What an object of this size takes of the arena. */
static inline size_t pool_object_bytes(size_t size)
{
	return (size + POOL_ALIGN - 1) & ~(size_t)(POOL_ALIGN - 1);
}

/* Makes count objects.  name is borrowed for ever.  Returns 0 or -ENOMEM. */
int pool_init(struct pool *p, const char *name, size_t object_bytes,
    uint32_t count, struct arena *a);

/* Returns an object whose contents are undefined, or NULL (counted). */
void *pool_get(struct pool *p);

/* Gives an object back.  Asserts that it belongs to this pool. */
void pool_put(struct pool *p, void *object);

static inline uint32_t pool_available(const struct pool *p)
{
	return p->total - p->in_use;
}
