/* SPDX-License-Identifier: MIT */
/*
 * Formatted output into a buffer: %d %i %u %x %X %o %c %s %p %% with flags
 * "-0 +#", width, precision, and the lengths hh h l ll z; no floating point.
 * Two conversions of our own keep gcc's format check happy, being %p with a
 * suffix: %pI prints a pointer to a uint32_t in host order as a.b.c.d, and %pM
 * a pointer to six bytes as a MAC address.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* As C99 vsnprintf: terminates when size > 0, returns the length that the whole
 * text would have. */
int fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));
int fmt_snprintf(char *buf, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * A text being built in a caller's buffer.  fmt_add appends and stops at the
 * end; `truncated` says that something did not fit.
 */
struct text {
	char *buf;
	size_t size, len;
	bool truncated;
};

void fmt_add(struct text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Appends n bytes as they are. */
void fmt_add_run(struct text *t, const char *s, size_t n);
