/* SPDX-License-Identifier: MIT */
/*
 * Ways to restart a PC, in the order of how well they are defined.  Needs
 * neither memory nor tables nor interrupts: a panic may call it at any time.
 */
#pragma once

#include "arch/x86_64/acpi.h"

/* Prepares the register that the tables name; before it, or without one, the
 * other ways are left.  Borrows f for ever.  Context: boot, after paging_init.
 */
void reset_init(const struct acpi_facts *f);

/* Tries the ACPI reset register, the chip set's and the keyboard controller,
 * each for 50 ms.  Returns when none of them works.  Context: any, with
 * interrupts off. */
void reset_try(void);
