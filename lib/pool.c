/* SPDX-License-Identifier: MIT */
/*
 * Arenas and pools.  A free object's first word links to the next free one, so
 * a pool costs no memory besides its objects.  On the host AddressSanitizer is
 * told which objects are free: a use after pool_put is found where it happens.
 */
#include "lib/pool.h"

#include <stdbool.h>

#include "lib/assert.h"
#include "lib/errno.h"
#include "lib/string.h"

#ifdef RINGLET_HOST
void __asan_poison_memory_region(const volatile void *addr, size_t size);
void __asan_unpoison_memory_region(const volatile void *addr, size_t size);
int __asan_address_is_poisoned(const volatile void *addr);

static void hide(const void *object, size_t size)
{
	__asan_poison_memory_region(object, size);
}

static void show(const void *object, size_t size)
{
	__asan_unpoison_memory_region(object, size);
}

static bool hidden(const void *object)
{
	return __asan_address_is_poisoned(object) != 0;
}
#else
static void hide(const void *object, size_t size)
{
}

static void show(const void *object, size_t size)
{
}

static bool hidden(const void *object)
{
	return false;
}
#endif

void *arena_take(struct arena *a, size_t size, size_t align)
{
	uintptr_t at = (uintptr_t)a->base + a->used;
	size_t gap = (size_t)(-at & (align - 1));

	/* Two comparisons, since a sum could wrap. */
	if (gap > a->size - a->used || size > a->size - a->used - gap)
		return NULL;
	a->used += gap + size;
	return (void *)(at + gap);
}

void *arena_alloc(struct arena *a, size_t size, size_t align)
{
	void *p = arena_take(a, size, align);

	return p == NULL ? NULL : memset(p, 0, size);
}

static void push_free(struct pool *p, void *object)
{
	*(void **)object = p->free_list;
	p->free_list = object;
	hide(object, p->object_bytes);
}

int pool_init(struct pool *p, const char *name, size_t object_bytes,
    uint32_t count, struct arena *a)
{
	size_t bytes = 0;

	*p = (struct pool){ .name = name };
	if (object_bytes < sizeof(void *))
		object_bytes = sizeof(void *);
	p->object_bytes = pool_object_bytes(object_bytes);
	if (__builtin_mul_overflow(p->object_bytes, count, &bytes))
		return -ENOMEM;
	/* Pools are most of the memory: none of it is touched before
	 * it is needed, so a large machine boots as fast as a small. */
	p->base = arena_take(a, bytes, POOL_ALIGN);
	if (p->base == NULL)
		return -ENOMEM;
	hide(p->base, bytes);
	p->total = count;
	return 0;
}

/* A freed object, or one that was never used. */
static void *pop_free(struct pool *p)
{
	void *object = p->free_list;

	if (object == NULL) {
		if (p->fresh == p->total)
			return NULL;
		object = p->base + p->fresh++ * p->object_bytes;
		show(object, p->object_bytes);
		return object;
	}
	show(object, p->object_bytes);
	p->free_list = *(void **)object;
	return object;
}

void *pool_get(struct pool *p)
{
	void *object = pop_free(p);

	if (object == NULL) {
		p->failures++;
		return NULL;
	}
	p->in_use++;
	if (p->in_use > p->peak)
		p->peak = p->in_use;
	return object;
}

void pool_put(struct pool *p, void *object)
{
	size_t offset = (size_t)((uintptr_t)object - (uintptr_t)p->base);

	assert(offset < p->total * p->object_bytes);
	assert(offset % p->object_bytes == 0);
	/* The host sees every double put, the kernel the commonest one. */
	assert(p->in_use > 0 && object != p->free_list && !hidden(object));
	p->in_use--;
	push_free(p, object);
}
