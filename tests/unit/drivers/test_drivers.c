/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/drivers/bench.h"

/* [1] */
static void the_card_behind_a_bridge_is_found(void **state)
{
	assert_int_equal(bench_probe(), 0);
	assert_non_null(bench.dev);
	assert_int_equal(bench.stack.device_count, 1);
	assert_ptr_equal(bench.stack.device[0], bench.dev);
	assert_true(logged("RTL8139D at 01:04.0, revision 10, "
	                   "52:54:00:12:34:56, irq 11, link up"));
}

static void the_first_of_two_cards_is_taken(void **state)
{
	struct mock_pci_function *f =
	    mock_pci_add(&bench.pci, 2, 1, 0, 0x10ec, 0x8139, 0x020000);

	mock_pci_set32(f, 0x14, 0xfe000000);
	assert_int_equal(bench_probe(), 0);
	assert_int_equal(bench.rtl->at.bus, 1);
}

static void a_card_that_will_not_start_leaves_its_place(void **state)
{
	/* An earlier one without an address. */
	mock_pci_add(&bench.pci, 0, 9, 0, 0x10ec, 0x8139, 0x020000);
	assert_int_equal(bench_probe(), 0);
	assert_int_equal(bench.rtl->at.bus, 1);
}

static void without_a_card_the_devices_are_named(void **state)
{
	mock_pci_set16(bench.card.pci, 0x02, 0x8168);
	assert_int_equal(bench_probe(), -ENODEV);
	assert_true(logged(
	    "no RTL8139 found; PCI devices seen: 00:00.0 8086:29c0 class 060000"
	    ", 00:02.0 1234:1111 class 030000, "));
	assert_true(logged("01:04.0 10ec:8168 class 020000\n"));
	assert_int_equal(bench.stack.device_count, 0);
}

static void a_long_list_takes_several_lines(void **state)
{
	mock_pci_set16(bench.card.pci, 0x02, 0x8168);
	for (uint8_t i = 0; i < 40; i++)
		mock_pci_add(&bench.pci, (uint8_t)(3 + i), 0, 0, 0x8086,
		    (uint16_t)(0x1000 + i), 0x010000);
	assert_int_equal(bench_probe(), -ENODEV);
	for (uint32_t i = 0; i < 40; i++) {
		char text[16];

		snprintf(text, sizeof(text), "8086:%04x", 0x1000 + i);
		assert_true(logged(text));
	}
}

static void an_empty_machine_says_none(void **state)
{
	mock_pci_init(&bench.pci);
	assert_int_equal(bench_probe(), -ENODEV);
	assert_true(logged("PCI devices seen: none\n"));
}

static void an_unassigned_bar_is_assigned(void **state)
{
	struct pci_address at = { 1, 4, 0 };

	pci_write32(at, 0x14, 0);
	assert_int_equal(bench_probe(), 0);
	assert_true(logged("the firmware gave 01:04.0 no memory address"));
	assert_int_equal(bench.card.base, pci_memory_bar(at, 1));
	assert_true(bench.card.base != MOCK_RTL_BASE);
}

static void a_bar_that_cannot_be_assigned_is_refused(void **state)
{
	mock_pci_set32(bench.card.pci, 0x14, 0);
	bench.card.pci->bars_stuck = true;
	assert_int_equal(bench_probe(), -EIO);
	assert_true(logged("01:04.0 does not take the address"));
	assert_int_equal(bench.stack.device_count, 0);
}

static void other_modes_are_said_to_be_missing(void **state)
{
	struct nic_config c = { NIC_MODE_HYBRID, NIC_POLL_POLL };

	assert_int_equal(drivers_probe(&bench.stack, &c, &bench.dev), 0);
	assert_true(logged("nic.mode: only classic"));
	assert_true(logged("nic.poll: only napi"));
}

static void no_memory_is_an_error(void **state)
{
	host_mem_limit((1 << 20) + 20000);
	assert_int_equal(bench_probe(), -ENOMEM);
	assert_true(logged("not enough memory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    the_card_behind_a_bridge_is_found, bench_power_on),
		cmocka_unit_test_setup(
		    the_first_of_two_cards_is_taken, bench_power_on),
		cmocka_unit_test_setup(
		    a_card_that_will_not_start_leaves_its_place,
		    bench_power_on),
		cmocka_unit_test_setup(
		    without_a_card_the_devices_are_named, bench_power_on),
		cmocka_unit_test_setup(
		    a_long_list_takes_several_lines, bench_power_on),
		cmocka_unit_test_setup(
		    an_empty_machine_says_none, bench_power_on),
		cmocka_unit_test_setup(
		    an_unassigned_bar_is_assigned, bench_power_on),
		cmocka_unit_test_setup(
		    a_bar_that_cannot_be_assigned_is_refused, bench_power_on),
		cmocka_unit_test_setup(
		    other_modes_are_said_to_be_missing, bench_power_on),
		cmocka_unit_test_setup(no_memory_is_an_error, bench_power_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
