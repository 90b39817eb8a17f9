/* SPDX-License-Identifier: MIT */
/*
 * The UEFI door: a program that firmware starts from the stick.  It reads the
 * kernel and the stick's whole volume into memory, collects what a boot_info
 * wants, ends the firmware's services and jumps.  To be read in the order
 *
 *	loader.c   the steps, and what to say when one fails
 *	image.c    ringlet.elf from its file to its place
 *	volume.c   the FAT volume by Block I/O, in a few extents
 *	crash.c    what a crash left
 *	facts.c    screen, ACPI, time, seed, command line
 *	pixels.c   where the screen's colours lie
 *	handoff.c  the memory map, ExitBootServices, the jump
 *
 * Memory is taken from the firmware's pages: LoaderCode for the image, since
 * firmware may forbid to execute LoaderData, and LoaderData for all else.
 */
#pragma once

#include <efi.h>
#include <efilib.h>

#include "arch/boot_info.h"

#define PAGE_BYTES       4096ull
#define LARGE_PAGE_BYTES 0x200000ull
#define FOUR_GIB         (1ull << 32)

#define KERNEL_PATH L"\\ringlet.elf"

/* More is not read: it would have to fit into memory, and take its time. */
#define VOLUME_MAX_MIB 256ull

struct loader {
	EFI_HANDLE self;
	EFI_LOADED_IMAGE *loaded; /* whose DeviceHandle is our volume */
	EFI_FILE_HANDLE root;     /* of the volume */
	struct boot_info *bi;
	uint64_t entry; /* physical */
};

/* Where the firmware starts us. */
EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *table);

/* The error of a step that cannot fail silently has been printed already. */
EFI_STATUS image_load(struct loader *l);
void volume_load(struct loader *l);
void facts_collect(struct loader *l);
void crash_collect(struct boot_info *bi);

/* Does not return unless the firmware refuses to let go. */
EFI_STATUS handoff(struct loader *l);

/* Reads a whole file of the volume into pool memory.  Borrows path. */
EFI_STATUS loader_read_file(
    struct loader *l, CHAR16 *path, void **data, UINTN *size);

/* Says on the firmware's screen, and through the kernel on its own, what is
 * missing.  As Print; the last one counts. */
void loader_note(struct boot_info *bi, const CHAR16 *format, ...);

/* Takes pages at the given place; type is EfiLoaderCode or EfiLoaderData. */
EFI_STATUS loader_take(EFI_MEMORY_TYPE type, uint64_t base, uint64_t len);

/* Lists a range.  The first ranges are our own reservations, so that an
 * over-long firmware map drops free memory only. */
void loader_add_range(
    struct boot_info *bi, uint64_t base, uint64_t len, uint32_t type);

static inline uint64_t pages_of(uint64_t bytes)
{
	return (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
}
