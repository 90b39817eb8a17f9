/* SPDX-License-Identifier: MIT */
/*
 * The few string functions that a freestanding compiler may call or that we
 * use.  Standard names have standard meaning; the host build takes those from
 * libc (and so from the sanitizers) and compiles only the str_* ones here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *haystack, const char *needle);

/* -ffreestanding takes from the compiler what it knows of these names; so it
 * may expand copies of a few bytes, such as addresses, in place again. */
#if !defined(RINGLET_HOST) && !defined(STRING_C)
#define memcpy(...) __builtin_memcpy(__VA_ARGS__)
#define memset(...) __builtin_memset(__VA_ARGS__)
#define memcmp(...) __builtin_memcmp(__VA_ARGS__)
#define strlen(...) __builtin_strlen(__VA_ARGS__)
#endif

/* Copies with truncation; always terminates when size > 0.  Returns whether
 * all of src fitted. */
bool str_copy(char *dst, size_t size, const char *src);

/* ASCII case-insensitive comparisons; the order is not meaningful. */
bool str_equal_nocase(const char *a, const char *b);
bool str_equal_nocase_n(const char *a, const char *b, size_t n);
char str_lower(char c);

/* Parses a decimal number of 1 to 10 digits that fills s[0..n) exactly.
 * Returns false when it is not one or exceeds max. */
bool str_parse_u32(const char *s, size_t n, uint32_t max, uint32_t *out);

/* Parses "a.b.c.d" that fills s[0..n) exactly into host order. */
bool str_parse_ipv4(const char *s, size_t n, uint32_t *out);
