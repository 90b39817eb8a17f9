/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/keep.h"

#define MIB        0x100000ull
#define LINE_BYTES 64

/*
 * Below the kernel, where only GRUB's core (at 1 MiB) comes near, and where
 * little is lost: a place splits the memory that it lies in, and pools want it
 * whole.  Then, for firmware that wants that memory, above the kernel, and
 * behind a GRUB's module there of 16, 32, 64 and 128 MiB.
 */
static const uint64_t place[KEEP_PLACES] = { 2 * MIB - KEEP_BYTES,
	MIB + MIB / 2, 3 * MIB, 20 * MIB, 36 * MIB, 68 * MIB, 132 * MIB };

uint64_t keep_place(unsigned i)
{
	return place[i];
}

uint32_t keep_choose(const struct memmap *m, struct mem_range out[KEEP_COPIES])
{
	uint32_t n = 0;

	for (unsigned i = 0; i < KEEP_PLACES && n < KEEP_COPIES; i++)
		if (memmap_type_of(m, place[i], KEEP_BYTES) == MEM_FREE)
			out[n++] = (struct mem_range){ .base = place[i],
				.len = KEEP_BYTES,
				.type = MEM_RESERVED };
	return n;
}

void keep_flush(const void *p, size_t len)
{
	const char *line = p;

	for (; line < (const char *)p + len; line += LINE_BYTES)
		__asm__ volatile("clflush %0" ::"m"(*line) : "memory");
	__asm__ volatile("mfence" ::: "memory");
}
