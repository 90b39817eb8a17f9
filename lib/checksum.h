/* SPDX-License-Identifier: MIT */
/*
 * The Internet checksum (RFC 1071).  A partial sum is a uint32_t that any
 * number of byte runs were added to; a run that starts at an odd offset of the
 * whole is added with checksum_add_run.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Adds len bytes that begin at an even offset of the summed text. */
uint32_t checksum_add(uint32_t sum, const void *data, size_t len);

/* Adds a folded run sum (0..0xffff) that begins at byte offset `offset`. */
uint32_t checksum_add_run(uint32_t sum, uint16_t run, size_t offset);

/* Folds to 16 bits without complement. */
uint16_t checksum_fold(uint32_t sum);

/* The finished checksum: folded and complemented, to store as big endian. */
static inline uint16_t checksum_finish(uint32_t sum)
{
	return (uint16_t)~checksum_fold(sum);
}
