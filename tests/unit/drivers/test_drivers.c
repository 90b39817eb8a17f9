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

/* --- Several cards ------------------------------------------------------- */

#define MORE 4

static struct mock_rtl more[MORE];

/* Another card, where the first one's registers are not. */
static void plug_in(unsigned i, uint8_t bus, uint8_t slot)
{
	const struct pci_address first = { 1, 4, 0 }, at = { bus, slot, 0 };

	mock_rtl_init(&more[i], &bench.pci, bus, slot, 5 + i);
	more[i].idr_mac[5] = more[i].rom_mac[5] = (uint8_t)i;
	pci_write32(at, 0x14, MOCK_RTL_BASE + 0x1000 * (i + 1));
	pci_write32(first, 0x14, MOCK_RTL_BASE);
}

static struct pci_address place_of(uint32_t device)
{
	assert_true(device < bench.stack.device_count);
	return container_of(bench.stack.device[device], struct rtl, dev)->at;
}

static void check_device(uint32_t i, uint8_t bus, uint8_t slot)
{
	char name[8];

	snprintf(name, sizeof(name), "eth%u", i);
	assert_int_equal(place_of(i).bus, bus);
	assert_int_equal(place_of(i).slot, slot);
	assert_string_equal(bench.stack.device[i]->name, name);
}

static void every_card_becomes_a_device_by_pci_address(void **state)
{
	plug_in(0, 1, 7);
	plug_in(1, 0, 9);
	assert_int_equal(bench_probe(), 0);
	assert_int_equal(bench.stack.device_count, 3);
	check_device(0, 0, 9);
	check_device(1, 1, 4);
	check_device(2, 1, 7);
	assert_true(logged("eth1: RTL8139D at 01:04.0"));
	assert_true(logged("eth2: RTL8139D at 01:07.0, revision 10, "
	                   "52:54:00:12:34:00, irq 5, link up"));
}

static void a_card_that_will_not_start_stops_no_other(void **state)
{
	/* An earlier one that does not listen. */
	mock_pci_add(&bench.pci, 0, 9, 0, 0x10ec, 0x8139, 0x020000);
	plug_in(0, 1, 7);
	assert_int_equal(bench_probe(), 0);
	assert_int_equal(bench.stack.device_count, 2);
	check_device(0, 1, 4);
	check_device(1, 1, 7);
	assert_true(logged("00:09.0"));
}

static void more_cards_than_devices_are_told(void **state)
{
	for (uint8_t i = 0; i < MORE; i++)
		plug_in(i, 1, (uint8_t)(10 + i));
	assert_int_equal(bench_probe(), 0);
	assert_int_equal(bench.stack.device_count, NIC_CARDS_MAX);
	check_device(3, 1, 12);
	assert_true(logged("01:0d.0: one card too many; 4 are used"));
}

/* --- nic = --------------------------------------------------------------- */

static struct nic_config chosen(
    uint32_t n, struct pci_address first, struct pci_address second)
{
	return (struct nic_config){ .card = { first, second }, .cards = n };
}

static const struct pci_address nowhere,
    card_1 = { 1, 4, 0 }, card_2 = { 1, 7, 0 }, graphics = { 0, 2, 0 },
    gap = { 0, 17, 0 };

static void the_settings_give_the_order(void **state)
{
	const struct nic_config c = chosen(2, card_2, card_1);

	plug_in(0, 1, 7);
	assert_int_equal(bench_probe_with(&c), 0);
	assert_int_equal(bench.stack.device_count, 2);
	check_device(0, 1, 7);
	check_device(1, 1, 4);
}

static void a_card_that_is_not_named_stays_out(void **state)
{
	const struct nic_config c = chosen(1, card_2, nowhere);

	plug_in(0, 1, 7);
	assert_int_equal(bench_probe_with(&c), 0);
	assert_int_equal(bench.stack.device_count, 1);
	check_device(0, 1, 7);
	assert_int_equal(bench.card.accesses, 0);
}

static void wrong_addresses_are_told_and_the_others_go_on(void **state)
{
	struct nic_config c = chosen(2, gap, graphics);

	c.card[c.cards++] = card_1;
	assert_int_equal(bench_probe_with(&c), 0);
	assert_int_equal(bench.stack.device_count, 1);
	assert_true(logged("nic: there is no device at 00:11.0\n"));
	assert_true(logged("nic: the device at 00:02.0 (1234:1111) is no card "
	                   "that can be driven\n"));
	assert_false(logged("none of these"));
}

static void if_none_of_the_named_works_all_are_tried(void **state)
{
	const struct nic_config c = chosen(1, gap, nowhere);

	assert_int_equal(bench_probe_with(&c), 0);
	assert_true(logged("nic: none of these cards works; all are tried\n"));
	check_device(0, 1, 4);
}

/* --- Buses that no bridge leads to --------------------------------------- */

static void a_lonely_bus_is_looked_at_when_there_is_no_card(void **state)
{
	mock_pci_set16(bench.card.pci, 0x02, 0x8138 ^ 0xff);
	plug_in(0, 200, 3);
	assert_int_equal(bench_probe(), 0);
	check_device(0, 200, 3);
}

static void or_when_its_card_is_named(void **state)
{
	const struct pci_address lonely = { 200, 3, 0 };
	const struct nic_config c = chosen(1, lonely, nowhere);

	plug_in(0, 200, 3);
	assert_int_equal(bench_probe_with(&c), 0);
	assert_int_equal(bench.stack.device_count, 1);
	check_device(0, 200, 3);
}

/* --- Look-alikes and others ---------------------------------------------- */

static void a_look_alike_is_called_by_its_name(void **state)
{
	mock_pci_set16(bench.card.pci, 0x00, 0x1186);
	mock_pci_set16(bench.card.pci, 0x02, 0x1340);
	assert_int_equal(bench_probe(), 0);
	assert_true(logged("RTL8139D (D-Link DFE-690TXD) at 01:04.0, "));
}

static void another_chip_is_named(void **state)
{
	mock_pci_add(&bench.pci, 0, 9, 0, 0x10ec, 0x8168, 0x020000);
	mock_pci_add(&bench.pci, 0, 10, 0, 0x8086, 0x100e, 0x020000);
	assert_int_equal(bench_probe(), 0);
	assert_int_equal(bench.stack.device_count, 1);
	assert_true(logged("found RTL8168 at 00:09.0 (10ec:8168), which is "
	                   "another chip, not supported\n"));
	assert_true(logged("found a network card at 00:0a.0 (8086:100e) for "
	                   "which there is no driver\n"));
	assert_false(logged("1234:1111"));
}

static void without_a_card_the_devices_are_named(void **state)
{
	mock_pci_set16(bench.card.pci, 0x02, 0x8168);
	assert_int_equal(bench_probe(), -ENODEV);
	assert_true(logged(
	    "no RTL8139 found; PCI devices seen: 00:00.0 8086:29c0 class 060000"
	    ", 00:02.0 1234:1111 class 030000, "));
	assert_true(logged("01:04.0 10ec:8168 class 020000\n"));
	assert_true(logged("found RTL8168 at 01:04.0"));
	assert_true(logged("put in a card with an RTL8139 chip"));
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
	const struct nic_config c = { .mode = NIC_MODE_HYBRID,
		.poll = NIC_POLL_POLL };

	assert_int_equal(bench_probe_with(&c), 0);
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
		    every_card_becomes_a_device_by_pci_address, bench_power_on),
		cmocka_unit_test_setup(
		    a_card_that_will_not_start_stops_no_other, bench_power_on),
		cmocka_unit_test_setup(
		    more_cards_than_devices_are_told, bench_power_on),
		cmocka_unit_test_setup(
		    the_settings_give_the_order, bench_power_on),
		cmocka_unit_test_setup(
		    a_card_that_is_not_named_stays_out, bench_power_on),
		cmocka_unit_test_setup(
		    wrong_addresses_are_told_and_the_others_go_on,
		    bench_power_on),
		cmocka_unit_test_setup(
		    if_none_of_the_named_works_all_are_tried, bench_power_on),
		cmocka_unit_test_setup(
		    a_lonely_bus_is_looked_at_when_there_is_no_card,
		    bench_power_on),
		cmocka_unit_test_setup(
		    or_when_its_card_is_named, bench_power_on),
		cmocka_unit_test_setup(
		    a_look_alike_is_called_by_its_name, bench_power_on),
		cmocka_unit_test_setup(another_chip_is_named, bench_power_on),
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
