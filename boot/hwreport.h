/* SPDX-License-Identifier: MIT */
/*
 * One line about the machine, as a row of the table in docs/HARDWARE.md: in the
 * log at every start, so that it can be read from the screen, and as
 * /proc/hwreport.
 */
#pragma once

#include <stddef.h>

struct boot_info;
struct netdev;

/* Remembers what only the door knows.  Borrows bi for ever.  Context: boot. */
void hwreport_init(const struct boot_info *bi);

/* Logs the row, and remembers the card and the watchdog's name, NULL for none.
 * Borrows both for ever.  Context: boot, when they have been looked for. */
void hwreport_say(const struct netdev *card, const char *watchdog);

/* The row and a line end; a posix_proc_gen.  Context: thread. */
size_t hwreport_print(char *buf, size_t size, void *ctx);
