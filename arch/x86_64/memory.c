/* SPDX-License-Identifier: MIT */
/*
 * Physical memory is handed out from the bottom of free ranges and never comes
 * back: pools are sized at boot, so nothing else is needed.
 */
#include "arch/x86_64/memory.h"

#include "arch/arch.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/paging.h"
#include "lib/assert.h"

#define FOUR_GIB   (1ull << 32)
#define ALIGN_MIN  16
#define RANGES_MAX 64

struct free_range {
	uint64_t base, end;
};

static struct {
	struct memmap map;
	struct mem_range input[MEMMAP_INPUT_MAX];
	struct free_range range[RANGES_MAX];
	uint32_t count;
	struct mem_range keep[KEEP_COPIES];
	uint32_t keep_count;
} memory;

/* Keeps the largest ranges when a map has more than fit. */
static void add_free(uint64_t base, uint64_t end)
{
	uint32_t smallest = 0;

	if (memory.count < RANGES_MAX) {
		memory.range[memory.count++] = (struct free_range){ base, end };
		return;
	}
	for (uint32_t i = 1; i < memory.count; i++)
		if (memory.range[i].end - memory.range[i].base <
		    memory.range[smallest].end - memory.range[smallest].base)
			smallest = i;
	if (end - base >
	    memory.range[smallest].end - memory.range[smallest].base)
		memory.range[smallest] = (struct free_range){ base, end };
}

static void collect_free(void)
{
	for (uint32_t i = 0; i < memory.map.count; i++) {
		const struct mem_range *r = &memory.map.range[i];
		uint64_t end = r->base + r->len;

		if (end > FOUR_GIB)
			end = FOUR_GIB;
		if (r->type == MEM_FREE && r->base < end)
			add_free(r->base, end);
	}
}

/* Takes the places out of the n ranges of which the map was made. */
static void reserve_keep(uint32_t n)
{
	memory.keep_count = keep_choose(&memory.map, memory.keep);
	for (uint32_t i = 0; i < memory.keep_count; i++)
		memory.input[n++] = memory.keep[i];
	memmap_normalise(&memory.map, memory.input, n);
}

void memory_init(const struct boot_info *bi)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < bi->range_count && i < BOOT_RANGES_MAX; i++)
		memory.input[n++] = bi->range[i];
	for (uint32_t i = 0; i < bi->extent_count && i < BOOT_EXTENTS_MAX;
	     i++) {
		memory.input[n] = bi->extent[i];
		memory.input[n++].type = MEM_RESERVED;
	}
	memory.input[n++] = (struct mem_range){
		.base = image_phys(),
		.len = (uint64_t)(image_end - image_start),
		.type = MEM_RESERVED,
	};
	memmap_normalise(&memory.map, memory.input, n);
	reserve_keep(n);
	collect_free();
	if (memory.count == 0)
		panic(
		    "no usable memory in a map of %u ranges", bi->range_count);
}

uint32_t memory_keep(uint64_t base[KEEP_COPIES])
{
	for (uint32_t i = 0; i < memory.keep_count; i++)
		base[i] = memory.keep[i].base;
	return memory.keep_count;
}

const struct memmap *memory_map(void)
{
	return &memory.map;
}

static uint64_t align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & -align;
}

/* Best fit: small requests leave the big ranges whole. */
static struct free_range *find(size_t size, size_t align)
{
	struct free_range *best = NULL;

	for (uint32_t i = 0; i < memory.count; i++) {
		struct free_range *r = &memory.range[i];
		uint64_t base = align_up(r->base, align);

		if (base > r->end || r->end - base < size)
			continue;
		if (best == NULL || r->end - r->base < best->end - best->base)
			best = r;
	}
	return best;
}

void *arch_mem_alloc(size_t size, size_t align)
{
	struct free_range *r;
	uint64_t base;

	if (align < ALIGN_MIN)
		align = ALIGN_MIN;
	assert((align & (align - 1)) == 0);
	r = find(size, align);
	if (size == 0 || r == NULL)
		return NULL;
	base = align_up(r->base, align);
	r->base = align_up(base + size, ALIGN_MIN);
	if (r->base > r->end)
		r->base = r->end;
	return phys_to_virt(base);
}

size_t arch_mem_available(void)
{
	uint64_t largest = 0;

	for (uint32_t i = 0; i < memory.count; i++)
		if (memory.range[i].end - memory.range[i].base > largest)
			largest = memory.range[i].end - memory.range[i].base;
	return largest;
}
