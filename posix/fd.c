/* SPDX-License-Identifier: MIT */
/* The descriptor table, and the calls that work on any descriptor. */
#include "posix/internal.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/assert.h"
#include "lib/string.h"

#define WORD_BITS      64
#define CALLS_PER_TURN 32

void posix_enter(void)
{
	if (++posix_env()->calls % CALLS_PER_TURN == 0)
		thread_yield();
	else
		sched_poll();
}

/* POSIX asks for the lowest free number; the hint keeps the search short. */
static int take_number(struct posix_env *env)
{
	uint32_t words = (env->config.fds_max + WORD_BITS - 1) / WORD_BITS;
	uint32_t w = env->fds_hint;
	int bit;

	while (w < words && !env->fds_free[w])
		w++;
	env->fds_hint = w;
	if (w == words)
		return -EMFILE;
	bit = __builtin_ctzll(env->fds_free[w]);
	env->fds_free[w] &= ~(1ull << bit);
	return (int)(w * WORD_BITS) + bit;
}

static void give_number(struct posix_env *env, int fd)
{
	uint32_t w = (uint32_t)fd / WORD_BITS;

	env->fds[fd] = NULL;
	env->fds_free[w] |= 1ull << fd % WORD_BITS;
	if (w < env->fds_hint)
		env->fds_hint = w;
}

int fd_open(const struct ofile_ops *ops, struct ofile **out)
{
	struct posix_env *env = posix_env();
	int fd = take_number(env);
	struct ofile *f;

	if (fd < 0)
		return fd;
	f = pool_get(&env->ofiles);
	if (!f) {
		give_number(env, fd);
		return -ENFILE;
	}
	memset(f, 0, sizeof(*f));
	f->ops = ops;
	f->env = env;
	f->refs = 1;
	list_init(&f->watches);
	env->fds[fd] = f;
	*out = f;
	return fd;
}

void fd_abandon(int fd)
{
	struct posix_env *env = posix_env();

	pool_put(&env->ofiles, env->fds[fd]);
	give_number(env, fd);
}

static struct ofile *fd_look(int fd)
{
	struct posix_env *env = posix_env();

	if (fd < 0 || (uint32_t)fd >= env->config.fds_max)
		return NULL;
	return env->fds[fd];
}

struct ofile *fd_get(int fd)
{
	struct ofile *f = fd_look(fd);

	if (f)
		f->refs++;
	return f;
}

int fd_get_kind(
    int fd, const struct ofile_ops *ops, int wrong, struct ofile **out)
{
	struct ofile *f = fd_look(fd);

	if (!f)
		return -EBADF;
	if (f->ops != ops)
		return wrong;
	f->refs++;
	*out = f;
	return 0;
}

void ofile_put(struct ofile *f)
{
	if (--f->refs == 0) {
		if (f->ops->release)
			f->ops->release(f);
		pool_put(&f->env->ofiles, f);
		return;
	}
	/* An exclusive wake-up reaches one waiter of a closed file, so each
	 * that leaves wakes the next. */
	if (f->closed && f->ops->waitq)
		waitq_wake(f->ops->waitq(f), EPOLLHUP);
}

uint32_t ofile_events(const struct ofile *f)
{
	uint32_t events = EPOLLIN | EPOLLOUT;

	if (f->ops->events)
		events = f->ops->events(f);
	if (events & EPOLLIN)
		events |= EPOLLRDNORM;
	if (events & EPOLLOUT)
		events |= EPOLLWRNORM;
	return events;
}

int ofile_wait(struct ofile *f, bool exclusive, uint64_t deadline_ns)
{
	struct waitq *q = f->ops->waitq(f);
	int rc;

	rc = exclusive ? waitq_wait_exclusive(q, deadline_ns)
	               : waitq_wait(q, deadline_ns);
	if (f->closed)
		return -EBADF;
	return rc == 0 ? 0 : -EAGAIN;
}

uint64_t posix_after(uint64_t wait_ns)
{
	uint64_t now_ns = posix_env()->config.clock_ns();

	return wait_ns < WAIT_FOREVER - now_ns ? now_ns + wait_ns
	                                       : WAIT_FOREVER;
}

uint64_t posix_deadline(uint64_t timeout_ns)
{
	return timeout_ns ? posix_after(timeout_ns) : WAIT_FOREVER;
}

int close(int fd)
{
	struct ofile *f;

	/* Looked up behind the scheduling point: another thread may close the
	 * same number there. */
	posix_enter();
	f = fd_look(fd);
	if (!f)
		return (int)posix_result(-EBADF);
	give_number(f->env, fd);
	epoll_forget(f);
	f->closed = true;
	ofile_put(f);
	return 0;
}

static ptrdiff_t file_read(struct ofile *f, void *buf, size_t len)
{
	return f->ops->read ? f->ops->read(f, buf, len) : -EINVAL;
}

static ptrdiff_t file_write(struct ofile *f, const void *buf, size_t len)
{
	return f->ops->write ? f->ops->write(f, buf, len) : -EBADF;
}

ssize_t read(int fd, void *buf, size_t len)
{
	struct ofile *f;
	ptrdiff_t rc;

	posix_enter();
	f = fd_get(fd);
	if (!f)
		return posix_result(-EBADF);
	rc = file_read(f, buf, len);
	ofile_put(f);
	return posix_result(rc);
}

ssize_t write(int fd, const void *buf, size_t len)
{
	struct ofile *f;
	ptrdiff_t rc;

	posix_enter();
	f = fd_get(fd);
	if (!f)
		return posix_result(-EBADF);
	rc = file_write(f, buf, len);
	ofile_put(f);
	return posix_result(rc);
}

/* The pieces are one write: a stream must not send the first one alone and make
 * the others wait for its acknowledgment. */
static ptrdiff_t write_piece(
    struct ofile *f, const struct iovec *iov, bool more)
{
	if (f->ops == &socket_ops)
		return socket_send_piece(f, iov->iov_base, iov->iov_len, more);
	return file_write(f, iov->iov_base, iov->iov_len);
}

/* Whether a piece must wait for the next call: a read waits for its first byte
 * only, and a failure is told by itself. */
static bool stops_here(const struct ofile *f, bool reading)
{
	uint32_t events = ofile_events(f);

	return (events & EPOLLERR) || (reading && !(events & EPOLLIN));
}

/* Goes through the pieces until one is not moved whole.  What was moved before
 * a failure is the result. */
static ptrdiff_t each_piece(
    struct ofile *f, const struct iovec *iov, int count, bool reading)
{
	ptrdiff_t done = 0, n;
	int i;

	while (count > 1 && !iov[count - 1].iov_len)
		count--;
	for (i = 0; i < count; i++) {
		if (done > 0 && stops_here(f, reading))
			break;
		n = reading ? file_read(f, iov[i].iov_base, iov[i].iov_len)
		            : write_piece(f, &iov[i], i + 1 < count);
		if (n < 0)
			return done > 0 ? done : n;
		done += n;
		if ((size_t)n < iov[i].iov_len)
			break;
	}
	return done;
}

static ssize_t each_iov(
    int fd, const struct iovec *iov, int count, bool reading)
{
	struct ofile *f;
	ptrdiff_t done;

	if (count < 0 || count > IOV_MAX)
		return posix_result(-EINVAL);
	posix_enter();
	f = fd_get(fd);
	if (!f)
		return posix_result(-EBADF);
	/* Deviation: one datagram is never made of, nor cut into, pieces. */
	if (f->ops == &socket_ops && f->socket.type == SOCK_TYPE_UDP)
		done = -EOPNOTSUPP;
	else
		done = each_piece(f, iov, count, reading);
	ofile_put(f);
	return posix_result(done);
}

ssize_t readv(int fd, const struct iovec *iov, int count)
{
	return each_iov(fd, iov, count, true);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	return each_iov(fd, iov, count, false);
}

static int set_flags(struct ofile *f, int flags)
{
	f->nonblock = (flags & O_NONBLOCK) != 0;
	return 0;
}

static int get_flags(const struct ofile *f)
{
	int access = f->ops == &file_ops ? O_RDONLY : O_RDWR;

	return access | (f->nonblock ? O_NONBLOCK : 0);
}

int fcntl(int fd, int command, ...)
{
	struct ofile *f = fd_look(fd);
	va_list ap;
	int arg;

	if (!f)
		return (int)posix_result(-EBADF);
	switch (command) {
	case F_GETFL:
		return get_flags(f);
	case F_SETFL:
		va_start(ap, command);
		arg = va_arg(ap, int);
		va_end(ap);
		return set_flags(f, arg);
	case F_GETFD:
	case F_SETFD: /* there is no exec to close for */
		return 0;
	default:
		return (int)posix_result(-EINVAL);
	}
}

int fstat(int fd, struct stat *out)
{
	struct ofile *f = fd_look(fd);

	if (!f)
		return (int)posix_result(-EBADF);
	memset(out, 0, sizeof(*out));
	out->st_nlink = 1;
	out->st_blksize = 4096;
	f->ops->stat(f, out);
	return 0;
}
