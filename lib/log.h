/* SPDX-License-Identifier: MIT */
/*
 * The system log: one line per call, "[seconds.milliseconds] text", sent to
 * every sink (serial line, screen) and kept in a ring of the last
 * LOG_RING_BYTES.  Never called per packet.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LOG_RING_BYTES 16384
#define LOG_LINE_BYTES 512
#define LOG_SINKS_MAX  4

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
	LOG_LINE, /* these two are for sinks: a line of log_line */
	LOG_PANIC /* any line after log_panic */
};

/* A sink writes one whole line somewhere; its newline ends the bytes.  Context:
 * any, interrupts included. */
typedef void log_sink(enum log_level level, const char *text, size_t len);

/* Sets the clock (nanoseconds since kernel entry) that stamps each line. */
void log_init(uint64_t (*clock_ns)(void));
void log_add_sink(log_sink *sink);
void log_remove_sink(log_sink *sink);
void log_set_level(enum log_level level);

void log_at(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A line that scripts read: no stamp, starts at column one, always shown. */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The machine is about to stop: every line from now on tells why. */
void log_panic(void);

/* Copies the newest bytes of the ring, oldest first.  Returns how many. */
size_t log_copy(char *buf, size_t size);

/* Bytes ever written to the ring: changes with every line. */
uint64_t log_written(void);

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
