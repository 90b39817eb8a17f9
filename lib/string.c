/* SPDX-License-Identifier: MIT */
/*
 * Memory and string functions.  memcpy, memmove and memset move eight bytes at
 * a time in plain loops: an emulated processor runs those several times faster
 * than `rep movsb` (docs/RTL8139.md has the measurement), and a real one is
 * held up by the wire long before.
 *
 * The compiler likes to recognise such a loop and to replace it by a call to
 * the very function that it stands in, hence the pragma.  Clang needs none:
 * -ffreestanding stops it.
 */
#define STRING_C /* defines them */
#include "lib/string.h"

#include "lib/bytes.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
/* The pragma above forgets this one, which every backtrace needs. */
#pragma GCC optimize("no-omit-frame-pointer")
#endif

#ifndef RINGLET_HOST

#define WORD  sizeof(unaligned64)
#define BATCH (4 * WORD)

#define EACH_BYTE 0x0101010101010101ULL

static inline __attribute__((always_inline)) void copy_forward(
    uint8_t *d, const uint8_t *s, size_t n)
{
	for (; n >= BATCH; n -= BATCH, d += BATCH, s += BATCH) {
		const unaligned64 *from = (const unaligned64 *)s;
		unaligned64 *to = (unaligned64 *)d;
		/* Every load precedes every store, so that memmove may use
		 * this loop when the runs overlap by less than a batch. */
		uint64_t w0 = from[0], w1 = from[1];
		uint64_t w2 = from[2], w3 = from[3];

		to[0] = w0;
		to[1] = w1;
		to[2] = w2;
		to[3] = w3;
	}
	for (; n >= WORD; n -= WORD, d += WORD, s += WORD)
		*(unaligned64 *)d = *(const unaligned64 *)s;
	if (n & 4) {
		*(unaligned32 *)d = *(const unaligned32 *)s;
		d += 4;
		s += 4;
	}
	if (n & 2) {
		*(unaligned16 *)d = *(const unaligned16 *)s;
		d += 2;
		s += 2;
	}
	if (n & 1)
		*d = *s;
}

/* Copies from the end down; d and s point behind the runs. */
static void copy_backward(uint8_t *d, const uint8_t *s, size_t n)
{
	for (; n >= WORD; n -= WORD) {
		d -= WORD;
		s -= WORD;
		*(unaligned64 *)d = *(const unaligned64 *)s;
	}
	for (; n > 0; n--)
		*--d = *--s;
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	copy_forward(dst, src, n);
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	uint8_t *d = dst;
	const uint8_t *s = src;

	/* Unsigned: true when d lies outside [s, s + n). */
	if ((uintptr_t)d - (uintptr_t)s >= n)
		copy_forward(d, s, n);
	else
		copy_backward(d + n, s + n, n);
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	uint8_t *d = dst;
	uint64_t w = (uint8_t)c * EACH_BYTE;

	for (; n >= BATCH; n -= BATCH, d += BATCH) {
		unaligned64 *to = (unaligned64 *)d;

		to[0] = w;
		to[1] = w;
		to[2] = w;
		to[3] = w;
	}
	for (; n >= WORD; n -= WORD, d += WORD)
		*(unaligned64 *)d = w;
	for (; n > 0; n--)
		*d++ = (uint8_t)c;
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (; n >= WORD; n -= WORD, x += WORD, y += WORD) {
		if (*(const unaligned64 *)x != *(const unaligned64 *)y)
			break;
	}
	for (; n > 0; n--, x++, y++) {
		if (*x != *y)
			return *x - *y;
	}
	return 0;
}

/* Marks the zero bytes in their top bits, exactly up to the lowest: from there
 * on the subtraction borrows. */
static uint64_t zero_bytes(uint64_t w)
{
	return (w - EACH_BYTE) & ~w & EACH_BYTE << 7;
}

/* An aligned word lies in one page with its first byte, so it may be read
 * though the run be shorter than n says; the sanitizer does not know. */
__attribute__((no_sanitize_address)) void *memchr(
    const void *s, int c, size_t n)
{
	const uint8_t *p = s;
	uint64_t wanted = (uint8_t)c * EACH_BYTE;

	for (; n > 0 && (uintptr_t)p % WORD != 0; n--, p++) {
		if (*p == (uint8_t)c)
			return (void *)p;
	}
	for (; n >= WORD; n -= WORD, p += WORD) {
		uint64_t found = zero_bytes(*(const unaligned64 *)p ^ wanted);

		if (found != 0)
			return (void *)(p + __builtin_ctzll(found) / 8);
	}
	for (; n > 0; n--, p++) {
		if (*p == (uint8_t)c)
			return (void *)p;
	}
	return NULL;
}

size_t strlen(const char *s)
{
	const char *end = s;

	while (*end != '\0')
		end++;
	return (size_t)(end - s);
}

size_t strnlen(const char *s, size_t max)
{
	const char *end = memchr(s, '\0', max);

	return end != NULL ? (size_t)(end - s) : max;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n > 0; n--, a++, b++) {
		if (*a != *b)
			return (uint8_t)*a - (uint8_t)*b;
		if (*a == '\0')
			break;
	}
	return 0;
}

int strcmp(const char *a, const char *b)
{
	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	return (uint8_t)*a - (uint8_t)*b;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++) {
		if (*s == '\0')
			return NULL;
	}
	return (char *)s;
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (*s == '\0')
			return (char *)last;
	}
}

char *strstr(const char *haystack, const char *needle)
{
	size_t n = strlen(needle);

	for (; strncmp(haystack, needle, n) != 0; haystack++) {
		if (*haystack == '\0')
			return NULL;
	}
	return (char *)haystack;
}

#endif /* RINGLET_HOST */

bool str_copy(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src), n = len;

	if (size == 0)
		return false;
	if (n >= size)
		n = size - 1;
	memcpy(dst, src, n);
	dst[n] = '\0';
	return n == len;
}

char str_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_equal_nocase_n(const char *a, const char *b, size_t n)
{
	for (; n > 0; n--, a++, b++) {
		if (*a != *b && str_lower(*a) != str_lower(*b))
			return false;
		if (*a == '\0')
			break;
	}
	return true;
}

bool str_equal_nocase(const char *a, const char *b)
{
	return str_equal_nocase_n(a, b, SIZE_MAX);
}

bool str_parse_u32(const char *s, size_t n, uint32_t max, uint32_t *out)
{
	uint64_t value = 0;

	if (n == 0 || n > 10)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(s[i] - '0');
	}
	if (value > max)
		return false;
	*out = (uint32_t)value;
	return true;
}

bool str_parse_ipv4(const char *s, size_t n, uint32_t *out)
{
	uint32_t address = 0;

	for (int part = 0; part < 4; part++) {
		size_t digits = 0;
		uint32_t byte;

		while (digits < n && s[digits] != '.')
			digits++;
		if (digits > 3 || !str_parse_u32(s, digits, 255, &byte))
			return false;
		address = address << 8 | byte;
		/* A dot must follow the first three parts, nothing the last. */
		if ((digits < n) != (part < 3))
			return false;
		s += digits + (part < 3);
		n -= digits + (part < 3);
	}
	*out = address;
	return true;
}
