/* SPDX-License-Identifier: MIT */
/*
 * Time in the process: a number that jumps.  Machine events wait in a binary
 * heap ordered by time and, within one time, by age.
 */
#include "arch/host/arch_host.h"

#include <stdlib.h>

#include "arch/host/internal.h"
#include "lib/assert.h"

struct event {
	uint64_t deadline_ns, age;
	void (*fn)(void *arg);
	void *arg;
};

static struct {
	uint64_t now_ns, armed_ns, limit_ns;
	struct event *heap;
	size_t count, capacity;
	uint64_t age;
	void (*on_deadlock)(void);
} clk = { .armed_ns = ARCH_TIMER_NEVER };

uint64_t arch_clock_ns(void)
{
	return clk.now_ns;
}

void arch_timer_arm(uint64_t deadline_ns)
{
	clk.armed_ns = deadline_ns;
}

/* --- The heap of events -------------------------------------------------- */

static bool before(const struct event *a, const struct event *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	return a->age < b->age;
}

static void swap(size_t a, size_t b)
{
	struct event e = clk.heap[a];

	clk.heap[a] = clk.heap[b];
	clk.heap[b] = e;
}

static void sift_up(size_t i)
{
	while (i > 0 && before(&clk.heap[i], &clk.heap[(i - 1) / 2])) {
		swap(i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

static void sift_down(size_t i)
{
	for (;;) {
		size_t least = i;

		for (size_t c = 2 * i + 1; c <= 2 * i + 2; c++)
			if (c < clk.count &&
			    before(&clk.heap[c], &clk.heap[least]))
				least = c;
		if (least == i)
			return;
		swap(i, least);
		i = least;
	}
}

static struct event take_event(void)
{
	struct event first = clk.heap[0];

	clk.heap[0] = clk.heap[--clk.count];
	sift_down(0);
	return first;
}

void host_at(uint64_t deadline_ns, void (*fn)(void *arg), void *arg)
{
	if (clk.count == clk.capacity) {
		clk.capacity = clk.capacity ? 2 * clk.capacity : 64;
		clk.heap = realloc(clk.heap, clk.capacity * sizeof(*clk.heap));
		assert(clk.heap != NULL);
	}
	clk.heap[clk.count] = (struct event){ .deadline_ns = deadline_ns,
		.age = clk.age++,
		.fn = fn,
		.arg = arg };
	sift_up(clk.count++);
}

void host_cancel(void (*fn)(void *arg), void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < clk.count; i++)
		if (clk.heap[i].fn != fn || clk.heap[i].arg != arg)
			clk.heap[kept++] = clk.heap[i];
	clk.count = kept;
	for (size_t i = 0; i < kept; i++)
		sift_up(i);
}

size_t host_events(void)
{
	return clk.count;
}

/* --- Moving the clock ---------------------------------------------------- */

static void set_clock(uint64_t now_ns)
{
	if (now_ns > clk.now_ns)
		clk.now_ns = now_ns;
	if (clk.limit_ns != 0 && clk.now_ns >= clk.limit_ns) {
		clk.limit_ns = 0;
		panic("the clock reached the test's limit of %llu ms",
		    (unsigned long long)(clk.now_ns / 1000000));
	}
}

/* Moves to a time, running each event at its own.  Returns whether any ran. */
static bool move_to(uint64_t target_ns)
{
	bool enabled = host_irq_enabled();
	bool any = false;

	host_irq_set_enabled(false);
	while (clk.count > 0 && clk.heap[0].deadline_ns <= target_ns) {
		struct event e = take_event();

		set_clock(e.deadline_ns);
		e.fn(e.arg);
		any = true;
	}
	set_clock(target_ns);
	host_irq_set_enabled(enabled);
	return any;
}

void host_clock_advance(uint64_t ns)
{
	move_to(clk.now_ns + ns);
	host_irq_deliver();
}

void arch_delay_us(uint32_t us)
{
	host_clock_advance((uint64_t)us * 1000);
}

void host_clock_limit(uint64_t limit_ns)
{
	clk.limit_ns = limit_ns;
}

void host_clock_reset(void)
{
	clk.now_ns = 0;
	clk.armed_ns = ARCH_TIMER_NEVER;
	clk.limit_ns = 0;
	clk.count = 0;
}

void host_on_deadlock(void (*fn)(void))
{
	clk.on_deadlock = fn;
}

/* --- Idle ---------------------------------------------------------------- */

static void deadlock(void)
{
	if (clk.on_deadlock != NULL) {
		clk.on_deadlock();
		return;
	}
	panic("deadlock: every thread waits and no timer is armed");
}

static uint64_t next_wake_ns(void)
{
	uint64_t next_ns = clk.armed_ns;

	if (clk.count > 0 && clk.heap[0].deadline_ns < next_ns)
		next_ns = clk.heap[0].deadline_ns;
	return next_ns > clk.now_ns ? next_ns : clk.now_ns;
}

void arch_idle(void)
{
	assert(!host_irq_enabled());
	if (!host_irq_pending()) {
		if (clk.count == 0 && clk.armed_ns == ARCH_TIMER_NEVER)
			deadlock();
		else
			move_to(next_wake_ns());
		if (clk.armed_ns <= clk.now_ns)
			clk.armed_ns = ARCH_TIMER_NEVER;
	}
	host_irq_set_enabled(true);
	host_irq_deliver();
}
