/* SPDX-License-Identifier: MIT */
/* Walks the PCI functions and asks each driver in the table. */
#include "drivers/drivers.h"

#include "drivers/pci.h"
#include "drivers/rtl8139.h"
#include "lib/errno.h"
#include "lib/fmt.h"
#include "lib/log.h"

/* One driver of network cards.  match touches nothing; probe starts the card,
 * registers its device with the stack, and logs why when it cannot. */
struct nic_driver {
	bool (*match)(const struct pci_device *d);
	int (*probe)(struct stack *st, const struct pci_device *d,
	    const struct nic_config *c, struct netdev **dev);
};

/* The drivers, in the order in which they are asked. */
static const struct nic_driver drivers[] = {
	{ rtl8139_match, rtl8139_probe },
};

#define DRIVERS (sizeof(drivers) / sizeof(drivers[0]))

/* A row of the list of devices stays well below LOG_LINE_BYTES. */
#define LIST_ROW_BYTES   400
#define LIST_ENTRY_BYTES 40

struct search {
	struct stack *stack;
	const struct nic_config *config;
	struct netdev *found;
	int error;
};

static bool try_device(const struct pci_device *d, void *ctx)
{
	struct search *s = ctx;

	for (size_t i = 0; i < DRIVERS; i++) {
		if (!drivers[i].match(d))
			continue;
		s->error = drivers[i].probe(s->stack, d, s->config, &s->found);
		if (s->error == 0)
			return false;
	}
	return true;
}

struct listing {
	char row[LIST_ROW_BYTES];
	struct text text;
	uint32_t count;
};

static bool list_device(const struct pci_device *d, void *ctx)
{
	struct listing *l = ctx;

	if (l->text.len + LIST_ENTRY_BYTES > sizeof(l->row)) {
		log_error("%s,", l->row);
		l->text.len = 0;
	}
	fmt_add(&l->text, "%s%02x:%02x.%x %04x:%04x class %06x",
	    l->text.len > 0 && l->count > 0 ? ", " : "", d->at.bus, d->at.slot,
	    d->at.function, d->vendor, d->device, d->class_code);
	l->count++;
	return true;
}

/* Says which devices there are, so that a user sees what the machine has
 * instead of the card. */
static void log_devices(void)
{
	struct listing l;

	l.count = 0;
	l.text = (struct text){ .buf = l.row, .size = sizeof(l.row) };
	fmt_add(&l.text, "no RTL8139 found; PCI devices seen: ");
	pci_scan(list_device, &l);
	if (l.count == 0)
		fmt_add(&l.text, "none");
	log_error("%s", l.row);
}

int drivers_probe(
    struct stack *st, const struct nic_config *c, struct netdev **first)
{
	struct search s = { .stack = st, .config = c, .error = -ENODEV };

	pci_scan(try_device, &s);
	if (s.found) {
		*first = s.found;
		return 0;
	}
	if (s.error == -ENODEV)
		log_devices();
	return s.error;
}
