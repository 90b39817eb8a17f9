/* SPDX-License-Identifier: MIT */
/*
 * Memory is a row of blocks, each a 16-byte header and a payload, counted in
 * units of 16 bytes:
 *
 *	first                                                      end
 *	[hdr|payload][hdr|payload][hdr|payload] ...                [hdr]
 *
 * A header knows its own and its predecessor's length, so both neighbours are
 * found at once.  Free blocks hang on the list of their size class; bitmaps
 * find the first class that is not empty and large enough.
 *
 * In the host build a free payload, and the slack behind an allocated one, is
 * poisoned for the address sanitizer, so that programs under test are caught
 * as they would be with libc's malloc.
 */
#include "posix/heap.h"

#include "lib/assert.h"
#include "lib/string.h"

#ifdef RINGLET_HOST
void __asan_poison_memory_region(const volatile void *p, size_t size);
void __asan_unpoison_memory_region(const volatile void *p, size_t size);
#define heap_poison   __asan_poison_memory_region
#define heap_unpoison __asan_unpoison_memory_region
/* The allocator itself reads headers and links in poisoned memory. */
#pragma clang attribute push(                                                  \
    __attribute__((no_sanitize("address"))), apply_to = function)
#else
#define heap_poison(p, size)   ((void)(p), (void)(size))
#define heap_unpoison(p, size) ((void)(p), (void)(size))
#endif

enum { MAGIC_FREE = 0x66726565, MAGIC_USED = 0x75736564 };

struct heap_block {
	uint32_t units;      /* of the payload */
	uint32_t prev_units; /* of the block before; 0: there is none */
	uint32_t magic;
	uint32_t unused;
	/* In the payload of a free block: */
	struct heap_block *next, *prev;
};

#define HEADER 16
static_assert(offsetof(struct heap_block, next) == HEADER, "one unit");
static_assert(sizeof(struct heap_block) == HEADER + HEAP_ALIGN,
    "links fit the smallest payload");

struct class
{
	uint32_t level, slot;
};

static struct heap_block *block_after(const struct heap_block *b)
{
	return (struct heap_block *)((char *)b + HEADER +
	                             (size_t)b->units * HEAP_ALIGN);
}

static struct heap_block *block_before(const struct heap_block *b)
{
	return (struct heap_block *)((char *)b - HEADER -
	                             (size_t)b->prev_units * HEAP_ALIGN);
}

static void *block_payload(struct heap_block *b)
{
	return (char *)b + HEADER;
}

/* The class whose blocks have at least this many units, and fewer than the
 * next class: exact below 8 units, then 8 classes for each power of two. */
static struct class class_of(uint32_t units)
{
	uint32_t log2 = 31 - (uint32_t)__builtin_clz(units);

	if (units < HEAP_SLOTS)
		return (struct class){ 0, units };
	return (struct class){ log2 - 2, units >> (log2 - 3) & 7 };
}

/* Rounds up so that any block of the resulting class is large enough. */
static uint32_t units_to_search(uint32_t units)
{
	uint32_t log2 = 31 - (uint32_t)__builtin_clz(units);

	return units < HEAP_SLOTS ? units : units + (1u << (log2 - 3)) - 1;
}

static void list_block(struct heap *h, struct heap_block *b)
{
	struct class c = class_of(b->units);
	struct heap_block **head = &h->free[c.level][c.slot];

	b->magic = MAGIC_FREE;
	b->prev = NULL;
	b->next = *head;
	if (*head)
		(*head)->prev = b;
	*head = b;
	h->level_map |= 1u << c.level;
	h->slot_map[c.level] |= (uint8_t)(1u << c.slot);
}

static void unlist_block(struct heap *h, struct heap_block *b)
{
	struct class c = class_of(b->units);

	if (b->next)
		b->next->prev = b->prev;
	if (b->prev) {
		b->prev->next = b->next;
		return;
	}
	h->free[c.level][c.slot] = b->next;
	if (b->next)
		return;
	h->slot_map[c.level] &= (uint8_t) ~(1u << c.slot);
	if (!h->slot_map[c.level])
		h->level_map &= ~(1u << c.level);
}

static struct heap_block *find_block(const struct heap *h, uint32_t units)
{
	struct class c = class_of(units_to_search(units));
	uint32_t slots = h->slot_map[c.level] & (0xffu << c.slot);
	uint32_t levels;

	if (!slots) {
		levels = h->level_map & (uint32_t)(~0ull << (c.level + 1));
		if (!levels)
			return NULL;
		c.level = (uint32_t)__builtin_ctz(levels);
		slots = h->slot_map[c.level];
	}
	return h->free[c.level][__builtin_ctz(slots)];
}

/* Cuts b down to units; what is left over becomes a free block, joined with
 * the one behind it.  b is on no list. */
static void split_block(struct heap *h, struct heap_block *b, uint32_t units)
{
	struct heap_block *rest, *after = block_after(b);
	uint32_t left = b->units - units;

	if (left < 2)
		return;
	b->units = units;
	rest = block_after(b);
	rest->units = left - 1;
	rest->prev_units = units;
	if (after != h->end && after->magic == MAGIC_FREE) {
		unlist_block(h, after);
		rest->units += after->units + 1;
	}
	block_after(rest)->prev_units = rest->units;
	list_block(h, rest);
}

static uint32_t units_for(size_t len)
{
	return len == 0 ? 1 : (uint32_t)((len + HEAP_ALIGN - 1) / HEAP_ALIGN);
}

static size_t block_bytes(const struct heap_block *b)
{
	return HEADER + (size_t)b->units * HEAP_ALIGN;
}

static void count_used(struct heap *h, size_t bytes)
{
	h->used += bytes;
	if (h->used > h->peak)
		h->peak = h->used;
}

void heap_init(struct heap *h, void *mem, size_t size)
{
	struct heap_block *b = mem;

	assert((uintptr_t)mem % HEAP_ALIGN == 0 && size >= 4 * HEAP_ALIGN);
	memset(h, 0, sizeof(*h));
	size -= size % HEAP_ALIGN;
	h->size = size;
	h->first = b;
	b->units = (uint32_t)(size / HEAP_ALIGN - 2);
	b->prev_units = 0;
	h->end = block_after(b);
	h->end->units = 0;
	h->end->prev_units = b->units;
	h->end->magic = MAGIC_USED;
	list_block(h, b);
	heap_poison(mem, size);
}

void *heap_alloc(struct heap *h, size_t len)
{
	struct heap_block *b = NULL;

	if (len <= h->size)
		b = find_block(h, units_for(len));
	if (!b) {
		h->failures++;
		return NULL;
	}
	unlist_block(h, b);
	b->magic = MAGIC_USED;
	split_block(h, b, units_for(len));
	count_used(h, block_bytes(b));
	h->blocks++;
	heap_unpoison(block_payload(b), len);
	return block_payload(b);
}

void heap_free(struct heap *h, void *p)
{
	struct heap_block *b, *other;

	if (!p)
		return;
	b = (struct heap_block *)((char *)p - HEADER);
	assert(b >= h->first && b < h->end && b->magic == MAGIC_USED);
	h->used -= block_bytes(b);
	h->blocks--;
	heap_poison(p, (size_t)b->units * HEAP_ALIGN);
	other = block_after(b);
	if (other->magic == MAGIC_FREE) {
		unlist_block(h, other);
		b->units += other->units + 1;
	}
	other = block_before(b);
	if (b->prev_units && other->magic == MAGIC_FREE) {
		unlist_block(h, other);
		b->magic = 0; /* so that a second free is noticed */
		other->units += b->units + 1;
		b = other;
	}
	block_after(b)->prev_units = b->units;
	list_block(h, b);
}

/* Lets b take over the free block behind it when that makes it large enough. */
static bool grow_in_place(struct heap *h, struct heap_block *b, uint32_t units)
{
	struct heap_block *after = block_after(b);

	if (after->magic != MAGIC_FREE || b->units + after->units + 1 < units)
		return false;
	unlist_block(h, after);
	after->magic = 0;
	b->units += after->units + 1;
	block_after(b)->prev_units = b->units;
	return true;
}

static void *move_block(struct heap *h, void *p, size_t old_len, size_t len)
{
	void *fresh = heap_alloc(h, len);

	if (!fresh)
		return NULL;
	heap_unpoison(p, old_len);
	memcpy(fresh, p, old_len < len ? old_len : len);
	heap_free(h, p);
	return fresh;
}

void *heap_realloc(struct heap *h, void *p, size_t len)
{
	struct heap_block *b;
	size_t before;

	if (!p)
		return heap_alloc(h, len);
	if (len > h->size) {
		h->failures++;
		return NULL;
	}
	b = (struct heap_block *)((char *)p - HEADER);
	assert(b >= h->first && b < h->end && b->magic == MAGIC_USED);
	before = block_bytes(b);
	if (units_for(len) > b->units && !grow_in_place(h, b, units_for(len)))
		return move_block(h, p, before - HEADER, len);
	split_block(h, b, units_for(len));
	h->used -= before;
	count_used(h, block_bytes(b));
	heap_poison(p, (size_t)b->units * HEAP_ALIGN);
	heap_unpoison(p, len);
	return p;
}

/* Counts the blocks on all lists, or returns UINT32_MAX for a wrong one. */
static uint32_t count_listed(const struct heap *h)
{
	const struct heap_block *b;
	uint32_t listed = 0, i;
	struct class c;

	for (i = 0; i < HEAP_LEVELS * HEAP_SLOTS; i++) {
		b = h->free[i / HEAP_SLOTS][i % HEAP_SLOTS];
		for (; b; b = b->next) {
			c = class_of(b->units);
			if (b->magic != MAGIC_FREE ||
			    c.level * HEAP_SLOTS + c.slot != i)
				return UINT32_MAX;
			listed++;
		}
	}
	return listed;
}

bool heap_check(const struct heap *h)
{
	const struct heap_block *b;
	uint32_t free_blocks = 0, used_blocks = 0, prev_units = 0;
	bool prev_free = false, is_free;
	size_t used = 0;

	for (b = h->first; b != h->end; b = block_after(b)) {
		is_free = b->magic == MAGIC_FREE;
		if (b->prev_units != prev_units || (is_free && prev_free) ||
		    (!is_free && b->magic != MAGIC_USED))
			return false;
		prev_units = b->units;
		prev_free = is_free;
		free_blocks += is_free;
		used_blocks += !is_free;
		used += is_free ? 0 : block_bytes(b);
	}
	return h->end->prev_units == prev_units && used == h->used &&
	       used_blocks == h->blocks && count_listed(h) == free_blocks;
}

#ifdef RINGLET_HOST
#pragma clang attribute pop
#endif
