/* SPDX-License-Identifier: MIT */
/*
 * The nanosecond clock: the CPU's time stamp counter, whose rate is measured
 * against channel 2 of the interval timer (8254) and compared with the ACPI
 * power-management timer.  Neither needs an interrupt, and a PC that lacks one
 * of them has the other.
 */
#pragma once

#include <stdint.h>

/* Time zero.  Context: boot, first of all. */
void clock_start(void);

/* Measures the counter's rate: about 15 ms.  Context: boot, after
 * firmware_init. */
void clock_init(void);

/* Counter ticks per second. */
uint64_t clock_tsc_hz(void);

/*
 * Measures a counter against the clock: ticks per second of read(), which may
 * wrap at 32 bits, counts down, and must be running.  Takes about 2 ms.
 */
uint64_t clock_measure_down(uint32_t (*read)(void));
