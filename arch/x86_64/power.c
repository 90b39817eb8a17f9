/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/power.h"

#include "arch/arch.h"
#include "arch/x86_64/acpi_reg.h"
#include "lib/log.h"

/* PM1 status, enable and control: ACPI 6.4, 4.8.3.1 and 4.8.3.2. */
#define PM1_PWRBTN  (1u << 8) /* in status, cleared by a one, and in enable */
#define PM1_WAK     (1u << 15)
#define PM1_SCI_EN  (1u << 0)
#define PM1_SLP_EN  (1u << 13)
#define PM1_SLP_TYP (7u << 10)
#define SLP_TYP_AT  10
#define PM1_BYTES   2u
#define EVENT_MIN   4u /* status and enable, two bytes each */
#define EVENT_MAX   32u

/* The sleep control register of reduced hardware: ACPI 6.4, 4.8.3.7. */
#define SLEEP_TYP_AT 2
#define SLEEP_EN     (1u << 5)

#define MODE_TRIES   3000
#define MODE_STEP_US 100
#define OFF_WAIT_US  1000000

static struct {
	const struct acpi_facts *facts; /* NULL until power_init */
	struct acpi_reg event, control_a, control_b, sleep;
	uint32_t enable_at; /* in event */
} power;

/* --- The button ---------------------------------------------------------- */

bool power_button(void)
{
	if (!power.event.present ||
	    !(acpi_reg_read16(&power.event, 0) & PM1_PWRBTN))
		return false;
	acpi_reg_write16(&power.event, 0, PM1_PWRBTN);
	return true;
}

static void init_button(const struct acpi_facts *f)
{
	uint32_t bytes = f->pm1_event_bytes;

	power.event.present = false;
	if (!f->fixed_power_button || bytes < EVENT_MIN || bytes > EVENT_MAX)
		return;
	acpi_reg_open(&power.event, &f->pm1a_event, bytes);
	if (!power.event.present)
		return;
	power.enable_at = bytes / 2;
	power_button();
	acpi_reg_write16(&power.event, power.enable_at,
	    acpi_reg_read16(&power.event, power.enable_at) | PM1_PWRBTN);
}

/* --- Off ----------------------------------------------------------------- */

static bool can_switch_off(const struct acpi_facts *f)
{
	return f->has_s5 &&
	       (f->reduced_hardware ? power.sleep : power.control_a).present;
}

void power_init(const struct acpi_facts *f)
{
	power.facts = f;
	acpi_reg_open(&power.control_a, &f->pm1a_control, PM1_BYTES);
	acpi_reg_open(&power.control_b, &f->pm1b_control, PM1_BYTES);
	acpi_reg_open(&power.sleep, &f->sleep_control, 1);
	init_button(f);
	if (f->has_fadt)
		log_info("power: off %s, button %s",
		    can_switch_off(f) ? "by ACPI" : "not by ACPI",
		    power.event.present ? "watched" : "left to the firmware");
}

/* In legacy mode the control register does nothing. */
static void enter_acpi_mode(void)
{
	const struct acpi_facts *f = power.facts;

	if (f->smi_command == 0 || f->acpi_enable == 0)
		return;
	for (int i = 0; i < MODE_TRIES; i++) {
		if (acpi_reg_read16(&power.control_a, 0) & PM1_SCI_EN)
			return;
		if (i == 0)
			arch_out8((uint16_t)f->smi_command, f->acpi_enable);
		arch_delay_us(MODE_STEP_US);
	}
}

/* The type first, then the order: some chip sets want it so. */
static void write_control(const struct acpi_reg *r, uint8_t type, uint16_t go)
{
	uint16_t v;

	if (!r->present)
		return;
	v = acpi_reg_read16(r, 0) & (uint16_t) ~(PM1_SLP_TYP | PM1_SLP_EN);
	acpi_reg_write16(r, 0, (uint16_t)(v | type << SLP_TYP_AT | go));
}

static void sleep_by_pm1(const uint8_t type[2])
{
	enter_acpi_mode();
	if (power.event.present)
		acpi_reg_write16(&power.event, 0, PM1_WAK);
	for (uint16_t go = 0; go <= PM1_SLP_EN; go += PM1_SLP_EN) {
		write_control(&power.control_a, type[0], go);
		write_control(&power.control_b, type[1], go);
	}
}

void power_off(void)
{
	const struct acpi_facts *f = power.facts;

	if (!f || !can_switch_off(f))
		return;
	if (f->reduced_hardware)
		acpi_reg_write8(&power.sleep,
		    (uint8_t)(f->s5_type[0] << SLEEP_TYP_AT | SLEEP_EN));
	else
		sleep_by_pm1(f->s5_type);
	arch_delay_us(OFF_WAIT_US);
}
