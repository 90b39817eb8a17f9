/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "arch/x86_64/reset.h"

#define MS          1000000ull
#define RESET_PORT  0xcf9
#define KEYBOARD    0x64
#define CONFIG      0xcf8
#define MEMORY      0xfed00000u
#define WRITES_MAX  16
#define PORT_MEMORY 0x10000u /* marks a write to memory */

/* Every write that a machine which does not restart sees. */
struct write {
	uint32_t at, value;
	unsigned width;
	uint64_t now_ns;
};

static struct {
	struct write write[WRITES_MAX];
	unsigned count;
	uint8_t keyboard; /* its status */
	unsigned polls;
} pc;

static uint32_t read_port(void *ctx, uint32_t off, unsigned width)
{
	if ((uintptr_t)ctx != KEYBOARD)
		return 0x10;
	pc.polls++;
	return pc.keyboard;
}

static void note(void *ctx, uint32_t off, unsigned width, uint32_t v)
{
	assert_true(pc.count < WRITES_MAX);
	pc.write[pc.count++] = (struct write){ (uint32_t)(uintptr_t)ctx + off,
		v, width, arch_clock_ns() };
}

static const struct host_mmio_ops ops = { read_port, note };

static int start(void **state)
{
	static const struct acpi_facts none;

	host_reset();
	memset(&pc, 0, sizeof(pc));
	host_set_ports(CONFIG, 8, &ops, (void *)CONFIG);
	host_set_ports(KEYBOARD, 1, &ops, (void *)KEYBOARD);
	host_set_ports(0x500, 4, &ops, (void *)0x500);
	host_set_mmio(MEMORY, 4, &ops, (void *)(uintptr_t)PORT_MEMORY);
	reset_init(&none);
	return 0;
}

static void expect(unsigned i, uint32_t at, uint32_t value, unsigned width)
{
	assert_true(i < pc.count);
	assert_int_equal(pc.write[i].at, at);
	assert_int_equal(pc.write[i].value, value);
	assert_int_equal(pc.write[i].width, width);
}

static void use(uint8_t space, uint64_t address)
{
	static struct acpi_facts f;

	f = (struct acpi_facts){ .reset = { address, space, 8 },
		.reset_value = 0xa5 };
	reset_init(&f);
}

static void every_way_is_tried_in_order_and_given_time(void **state)
{
	use(ACPI_SPACE_IO, 0x502);
	reset_try();
	assert_int_equal(pc.count, 4);
	expect(0, 0x502, 0xa5, 1);
	expect(1, RESET_PORT, 0x12, 1);
	expect(2, RESET_PORT, 0x16, 1);
	expect(3, KEYBOARD, 0xfe, 1);
	assert_true(pc.write[1].now_ns - pc.write[0].now_ns >= 50 * MS);
	assert_true(pc.write[3].now_ns - pc.write[2].now_ns >= 50 * MS);
	assert_true(arch_clock_ns() - pc.write[3].now_ns >= 50 * MS);
	assert_true(arch_clock_ns() < 1000 * MS);
}

static void without_tables_the_chip_set_comes_first(void **state)
{
	reset_try();
	assert_int_equal(pc.count, 3);
	expect(0, RESET_PORT, 0x12, 1);
	assert_int_equal(pc.write[0].now_ns, 0);
}

static void the_register_may_be_in_memory(void **state)
{
	use(ACPI_SPACE_MEMORY, MEMORY);
	reset_try();
	expect(0, PORT_MEMORY, 0xa5, 1);
	expect(1, RESET_PORT, 0x12, 1);
}

static void the_register_may_be_in_configuration_space(void **state)
{
	use(ACPI_SPACE_PCI, 0x0000001f00030042ull);
	reset_try();
	expect(0, CONFIG, 0x80000000u | 31 << 11 | 3 << 8 | 0x40, 4);
	expect(1, CONFIG + 4 + 2, 0xa5, 1);
	expect(2, RESET_PORT, 0x12, 1);
}

static void a_register_that_nobody_knows_is_left_out(void **state)
{
	use(10, 0x500); /* a message channel */
	reset_try();
	expect(0, RESET_PORT, 0x12, 1);
	use(ACPI_SPACE_IO, 0x10000);
	reset_try();
	expect(3, RESET_PORT, 0x12, 1);
}

static void a_keyboard_that_is_always_busy_is_asked_all_the_same(void **state)
{
	pc.keyboard = 0xff;
	reset_try();
	expect(2, KEYBOARD, 0xfe, 1);
	assert_int_equal(pc.polls, 1000);
	assert_true(arch_clock_ns() < 1000 * MS);
}

#define CASE(name) cmocka_unit_test_setup(name, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_way_is_tried_in_order_and_given_time),
		CASE(without_tables_the_chip_set_comes_first),
		CASE(the_register_may_be_in_memory),
		CASE(the_register_may_be_in_configuration_space),
		CASE(a_register_that_nobody_knows_is_left_out),
		CASE(a_keyboard_that_is_always_busy_is_asked_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
