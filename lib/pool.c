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

/* What malloc promises; no object of ours needs more. */
#define OBJECT_ALIGN 16

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

void *arena_alloc(struct arena *a, size_t size, size_t align)
{
	uintptr_t at = (uintptr_t)a->base + a->used;
	size_t gap = (size_t)(-at & (align - 1));

	/* Two comparisons, since a sum could wrap. */
	if (gap > a->size - a->used || size > a->size - a->used - gap)
		return NULL;
	a->used += gap + size;
	return memset((void *)(at + gap), 0, size);
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
	p->object_bytes =
	    (object_bytes + OBJECT_ALIGN - 1) & ~(size_t)(OBJECT_ALIGN - 1);
	if (__builtin_mul_overflow(p->object_bytes, count, &bytes))
		return -ENOMEM;
	p->base = arena_alloc(a, bytes, OBJECT_ALIGN);
	if (p->base == NULL)
		return -ENOMEM;
	p->total = count;
	/* From the end down, so that the lowest address is handed out first. */
	for (uint32_t i = count; i > 0; i--)
		push_free(p, p->base + (i - 1) * p->object_bytes);
	return 0;
}

void *pool_get(struct pool *p)
{
	void *object = p->free_list;

	if (object == NULL) {
		p->failures++;
		return NULL;
	}
	show(object, p->object_bytes);
	p->free_list = *(void **)object;
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
