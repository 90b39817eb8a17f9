/* SPDX-License-Identifier: MIT */
#include "drivers/watchdog.h"

#include <stddef.h>

#include "drivers/pci.h"
#include "lib/log.h"

/* In the order in which they are looked for.  The card-like one comes first:
 * whoever adds it to a machine wants it. */
static const struct watchdog_driver *const drivers[] = {
	&i6300esb_watchdog,
	&itco_watchdog,
};

#define DRIVERS (sizeof(drivers) / sizeof(drivers[0]))

static const struct watchdog_driver *present, *running;

static bool try_device(const struct pci_device *d, void *ctx)
{
	const struct watchdog_driver **found = ctx;

	if (!(*found)->probe(d))
		return true;
	present = *found;
	return false;
}

const char *watchdog_find(void)
{
	present = running = NULL;
	for (size_t i = 0; i < DRIVERS && !present; i++) {
		const struct watchdog_driver *driver = drivers[i];

		pci_scan_reachable(try_device, &driver);
	}
	if (!present) {
		log_info("watchdog: this machine has none that is known");
		return NULL;
	}
	if (present->take_expired())
		log_warn(
		    "watchdog: %s has restarted the machine", present->name);
	return present->name;
}

uint32_t watchdog_start(uint32_t seconds)
{
	if (!present)
		return 0;
	running = present;
	seconds = running->start(seconds);
	log_info("watchdog: %s restarts the machine after %u s", running->name,
	    seconds);
	return seconds;
}

void watchdog_feed(void)
{
	if (running)
		running->feed();
}

void watchdog_stop(void)
{
	if (running)
		running->stop();
}
