/* SPDX-License-Identifier: MIT */
/*
 * Wire integers.  A field of a protocol header is a be16 or be32: a structure
 * of bytes, so a header has alignment 1, needs no packed attribute, and code
 * that forgets to convert does not compile.  le16/le32 serve disk formats.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes at any address, whatever type they have. */
typedef uint16_t __attribute__((may_alias, aligned(1))) unaligned16;
typedef uint32_t __attribute__((may_alias, aligned(1))) unaligned32;
typedef uint64_t __attribute__((may_alias, aligned(1))) unaligned64;

typedef struct {
	uint8_t b[2];
} be16;

typedef struct {
	uint8_t b[4];
} be32;

static inline uint16_t be16_get(be16 v)
{
	return (uint16_t)(v.b[0] << 8 | v.b[1]);
}

static inline be16 be16_make(uint16_t v)
{
	return (be16){ { (uint8_t)(v >> 8), (uint8_t)v } };
}

static inline uint32_t be32_get(be32 v)
{
	return (uint32_t)v.b[0] << 24 | (uint32_t)v.b[1] << 16 |
	       (uint32_t)v.b[2] << 8 | v.b[3];
}

static inline be32 be32_make(uint32_t v)
{
	return (be32){ { (uint8_t)(v >> 24), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 8), (uint8_t)v } };
}

static inline uint16_t le16_at(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t le32_at(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

/* As a word of eight bytes of which only the first len, at most 7, are there
 * and the others are zero. */
static inline uint64_t le64_part(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	if (len & 1)
		v = p[len & 6];
	if (len & 2)
		v = v << 16 | le16_at(p + (len & 4));
	if (len & 4)
		v = v << 32 | le32_at(p);
	return v;
}
