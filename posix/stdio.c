/* SPDX-License-Identifier: MIT */
/*
 * Streams that write to the system log, one line at a time: a line is kept
 * until its end comes, or until it is full.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "posix/internal.h"

#include "lib/fmt.h"

FILE *rl_stdout(void)
{
	return &posix_env()->out;
}

FILE *rl_stderr(void)
{
	return &posix_env()->err;
}

static void emit(struct rl_file *f)
{
	log_at(f->level, "%.*s", (int)f->len, f->line);
	f->len = 0;
}

void log_stream_write(struct rl_file *f, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == '\n' || f->len == sizeof(f->line))
			emit(f);
		if (s[i] != '\n')
			f->line[f->len++] = s[i];
	}
}

int fflush(FILE *f)
{
	if (f && f->len > 0)
		emit(f);
	return 0;
}

int fputs(const char *s, FILE *f)
{
	log_stream_write(f, s, strlen(s));
	return 0;
}

int puts(const char *s)
{
	fputs(s, stdout);
	log_stream_write(stdout, "\n", 1);
	return 0;
}

int putchar(int c)
{
	char byte = (char)c;

	log_stream_write(stdout, &byte, 1);
	return (unsigned char)c;
}

/* Deviation: what does not fit into one log line is cut. */
int vfprintf(FILE *f, const char *fmt, va_list ap)
{
	char text[LOG_LINE_BYTES];
	int len = fmt_vsnprintf(text, sizeof(text), fmt, ap);

	fputs(text, f);
	return len;
}

int vprintf(const char *fmt, va_list ap)
{
	return vfprintf(stdout, fmt, ap);
}

int fprintf(FILE *f, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vfprintf(f, fmt, ap);
	va_end(ap);
	return len;
}

int printf(const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vfprintf(stdout, fmt, ap);
	va_end(ap);
	return len;
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	return fmt_vsnprintf(buf, size, fmt, ap);
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = fmt_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return len;
}

void perror(const char *what)
{
	const char *why = strerror(errno);

	if (what && *what)
		fprintf(stderr, "%s: %s\n", what, why);
	else
		fprintf(stderr, "%s\n", why);
}

/* --- As an open file ----------------------------------------------------- */

static ptrdiff_t log_read(struct ofile *f, void *buf, size_t len)
{
	return 0; /* nobody types: the end of the input */
}

static ptrdiff_t log_write(struct ofile *f, const void *buf, size_t len)
{
	log_stream_write(f->log, buf, len);
	return (ptrdiff_t)len;
}

static void log_stat(const struct ofile *f, struct stat *out)
{
	out->st_mode = S_IFCHR | 0600;
}

const struct ofile_ops log_ops = {
	.read = log_read,
	.write = log_write,
	.stat = log_stat,
};
