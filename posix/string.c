/* SPDX-License-Identifier: MIT */
/* The strings and numbers of C that lib/string.c does not have. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

char *strcpy(char *dst, const char *src)
{
	return memcpy(dst, src, strlen(src) + 1);
}

char *strncpy(char *dst, const char *src, size_t n)
{
	size_t len = strnlen(src, n);

	memcpy(dst, src, len);
	memset(dst + len, 0, n - len);
	return dst;
}

char *strcat(char *dst, const char *src)
{
	strcpy(dst + strlen(dst), src);
	return dst;
}

char *strdup(const char *s)
{
	size_t size = strlen(s) + 1;
	char *copy = malloc(size);

	return copy ? memcpy(copy, s, size) : NULL;
}

size_t strspn(const char *s, const char *accept)
{
	size_t n = 0;

	while (s[n] && strchr(accept, s[n]))
		n++;
	return n;
}

size_t strcspn(const char *s, const char *reject)
{
	size_t n = 0;

	while (s[n] && !strchr(reject, s[n]))
		n++;
	return n;
}

int strncasecmp(const char *a, const char *b, size_t n)
{
	int diff = 0;

	for (; n > 0; a++, b++, n--) {
		if (*a != *b)
			diff = tolower((unsigned char)*a) -
			       tolower((unsigned char)*b);
		if (diff != 0 || *a == '\0')
			break;
	}
	return diff;
}

int strcasecmp(const char *a, const char *b)
{
	return strncasecmp(a, b, (size_t)-1);
}

/* --- Numbers ------------------------------------------------------------- */

/* What stands before the digits. */
struct number_start {
	const char *digits;
	int base;
	bool negative;
};

static struct number_start number_start(const char *s, int base)
{
	struct number_start n = { .base = base };

	while (isspace((unsigned char)*s))
		s++;
	n.negative = *s == '-';
	if (*s == '-' || *s == '+')
		s++;
	if ((base == 0 || base == 16) && s[0] == '0' &&
	    (s[1] == 'x' || s[1] == 'X') && isxdigit((unsigned char)s[2])) {
		s += 2;
		n.base = 16;
	} else if (base == 0) {
		n.base = *s == '0' ? 8 : 10;
	}
	n.digits = s;
	return n;
}

static int digit_value(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	if (isalpha((unsigned char)c))
		return tolower((unsigned char)c) - 'a' + 10;
	return 36;
}

/* Reads digits; *overflow says that the value does not fit. */
static unsigned long read_digits(
    const struct number_start *n, const char **end, bool *overflow)
{
	const char *p = n->digits;
	unsigned long value = 0;

	*overflow = false;
	for (; digit_value(*p) < n->base; p++) {
		*overflow |= __builtin_mul_overflow(
		    value, (unsigned long)n->base, &value);
		*overflow |= __builtin_add_overflow(
		    value, (unsigned long)digit_value(*p), &value);
	}
	*end = p;
	return value;
}

unsigned long strtoul(const char *s, char **end, int base)
{
	struct number_start n = number_start(s, base);
	const char *stop;
	bool overflow;
	unsigned long v = read_digits(&n, &stop, &overflow);

	if (end)
		*end = (char *)(stop == n.digits ? s : stop);
	if (overflow) {
		errno = ERANGE;
		return (unsigned long)-1;
	}
	return n.negative ? -v : v;
}

long strtol(const char *s, char **end, int base)
{
	const unsigned long max = (unsigned long)-1 >> 1;
	struct number_start n = number_start(s, base);
	const char *stop;
	bool overflow;
	unsigned long v = read_digits(&n, &stop, &overflow);

	if (end)
		*end = (char *)(stop == n.digits ? s : stop);
	if (overflow || v > max + n.negative) {
		errno = ERANGE;
		return n.negative ? -(long)max - 1 : (long)max;
	}
	return (long)(n.negative ? -v : v);
}

int atoi(const char *s)
{
	return (int)strtol(s, NULL, 10);
}

int abs(int v)
{
	return v < 0 ? -v : v;
}
