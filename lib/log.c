/* SPDX-License-Identifier: MIT */
/*
 * The system log.  A line is built on the caller's stack and then handed on
 * whole, and its place in the ring is reserved before it is copied, so an
 * interrupt or a panic may log in the middle of another line's way without any
 * lock: at worst two lines stand in the other order.
 */
#include "lib/log.h"

#include <stdarg.h>
#include <stdbool.h>

#include "lib/fmt.h"
#include "lib/string.h"

static struct {
	uint64_t (*clock_ns)(void);
	log_sink *sinks[LOG_SINKS_MAX];
	uint32_t sink_count;
	enum log_level level;
	bool panicking;
	uint64_t written; /* bytes ever put into the ring */
} logger = { .level = LOG_INFO };

/* Apart, so that the image need not hold its zeros. */
static char ring[LOG_RING_BYTES];

/* A line holds text, not commands to a terminal: much of what is logged comes
 * from a peer or a stick. */
static void blank_controls(char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((uint8_t)s[i] < ' ' || s[i] == 0x7f)
			s[i] = s[i] == '\t' ? ' ' : '?';
	}
}

static void ring_write(const char *s, size_t len)
{
	uint64_t at =
	    __atomic_fetch_add(&logger.written, len, __ATOMIC_RELAXED);

	for (size_t i = 0; i < len; i++)
		ring[(at + i) % LOG_RING_BYTES] = s[i];
}

static void emit(enum log_level level, const char *s, size_t len)
{
	ring_write(s, len);
	if (logger.panicking)
		level = LOG_PANIC;
	for (uint32_t i = 0; i < logger.sink_count; i++)
		logger.sinks[i](level, s, len);
}

/* Completes a line of which buf[0..used) stands, and sends it. */
static void finish_line(
    enum log_level level, char *buf, size_t used, const char *fmt, va_list ap)
{
	size_t room = LOG_LINE_BYTES - 1 - used;
	size_t n = (size_t)fmt_vsnprintf(buf + used, room, fmt, ap);

	if (n >= room)
		n = room - 1;
	/* A newline by habit at the end would make an empty line. */
	if (n > 0 && buf[used + n - 1] == '\n')
		n--;
	blank_controls(buf + used, n);
	buf[used + n] = '\n';
	emit(level, buf, used + n + 1);
}

void log_init(uint64_t (*clock_ns)(void))
{
	logger.clock_ns = clock_ns;
}

void log_add_sink(log_sink *sink)
{
	if (logger.sink_count < LOG_SINKS_MAX)
		logger.sinks[logger.sink_count++] = sink;
}

void log_remove_sink(log_sink *sink)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < logger.sink_count; i++)
		if (logger.sinks[i] != sink)
			logger.sinks[kept++] = logger.sinks[i];
	logger.sink_count = kept;
}

void log_panic(void)
{
	logger.panicking = true;
}

void log_set_level(enum log_level level)
{
	logger.level = level;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	char buf[LOG_LINE_BYTES];
	va_list ap;

	if (level > logger.level)
		return;
	uint64_t ms = logger.clock_ns ? logger.clock_ns() / 1000000 : 0;
	int used = fmt_snprintf(buf, sizeof(buf), "[%u.%03u] ",
	    (uint32_t)(ms / 1000), (uint32_t)(ms % 1000));

	va_start(ap, fmt);
	finish_line(level, buf, (size_t)used, fmt, ap);
	va_end(ap);
}

void log_line(const char *fmt, ...)
{
	char buf[LOG_LINE_BYTES];
	va_list ap;

	va_start(ap, fmt);
	finish_line(LOG_LINE, buf, 0, fmt, ap);
	va_end(ap);
}

size_t log_copy(char *buf, size_t size)
{
	uint64_t end = logger.written;
	size_t n = end < LOG_RING_BYTES ? (size_t)end : LOG_RING_BYTES;

	if (n > size)
		n = size;
	for (size_t i = 0; i < n; i++)
		buf[i] = ring[(end - n + i) % LOG_RING_BYTES];
	return n;
}

uint64_t log_written(void)
{
	return logger.written;
}
