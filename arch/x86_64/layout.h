/* SPDX-License-Identifier: MIT */
/*
 * Where things lie in the kernel's one address space.  entry.asm (layout.inc)
 * and kernel.ld use the same numbers.
 *
 *	0xffff800000000000  direct map: usable RAM at its physical address
 *	0xffffc00000000000  device registers, uncached; video memory
 *	0xffffd00000000000  stacks, each between unmapped pages
 *	0xffffffff80200000  the image: text RX, rodata R, data and bss RW
 *
 * Nothing else is mapped, page 0 and everything below -2^47 included.
 */
#pragma once

#include <stdint.h>

#define DIRECT_BASE 0xffff800000000000ull
#define DEVICE_BASE 0xffffc00000000000ull
#define STACK_BASE  0xffffd00000000000ull
#define IMAGE_BASE  0xffffffff80200000ull

#define PAGE_BYTES       4096ull
#define LARGE_PAGE_BYTES 0x200000ull

/* kernel.ld: page-aligned borders of the image. */
extern const char image_start[], text_end[], rodata_end[], data_end[],
    image_end[];
