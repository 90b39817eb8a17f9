/* SPDX-License-Identifier: MIT */
/*
 * Formatted output.  A conversion is parsed into a struct spec, turned into
 * (prefix, zeros, digits), and padded; no step knows the size of the buffer
 * but put(), which counts what it cannot store.
 */
#include "lib/fmt.h"

#include <stdint.h>

#include "lib/string.h"

struct out {
	char *buf;
	size_t size, len;
};

struct spec {
	bool left, zero, plus, space, alt, upper;
	int width, precision; /* precision is -1 when absent */
	int size_bytes;       /* of the integer argument */
	char conversion;
};

static void put(struct out *o, char c)
{
	if (o->len < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_run(struct out *o, const char *s, size_t n)
{
	size_t room = o->len < o->size ? o->size - o->len : 0;

	/* Without room there may be no buffer either. */
	if (room > 0)
		memcpy(o->buf + o->len, s, n < room ? n : room);
	o->len += n;
}

static void put_fill(struct out *o, char c, int n)
{
	for (; n > 0; n--)
		put(o, c);
}

/* Writes s in its field; the text of %s, %c, %pI and %pM. */
static void put_text(struct out *o, const struct spec *f, const char *s, int n)
{
	if (!f->left)
		put_fill(o, ' ', f->width - n);
	put_run(o, s, (size_t)n);
	if (f->left)
		put_fill(o, ' ', f->width - n);
}

static void put_string(struct out *o, const struct spec *f, const char *s)
{
	size_t max = f->precision >= 0 ? (size_t)f->precision : INT32_MAX;

	if (s == NULL)
		s = "(null)";
	put_text(o, f, s, (int)strnlen(s, max));
}

/* Writes the digits of v, last first, below end; returns where they begin. */
static char *digits_before(char *end, uint64_t v, uint32_t base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	for (; v != 0; v /= base)
		*--end = set[v % base];
	return end;
}

static void put_number(struct out *o, const struct spec *f, const char *prefix,
    uint64_t v, uint32_t base)
{
	char digits[24];
	char *end = digits + sizeof(digits);
	char *first = digits_before(end, v, base, f->upper);
	int n = (int)(end - first), prefix_len = (int)strlen(prefix);
	int least = f->precision >= 0 ? f->precision : 1;
	int zeros = n < least ? least - n : 0;

	if (base == 8 && f->alt && zeros == 0)
		zeros = 1;
	/* A precision switches the zero flag off, as C99 says. */
	if (f->zero && !f->left && f->precision < 0 &&
	    f->width > prefix_len + zeros + n)
		zeros = f->width - prefix_len - n;
	int pad = f->width - prefix_len - zeros - n;

	if (!f->left)
		put_fill(o, ' ', pad);
	put_run(o, prefix, (size_t)prefix_len);
	put_fill(o, '0', zeros);
	put_run(o, first, (size_t)n);
	if (f->left)
		put_fill(o, ' ', pad);
}

static void put_signed(struct out *o, const struct spec *f, int64_t v)
{
	const char *sign = v < 0 ? "-" : f->plus ? "+" : f->space ? " " : "";

	put_number(o, f, sign, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10);
}

static void put_unsigned(struct out *o, const struct spec *f, uint64_t v)
{
	const char *prefix = "";
	uint32_t base = 10;

	if (f->conversion == 'o')
		base = 8;
	if (f->conversion == 'x' || f->conversion == 'X') {
		base = 16;
		if (f->alt && v != 0)
			prefix = f->upper ? "0X" : "0x";
	}
	put_number(o, f, prefix, v, base);
}

static void put_ipv4(struct out *o, const struct spec *f, const uint32_t *ip)
{
	char s[16];
	int n = fmt_snprintf(s, sizeof(s), "%u.%u.%u.%u", *ip >> 24,
	    *ip >> 16 & 255, *ip >> 8 & 255, *ip & 255);

	put_text(o, f, s, n);
}

static void put_mac(struct out *o, const struct spec *f, const uint8_t *m)
{
	char s[18];
	int n = fmt_snprintf(s, sizeof(s), "%02x:%02x:%02x:%02x:%02x:%02x",
	    m[0], m[1], m[2], m[3], m[4], m[5]);

	put_text(o, f, s, n);
}

/* Returns the format behind the suffix that was used, if any. */
static const char *put_pointer(
    struct out *o, const struct spec *f, const char *fmt, const void *p)
{
	bool ours = *fmt == 'I' || *fmt == 'M';

	if (ours && p == NULL)
		put_string(o, f, NULL);
	else if (*fmt == 'I')
		put_ipv4(o, f, p);
	else if (*fmt == 'M')
		put_mac(o, f, p);
	else
		put_number(o, f, "0x", (uintptr_t)p, 16);
	return fmt + ours;
}

static const char *parse_flags(const char *fmt, struct spec *f)
{
	for (;; fmt++) {
		switch (*fmt) {
		case '-':
			f->left = true;
			break;
		case '0':
			f->zero = true;
			break;
		case '+':
			f->plus = true;
			break;
		case ' ':
			f->space = true;
			break;
		case '#':
			f->alt = true;
			break;
		default:
			return fmt;
		}
	}
}

/* Reads digits; a silly number saturates instead of overflowing. */
static const char *parse_number(const char *fmt, int *out)
{
	int n = 0;

	for (; *fmt >= '0' && *fmt <= '9'; fmt++) {
		if (n < 100000)
			n = n * 10 + (*fmt - '0');
	}
	*out = n;
	return fmt;
}

static const char *parse_length(const char *fmt, struct spec *f)
{
	f->size_bytes = sizeof(int);
	if (fmt[0] == 'h') {
		f->size_bytes = fmt[1] == 'h' ? 1 : 2;
		return fmt + (fmt[1] == 'h' ? 2 : 1);
	}
	if (fmt[0] == 'l' || fmt[0] == 'z') {
		f->size_bytes = 8;
		return fmt + (fmt[0] == 'l' && fmt[1] == 'l' ? 2 : 1);
	}
	return fmt;
}

/* va_list is an array type here; the structure lets us pass it by address. */
struct args {
	va_list ap;
};

static const char *parse_spec(const char *fmt, struct spec *f, struct args *a)
{
	*f = (struct spec){ .precision = -1 };
	fmt = parse_flags(fmt, f);
	if (*fmt == '*') {
		f->width = va_arg(a->ap, int);
		fmt++;
	} else {
		fmt = parse_number(fmt, &f->width);
	}
	if (f->width < 0) {
		f->left = true;
		f->width = f->width == INT32_MIN ? 0 : -f->width;
	}
	if (*fmt == '.' && fmt[1] == '*') {
		f->precision = va_arg(a->ap, int);
		fmt += 2;
	} else if (*fmt == '.') {
		fmt = parse_number(fmt + 1, &f->precision);
	}
	fmt = parse_length(fmt, f);
	f->conversion = *fmt;
	f->upper = *fmt == 'X';
	return *fmt != '\0' ? fmt + 1 : fmt;
}

static int64_t arg_signed(const struct spec *f, struct args *a)
{
	if (f->size_bytes == 8)
		return va_arg(a->ap, int64_t);
	int v = va_arg(a->ap, int);

	return f->size_bytes == 1   ? (signed char)v
	       : f->size_bytes == 2 ? (short)v
	                            : v;
}

static uint64_t arg_unsigned(const struct spec *f, struct args *a)
{
	if (f->size_bytes == 8)
		return va_arg(a->ap, uint64_t);
	unsigned int v = va_arg(a->ap, unsigned int);

	return f->size_bytes == 1   ? (uint8_t)v
	       : f->size_bytes == 2 ? (uint16_t)v
	                            : v;
}

/* Formats one conversion; fmt points behind it.  Returns what follows. */
static const char *convert(
    struct out *o, const struct spec *f, const char *fmt, struct args *a)
{
	char c;

	switch (f->conversion) {
	case 'd':
	case 'i':
		put_signed(o, f, arg_signed(f, a));
		break;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_unsigned(o, f, arg_unsigned(f, a));
		break;
	case 'c':
		c = (char)va_arg(a->ap, int);
		put_text(o, f, &c, 1);
		break;
	case 's':
		put_string(o, f, va_arg(a->ap, const char *));
		break;
	case 'p':
		return put_pointer(o, f, fmt, va_arg(a->ap, const void *));
	case '\0':
		break;
	default: /* includes %% */
		put(o, f->conversion);
	}
	return fmt;
}

int fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = { buf, size, 0 };
	struct args a;
	struct spec f;

	va_copy(a.ap, ap);
	for (;;) {
		const char *text = fmt;

		while (*fmt != '\0' && *fmt != '%')
			fmt++;
		put_run(&o, text, (size_t)(fmt - text));
		if (*fmt == '\0')
			break;
		fmt = parse_spec(fmt + 1, &f, &a);
		fmt = convert(&o, &f, fmt, &a);
	}
	va_end(a.ap);
	if (size > 0)
		buf[o.len < size ? o.len : size - 1] = '\0';
	return (int)o.len;
}

int fmt_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = fmt_vsnprintf(buf, size, fmt, ap);

	va_end(ap);
	return n;
}

/* How many of n bytes to append fit, with a zero behind them. */
static size_t fitting(struct text *t, size_t n)
{
	size_t room = t->size - t->len;

	if (n < room)
		return n;
	t->truncated = true;
	return room > 0 ? room - 1 : 0;
}

void fmt_add(struct text *t, const char *fmt, ...)
{
	size_t room = t->size - t->len;
	va_list ap;

	va_start(ap, fmt);
	/* Without room there may be no buffer either to point into. */
	char *end = room > 0 ? t->buf + t->len : NULL;
	int n = fmt_vsnprintf(end, room, fmt, ap);

	va_end(ap);
	t->len += fitting(t, (size_t)n);
}

void fmt_add_run(struct text *t, const char *s, size_t n)
{
	n = fitting(t, n);
	if (t->size == 0)
		return;
	memcpy(t->buf + t->len, s, n);
	t->len += n;
	t->buf[t->len] = '\0';
}
