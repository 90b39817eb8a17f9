/* SPDX-License-Identifier: MIT */
/*
 * What every door hands the kernel.  The UEFI loader is another program, so
 * the layout is fixed: naturally aligned fixed-width fields, no pointers.
 *
 * Everything referred to but the framebuffer lies below 4 GiB and stays
 * untouched until the kernel has taken it: the range it lies in is listed as
 * MEM_RESERVED.  Ranges may overlap and come in any order; a reserved one wins
 * over a free one.
 */
#pragma once

#include <stdint.h>

#define BOOT_MAGIC       0x52494e47u /* "RING" */
#define BOOT_VERSION     3u
#define BOOT_RANGES_MAX  256
#define BOOT_EXTENTS_MAX 8
#define BOOT_CMDLINE_MAX 1024
#define BOOT_NOTE_MAX    128
#define BOOT_CRASH_MAX   4096

/* The firmware variable in which a panic leaves its capsule (lib/capsule.h):
 * CRASH_VARIABLE_NAME among those of CRASH_VARIABLE_GUID, a vendor of our own.
 */
#define CRASH_VARIABLE_NAME u"RingletCrash"
#define CRASH_VARIABLE_GUID                                                    \
	{                                                                      \
		0x5d1c8e52, 0x0b7f, 0x4c1e,                                    \
		{                                                              \
			0x9a, 0x36, 0x21, 0x5f, 0xe4, 0x0d, 0x7b, 0x93         \
		}                                                              \
	}

enum mem_type {
	MEM_FREE = 1,     /* usable RAM */
	MEM_RESERVED = 2, /* RAM that holds something the kernel was given */
	MEM_ACPI = 3,     /* ACPI tables: mapped, never allocated */
	MEM_OTHER = 4     /* anything else: neither mapped nor touched */
};

struct mem_range {
	uint64_t base, len;
	uint32_t type, unused;
};

enum framebuffer_kind {
	FRAMEBUFFER_NONE = 0,
	FRAMEBUFFER_RGB = 1, /* linear pixels */
	FRAMEBUFFER_TEXT = 2 /* VGA text: width and height in characters */
};

/* The memory may lie above 4 GiB.  Colour bits of 0: as usual for the pixel's
 * size (8 of each; 5, 6 and 5 in 16 bits). */
struct boot_framebuffer {
	uint64_t base;
	uint32_t width, height, stride_bytes, bits_per_pixel;
	uint32_t red_shift, green_shift, blue_shift;
	uint32_t red_bits, green_bits, blue_bits;
	uint32_t kind, unused;
};

struct boot_info {
	uint32_t magic, version;
	char door[8];                     /* "uefi", "pvh", "bios" */
	uint64_t kernel_base, kernel_len; /* where the image lies, physical */
	uint64_t acpi_rsdp;               /* 0: unknown */
	uint64_t efi_system_table;        /* 0: none */
	int64_t wall_time_s;    /* UTC, seconds since 1970; 0: unknown */
	uint64_t wall_time_tsc; /* the TSC when wall_time_s was read */
	struct boot_framebuffer framebuffer;
	uint8_t seed[32]; /* firmware randomness */
	uint32_t seed_len;
	uint32_t range_count, extent_count, unused;
	struct mem_range range[BOOT_RANGES_MAX];
	struct mem_range extent[BOOT_EXTENTS_MAX]; /* the stick's FAT volume */
	char cmdline[BOOT_CMDLINE_MAX];
	char note[BOOT_NOTE_MAX]; /* what the door failed to do, in words */
	uint64_t smbios;          /* entry point of its tables; 0: unknown */
	uint32_t crash_len, unused2;
	uint8_t crash[BOOT_CRASH_MAX]; /* of the variable; taken out of it */
};
