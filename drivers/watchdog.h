/* SPDX-License-Identifier: MIT */
/*
 * Hardware watchdogs: timers of the chip set that restart the machine unless
 * they are fed.  One is used: the first of the table in watchdog.c that the
 * machine has.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pci_device;

/* A driver; there is one device of each at most. */
struct watchdog_driver {
	const char *name;

	/* Whether d is such a watchdog, and one that can restart this machine;
	 * logs why it cannot.  Stops it.  Context: boot. */
	bool (*probe)(const struct pci_device *d);

	/* Whether it restarted the machine last time; forgets it. */
	bool (*take_expired)(void);

	/* Starts it, so that it acts when it is not fed for about so long.
	 * Returns the seconds that it is set to. */
	uint32_t (*start)(uint32_t seconds);

	/* Context: any, with registers alone: a panic calls them. */
	void (*feed)(void);
	void (*stop)(void);
};

/* Finds a watchdog and stops it, in case the firmware left it running; says
 * what it did last, or that there is none.  Returns its name, NULL without one.
 * Context: boot. */
const char *watchdog_find(void);

/* Starts the one that was found, and says so.  Returns the seconds that it is
 * set to, 0 without one.  Context: boot. */
uint32_t watchdog_start(uint32_t seconds);

/* Feeds or stops it; nothing without one that was started.  Context: any. */
void watchdog_feed(void);
void watchdog_stop(void);

extern const struct watchdog_driver i6300esb_watchdog; /* i6300esb.c */
extern const struct watchdog_driver itco_watchdog;     /* itco.c */
