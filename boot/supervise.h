/* SPDX-License-Identifier: MIT */
/*
 * Keeps the machine alive without hands, in three steps.
 *
 * A timer of the scheduler, twice a second, notes whether every card was
 * polled; that it runs at all shows that threads take turns.  As long as both
 * hold it feeds the hardware watchdog.
 *
 * A check once a second in the timer's interrupt (arch_watch) counts how often
 * it found no progress; the limit is a panic, which names what was running.
 * Since it counts its own calls, a machine that was stopped from outside for a
 * while, as virtual ones are, does not panic when it goes on.
 *
 * Where interrupts do not come any more either, the hardware restarts the
 * machine, after twice that time.
 *
 * The same timer asks for the power button.
 */
#pragma once

#include <stdint.h>
#include <stdnoreturn.h>

struct stack;

/* Starts it: so many seconds without progress are too many; fewer when the
 * hardware cannot wait so long.  0: only the power button is looked after.
 * Borrows st for ever.  Context: thread. */
void supervise_start(struct stack *st, uint32_t seconds);

/* Has fn called before the machine switches itself off.  Context: boot. */
void supervise_before_off(void (*fn)(void));

/* The end of a start that found nothing to do: halts, and looks after the power
 * button alone.  Context: boot. */
noreturn void supervise_halted(void);
