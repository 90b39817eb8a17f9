/* SPDX-License-Identifier: MIT */
/* Registers that the ACPI tables name, wherever they lie. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86_64/acpi.h"

struct acpi_reg {
	bool present;
	uint8_t space; /* enum acpi_space */
	uint64_t address;
	volatile uint8_t *memory; /* where it is mapped, if it is memory */
};

/* Makes size bytes from a register on accessible.  Without a register, or with
 * one that cannot be reached, r stays absent.  Context: boot. */
void acpi_reg_open(
    struct acpi_reg *r, const struct acpi_register *where, uint32_t size);

/* One access of exactly this width, off bytes behind the register's beginning.
 * It must be present; a word only in memory and among ports.  Context: any. */
uint16_t acpi_reg_read16(const struct acpi_reg *r, uint32_t off);
void acpi_reg_write16(const struct acpi_reg *r, uint32_t off, uint16_t v);
void acpi_reg_write8(const struct acpi_reg *r, uint8_t v);
