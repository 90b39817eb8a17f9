/* SPDX-License-Identifier: MIT */
/* The ends of arch.h that switch the machine: arch_reset, arch_power_off and
 * arch_power_button. */
#pragma once

/* Prepares them with what the tables say.  arch_reset works before it, too.
 * Context: boot, after paging_init. */
void machine_init(void);
