/* SPDX-License-Identifier: MIT */
/*
 * The timing wheel: LEVELS wheels of 64 slots, each slot of level n being 64
 * slots of level n - 1 wide.  Together they cover the whole clock, so no timer
 * is ever too far away.
 *
 * A timer for tick x lies on the level of the highest group of six bits in
 * which x differs from the wheel's present tick, in the slot which that group
 * of x names.  So everything on a level comes before everything on the levels
 * above it, and the first occupied slot of the lowest occupied level is the
 * next thing to look at: a bitmap scan.  When time reaches a slot above level
 * 0, its timers move to the levels below, each at most LEVELS - 1 times.
 */
#include "sched/timer.h"

#include "lib/assert.h"

#define TICK_SHIFT 20
#define SLOT_BITS  6
#define SLOTS      (1u << SLOT_BITS)
#define LEVELS     8
#define TICK_MAX   ((1ull << (64 - TICK_SHIFT)) - 1)

/* So many timers of a slot are looked at for the first of them. */
#define LOOK_AT_MAX 8

static_assert(LEVELS * SLOT_BITS >= 64 - TICK_SHIFT, "covers the clock");

static struct {
	uint64_t tick; /* slots before it are empty */
	uint64_t occupied[LEVELS];
	struct list slot[LEVELS][SLOTS];
	struct list due; /* expired, waiting for their turn in timer_run */
} wheel;

static unsigned level_of(uint64_t tick)
{
	uint64_t differs = (tick ^ wheel.tick) | (SLOTS - 1);

	return (63 - (unsigned)__builtin_clzll(differs)) / SLOT_BITS;
}

/* The tick of a timer's expiry, rounded up so as not to be early. */
static uint64_t tick_of(const struct timer *t)
{
	uint64_t mask = (1ull << TICK_SHIFT) - 1;
	uint64_t tick =
	    (t->expires_ns >> TICK_SHIFT) + ((t->expires_ns & mask) != 0);

	return tick > TICK_MAX ? TICK_MAX : tick;
}

static void insert(struct timer *t)
{
	uint64_t tick = tick_of(t);
	unsigned level, slot;

	if (tick < wheel.tick)
		tick = wheel.tick;
	level = level_of(tick);
	slot = (unsigned)(tick >> (level * SLOT_BITS) & (SLOTS - 1));
	list_append(&wheel.slot[level][slot], &t->node);
	wheel.occupied[level] |= 1ull << slot;
}

/* The tick at which the first occupied slot begins; false when all are
 * empty. */
static bool first_slot(unsigned *level, unsigned *slot, uint64_t *tick)
{
	for (unsigned l = 0; l < LEVELS; l++) {
		unsigned shift = l * SLOT_BITS;
		uint64_t block = wheel.tick >> shift & ~(uint64_t)(SLOTS - 1);

		if (wheel.occupied[l] == 0)
			continue;
		*level = l;
		*slot = (unsigned)__builtin_ctzll(wheel.occupied[l]);
		*tick = (block | *slot) << shift;
		return true;
	}
	return false;
}

/* Empties a slot that time has reached: level 0 is due, the others cascade. */
static void take_slot(unsigned level, unsigned slot)
{
	struct list *head = &wheel.slot[level][slot];
	struct list *node;

	wheel.occupied[level] &= ~(1ull << slot);
	while ((node = list_pop(head)) != NULL) {
		if (level > 0)
			insert(container_of(node, struct timer, node));
		else
			list_append(&wheel.due, node);
	}
}

/* The list of this head became empty: a slot, or the list of those due. */
static void note_empty(const struct list *head)
{
	size_t at = (uintptr_t)head - (uintptr_t)wheel.slot;
	size_t slot = at / sizeof(struct list);

	if (at < sizeof(wheel.slot))
		wheel.occupied[slot / SLOTS] &= ~(1ull << slot % SLOTS);
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	list_init(&t->node);
	t->fn = fn;
	t->expires_ns = 0;
}

void timer_disarm(struct timer *t)
{
	struct list *next = t->node.next; /* the head, when t is alone */

	list_del(&t->node);
	if (list_empty(next))
		note_empty(next);
}

void timer_arm(struct timer *t, uint64_t expires_ns)
{
	timer_disarm(t);
	t->expires_ns = expires_ns;
	insert(t);
}

/*
 * First everything that expired goes to one list, then it is called.  So a
 * function that arms a timer for the past has it called in the next run, and
 * cannot keep this one from ending; and it may disarm its neighbours.
 */
void timer_run(uint64_t now_ns)
{
	uint64_t target = now_ns >> TICK_SHIFT;
	uint64_t tick;
	unsigned level, slot;
	struct list *node;

	while (first_slot(&level, &slot, &tick) && tick <= target) {
		wheel.tick = tick;
		take_slot(level, slot);
	}
	if (wheel.tick < target)
		wheel.tick = target;
	while ((node = list_pop(&wheel.due)) != NULL) {
		struct timer *t = container_of(node, struct timer, node);

		t->fn(t);
	}
}

bool timer_tick_over(uint64_t now_ns)
{
	return now_ns >> TICK_SHIFT > wheel.tick;
}

/* The first timer of a slot, when they are few; else when the slot begins. */
static uint64_t first_in(const struct list *slot, uint64_t begin)
{
	uint64_t first = TICK_MAX;
	unsigned looked = 0;
	struct list *node;

	list_for_each(node, slot)
	{
		uint64_t tick = tick_of(container_of(node, struct timer, node));

		if (++looked > LOOK_AT_MAX)
			return begin;
		first = tick < first ? tick : first;
	}
	return first;
}

/* Above level 0 timers would only move down when their slot begins, for which
 * an idle machine need not wake up. */
uint64_t timer_next_ns(void)
{
	unsigned level, slot;
	uint64_t tick;

	if (!first_slot(&level, &slot, &tick))
		return UINT64_MAX;
	if (level > 0)
		tick = first_in(&wheel.slot[level][slot], tick);
	return tick << TICK_SHIFT;
}

void timer_reset(uint64_t now_ns)
{
	wheel.tick = now_ns >> TICK_SHIFT;
	list_init(&wheel.due);
	for (unsigned l = 0; l < LEVELS; l++) {
		wheel.occupied[l] = 0;
		for (unsigned s = 0; s < SLOTS; s++)
			list_init(&wheel.slot[l][s]);
	}
}

static void forget_on(struct list *head, const void *start, size_t len)
{
	struct list *node, *next;

	list_for_each_safe(node, next, head)
	{
		if ((uintptr_t)node - (uintptr_t)start < len)
			timer_disarm(container_of(node, struct timer, node));
	}
}

void timer_forget_within(const void *start, size_t len)
{
	forget_on(&wheel.due, start, len);
	for (unsigned l = 0; l < LEVELS; l++)
		for (unsigned s = 0; s < SLOTS; s++)
			forget_on(&wheel.slot[l][s], start, len);
}
