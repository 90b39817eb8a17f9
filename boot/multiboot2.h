/* SPDX-License-Identifier: MIT */
/*
 * The BIOS door: GRUB, or another loader that speaks multiboot2, hands over a
 * list of tags.  Pure, since a loader may be anything; tested on the host.
 */
#pragma once

#include <stdint.h>

#include "arch/boot_info.h"

/* More is no list of ours: GRUB's has a few KiB. */
#define MULTIBOOT2_INFO_MAX (1u << 20)

/*
 * Fills out from the information structure (Multiboot2 specification 3.6) that
 * lies at info and whose physical address is at: memory map, command line, the
 * first module as the stick's volume, screen, and the root of ACPI's tables.
 * Borrows info, which must lie in readable memory of as many bytes as its
 * first word says; the range stays reserved, since the copy of ACPI's root in
 * it is referred to.  What is missing and can be missed goes into out->note.
 * Leaves kernel_base and kernel_len alone.
 * Returns 0, or -EINVAL when this is no such list or has no memory map.
 */
int multiboot2_parse(const void *info, uint32_t at, struct boot_info *out);
