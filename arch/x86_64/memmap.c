/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/memmap.h"

#include <stddef.h>

#define PAGE     4096ull
#define PHYS_END (1ull << 52) /* no x86 has more physical address bits */
#define NO_TYPE  0u

/* One input range as page-aligned borders; empty when start == end. */
struct span {
	uint64_t start, end;
	uint32_t type;
};

static struct {
	struct span span[MEMMAP_INPUT_MAX];
	uint64_t border[2 * MEMMAP_INPUT_MAX];
} work;

static struct span span_of(const struct mem_range *r)
{
	struct span s = { r->base, r->base + r->len, r->type };

	if (s.type < MEM_FREE || s.type > MEM_OTHER)
		s.type = MEM_OTHER;
	if (s.end < s.start || s.end > PHYS_END)
		s.end = PHYS_END;
	if (s.start >= s.end)
		return (struct span){ 0, 0, NO_TYPE };
	if (s.type == MEM_FREE) {
		s.start = (s.start + PAGE - 1) & -PAGE;
		s.end &= -PAGE;
		if (s.start < MEMMAP_LOWEST)
			s.start = MEMMAP_LOWEST;
	} else {
		s.start &= -PAGE;
		s.end = (s.end + PAGE - 1) & -PAGE;
	}
	if (s.start >= s.end)
		return (struct span){ 0, 0, NO_TYPE };
	return s;
}

/* Insertion sort: firmware's maps are short and mostly in order. */
static void sort(uint64_t *v, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		uint64_t x = v[i];
		uint32_t j = i;

		for (; j > 0 && v[j - 1] > x; j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
}

static uint32_t type_at(uint64_t address, uint32_t n)
{
	uint32_t type = NO_TYPE;

	for (uint32_t i = 0; i < n; i++) {
		const struct span *s = &work.span[i];

		if (address >= s->start && address < s->end && s->type > type)
			type = s->type;
	}
	return type;
}

static void append(
    struct memmap *out, uint64_t start, uint64_t end, uint32_t type)
{
	struct mem_range *last =
	    out->count > 0 ? &out->range[out->count - 1] : NULL;

	if (last && last->type == type && last->base + last->len == start) {
		last->len += end - start;
		return;
	}
	out->range[out->count++] = (struct mem_range){
		.base = start, .len = end - start, .type = type
	};
}

void memmap_normalise(
    struct memmap *out, const struct mem_range *in, uint32_t n)
{
	uint32_t borders = 0;

	for (uint32_t i = 0; i < n; i++) {
		work.span[i] = span_of(&in[i]);
		work.border[borders++] = work.span[i].start;
		work.border[borders++] = work.span[i].end;
	}
	sort(work.border, borders);
	out->count = 0;
	for (uint32_t i = 0; i + 1 < borders; i++) {
		uint64_t start = work.border[i], end = work.border[i + 1];
		uint32_t type = start < end ? type_at(start, n) : NO_TYPE;

		if (type != NO_TYPE)
			append(out, start, end, type);
	}
}

uint64_t memmap_total(const struct memmap *m, uint32_t type)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < m->count; i++)
		if (m->range[i].type == type)
			total += m->range[i].len;
	return total;
}

uint32_t memmap_type_of(const struct memmap *m, uint64_t base, uint64_t len)
{
	for (uint32_t i = 0; i < m->count; i++) {
		const struct mem_range *r = &m->range[i];

		if (base >= r->base && base - r->base < r->len &&
		    len <= r->len - (base - r->base))
			return r->type;
	}
	return NO_TYPE;
}

bool memmap_overlaps(
    const struct memmap *m, uint64_t base, uint64_t len, uint32_t type)
{
	for (uint32_t i = 0; i < m->count; i++) {
		const struct mem_range *r = &m->range[i];

		if (r->type == type && base < r->base + r->len &&
		    r->base < base + len)
			return true;
	}
	return false;
}
