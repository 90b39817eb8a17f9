/* SPDX-License-Identifier: MIT */
/*
 * The bottom half: work that interrupts mark and that runs later, in thread or
 * idle context with interrupts on.  One round takes the scheduled items in
 * turn, BH_WEIGHT units each, until BH_BUDGET units or BH_BUDGET_NS are used.
 *
 * A round that used its budget up yields the CPU to threads that can run for as
 * long as it took, so a flood costs applications at most half of the machine
 * (their share is kept, not their speed).  When no thread can run, the next
 * round follows at once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/list.h"

#define BH_WEIGHT    64
#define BH_BUDGET    300
#define BH_BUDGET_NS 2000000ull

struct bh {
	struct list node;
	/* Does up to budget units.  Returns how many; budget means "there is
	 * more": it is called again without being scheduled. */
	int (*run)(struct bh *b, int budget);
};

struct bh_stats {
	uint64_t rounds, squeezed; /* squeezed: budget used up, work left */
	uint64_t units;
};

void bh_init(struct bh *b, int (*run)(struct bh *b, int budget));

/* Marks the item as having work.  Idempotent.  Context: any, also interrupt. */
void bh_schedule(struct bh *b);
void bh_cancel(struct bh *b);

/* For the scheduler. */
bool bh_pending(void);
void bh_run(bool threads_ready);
void bh_reset(void);

/* Cancels every item that lies within len bytes from start. */
void bh_forget_within(const void *start, size_t len);
void bh_get_stats(struct bh_stats *out);
