/* SPDX-License-Identifier: MIT */
/*
 * The IO-APICs, each of which has some of the global system interrupts (GSI).
 * Level triggered always, as PCI cards are; polarity by the MADT's overrides,
 * else low from GSI 16 on (PCI) and high below (ISA lines, to which a chip set
 * brings PCI interrupts inverted).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct acpi_facts;

/* Maps them and masks every pin, whatever firmware left there.
 * Context: boot. */
void ioapic_init(const struct acpi_facts *f);

/* Whether there is such a pin. */
bool ioapic_has(uint32_t gsi);

/* Sends a pin's interrupts to this CPU; inverted: by the other level than the
 * tables say.  Context: interrupts off. */
void ioapic_open(uint32_t gsi, uint8_t vector, bool inverted);
void ioapic_mask(uint32_t gsi);
