/* SPDX-License-Identifier: MIT */
/*
 * Entropy mixer and generator.  Each request makes a run of ChaCha20 blocks
 * (RFC 8439 2.3); the first half of the first block becomes the next key before
 * anything is given out, so whoever reads the state later cannot compute what
 * was given out earlier.
 */
#include "lib/random.h"

#include "lib/assert.h"
#include "lib/string.h"

#define STRONG_BITS 128

static uint32_t rotate(uint32_t x, int bits)
{
	return x << bits | x >> (32 - bits);
}

/* RFC 8439 2.1 */
static inline void quarter_round(uint32_t *x, int a, int b, int c, int d)
{
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 7);
}

/*
 * RFC 8439 2.3.  tweak fills the four words of counter and nonce: words 0-1
 * count blocks, words 2-3 are a constant that tells the uses apart.
 */
static void chacha_block(
    const uint32_t key[8], const uint32_t tweak[4], uint32_t out[16])
{
	/* RFC 8439 2.3: "expand 32-byte k" */
	uint32_t in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };

	memcpy(in + 4, key, 32);
	memcpy(in + 12, tweak, 16);
	memcpy(out, in, sizeof(in));
	for (int i = 0; i < 10; i++) {
		quarter_round(out, 0, 4, 8, 12);
		quarter_round(out, 1, 5, 9, 13);
		quarter_round(out, 2, 6, 10, 14);
		quarter_round(out, 3, 7, 11, 15);
		quarter_round(out, 0, 5, 10, 15);
		quarter_round(out, 1, 6, 11, 12);
		quarter_round(out, 2, 7, 8, 13);
		quarter_round(out, 3, 4, 9, 14);
	}
	for (int i = 0; i < 16; i++)
		out[i] += in[i];
}

enum use { USE_OUTPUT, USE_MIX };

static void next_block(uint64_t *counter, const uint32_t key[8], enum use use,
    uint32_t detail, uint32_t out[16])
{
	uint32_t tweak[4] = { (uint32_t)*counter, (uint32_t)(*counter >> 32),
		use, detail };

	chacha_block(key, tweak, out);
	(*counter)++;
}

void random_add(struct random *r, const void *data, size_t len, uint32_t bits)
{
	const uint8_t *p = data;
	uint32_t block[16];

	/* Every chunk goes through the one-way block before the next is
	 * added, so no chunk can cancel an earlier one. */
	do {
		uint32_t chunk[8] = { 0 };
		uint32_t n = len < sizeof(chunk) ? (uint32_t)len
		                                 : (uint32_t)sizeof(chunk);

		memcpy(chunk, p, n);
		for (int i = 0; i < 8; i++)
			chunk[i] ^= r->key[i];
		next_block(&r->counter, chunk, USE_MIX, n, block);
		memcpy(r->key, block, sizeof(r->key));
		p += n;
		len -= n;
	} while (len > 0);
	memset(block, 0, sizeof(block));
	if (bits > UINT32_MAX - r->credited_bits)
		bits = UINT32_MAX - r->credited_bits;
	r->credited_bits += bits;
}

bool random_strong(const struct random *r)
{
	return r->credited_bits >= STRONG_BITS;
}

void random_bytes(struct random *r, void *out, size_t len)
{
	uint8_t *to = out;
	uint32_t key[8], block[16];
	size_t skip = sizeof(key); /* the first half of the first block */

	memcpy(key, r->key, sizeof(key));
	next_block(&r->counter, key, USE_OUTPUT, 0, block);
	memcpy(r->key, block, sizeof(r->key));
	for (;;) {
		size_t n = sizeof(block) - skip;

		if (n > len)
			n = len;
		memcpy(to, (const uint8_t *)block + skip, n);
		to += n;
		len -= n;
		if (len == 0)
			break;
		skip = 0;
		next_block(&r->counter, key, USE_OUTPUT, 0, block);
	}
	memset(key, 0, sizeof(key));
	memset(block, 0, sizeof(block));
}

uint32_t random_u32(struct random *r)
{
	uint32_t v;

	random_bytes(r, &v, sizeof(v));
	return v;
}

uint64_t random_u64(struct random *r)
{
	uint64_t v;

	random_bytes(r, &v, sizeof(v));
	return v;
}

uint32_t random_below(struct random *r, uint32_t bound)
{
	assert(bound > 0);
	/* Refuses the few lowest values that would favour small results: the
	 * rest is a whole multiple of bound. */
	uint32_t refuse = (0 - bound) % bound, v;

	do {
		v = random_u32(r);
	} while (v < refuse);
	return v % bound;
}
