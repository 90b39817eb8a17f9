/* SPDX-License-Identifier: MIT */
/*
 * The second half of the boot, which no longer depends on the machine: from
 * the stick's bytes to the READY line.
 */
#pragma once

#include <stdint.h>
#include <stdnoreturn.h>

#include "boot/settings.h"
#include "lib/fat.h"

struct random;

/* Reads the stick's files and then the settings: config.txt, over it the
 * words of /EFI/ringlet/cmdline.txt, over them the command line.  Mistakes are
 * logged; the defaults stand in. */
void services_load_stick(const struct fat_volume *v);
const struct settings *services_load_settings(const char *cmdline);

/* Makes the scheduler, the stack and the programs' environment out of the
 * memory that is left.  Panics when that is too little.  Borrows rng. */
void services_make(struct random *rng);

/* Starts the cards and gives each its address, or lets it look for one; without
 * a card it says which PCI devices there are.  Returns 0 or the driver's error.
 */
int services_start_network(void);

/* Starts the applications. */
void services_start_apps(int64_t wall_time_s);

/* Starts the supervisor (supervise.h), announces READY when some card has an
 * address, and every other address of a card then and later.  Context: thread.
 */
noreturn void services_announce(void);
