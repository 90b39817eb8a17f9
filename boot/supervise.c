/* SPDX-License-Identifier: MIT */
#include "boot/supervise.h"

#include "arch/arch.h"
#include "drivers/screen.h"
#include "drivers/watchdog.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/string.h"
#include "net/stack.h"
#include "sched/thread.h"
#include "sched/timer.h"

#define LOOK_NS         (500 * NS_PER_MS)
#define CHECK_NS        NS_PER_S
#define SERIAL_DRAIN_US 2000 /* 16 bytes at 115200 baud, and a little */

/* missed counts checks without progress: the timer clears it, the interrupt
 * raises it. */
struct progress {
	uint64_t polls;
	uint32_t missed;
};

static struct {
	struct stack *stack;
	uint32_t limit; /* of missed; 0: nothing is watched */
	struct timer timer;
	struct progress turns, card[STACK_DEVICES_MAX];
	char why[96];
} sup;

static void (*before_off)(void);

void supervise_before_off(void (*fn)(void))
{
	before_off = fn;
}

/* A device without a look, as the loopback is, is polled when it has work. */
static bool is_watched(const struct netdev *dev)
{
	return dev->ops->look != NULL;
}

/* --- The dead man's switch: interrupt context ---------------------------- */

static const char *blame_turns(void)
{
	fmt_snprintf(sup.why, sizeof(sup.why),
	    "watchdog: thread %s has let nothing else run for %u s",
	    thread_name(thread_self()), sup.limit);
	return sup.why;
}

static const char *blame_card(const struct netdev *dev)
{
	fmt_snprintf(sup.why, sizeof(sup.why),
	    "watchdog: %s has not been polled for %u s", dev->name, sup.limit);
	return sup.why;
}

/* While nothing takes turns no card can be polled, which is not its fault. */
static const char *check(void)
{
	const struct stack *st = sup.stack;
	const struct netdev *late = NULL;

	if (++sup.turns.missed > sup.limit)
		return blame_turns();
	for (uint32_t i = 0; i < st->device_count && sup.turns.missed < 2; i++)
		if (is_watched(st->device[i]) &&
		    ++sup.card[i].missed > sup.limit)
			late = st->device[i];
	return late ? blame_card(late) : NULL;
}

/* --- Progress ------------------------------------------------------------ */

static bool card_moves(const struct netdev *dev, struct progress *p)
{
	if (p->polls != dev->stats.polls) {
		p->polls = dev->stats.polls;
		p->missed = 0;
	}
	return p->missed == 0;
}

/* Whether nothing has missed a check since its last progress. */
static bool all_moves(void)
{
	const struct stack *st = sup.stack;
	bool all = true;

	sup.turns.missed = 0;
	for (uint32_t i = 0; i < st->device_count; i++)
		if (is_watched(st->device[i]))
			all &= card_moves(st->device[i], &sup.card[i]);
	return all;
}

/* --- The power button ---------------------------------------------------- */

static noreturn void switch_off(void)
{
	log_info("power button: the machine is switched off");
	screen_flush();
	arch_delay_us(SERIAL_DRAIN_US);
	watchdog_stop();
	arch_watch(0, NULL);
	if (before_off)
		before_off();
	arch_power_off();
	log_error("halted: the machine does not know how to switch itself off");
	screen_flush();
	for (;;) {
		arch_irq_save();
		arch_idle();
	}
}

noreturn void supervise_halted(void)
{
	for (;;) {
		arch_irq_save();
		arch_timer_arm(arch_clock_ns() + LOOK_NS);
		arch_idle();
		if (arch_power_button())
			switch_off();
	}
}

static void look(struct timer *t)
{
	if (arch_power_button())
		switch_off();
	if (sup.limit > 0 && all_moves())
		watchdog_feed();
	timer_arm(t, clock_next_beat_ns(LOOK_NS));
}

/* --- Start --------------------------------------------------------------- */

/* The hardware comes well after the limit; one that cannot wait so long moves
 * the limit. */
static uint32_t start_watchdog(uint32_t seconds)
{
	uint32_t hardware = watchdog_start(2 * seconds);

	if (hardware == 0 || hardware / 2 >= seconds)
		return seconds;
	log_warn("watchdog: %u s are more than it can wait for; %u s are used",
	    seconds, hardware / 2);
	return hardware / 2;
}

void supervise_start(struct stack *st, uint32_t seconds)
{
	memset(&sup, 0, sizeof(sup));
	sup.stack = st;
	timer_init(&sup.timer, look);
	if (seconds > 0) {
		sup.limit = start_watchdog(seconds);
		arch_watch(CHECK_NS, check);
	} else {
		log_info("watchdog: off");
	}
	timer_arm(&sup.timer, clock_next_beat_ns(LOOK_NS));
}
