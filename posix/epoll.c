/* SPDX-License-Identifier: MIT */
/*
 * epoll.  A watch (struct epoll_item) is a wait entry on the watched file's
 * queue.  When the file wakes its queue, the watch puts itself on the ready
 * list of its epoll, so epoll_wait looks at watches that are ready and at no
 * others, however many there are.
 *
 *	level      reported, and put back at the end of the list: the next call
 *	           asks the file again and drops the watch when it is not ready
 *	edge       reported once for each wake-up of the file
 *	one-shot   reported once, then silent until EPOLL_CTL_MOD
 *	exclusive  one wake-up of the file reaches one epoll that is waited on
 */
#include "posix/internal.h"

#include <sys/epoll.h>
#include <sys/stat.h>

#include "lib/string.h"
#include "sched/timer.h"

/* Flags that are the caller's wish; the others are events. */
#define MODES  (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE)
#define ALWAYS (EPOLLERR | EPOLLHUP)
#define ANY_EVENT                                                              \
	(EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM |           \
	    EPOLLRDHUP | ALWAYS)

struct epoll {
	struct list ready; /* epoll_item.ready, oldest first */
	struct list items; /* epoll_item.in_epoll */
	struct waitq
	    waitq; /* threads in epoll_wait, that leave it when woken */
};

struct epoll_item {
	struct wait_entry entry; /* on the file's queue */
	struct list ready;       /* linked while it may be ready */
	struct list in_epoll, in_file;
	struct epoll *epoll;
	struct ofile *file;
	int fd;
	uint32_t events; /* as asked for; 0 after a one-shot */
	epoll_data_t data;
};

size_t epoll_object_bytes(void)
{
	return sizeof(struct epoll);
}

size_t epoll_item_bytes(void)
{
	return sizeof(struct epoll_item);
}

/* --- Becoming ready ------------------------------------------------------ */

static uint32_t wanted(const struct epoll_item *it)
{
	return it->events ? (it->events & ANY_EVENT) | ALWAYS : 0;
}

/* Lets one thread out of epoll_wait.  Returns whether there was one. */
static bool wake_waiter(struct epoll *ep)
{
	if (list_empty(&ep->waitq.entries))
		return false;
	waitq_wake(&ep->waitq, EPOLLIN);
	return true;
}

/* The file's queue was woken. */
static bool item_wake(struct wait_entry *e, uint32_t events)
{
	struct epoll_item *it = container_of(e, struct epoll_item, entry);

	if (events & EPOLLIN)
		events |= EPOLLRDNORM;
	if (events & EPOLLOUT)
		events |= EPOLLWRNORM;
	if (!(events & wanted(it)))
		return false;
	if (!list_linked(&it->ready))
		list_append(&it->epoll->ready, &it->ready);
	return wake_waiter(it->epoll);
}

static void item_look(struct epoll_item *it)
{
	item_wake(&it->entry, ofile_events(it->file));
}

/* --- Changing the set ---------------------------------------------------- */

static struct epoll_item *find_item(
    const struct epoll *ep, const struct ofile *f)
{
	struct epoll_item *it;
	struct list *n;

	list_for_each(n, &f->watches)
	{
		it = container_of(n, struct epoll_item, in_file);
		if (it->epoll == ep)
			return it;
	}
	return NULL;
}

static void remove_item(struct posix_env *env, struct epoll_item *it)
{
	waitq_remove(&it->entry);
	list_del(&it->ready);
	list_del(&it->in_epoll);
	list_del(&it->in_file);
	pool_put(&env->watches, it);
}

static int add_item(
    struct epoll *ep, struct ofile *f, int fd, const struct epoll_event *event)
{
	struct epoll_item *it;

	if (find_item(ep, f))
		return -EEXIST;
	it = pool_get(&f->env->watches);
	if (!it)
		return -ENOMEM;
	memset(it, 0, sizeof(*it));
	it->epoll = ep;
	it->file = f;
	it->fd = fd;
	it->events = event->events | ALWAYS;
	it->data = event->data;
	it->entry.wake = item_wake;
	it->entry.exclusive = (event->events & EPOLLEXCLUSIVE) != 0;
	list_init(&it->entry.node);
	list_init(&it->ready);
	list_append(&ep->items, &it->in_epoll);
	list_append(&f->watches, &it->in_file);
	waitq_add(f->ops->waitq(f), &it->entry);
	item_look(it);
	return 0;
}

static int modify_item(struct epoll_item *it, const struct epoll_event *event)
{
	if ((it->events | event->events) & EPOLLEXCLUSIVE)
		return -EINVAL;
	it->events = event->events | ALWAYS;
	it->data = event->data;
	item_look(it);
	return 0;
}

static int change_set(struct ofile *epf, int op, int fd, struct ofile *f,
    const struct epoll_event *event)
{
	struct epoll_item *it = find_item(epf->epoll, f);

	if (op == EPOLL_CTL_ADD)
		return add_item(epf->epoll, f, fd, event);
	if (!it)
		return -ENOENT;
	if (op == EPOLL_CTL_MOD)
		return modify_item(it, event);
	remove_item(f->env, it);
	return 0;
}

static int check_ctl(
    int op, const struct ofile *f, const struct epoll_event *event)
{
	const uint32_t exclusive_ok =
	    EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLET | EPOLLEXCLUSIVE;

	if (op < EPOLL_CTL_ADD || op > EPOLL_CTL_MOD)
		return -EINVAL;
	if (f->ops == &epoll_ops)
		return -EINVAL;
	if (!f->ops->waitq)
		return -EPERM;
	if (op == EPOLL_CTL_DEL)
		return 0;
	if (!event)
		return -EFAULT;
	if ((event->events & EPOLLEXCLUSIVE) && (event->events & ~exclusive_ok))
		return -EINVAL;
	return 0;
}

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	struct ofile *epf, *f;
	int rc;

	posix_enter();
	rc = fd_get_kind(epfd, &epoll_ops, -EINVAL, &epf);
	if (rc < 0)
		return (int)posix_result(rc);
	f = fd_get(fd);
	rc = f ? check_ctl(op, f, event) : -EBADF;
	if (rc == 0)
		rc = change_set(epf, op, fd, f, event);
	if (f)
		ofile_put(f);
	ofile_put(epf);
	return (int)posix_result(rc);
}

void epoll_forget(struct ofile *f)
{
	struct list *n, *tmp;

	list_for_each_safe(n, tmp, &f->watches)
	    remove_item(f->env, container_of(n, struct epoll_item, in_file));
	if (f->ops != &epoll_ops)
		return;
	list_for_each_safe(n, tmp, &f->epoll->items)
	    remove_item(f->env, container_of(n, struct epoll_item, in_epoll));
}

/* --- Waiting ------------------------------------------------------------- */

/* Reports one watch from the ready list, unless it is not ready after all. */
static bool report(
    struct epoll *ep, struct epoll_item *it, struct epoll_event *out)
{
	uint32_t events = ofile_events(it->file) & wanted(it);

	list_del(&it->ready);
	if (events == 0)
		return false;
	out->events = events;
	out->data = it->data;
	if (it->events & EPOLLONESHOT)
		it->events = 0;
	else if (!(it->events & EPOLLET))
		list_append(&ep->ready, &it->ready);
	return true;
}

/* Takes up to max events.  Each watch is looked at once: `last` is the end of
 * the list before level-triggered ones are put back behind it. */
static int harvest(struct epoll *ep, struct epoll_event *events, int max)
{
	struct list *last = ep->ready.prev, *n;
	bool at_last = list_empty(&ep->ready);
	int count = 0;

	while (!at_last && count < max) {
		n = ep->ready.next;
		at_last = n == last;
		if (report(ep, container_of(n, struct epoll_item, ready),
		        &events[count]))
			count++;
	}
	return count;
}

static uint64_t wait_deadline(const struct posix_env *env, int timeout_ms)
{
	if (timeout_ms < 0)
		return WAIT_FOREVER;
	return env->config.clock_ns() + (uint64_t)timeout_ms * NS_PER_MS;
}

int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms)
{
	uint64_t deadline_ns;
	struct ofile *epf;
	int rc, count;

	posix_enter();
	rc = fd_get_kind(epfd, &epoll_ops, -EINVAL, &epf);
	if (rc < 0)
		return (int)posix_result(rc);
	deadline_ns = wait_deadline(epf->env, timeout_ms);
	count = max > 0 ? harvest(epf->epoll, events, max) : -EINVAL;
	while (count == 0 && timeout_ms != 0 && rc == 0) {
		rc = ofile_wait(epf, true, deadline_ns);
		count = rc == -EBADF ? rc : harvest(epf->epoll, events, max);
	}
	/* What is left may be another waiter's. */
	if (count > 0 && !list_empty(&epf->epoll->ready))
		wake_waiter(epf->epoll);
	ofile_put(epf);
	return (int)posix_result(count);
}

/* --- As an open file ----------------------------------------------------- */

int epoll_create1(int flags)
{
	struct posix_env *env = posix_env();
	struct ofile *f;
	int fd;

	if (flags & ~EPOLL_CLOEXEC)
		return (int)posix_result(-EINVAL);
	fd = fd_open(&epoll_ops, &f);
	if (fd < 0)
		return (int)posix_result(fd);
	f->epoll = pool_get(&env->epolls);
	if (!f->epoll) {
		fd_abandon(fd);
		return (int)posix_result(-ENOMEM);
	}
	memset(f->epoll, 0, sizeof(*f->epoll));
	list_init(&f->epoll->ready);
	list_init(&f->epoll->items);
	waitq_init(&f->epoll->waitq);
	return fd;
}

int epoll_create(int size)
{
	if (size <= 0)
		return (int)posix_result(-EINVAL);
	return epoll_create1(0);
}

static struct waitq *epoll_waitq(const struct ofile *f)
{
	return &f->epoll->waitq;
}

static uint32_t epoll_events(const struct ofile *f)
{
	return list_empty(&f->epoll->ready) ? 0 : EPOLLIN;
}

static void epoll_stat(const struct ofile *f, struct stat *out)
{
	out->st_mode = 0600;
}

static void epoll_release(struct ofile *f)
{
	pool_put(&f->env->epolls, f->epoll);
}

const struct ofile_ops epoll_ops = {
	.events = epoll_events,
	.waitq = epoll_waitq,
	.stat = epoll_stat,
	.release = epoll_release,
};
