/* SPDX-License-Identifier: MIT */
/*
 * The Internet checksum.  RFC 1071 2 (B): the sum of byte-swapped words is the
 * byte-swapped sum, so the text is summed as it lies in memory, eight bytes per
 * load, and swapped once at the end.  RFC 1071 2 (C): wide words may be summed
 * as they are; of their two halves 64 bits hold the sums, whatever the length
 * of a text in memory, so there is no carry to look at.  That of the high ones
 * is summed; that of the low ones is what it lacks to the sum of all, of which
 * 64 bits are enough too.
 */
#include "lib/checksum.h"

#include "lib/bytes.h"

static uint16_t fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)((sum >> 16) + (sum & 0xffff));
}

uint32_t checksum_add(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t all = 0, high = 0, last, low;

	for (; len >= 32; len -= 32, p += 32) {
		const unaligned64 *w = (const unaligned64 *)p;
		uint64_t w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];

		all += w0;
		high += w0 >> 32;
		all += w1;
		high += w1 >> 32;
		all += w2;
		high += w2 >> 32;
		all += w3;
		high += w3 >> 32;
	}
	for (; len >= 8; len -= 8, p += 8) {
		uint64_t w0 = *(const unaligned64 *)p;

		all += w0;
		high += w0 >> 32;
	}
	last = le64_part(p, len);
	all += last;
	high += last >> 32;
	low = all - (high << 32);
	uint16_t run = fold((uint64_t)fold(low) + fold(high));

	return checksum_add_run(sum, __builtin_bswap16(run), 0);
}

uint32_t checksum_add_run(uint32_t sum, uint16_t run, size_t offset)
{
	uint32_t add = offset % 2 == 0 ? run : __builtin_bswap16(run);

	sum += add;
	/* End-around carry: a sum may have grown over many runs. */
	return sum < add ? sum + 1 : sum;
}

uint16_t checksum_fold(uint32_t sum)
{
	return fold(sum);
}
