/* SPDX-License-Identifier: MIT */
/*
 * What the machine is called: the maker's strings in its SMBIOS tables, 2.1 to
 * 3.x.  Only for people to read; nothing depends on them.  Pure parsing, tested
 * on the host; what is wrong counts as absent.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SMBIOS_TEXT_BYTES 48

/* Printable ASCII without '|', cut to size; "" where nothing is said, or what a
 * maker forgot to replace ("To Be Filled By O.E.M."). */
struct smbios_facts {
	bool found; /* an entry point with sound structures */
	char firmware_vendor[SMBIOS_TEXT_BYTES];
	char firmware_version[SMBIOS_TEXT_BYTES];
	char firmware_date[SMBIOS_TEXT_BYTES];
	char maker[SMBIOS_TEXT_BYTES];
	char model[SMBIOS_TEXT_BYTES];
	char board_maker[SMBIOS_TEXT_BYTES];
	char board[SMBIOS_TEXT_BYTES];
};

/*
 * Returns len bytes of physical memory at address, or NULL where memory may not
 * be read.  The bytes stay readable until smbios_read returns.
 */
typedef const void *smbios_view(uint64_t address, uint64_t len, void *ctx);

/* Reads the structures of the entry point at the given address; 0, or one that
 * is none: looks where a BIOS puts it, in f0000-fffff. */
void smbios_read(
    struct smbios_facts *out, uint64_t entry, smbios_view *view, void *ctx);
