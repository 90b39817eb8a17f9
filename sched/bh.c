/* SPDX-License-Identifier: MIT */
/*
 * The bottom-half runner.  Items wait in one list, which interrupts append to;
 * an item with more work than its weight goes to the end, so that several take
 * turns within a round.
 */
#include "sched/bh.h"

#include "arch/arch.h"

static struct {
	struct list pending;
	struct bh *running;
	bool ready; /* pending was initialised */
	bool in_round;
	uint64_t hold_ns; /* until then threads come first */
	struct bh_stats stats;
} bhs;

/* Interrupts may be attached before sched_init comes to reset us. */
static void make_ready(void)
{
	if (!bhs.ready) {
		list_init(&bhs.pending);
		bhs.ready = true;
	}
}

void bh_init(struct bh *b, int (*run)(struct bh *b, int budget))
{
	list_init(&b->node);
	b->run = run;
}

void bh_schedule(struct bh *b)
{
	unsigned long irq = arch_irq_save();

	make_ready();
	if (!list_linked(&b->node))
		list_append(&bhs.pending, &b->node);
	arch_irq_restore(irq);
}

void bh_cancel(struct bh *b)
{
	unsigned long irq = arch_irq_save();

	list_del(&b->node);
	if (bhs.running == b)
		bhs.running = NULL;
	arch_irq_restore(irq);
}

void bh_forget_within(const void *start, size_t len)
{
	struct list *node, *next;

	make_ready();
	list_for_each_safe(node, next, &bhs.pending)
	{
		if ((uintptr_t)node - (uintptr_t)start < len)
			bh_cancel(container_of(node, struct bh, node));
	}
}

bool bh_pending(void)
{
	return bhs.ready && !list_empty(&bhs.pending);
}

static struct bh *take_first(void)
{
	unsigned long irq = arch_irq_save();
	struct list *node = list_pop(&bhs.pending);

	arch_irq_restore(irq);
	return node != NULL ? container_of(node, struct bh, node) : NULL;
}

/*
 * Gives one item its turn.  Returns the units it did.  An item that cancelled
 * itself may be gone afterwards: `running` says so.
 */
static int run_one(struct bh *b, int budget)
{
	int done;

	bhs.running = b;
	done = b->run(b, budget);
	if (done >= budget && bhs.running == b)
		bh_schedule(b);
	bhs.running = NULL;
	return done;
}

/* One round.  Returns whether it used its budget up. */
static bool run_round(uint64_t start_ns)
{
	int left = BH_BUDGET;
	struct bh *b;

	while (left > 0 && (b = take_first()) != NULL) {
		int done = run_one(b, left < BH_WEIGHT ? left : BH_WEIGHT);

		left -= done;
		bhs.stats.units += (uint64_t)done;
		if (arch_clock_ns() - start_ns >= BH_BUDGET_NS)
			return true;
	}
	return left <= 0;
}

void bh_run(bool threads_ready)
{
	uint64_t start_ns = arch_clock_ns();
	uint64_t end_ns;

	if (bhs.in_round || !bh_pending())
		return;
	if (threads_ready && start_ns < bhs.hold_ns)
		return;
	bhs.in_round = true;
	bhs.stats.rounds++;
	if (run_round(start_ns)) {
		if (bh_pending())
			bhs.stats.squeezed++;
		end_ns = arch_clock_ns();
		bhs.hold_ns = end_ns + (end_ns - start_ns);
	}
	bhs.in_round = false;
}

void bh_reset(void)
{
	unsigned long irq = arch_irq_save();

	bhs.ready = false;
	make_ready();
	bhs.running = NULL;
	bhs.in_round = false;
	bhs.hold_ns = 0;
	bhs.stats = (struct bh_stats){ 0 };
	arch_irq_restore(irq);
}

void bh_get_stats(struct bh_stats *out)
{
	*out = bhs.stats;
}
