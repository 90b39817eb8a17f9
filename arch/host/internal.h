/* SPDX-License-Identifier: MIT */
/*
 * What the files of arch/host know of each other; each owns one part of the
 * machine and puts it back in its *_reset.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct host_fiber;

void host_irq_reset(void);
void host_io_reset(void);
void host_fiber_reset(void);
void host_stack_reset(void);
void host_panic_reset(void);
void host_machine_reset(void);

/* Runs handlers of raised lines if interrupts are enabled.  Returns whether a
 * line is raised that a handler is attached to. */
bool host_irq_pending(void);
void host_irq_set_enabled(bool enabled);

/* Which fiber runs, and how to leave for one that never comes back here. */
struct host_fiber *host_fiber_current(void);
void host_fiber_leave_to(struct host_fiber *f);

/* Called on a fiber that was switched to: a panic may want to jump from it. */
void host_panic_arrive(void);
