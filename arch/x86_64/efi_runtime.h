/* SPDX-License-Identifier: MIT */
/*
 * The services that UEFI firmware offers while an operating system runs: a
 * variable written, a reset.  They are called as the firmware left them, in
 * physical mode (UEFI 2.10, 2.3.4; SetVirtualAddressMap is never called): on
 * page tables of their own that show the first 4 GiB where they are, on a stack
 * of their own, with interrupts off.  Firmware is not trusted: a fault in it is
 * an exception like any other, and after one it is not called again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/boot_info.h"

/* Prepares calls, where the door told a system table that makes sense.
 * Context: boot, between memory_init and paging_init. */
void efi_runtime_init(const struct boot_info *bi);

/* Whether there is firmware to call. */
bool efi_runtime_present(void);

/*
 * Writes the variable CRASH_VARIABLE_NAME, so that it outlives power.  data is
 * memory of arch_mem_alloc.  Returns the firmware's status: 0, or an error with
 * bit 63 set.  Context: any; best a panic, for it may take long.
 */
uint64_t efi_runtime_write_crash(const void *data, size_t len);

/* Asks the firmware to restart the machine or to switch it off.  Returns when
 * there is none or it did not.  Context: any. */
void efi_runtime_reset(bool power_off);
