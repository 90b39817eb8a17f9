/* SPDX-License-Identifier: MIT */
/*
 * Configuration mechanism #1: the address of a register goes to port 0xcf8,
 * its value is read or written at 0xcfc.  The pair is one transaction, so
 * interrupts stay off in between.
 */
#include "drivers/pci.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  0x80000000u

#define BUSES     256
#define SLOTS     32
#define FUNCTIONS 8

#define HEADER_TYPE_MULTI  0x80
#define HEADER_TYPE_MASK   0x7f
#define HEADER_TYPE_BRIDGE 1
#define NO_VENDOR          0xffff

#define BAR_IO         0x1u
#define BAR_TYPE_MASK  0x6u
#define BAR_TYPE_64    0x4u
#define BAR_MEMORY_LOW 0xfu

static void select_register(struct pci_address at, unsigned reg)
{
	arch_out32(CONFIG_ADDRESS,
	    CONFIG_ENABLE | (uint32_t)at.bus << 16 | (uint32_t)at.slot << 11 |
	        (uint32_t)at.function << 8 | (reg & 0xfc));
}

uint8_t pci_read8(struct pci_address at, unsigned reg)
{
	unsigned long irq = arch_irq_save();

	select_register(at, reg);
	uint8_t v = arch_in8((uint16_t)(CONFIG_DATA + (reg & 3)));
	arch_irq_restore(irq);
	return v;
}

uint16_t pci_read16(struct pci_address at, unsigned reg)
{
	unsigned long irq = arch_irq_save();

	select_register(at, reg);
	uint16_t v = arch_in16((uint16_t)(CONFIG_DATA + (reg & 2)));
	arch_irq_restore(irq);
	return v;
}

uint32_t pci_read32(struct pci_address at, unsigned reg)
{
	unsigned long irq = arch_irq_save();

	select_register(at, reg);
	uint32_t v = arch_in32(CONFIG_DATA);
	arch_irq_restore(irq);
	return v;
}

void pci_write8(struct pci_address at, unsigned reg, uint8_t v)
{
	unsigned long irq = arch_irq_save();

	select_register(at, reg);
	arch_out8((uint16_t)(CONFIG_DATA + (reg & 3)), v);
	arch_irq_restore(irq);
}

void pci_write16(struct pci_address at, unsigned reg, uint16_t v)
{
	unsigned long irq = arch_irq_save();

	select_register(at, reg);
	arch_out16((uint16_t)(CONFIG_DATA + (reg & 2)), v);
	arch_irq_restore(irq);
}

void pci_write32(struct pci_address at, unsigned reg, uint32_t v)
{
	unsigned long irq = arch_irq_save();

	select_register(at, reg);
	arch_out32(CONFIG_DATA, v);
	arch_irq_restore(irq);
}

static void read_device(struct pci_address at, struct pci_device *d)
{
	uint32_t class_and_revision = pci_read32(at, PCI_REVISION);

	*d = (struct pci_device){
		.at = at,
		.vendor = pci_read16(at, PCI_VENDOR),
		.device = pci_read16(at, PCI_DEVICE),
		.subsystem_vendor = pci_read16(at, PCI_SUBSYSTEM_VENDOR),
		.subsystem = pci_read16(at, PCI_SUBSYSTEM),
		.class_code = class_and_revision >> 8,
		.revision = (uint8_t)class_and_revision,
		.interrupt_line = pci_read8(at, PCI_INTERRUPT_LINE),
	};
}

bool pci_look_up(struct pci_address at, struct pci_device *d)
{
	if (pci_read16(at, PCI_VENDOR) == NO_VENDOR)
		return false;
	read_device(at, d);
	return true;
}

struct scan {
	bool (*visit)(const struct pci_device *d, void *ctx);
	void *ctx;
	bool behind_bridge[BUSES]; /* a bridge that was seen leads there */
	bool done[BUSES];
};

static void note_bridge(struct scan *s, struct pci_address at)
{
	s->behind_bridge[pci_read8(at, PCI_SECONDARY_BUS)] = true;
}

/* Visits the functions of one slot.  A device that does not say it has several
 * may answer for function 0 at every number, so the bit is honoured. */
static bool scan_slot(struct scan *s, struct pci_address at)
{
	unsigned functions = 1;

	for (unsigned f = 0; f < functions; f++) {
		at.function = (uint8_t)f;
		if (pci_read16(at, PCI_VENDOR) == NO_VENDOR)
			continue;

		uint8_t type = pci_read8(at, PCI_HEADER_TYPE);
		struct pci_device d;

		if (f == 0 && type & HEADER_TYPE_MULTI)
			functions = FUNCTIONS;
		if ((type & HEADER_TYPE_MASK) == HEADER_TYPE_BRIDGE)
			note_bridge(s, at);
		read_device(at, &d);
		if (!s->visit(&d, s->ctx))
			return false;
	}
	return true;
}

static bool scan_bus(struct scan *s, unsigned bus)
{
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		struct pci_address at = {
			.bus = (uint8_t)bus,
			.slot = (uint8_t)slot,
		};

		if (!scan_slot(s, at))
			return false;
	}
	return true;
}

/* Each bus in turn, if a bridge leads to it or `all`, and if it is not done
 * yet.  A bridge leads to a higher number than its own, so one pass upwards
 * finds what is reachable. */
static bool scan_buses(struct scan *s, bool all)
{
	for (unsigned bus = 0; bus < BUSES; bus++) {
		if (s->done[bus] || (!all && !s->behind_bridge[bus]))
			continue;
		s->done[bus] = true;
		if (!scan_bus(s, bus))
			return false;
	}
	return true;
}

void pci_scan_reachable(
    bool (*visit)(const struct pci_device *d, void *ctx), void *ctx)
{
	struct scan s = { .visit = visit, .ctx = ctx };

	s.behind_bridge[0] = true;
	scan_buses(&s, false);
}

static bool pass_by(const struct pci_device *d, void *ctx)
{
	return true;
}

void pci_scan_others(
    bool (*visit)(const struct pci_device *d, void *ctx), void *ctx)
{
	struct scan s = { .visit = pass_by, .ctx = ctx };

	s.behind_bridge[0] = true;
	scan_buses(&s, false);
	s.visit = visit;
	scan_buses(&s, true);
}

/* Buses that bridges lead to come first, since looking at all of them takes
 * 10 ms.  The rest may be roots of their own. */
void pci_scan(bool (*visit)(const struct pci_device *d, void *ctx), void *ctx)
{
	struct scan s = { .visit = visit, .ctx = ctx };

	s.behind_bridge[0] = true;
	if (scan_buses(&s, false))
		scan_buses(&s, true);
}

paddr_t pci_memory_bar(struct pci_address at, unsigned bar)
{
	uint32_t v = pci_read32(at, PCI_BAR0 + 4 * bar);

	if (v & BAR_IO || v == UINT32_MAX)
		return 0;
	/* A 64-bit BAR assigned above 4 GiB is of no use to us. */
	if ((v & BAR_TYPE_MASK) == BAR_TYPE_64 &&
	    pci_read32(at, PCI_BAR0 + 4 * bar + 4) != 0)
		return 0;

	uint32_t base = v & ~BAR_MEMORY_LOW;

	/* All ones but the fixed bits: sized, and never assigned. */
	if (base >= 0xfffff000u)
		return 0;
	return base;
}

void pci_command(struct pci_address at, uint16_t set, uint16_t clear)
{
	uint16_t v = pci_read16(at, PCI_COMMAND);

	pci_write16(at, PCI_COMMAND, (uint16_t)((v & ~clear) | set));
}

uint16_t pci_take_errors(struct pci_address at)
{
	uint16_t errors = pci_read16(at, PCI_STATUS) & PCI_STATUS_ERRORS;

	pci_write16(at, PCI_STATUS, errors);
	return errors;
}
