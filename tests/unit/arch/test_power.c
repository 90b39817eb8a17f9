/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "arch/x86_64/power.h"

#define EVENT    0x600u
#define CONTROL  0x604u
#define CONTROL2 0x634u
#define SMI      0xb2u
#define SLEEP    0xfed10000u

#define PWRBTN 0x0100u
#define WAK    0x8000u
#define SCI_EN 0x0001u
#define SLP_EN 0x2000u
#define ENABLE 0xa0u

/* A machine's fixed registers.  Status bits clear when a one is written. */
static struct {
	uint16_t status, enable, control, control2;
	bool off, off2, deaf; /* to SMI_CMD */
	uint8_t type, type2, sleep;
	unsigned smis;
} pc;

static struct acpi_facts facts;

static uint32_t read_event(void *ctx, uint32_t off, unsigned width)
{
	assert_int_equal(width, 2);
	return off == 0 ? pc.status : off == 2 ? pc.enable : 0xffff;
}

static void write_event(void *ctx, uint32_t off, unsigned width, uint32_t v)
{
	assert_int_equal(width, 2);
	if (off == 0)
		pc.status &= (uint16_t)~v;
	else if (off == 2)
		pc.enable = (uint16_t)v;
}

static uint32_t read_control(void *ctx, uint32_t off, unsigned width)
{
	assert_int_equal(width, 2);
	return *(uint16_t *)ctx;
}

static void write_control(void *ctx, uint32_t off, unsigned width, uint32_t v)
{
	bool second = ctx == &pc.control2;

	assert_int_equal(width, 2);
	*(uint16_t *)ctx = (uint16_t)(v & ~SLP_EN);
	if (!(v & SLP_EN))
		return;
	assert_false(pc.status & WAK);
	*(second ? &pc.off2 : &pc.off) = true;
	*(second ? &pc.type2 : &pc.type) = v >> 10 & 7;
}

static uint32_t read_smi(void *ctx, uint32_t off, unsigned width)
{
	return 0;
}

static void write_smi(void *ctx, uint32_t off, unsigned width, uint32_t v)
{
	pc.smis++;
	if (v == ENABLE && !pc.deaf)
		pc.control |= SCI_EN;
}

static void write_sleep(void *ctx, uint32_t off, unsigned width, uint32_t v)
{
	assert_int_equal(width, 1);
	pc.sleep = (uint8_t)v;
}

static const struct host_mmio_ops event_ops = { read_event, write_event };
static const struct host_mmio_ops control_ops = { read_control, write_control };
static const struct host_mmio_ops smi_ops = { read_smi, write_smi };
static const struct host_mmio_ops sleep_ops = { read_smi, write_sleep };

static int start(void **state)
{
	host_reset();
	memset(&pc, 0, sizeof(pc));
	host_set_ports(EVENT, 4, &event_ops, NULL);
	host_set_ports(CONTROL, 2, &control_ops, &pc.control);
	host_set_ports(CONTROL2, 2, &control_ops, &pc.control2);
	host_set_ports(SMI, 1, &smi_ops, NULL);
	host_set_mmio(SLEEP, 1, &sleep_ops, NULL);
	facts = (struct acpi_facts){ .found = true,
		.has_fadt = true,
		.fixed_power_button = true,
		.pm1_event_bytes = 4,
		.pm1a_event = { EVENT, ACPI_SPACE_IO, 32 },
		.pm1a_control = { CONTROL, ACPI_SPACE_IO, 16 },
		.smi_command = SMI,
		.acpi_enable = ENABLE,
		.has_s5 = true,
		.s5_type = { 5, 6 } };
	return 0;
}

static void the_press_that_started_the_machine_does_not_count(void **state)
{
	pc.status = PWRBTN;
	pc.enable = 0x0020;
	power_init(&facts);
	assert_int_equal(pc.status, 0);
	assert_int_equal(pc.enable, PWRBTN | 0x0020);
	assert_false(power_button());
}

static void a_press_is_reported_once(void **state)
{
	power_init(&facts);
	pc.status = PWRBTN | WAK;
	assert_true(power_button());
	assert_int_equal(pc.status, WAK);
	assert_false(power_button());
}

static void a_button_that_is_not_in_the_registers_is_left_alone(void **state)
{
	static const struct acpi_register none;

	facts.fixed_power_button = false;
	power_init(&facts);
	pc.status = PWRBTN;
	assert_false(power_button());
	assert_int_equal(pc.enable, 0);
	facts.fixed_power_button = true;
	facts.pm1_event_bytes = 2;
	power_init(&facts);
	assert_false(power_button());
	facts.pm1_event_bytes = 4;
	facts.pm1a_event = none;
	power_init(&facts);
	assert_false(power_button());
	assert_int_equal(pc.enable, 0);
}

static void off_switches_acpi_on_first(void **state)
{
	power_init(&facts);
	pc.control = 0x1c02;
	pc.status = WAK;
	power_off();
	assert_int_equal(pc.smis, 1);
	assert_true(pc.off);
	assert_false(pc.off2);
	assert_int_equal(pc.type, 5);
	assert_int_equal(pc.control, 5 << 10 | 2 | SCI_EN);
}

static void acpi_that_is_on_stays_so(void **state)
{
	pc.control = SCI_EN;
	power_init(&facts);
	assert_int_equal(pc.smis, 0);
	power_off();
	assert_int_equal(pc.smis, 0);
	assert_true(pc.off);
}

static void a_firmware_that_does_not_answer_costs_little(void **state)
{
	pc.deaf = true;
	power_init(&facts);
	power_off();
	assert_int_equal(pc.smis, 1);
	assert_true(pc.off);
	assert_true(arch_clock_ns() <= 2000000000);
}

static void both_control_registers_get_their_own_type(void **state)
{
	facts.pm1b_control =
	    (struct acpi_register){ CONTROL2, ACPI_SPACE_IO, 16 };
	power_init(&facts);
	power_off();
	assert_true(pc.off && pc.off2);
	assert_int_equal(pc.type, 5);
	assert_int_equal(pc.type2, 6);
}

static void reduced_hardware_has_one_register(void **state)
{
	facts.reduced_hardware = true;
	facts.fixed_power_button = false;
	facts.pm1a_control.address = 0;
	facts.sleep_control =
	    (struct acpi_register){ SLEEP, ACPI_SPACE_MEMORY, 8 };
	power_init(&facts);
	power_off();
	assert_int_equal(pc.sleep, 5 << 2 | 1 << 5);
}

static void a_machine_that_does_not_know_how_stays_on(void **state)
{
	facts.has_s5 = false;
	power_init(&facts);
	power_off();
	assert_false(pc.off);
	assert_int_equal(pc.smis, 0);
	facts.has_s5 = true;
	facts.pm1a_control.address = 0;
	power_init(&facts);
	power_off();
	assert_false(pc.off);
}

#define CASE(name) cmocka_unit_test_setup(name, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_press_that_started_the_machine_does_not_count),
		CASE(a_press_is_reported_once),
		CASE(a_button_that_is_not_in_the_registers_is_left_alone),
		CASE(off_switches_acpi_on_first),
		CASE(acpi_that_is_on_stays_so),
		CASE(a_firmware_that_does_not_answer_costs_little),
		CASE(both_control_registers_get_their_own_type),
		CASE(reduced_hardware_has_one_register),
		CASE(a_machine_that_does_not_know_how_stays_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
