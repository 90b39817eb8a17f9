/* SPDX-License-Identifier: MIT */
/*
 * The pair of 8259 interrupt controllers.  Firmware may have left them in any
 * state, never initialised included, and the lines of PCI cards in edge mode
 * (ELCR); so everything is set here.
 */
#pragma once

#include <stdbool.h>

/* Initialises both, pin n at vector base + n, every pin masked. */
void pic_init(unsigned base);

/* Lets the second controller's pins through the first.  Until then nothing of
 * the 8259 arrives. */
void pic_start(void);

/* Opens a pin, level triggered, or masks it.  Context: interrupts off. */
void pic_open(unsigned pin);
void pic_mask(unsigned pin);

/* Whether the interrupt that arrived at a pin is none: then it is done with.
 * Context: interrupt. */
bool pic_is_spurious(unsigned pin);

/* Ends an interrupt. */
void pic_end(unsigned pin);
