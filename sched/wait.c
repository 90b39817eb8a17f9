/* SPDX-License-Identifier: MIT */
/*
 * Wait queues.  Shared entries stand before exclusive ones, so a wake-up that
 * found its exclusive taker need not look at the rest.
 */
#include "sched/wait.h"

#include "lib/errno.h"
#include "sched/thread.h"
#include "sched/timer.h"

/* A thread parked in waitq_wait. */
struct waiter {
	struct wait_entry entry;
	struct timer timer;
	struct thread *thread;
	bool woken, late;
};

void waitq_init(struct waitq *q)
{
	list_init(&q->entries);
}

void waitq_add(struct waitq *q, struct wait_entry *e)
{
	if (e->exclusive)
		list_append(&q->entries, &e->node);
	else
		list_prepend(&q->entries, &e->node);
}

void waitq_remove(struct wait_entry *e)
{
	list_del(&e->node);
}

/* Moves all nodes of from to the end of to. */
static void move_all(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/*
 * The entries wait aside while they are walked, and each goes back before its
 * function is called.  So a function may remove any entry and add new ones,
 * which this walk does not see.
 */
void waitq_wake(struct waitq *q, uint32_t events)
{
	struct list aside, *node;
	bool taken = false;

	list_init(&aside);
	move_all(&aside, &q->entries);
	while (!taken && (node = list_pop(&aside)) != NULL) {
		struct wait_entry *e =
		    container_of(node, struct wait_entry, node);
		bool exclusive = e->exclusive;

		list_append(&q->entries, node);
		taken = e->wake(e, events) && exclusive;
	}
	move_all(&q->entries, &aside);
}

static bool waiter_wake(struct wait_entry *e, uint32_t events)
{
	struct waiter *w = container_of(e, struct waiter, entry);

	/* Off the queue at once, so the next wake-up goes to the next waiter
	 * even when this one has not run yet. */
	waitq_remove(e);
	w->woken = true;
	thread_unpark(w->thread);
	return true;
}

static void waiter_late(struct timer *t)
{
	struct waiter *w = container_of(t, struct waiter, timer);

	w->late = true;
	thread_unpark(w->thread);
}

static int wait_on(struct waitq *q, uint64_t deadline_ns, bool exclusive)
{
	struct waiter w = {
		.entry = { .wake = waiter_wake, .exclusive = exclusive },
		.thread = thread_self(),
	};

	timer_init(&w.timer, waiter_late);
	waitq_add(q, &w.entry);
	if (deadline_ns != WAIT_FOREVER)
		timer_arm(&w.timer, deadline_ns);
	while (!w.woken && !w.late)
		thread_park();
	waitq_remove(&w.entry);
	timer_disarm(&w.timer);
	return w.woken ? 0 : -ETIMEDOUT;
}

int waitq_wait(struct waitq *q, uint64_t deadline_ns)
{
	return wait_on(q, deadline_ns, false);
}

int waitq_wait_exclusive(struct waitq *q, uint64_t deadline_ns)
{
	return wait_on(q, deadline_ns, true);
}
