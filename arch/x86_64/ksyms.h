/* SPDX-License-Identifier: MIT */
/*
 * The names of the kernel's functions, for backtraces on the target.  The
 * build links twice: image/ksyms.awk makes the table from the first link.
 */
#pragma once

#include <stdint.h>

/* The function that holds the address, and how far in; NULL outside of text. */
const char *ksyms_find(uint64_t address, uint32_t *offset);
