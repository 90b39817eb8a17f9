/* SPDX-License-Identifier: MIT */
/*
 * Interrupts from their vector to their handlers.  The pins of the 8259 and
 * those of the IO-APICs are lines side by side: which of them a card is really
 * wired to, its driver finds out (arch_irq_candidates in arch.h).
 */
#pragma once

/* Initialises the controllers with every line masked, then the local APIC, and
 * turns interrupts on.  Context: boot, after firmware_init, clock_init and
 * paging_init. */
void interrupts_init(void);
