/* SPDX-License-Identifier: MIT */
/* ioctl, which here asks sockets only. */
#include "posix/internal.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <stdarg.h>

static const struct {
	unsigned long request;
	enum sock_opt opt;
} questions[] = {
	{ FIONREAD, SOCK_OPT_INQ },
	{ TIOCOUTQ, SOCK_OPT_OUTQ },
	{ SIOCATMARK, SOCK_OPT_ATMARK },
};

static int ask(struct ofile *f, unsigned long request, int *value)
{
	size_t i;

	if (request == FIONBIO) {
		f->nonblock = *value != 0;
		return 0;
	}
	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (questions[i].request == request)
			return sock_get_opt(
			    f->socket.sock, questions[i].opt, value);
	return -ENOTTY;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct ofile *f;
	va_list ap;
	int *value;
	int rc;

	va_start(ap, request);
	value = va_arg(ap, int *);
	va_end(ap);
	posix_enter();
	rc = fd_get_kind(fd, &socket_ops, -ENOTTY, &f);
	if (rc < 0)
		return (int)posix_result(rc);
	rc = ask(f, request, value);
	ofile_put(f);
	return (int)posix_result(rc);
}

int sockatmark(int fd)
{
	int mark, rc = ioctl(fd, SIOCATMARK, &mark);

	return rc < 0 ? rc : mark;
}
