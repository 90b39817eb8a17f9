/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/reset.h"

#include "arch/arch.h"
#include "arch/x86_64/acpi_reg.h"

/* Intel ICH, 82371: the reset control register.  Bit 1 chooses a reset of all
 * hardware; bit 2, when it rises, does it. */
#define RESET_PORT 0xcf9
#define RESET_HARD 0x02
#define RESET_CPU  0x04

/* The 8042's pulse of its output 0, which is the processor's reset. */
#define KEYBOARD_PORT  0x64
#define KEYBOARD_RESET 0xfe
#define KEYBOARD_BUSY  0x02
#define KEYBOARD_TRIES 1000
#define KEYBOARD_STEP  10

#define WAIT_US 50000

static struct {
	const struct acpi_facts *facts;
	struct acpi_reg reg;
} reset;

void reset_init(const struct acpi_facts *f)
{
	reset.facts = f;
	acpi_reg_open(&reset.reg, &f->reset, 1);
}

static bool by_acpi(void)
{
	if (reset.reg.present)
		acpi_reg_write8(&reset.reg, reset.facts->reset_value);
	return reset.reg.present;
}

static bool by_chip_set(void)
{
	uint8_t v = arch_in8(RESET_PORT) & (uint8_t) ~(RESET_HARD | RESET_CPU);

	arch_out8(RESET_PORT, v | RESET_HARD);
	arch_out8(RESET_PORT, v | RESET_HARD | RESET_CPU);
	return true;
}

/* A machine without a keyboard controller looks busy for ever. */
static bool by_keyboard(void)
{
	for (int i = 0; i < KEYBOARD_TRIES; i++) {
		if (!(arch_in8(KEYBOARD_PORT) & KEYBOARD_BUSY))
			break;
		arch_delay_us(KEYBOARD_STEP);
	}
	arch_out8(KEYBOARD_PORT, KEYBOARD_RESET);
	return true;
}

/* Each returns whether it asked for anything. */
static bool (*const ways[])(void) = { by_acpi, by_chip_set, by_keyboard };

void reset_try(void)
{
	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (ways[i]())
			arch_delay_us(WAIT_US);
}
