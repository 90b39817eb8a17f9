/* SPDX-License-Identifier: MIT */
/*
 * The Internet checksum.  RFC 1071 2 (B): the sum of byte-swapped words is the
 * byte-swapped sum, so the text is summed as it lies in memory, eight bytes per
 * load, onto the swapped sum, and swapped at the end; turning all eight bytes
 * round swaps each pair as well.  RFC 1071 2 (C): wide words may be summed as
 * they are; of their two halves 64 bits hold the sums, whatever the length of a
 * text in memory, so there is no carry to look at.  That of the high ones is
 * summed; that of the low ones is what it lacks to the sum of all, of which 64
 * bits are enough too.
 */
#include "lib/checksum.h"

#include "lib/bytes.h"

static uint32_t fold_to_32(uint64_t sum)
{
	sum = (sum >> 32) + (uint32_t)sum;
	return (uint32_t)((sum >> 32) + sum);
}

uint32_t checksum_add(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t all = __builtin_bswap32(sum), high = 0;

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
	for (; len >= 4; len -= 4, p += 4)
		all += *(const unaligned32 *)p;
	if (len > 0)
		all += le64_part(p, len);
	all += high - (high << 32);
	return fold_to_32(__builtin_bswap64(all));
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
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)((sum >> 16) + sum);
}
