/* SPDX-License-Identifier: MIT */
/*
 * Strings and memory.  The first group keeps its real names: compilers call
 * some of them by themselves, and the host build takes them from libc.
 */
#pragma once

#include <stddef.h>

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

/* As in lib/string.h: what is known of these names serves constants. */
#ifndef RINGLET_HOST
#define memcpy(...) __builtin_memcpy(__VA_ARGS__)
#define memset(...) __builtin_memset(__VA_ARGS__)
#define memcmp(...) __builtin_memcmp(__VA_ARGS__)
#define strlen(...) __builtin_strlen(__VA_ARGS__)
#endif

/* Copies and returns where the zero is. */
static inline char *stpcpy(char *dst, const char *src)
{
	size_t len = strlen(src);

	memcpy(dst, src, len + 1);
	return dst + len;
}

char *strcpy(char *dst, const char *src) __asm__("rl_strcpy");
char *strncpy(char *dst, const char *src, size_t n) __asm__("rl_strncpy");
char *strcat(char *dst, const char *src) __asm__("rl_strcat");
char *strdup(const char *s) __asm__("rl_strdup");
size_t strspn(const char *s, const char *accept) __asm__("rl_strspn");
size_t strcspn(const char *s, const char *reject) __asm__("rl_strcspn");
char *strerror(int number) __asm__("rl_strerror");
