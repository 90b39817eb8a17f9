/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/acpi_reg.h"

#include "arch/arch.h"

#define PORTS         0x10000u
#define CONFIG_PORT   0xcf8
#define CONFIG_DATA   0xcfc
#define CONFIG_ENABLE 0x80000000u

void acpi_reg_open(
    struct acpi_reg *r, const struct acpi_register *where, uint32_t size)
{
	*r = (struct acpi_reg){ .space = where->space,
		.address = where->address };
	if (where->address == 0)
		return;
	if (where->space == ACPI_SPACE_MEMORY) {
		r->memory = arch_map_device(where->address, size);
		r->present = r->memory != NULL;
	} else if (where->space == ACPI_SPACE_IO) {
		r->present = where->address <= PORTS - size;
	} else {
		r->present = where->space == ACPI_SPACE_PCI;
	}
}

uint16_t acpi_reg_read16(const struct acpi_reg *r, uint32_t off)
{
	if (r->space == ACPI_SPACE_MEMORY)
		return arch_read16(r->memory + off);
	return arch_in16((uint16_t)(r->address + off));
}

void acpi_reg_write16(const struct acpi_reg *r, uint32_t off, uint16_t v)
{
	if (r->space == ACPI_SPACE_MEMORY)
		arch_write16(r->memory + off, v);
	else
		arch_out16((uint16_t)(r->address + off), v);
}

/* ACPI 6.4, 5.2.3.2: on bus 0, the device in bits 32 to 47, the function in 16
 * to 31, the register below. */
static void write_config8(uint64_t address, uint8_t v)
{
	uint32_t device = address >> 32 & 31, function = address >> 16 & 7;

	arch_out32(CONFIG_PORT,
	    CONFIG_ENABLE | device << 11 | function << 8 | (address & 0xfc));
	arch_out8((uint16_t)(CONFIG_DATA + (address & 3)), v);
}

void acpi_reg_write8(const struct acpi_reg *r, uint8_t v)
{
	if (r->space == ACPI_SPACE_MEMORY)
		arch_write8(r->memory, v);
	else if (r->space == ACPI_SPACE_IO)
		arch_out8((uint16_t)r->address, v);
	else
		write_config8(r->address, v);
}
