/* SPDX-License-Identifier: MIT */
/*
 * Interrupt lines by the pair of 8259 controllers.  Firmware may have left them
 * in any state, never initialised included, and the lines of PCI cards in edge
 * mode (ELCR); so everything is set here.
 */
#pragma once

/* Initialises the controllers with every line masked, then the local APIC, and
 * turns interrupts on.  Context: boot, after clock_init and paging_init. */
void interrupts_init(void);
