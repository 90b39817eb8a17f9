/* SPDX-License-Identifier: MIT */
/*
 * Switching off, and the button that asks for it, by the fixed registers of
 * ACPI.  The machine's mode is left as the firmware chose it until it is to be
 * switched off, and the system control interrupt is never attached to: its line
 * may be a card's as well.  In legacy mode a press goes to the firmware too,
 * which then switches off by itself.
 */
#pragma once

#include <stdbool.h>

#include "arch/x86_64/acpi.h"

/* Finds the registers, forgets the press that started the machine, and lets the
 * button's status be set; says what there is.  Borrows f for ever.
 * Context: boot, after paging_init. */
void power_init(const struct acpi_facts *f);

/* Goes to the state S5.  Returns, after at most 2 seconds, when the machine
 * does not know how, or does not go.  Context: any. */
void power_off(void);

/* Whether the button was pressed since the last call.  Context: any. */
bool power_button(void);
