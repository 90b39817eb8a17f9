/* SPDX-License-Identifier: MIT */
/*
 * The CPU's local interrupt controller: its timer wakes the machine, and its
 * LINT0 pin passes the 8259's interrupts through (ExtINT).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define LAPIC_TIMER_VECTOR    0x30
#define LAPIC_SPURIOUS_VECTOR 0xff

/* Sets it up and measures the timer.  Panics when the CPU has none.
 * Context: boot, after clock_init and paging_init. */
void lapic_init(void);

/* The timer's interrupt.  Returns what arch_watch's check found wrong, or
 * NULL. */
const char *lapic_timer_irq(void);

/* Ends the interrupt in service.  Context: interrupt. */
void lapic_end(void);

/* This CPU's number, as the IO-APICs address it. */
uint32_t lapic_id(void);
