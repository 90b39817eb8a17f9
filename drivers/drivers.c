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
	    const struct nic_config *c);
};

/* The drivers, in the order in which they are asked. */
static const struct nic_driver drivers[] = {
	{ rtl8139_match, rtl8139_probe },
};

#define DRIVERS (sizeof(drivers) / sizeof(drivers[0]))

/* A row of the list of devices stays well below LOG_LINE_BYTES. */
#define LIST_ROW_BYTES   400
#define LIST_ENTRY_BYTES 40

#define CLASS_NETWORK 0x02u

struct search {
	struct stack *stack;
	const struct nic_config *config;
	uint32_t started;
	int error; /* of the last that did not start */
};

static const struct nic_driver *driver_for(const struct pci_device *d)
{
	for (size_t i = 0; i < DRIVERS; i++)
		if (drivers[i].match(d))
			return &drivers[i];
	return NULL;
}

static void start(
    struct search *s, const struct nic_driver *n, const struct pci_device *d)
{
	int rc;

	if (s->started == NIC_CARDS_MAX) {
		log_warn("%02x:%02x.%x: one card too many; %u are used",
		    d->at.bus, d->at.slot, d->at.function, NIC_CARDS_MAX);
		return;
	}
	rc = n->probe(s->stack, d, s->config);
	if (rc)
		s->error = rc;
	else
		s->started++;
}

/* A network card that no driver takes: its owner shall not wonder. */
static void say_stranger(const struct pci_device *d)
{
	const char *chip = rtl8139_other_chip(d);

	if (chip)
		log_warn("found %s at %02x:%02x.%x (%04x:%04x), which is "
		         "another chip, not supported",
		    chip, d->at.bus, d->at.slot, d->at.function, d->vendor,
		    d->device);
	else if (d->class_code >> 16 == CLASS_NETWORK)
		log_info("found a network card at %02x:%02x.%x (%04x:%04x) for "
		         "which there is no driver",
		    d->at.bus, d->at.slot, d->at.function, d->vendor,
		    d->device);
}

static bool try_device(const struct pci_device *d, void *ctx)
{
	const struct nic_driver *n = driver_for(d);

	if (n)
		start(ctx, n, d);
	else
		say_stranger(d);
	return true;
}

static void try_chosen(struct search *s, struct pci_address at)
{
	struct pci_device d;
	const struct nic_driver *n;

	if (!pci_look_up(at, &d)) {
		log_warn("nic: there is no device at %02x:%02x.%x", at.bus,
		    at.slot, at.function);
		return;
	}
	n = driver_for(&d);
	if (n)
		start(s, n, &d);
	else
		log_warn("nic: the device at %02x:%02x.%x (%04x:%04x) is no "
		         "card that can be driven",
		    at.bus, at.slot, at.function, d.vendor, d.device);
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
	log_error("put in a card with an RTL8139 chip and start again; in "
	          "QEMU, add -device rtl8139");
}

int drivers_probe(struct stack *st, const struct nic_config *c)
{
	struct search s = { .stack = st, .config = c, .error = -ENODEV };

	for (uint32_t i = 0; i < c->cards; i++)
		try_chosen(&s, c->card[i]);
	if (c->cards && !s.started)
		log_warn("nic: none of these cards works; all are tried");
	if (!s.started)
		pci_scan_reachable(try_device, &s);
	if (!s.started)
		pci_scan_others(try_device, &s);
	if (s.started)
		return 0;
	if (s.error == -ENODEV)
		log_devices();
	return s.error;
}
