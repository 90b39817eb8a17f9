/* SPDX-License-Identifier: MIT */
/*
 * One-shot timers on a hierarchical timing wheel: arm, disarm and expiry are
 * O(1).  A timer never fires early and at most one wheel tick (2^20 ns, about
 * a millisecond) late, beyond what a busy CPU adds.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/arch.h"
#include "lib/list.h"

struct timer {
	struct list node;
	uint64_t expires_ns;
	void (*fn)(struct timer *t); /* Context: bottom half. */
};

#define NS_PER_US ((uint64_t)1000)
#define NS_PER_MS ((uint64_t)1000000)
#define NS_PER_S  ((uint64_t)1000000000)

/* Nanoseconds since kernel entry; never goes back. */
static inline uint64_t clock_ns(void)
{
	return arch_clock_ns();
}

/* The next multiple of a period.  What has to be done now and then is done
 * together, so that an idle machine wakes up once for all of it. */
static inline uint64_t clock_next_beat_ns(uint64_t period_ns)
{
	return (clock_ns() / period_ns + 1) * period_ns;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t));

/* Arms, or re-arms, for an absolute time; the past means "at once". */
void timer_arm(struct timer *t, uint64_t expires_ns);
void timer_disarm(struct timer *t);

static inline bool timer_armed(const struct timer *t)
{
	return list_linked(&t->node);
}

/* For the scheduler: run what is due; whether a tick has ended since that was
 * done; when to look again, at most a tick after the first expiry, or
 * UINT64_MAX; forget all timers (sched_init). */
void timer_run(uint64_t now_ns);
bool timer_tick_over(uint64_t now_ns);
uint64_t timer_next_ns(void);
void timer_reset(uint64_t now_ns);

/* Disarms every timer that lies within len bytes from start: memory that is
 * about to go. */
void timer_forget_within(const void *start, size_t len);
