/* SPDX-License-Identifier: MIT */
/*
 * Entropy mixer and generator: a ChaCha20 generator (RFC 8439 block function)
 * with fast key erasure, into whose key every added input is hashed.  Sources:
 * RDRAND, the firmware's seed, the time at boot.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
	uint32_t key[8];
	uint64_t counter;
	uint32_t credited_bits;
};

/* Mixes data in and credits so many bits of real entropy to the state. */
void random_add(struct random *r, const void *data, size_t len, uint32_t bits);

/* Whether at least 128 bits of entropy were credited. */
bool random_strong(const struct random *r);

void random_bytes(struct random *r, void *out, size_t len);
uint32_t random_u32(struct random *r);
uint64_t random_u64(struct random *r);

/* Uniform in [0, bound), bound > 0. */
uint32_t random_below(struct random *r, uint32_t bound);
