/* SPDX-License-Identifier: MIT */
/*
 * poll and select: ask every descriptor, and wait on all of their queues at
 * once.  Each call costs as much as it has descriptors.
 */
#include "posix/internal.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "lib/string.h"
#include "sched/timer.h"

struct poll_call;

struct poll_entry {
	struct wait_entry entry;
	struct poll_call *call;
	struct ofile *file;
};

struct poll_call {
	struct waitq waitq; /* the thread parks here */
	struct poll_entry *entries;
	struct pollfd *fds;
	nfds_t count;
};

static bool entry_wake(struct wait_entry *e, uint32_t events)
{
	struct poll_entry *pe = container_of(e, struct poll_entry, entry);

	waitq_wake(&pe->call->waitq, events);
	return true;
}

static void call_begin(struct poll_call *c)
{
	struct poll_entry *pe;
	nfds_t i;

	waitq_init(&c->waitq);
	for (i = 0; i < c->count; i++) {
		pe = &c->entries[i];
		pe->call = c;
		pe->entry.wake = entry_wake;
		pe->entry.exclusive = false;
		list_init(&pe->entry.node);
		pe->file = fd_get(c->fds[i].fd);
		if (pe->file && pe->file->ops->waitq)
			waitq_add(pe->file->ops->waitq(pe->file), &pe->entry);
	}
}

static void call_end(struct poll_call *c)
{
	nfds_t i;

	for (i = 0; i < c->count; i++) {
		waitq_remove(&c->entries[i].entry);
		if (c->entries[i].file)
			ofile_put(c->entries[i].file);
	}
}

/* A negative descriptor is one that the program has switched off. */
static short ready_events(const struct pollfd *p, const struct ofile *f)
{
	uint32_t want = (uint16_t)p->events | POLLERR | POLLHUP;

	if (p->fd < 0)
		return 0;
	if (!f || f->closed)
		return POLLNVAL;
	return (short)(ofile_events(f) & want);
}

static int call_scan(struct poll_call *c)
{
	int ready = 0;
	nfds_t i;

	for (i = 0; i < c->count; i++) {
		c->fds[i].revents =
		    ready_events(&c->fds[i], c->entries[i].file);
		ready += c->fds[i].revents != 0;
	}
	return ready;
}

static int call_wait(struct poll_call *c, uint64_t deadline_ns)
{
	int ready, rc = 0;

	while ((ready = call_scan(c)) == 0 && rc == 0)
		rc = waitq_wait(&c->waitq, deadline_ns);
	return ready;
}

static int poll_until(struct pollfd *fds, nfds_t count, uint64_t deadline_ns)
{
	struct poll_entry few[8];
	struct poll_call c = { .entries = few, .fds = fds, .count = count };
	int ready;

	if (count > posix_env()->config.fds_max)
		return -EINVAL;
	if (count > sizeof(few) / sizeof(few[0]))
		c.entries = malloc(count * sizeof(*c.entries));
	if (!c.entries)
		return -ENOMEM;
	call_begin(&c);
	ready = call_wait(&c, deadline_ns);
	call_end(&c);
	if (c.entries != few)
		free(c.entries);
	return ready;
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	uint64_t deadline_ns = WAIT_FOREVER;

	posix_enter();
	if (timeout_ms >= 0)
		deadline_ns = posix_after((uint64_t)timeout_ms * NS_PER_MS);
	return (int)posix_result(poll_until(fds, count, deadline_ns));
}

/* --- select -------------------------------------------------------------- */

/* The sets a program passes; any may be NULL. */
struct select_sets {
	fd_set *readable, *writable, *except;
};

static short select_wants(const struct select_sets *s, int fd)
{
	short events = 0;

	if (s->readable && FD_ISSET(fd, s->readable))
		events |= POLLIN;
	if (s->writable && FD_ISSET(fd, s->writable))
		events |= POLLOUT;
	if (s->except && FD_ISSET(fd, s->except))
		events |= POLLPRI;
	return events;
}

static nfds_t select_collect(
    const struct select_sets *s, int count, struct pollfd *fds)
{
	nfds_t n = 0;
	short events;
	int fd;

	for (fd = 0; fd < count; fd++) {
		events = select_wants(s, fd);
		if (events)
			fds[n++] =
			    (struct pollfd){ .fd = fd, .events = events };
	}
	return n;
}

static int set_result(
    fd_set *set, const struct pollfd *p, short wanted, short events)
{
	if (!set || !(p->events & wanted) || !(p->revents & events))
		return 0;
	FD_SET(p->fd, set);
	return 1;
}

/* Empties the sets and puts in what is ready.  Returns how many bits. */
static int select_results(
    const struct select_sets *s, const struct pollfd *fds, nfds_t n)
{
	int bits = 0;
	nfds_t i;

	if (s->readable)
		FD_ZERO(s->readable);
	if (s->writable)
		FD_ZERO(s->writable);
	if (s->except)
		FD_ZERO(s->except);
	for (i = 0; i < n; i++) {
		if (fds[i].revents & POLLNVAL)
			return -EBADF;
		bits += set_result(
		    s->readable, &fds[i], POLLIN, POLLIN | POLLHUP | POLLERR);
		bits += set_result(
		    s->writable, &fds[i], POLLOUT, POLLOUT | POLLERR);
		bits += set_result(s->except, &fds[i], POLLPRI, POLLPRI);
	}
	return bits;
}

/* -EINVAL as POSIX wants; more seconds than the clock has are for ever. */
static int deadline_of(const struct timeval *timeout, uint64_t *deadline_ns)
{
	if (timeout->tv_sec < 0 || timeout->tv_usec < 0 ||
	    timeout->tv_usec >= 1000000)
		return -EINVAL;
	if ((uint64_t)timeout->tv_sec < WAIT_FOREVER / NS_PER_S)
		*deadline_ns =
		    posix_after((uint64_t)timeout->tv_sec * NS_PER_S +
		                (uint64_t)timeout->tv_usec * NS_PER_US);
	return 0;
}

int select(int count, fd_set *readable, fd_set *writable, fd_set *except,
    struct timeval *timeout)
{
	struct select_sets s = { readable, writable, except };
	uint64_t deadline_ns = WAIT_FOREVER;
	struct pollfd *fds;
	int rc = count < 0 || count > FD_SETSIZE ? -EINVAL : 0;
	nfds_t n;

	posix_enter();
	if (rc == 0 && timeout)
		rc = deadline_of(timeout, &deadline_ns);
	if (rc < 0)
		return (int)posix_result(rc);
	fds = malloc(((size_t)count + 1) * sizeof(*fds));
	if (!fds)
		return (int)posix_result(-ENOMEM);
	n = select_collect(&s, count, fds);
	rc = poll_until(fds, n, deadline_ns);
	if (rc >= 0)
		rc = select_results(&s, fds, n);
	free(fds);
	return (int)posix_result(rc);
}
