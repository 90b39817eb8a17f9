/* SPDX-License-Identifier: MIT */
/*
 * Wait queues: the one wake-up mechanism.  A blocked thread, poll and an epoll
 * item are all entries with a function; a state change walks the entries once.
 *
 * Cooperative threads make the usual pattern race-free: look at the condition,
 * then waitq_wait; nothing runs in between, and what the wait itself lets run
 * (bottom half, timers) finds the entry already queued.
 *
 *	while (!condition)
 *		if (waitq_wait(&q, deadline_ns) == -ETIMEDOUT)
 *			break;
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/list.h"

#define WAIT_FOREVER UINT64_MAX

struct wait_entry {
	struct list node;
	/* Called with the events that happened.  Returns whether it made use
	 * of the wake-up, which ends an exclusive one. */
	bool (*wake)(struct wait_entry *e, uint32_t events);
	bool exclusive;
};

struct waitq {
	struct list entries;
};

void waitq_init(struct waitq *q);

/* Queues an entry whose wake and exclusive are set.  It stays until removed;
 * wake may remove its own entry. */
void waitq_add(struct waitq *q, struct wait_entry *e);
void waitq_remove(struct wait_entry *e);

/* Wakes every shared entry and the first exclusive one that makes use of it.
 * Context: thread, bottom half. */
void waitq_wake(struct waitq *q, uint32_t events);

/* Parks the thread until a wake-up or the deadline.  exclusive: one wake-up
 * lets only one such waiter go.  Returns 0 or -ETIMEDOUT.  Context: thread. */
int waitq_wait(struct waitq *q, uint64_t deadline_ns);
int waitq_wait_exclusive(struct waitq *q, uint64_t deadline_ns);
