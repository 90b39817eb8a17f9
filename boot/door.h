/* SPDX-License-Identifier: MIT */
/*
 * The doors by which the kernel is entered, and what each does to become a
 * struct boot_info.  The numbers are those of arch/x86_64/layout.inc.
 */
#pragma once

#include <stdint.h>
#include <stdnoreturn.h>

#include "arch/boot_info.h"

enum { DOOR_PVH = 1, DOOR_UEFI = 2, DOOR_BIOS = 3 };

/* Called by entry.asm on the boot stack with interrupts off: what the door
 * gave, and the physical address of the image. */
noreturn void boot_entry(uint32_t door, uint32_t info, uint32_t image);

/* Makes a boot_info of struct hvm_start_info.  Copies what lies in memory that
 * is about to be reused.  Returns NULL when it is not one. */
const struct boot_info *pvh_boot_info(uint32_t start_info);

/* The whole system.  main.c */
noreturn void kernel_main(const struct boot_info *bi);
