/* SPDX-License-Identifier: MIT */
/* Intel 82093AA data sheet, 3.0: an index and a window to indirect registers.
 */
#include "arch/x86_64/ioapic.h"

#include <stddef.h>

#include "arch/arch.h"
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/lapic.h"
#include "lib/log.h"

enum {
	IOAPIC_INDEX = 0x00,
	IOAPIC_WINDOW = 0x10,
	IOAPIC_BYTES = 0x20,
	/* Indirect registers. */
	IOAPIC_VERSION = 0x01,
	IOAPIC_REDIRECTION = 0x10 /* two words for each pin */
};

#define PIN_MASKED   (1u << 16)
#define PIN_LEVEL    (1u << 15)
#define PIN_WAITING  (1u << 14) /* remote IRR: sent, not ended */
#define PIN_LOW      (1u << 13)
#define DEST_SHIFT   24
#define PINS_MAX     240u
#define GSI_ISA_PINS 16u

struct chip {
	volatile uint8_t *regs;
	uint32_t gsi_base, pins;
};

static struct {
	struct chip chip[ACPI_IOAPICS_MAX];
	uint32_t count;
	const struct acpi_facts *facts;
} ioapic;

static uint32_t chip_read(const struct chip *c, uint32_t reg)
{
	arch_write32(c->regs + IOAPIC_INDEX, reg);
	return arch_read32(c->regs + IOAPIC_WINDOW);
}

static void chip_write(const struct chip *c, uint32_t reg, uint32_t v)
{
	arch_write32(c->regs + IOAPIC_INDEX, reg);
	arch_write32(c->regs + IOAPIC_WINDOW, v);
}

static void write_pin(const struct chip *c, uint32_t pin, uint32_t low)
{
	chip_write(c, IOAPIC_REDIRECTION + 2 * pin, low);
}

/* A level that was sent to a CPU and never ended keeps its pin shut.  Turning
 * the pin to edges and back forgets it. */
static void reset_pin(const struct chip *c, uint32_t pin)
{
	uint32_t low = chip_read(c, IOAPIC_REDIRECTION + 2 * pin);

	write_pin(c, pin, low | PIN_MASKED);
	if (low & PIN_WAITING) {
		write_pin(c, pin, (low | PIN_MASKED) & ~PIN_LEVEL);
		write_pin(c, pin, low | PIN_MASKED | PIN_LEVEL);
	}
	write_pin(c, pin, PIN_MASKED);
}

static void add_chip(const struct acpi_ioapic *a)
{
	struct chip c = { .gsi_base = a->gsi_base };
	uint32_t version;

	c.regs = arch_map_device(a->address, IOAPIC_BYTES);
	version = c.regs ? chip_read(&c, IOAPIC_VERSION) : UINT32_MAX;
	if (version == UINT32_MAX || version == 0) {
		log_warn("no IO-APIC answers at %x", a->address);
		return;
	}
	c.pins = (version >> 16 & 0xff) + 1;
	if (c.pins > PINS_MAX)
		c.pins = PINS_MAX;
	for (uint32_t pin = 0; pin < c.pins; pin++)
		reset_pin(&c, pin);
	ioapic.chip[ioapic.count++] = c;
}

void ioapic_init(const struct acpi_facts *f)
{
	ioapic.facts = f;
	for (uint32_t i = 0; i < f->ioapic_count; i++)
		add_chip(&f->ioapic[i]);
}

static const struct chip *find(uint32_t gsi)
{
	for (uint32_t i = 0; i < ioapic.count; i++)
		if (gsi - ioapic.chip[i].gsi_base < ioapic.chip[i].pins)
			return &ioapic.chip[i];
	return NULL;
}

bool ioapic_has(uint32_t gsi)
{
	return find(gsi) != NULL;
}

static bool is_active_low(uint32_t gsi)
{
	for (unsigned i = 0; i < ACPI_ISA_LINES; i++) {
		const struct acpi_isa_line *l = &ioapic.facts->isa[i];

		if (l->gsi == gsi && l->polarity != ACPI_POLARITY_BUS)
			return l->polarity == ACPI_POLARITY_LOW;
	}
	return gsi >= GSI_ISA_PINS;
}

void ioapic_open(uint32_t gsi, uint8_t vector, bool inverted)
{
	const struct chip *c = find(gsi);
	uint32_t pin, low = PIN_LEVEL | vector;

	if (!c)
		return;
	pin = gsi - c->gsi_base;
	if (is_active_low(gsi) != inverted)
		low |= PIN_LOW;
	reset_pin(c, pin);
	chip_write(
	    c, IOAPIC_REDIRECTION + 2 * pin + 1, lapic_id() << DEST_SHIFT);
	write_pin(c, pin, low | PIN_MASKED);
	write_pin(c, pin, low);
}

/* The trigger mode stays: an end of interrupt that is on its way must find a
 * level pin. */
void ioapic_mask(uint32_t gsi)
{
	const struct chip *c = find(gsi);
	uint32_t pin;

	if (!c)
		return;
	pin = gsi - c->gsi_base;
	write_pin(
	    c, pin, chip_read(c, IOAPIC_REDIRECTION + 2 * pin) | PIN_MASKED);
}
