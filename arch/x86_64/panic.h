/* SPDX-License-Identifier: MIT */
/* The end of the system: see panic() in lib/assert.h. */
#pragma once

#include <stdint.h>
#include <stdnoreturn.h>

struct trap_frame;

#define PANIC_HALT (-1)

/* What a panic does when it has told all: restarts after so many seconds, or
 * PANIC_HALT.  10 until it is set. */
void panic_set_policy(int reboot_s);

/*
 * What keeps a hardware watchdog away from a panic.  While the seconds until
 * the restart pass it is fed, so that it still acts when the report hangs.  A
 * machine that is to stay halted must not need anything that runs: there it is
 * stopped.
 */
void panic_set_watchdog(void (*feed)(void), void (*stop)(void));

/* Has act called, after those added before, when a panic has told all: once,
 * with interrupts off.  It may fault: what follows is done all the same. */
void panic_add_act(void (*act)(void));

/* Ends the system because of an exception. */
noreturn void panic_trap(const struct trap_frame *f, const char *message);

/* Chooses the stack protector's secret.  Only a function that never returns may
 * call it.  Context: boot. */
void stack_guard_init(void);
