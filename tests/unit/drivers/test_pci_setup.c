/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "drivers/pci.h"
#include "tests/support/mock_pci.h"

#define CARD_BYTES 256u
#define MIB        0x100000u

static struct mock_pci pci;

static int start(void **state)
{
	host_reset();
	mock_pci_init(&pci);
	return 0;
}

static struct mock_pci_function *add_card(uint8_t bus, uint8_t slot)
{
	struct mock_pci_function *f =
	    mock_pci_add(&pci, bus, slot, 0, 0x10ec, 0x8139, 0x020000);

	f->bar_bytes[1] = CARD_BYTES;
	return f;
}

static struct mock_pci_function *add_bridge(
    uint8_t bus, uint8_t slot, uint8_t to, uint8_t last)
{
	struct mock_pci_function *f =
	    mock_pci_add(&pci, bus, slot, 0, 0x8086, 0x244e, 0x060400);

	mock_pci_set8(f, 0x0e, 1);
	mock_pci_set8(f, 0x18, bus);
	mock_pci_set8(f, 0x19, to);
	mock_pci_set8(f, 0x1a, last);
	mock_pci_set16(f, 0x20, 0xfff0);
	return f;
}

static void set_window(struct mock_pci_function *f, uint32_t base, uint32_t end)
{
	mock_pci_set16(f, 0x20, (uint16_t)(base >> 16));
	mock_pci_set16(f, 0x22, (uint16_t)((end - MIB) >> 16));
}

/* A device of the machine with memory at an address. */
static void add_memory(uint8_t bus, uint8_t slot, uint32_t base, uint32_t bytes)
{
	struct mock_pci_function *f =
	    mock_pci_add(&pci, bus, slot, 0, 1, 2, 0x030000);

	f->bar_bytes[0] = bytes;
	mock_pci_set32(f, 0x10, base);
	mock_pci_set16(f, 0x04, 3);
}

static paddr_t assign(uint8_t bus, uint8_t slot)
{
	struct pci_address at = { bus, slot, 0 };
	paddr_t base = pci_assign_memory_bar(at, 1);

	assert_int_equal(pci_memory_bar(at, 1), base);
	return base;
}

/* --- Silence ---------------------------------------------------------------
 */

static void network_cards_lose_their_dma(void **state)
{
	struct mock_pci_function *card = add_card(0, 3);
	struct mock_pci_function *disk =
	    mock_pci_add(&pci, 0, 4, 0, 1, 2, 0x010601);

	mock_pci_set16(card, 0x04, 0x0007);
	mock_pci_set16(disk, 0x04, 0x0007);
	pci_quiesce();
	assert_int_equal(mock_pci_get16(card, 0x04), 0x0403);
	assert_int_equal(mock_pci_get16(disk, 0x04), 0x0407);
}

static void bridges_stay_as_they_are_and_what_is_behind_is_reached(void **state)
{
	struct mock_pci_function *bridge = add_bridge(0, 1, 1, 2), *card;

	add_bridge(1, 0, 2, 2);
	card = add_card(2, 5);
	mock_pci_set16(bridge, 0x04, 0x0007);
	mock_pci_set16(card, 0x04, 0x0007);
	pci_quiesce();
	assert_int_equal(mock_pci_get16(bridge, 0x04), 0x0007);
	assert_int_equal(mock_pci_get16(card, 0x04), 0x0403);
}

/* --- Power -----------------------------------------------------------------
 */

static struct mock_pci_function *add_sleeper(uint8_t state)
{
	struct mock_pci_function *f = add_card(0, 3);

	mock_pci_set16(f, 0x06, 0x0010);
	mock_pci_set8(f, 0x34, 0x50);
	mock_pci_set8(f, 0x50, 0x05); /* another capability first */
	mock_pci_set8(f, 0x51, 0x60);
	mock_pci_set8(f, 0x60, 0x01);
	mock_pci_set8(f, 0x61, 0x00);
	mock_pci_set16(f, 0x64, (uint16_t)(0x0100 | state));
	f->asleep = 0x64;
	mock_pci_set32(f, 0x10, 0xc001);
	mock_pci_set32(f, 0x14, 0xfebc0000);
	mock_pci_set8(f, 0x3c, 11);
	mock_pci_set16(f, 0x04, 0x0003);
	return f;
}

static void a_sleeping_card_wakes_as_it_was(void **state)
{
	static const uint8_t states[] = { 1, 2, 3 };
	struct pci_address at = { 0, 3, 0 };

	for (unsigned i = 0; i < sizeof(states); i++) {
		struct mock_pci_function *f;
		uint64_t began;

		start(NULL);
		f = add_sleeper(states[i]);
		began = arch_clock_ns();
		assert_true(pci_wake(at));
		assert_true(arch_clock_ns() - began >= 10000000);
		assert_int_equal(mock_pci_get16(f, 0x64) & 0x0103, 0);
		assert_int_equal(pci_read32(at, 0x10), 0xc001);
		assert_int_equal(pci_memory_bar(at, 1), 0xfebc0000);
		assert_int_equal(mock_pci_get16(f, 0x04), 0x0003);
		assert_int_equal(pci_read8(at, 0x3c), 11);
	}
}

static void a_card_that_is_awake_is_left_alone(void **state)
{
	struct pci_address at = { 0, 3, 0 };
	struct mock_pci_function *f = add_sleeper(0);
	uint64_t began = arch_clock_ns();

	assert_false(pci_wake(at));
	assert_int_equal(mock_pci_get16(f, 0x64), 0x0100);
	assert_int_equal(arch_clock_ns(), began);
}

static void a_card_without_power_management_is_awake(void **state)
{
	struct pci_address at = { 0, 3, 0 };

	add_card(0, 3);
	assert_false(pci_wake(at));
}

static void capabilities_in_a_circle_end(void **state)
{
	struct pci_address at = { 0, 3, 0 };
	struct mock_pci_function *f = add_sleeper(3);

	mock_pci_set8(f, 0x60, 0x09);
	mock_pci_set8(f, 0x61, 0x50);
	assert_false(pci_wake(at));
}

/* --- Bridges ---------------------------------------------------------------
 */

static void the_bridges_above_a_card_are_opened(void **state)
{
	struct mock_pci_function *first = add_bridge(0, 1, 1, 3);
	struct mock_pci_function *second = add_bridge(1, 0, 3, 3);
	struct mock_pci_function *other = add_bridge(0, 2, 4, 4);
	struct pci_address at = { 3, 0, 0 };

	add_card(3, 0);
	pci_open_path(at);
	assert_int_equal(mock_pci_get16(first, 0x04), 6);
	assert_int_equal(mock_pci_get16(second, 0x04), 6);
	assert_int_equal(mock_pci_get16(other, 0x04), 0);
}

static void an_address_outside_a_window_is_out_of_reach(void **state)
{
	struct mock_pci_function *first = add_bridge(0, 1, 1, 2);
	struct mock_pci_function *second = add_bridge(1, 0, 2, 2);
	struct pci_address at = { 2, 0, 0 }, root = { 0, 5, 0 };

	add_card(2, 0);
	set_window(first, 0xe0000000, 0xe0200000);
	assert_true(pci_is_reachable(root, 0xd0000000));
	assert_false(pci_is_reachable(at, 0xe0100000));
	set_window(second, 0xe0100000, 0xe0200000);
	assert_true(pci_is_reachable(at, 0xe0100000));
	assert_true(pci_is_reachable(at, 0xe01fffff));
	assert_false(pci_is_reachable(at, 0xe00fffff));
	assert_false(pci_is_reachable(at, 0xe0200000));
	/* Through the other window, or by subtraction. */
	mock_pci_set16(second, 0x24, 0xd001);
	mock_pci_set16(second, 0x26, 0xd001);
	mock_pci_set8(first, 0x09, 1);
	assert_true(pci_is_reachable(at, 0xd0000000));
}

/* --- Addresses -------------------------------------------------------------
 */

/* Below what the host says is taken, right under a device. */
static void a_card_gets_the_highest_room_that_is_free(void **state)
{
	add_card(0, 3);
	assert_int_equal(assign(0, 3), HOST_BUS_TAKEN - 4096);
	start(NULL);
	add_card(0, 3);
	add_memory(0, 4, HOST_BUS_TAKEN - 16 * MIB, 16 * MIB);
	add_memory(0, 5, HOST_BUS_TAKEN - 17 * MIB, 4096);
	assert_int_equal(assign(0, 3), HOST_BUS_TAKEN - 16 * MIB - 4096);
}

static void all_ones_are_no_address_either(void **state)
{
	struct mock_pci_function *f = add_card(0, 3);

	mock_pci_set32(f, 0x14, 0xffffff00);
	assert_int_equal(assign(0, 3), HOST_BUS_TAKEN - 4096);
}

static void a_window_that_is_open_is_used(void **state)
{
	struct mock_pci_function *b = add_bridge(0, 1, 1, 1);

	set_window(b, 0xe0000000, 0xe0200000);
	add_card(1, 3);
	add_memory(1, 4, 0xe01ff000, 4096);
	assert_int_equal(assign(1, 3), 0xe01fe000);
	/* And nobody else gets what is in there. */
	add_card(0, 9);
	add_memory(0, 5, 0x80000000, 0x60000000);
	add_memory(0, 6, 0xe0200000, 0x10000000);
	add_memory(0, 7, 0xf0200000, 0xe900000);
	assert_int_equal(assign(0, 9), 0);
}

static void shut_bridges_are_opened_one_in_the_other(void **state)
{
	struct mock_pci_function *first = add_bridge(0, 1, 1, 2);
	struct mock_pci_function *second = add_bridge(1, 0, 2, 2);
	paddr_t base;

	mock_pci_set16(second, 0x20, 0); /* never set at all */
	add_card(2, 0);
	base = assign(2, 0);
	assert_int_equal(base, HOST_BUS_TAKEN - 4096);
	assert_int_equal(mock_pci_get16(first, 0x20), 0xfea0);
	assert_int_equal(mock_pci_get16(first, 0x22), 0xfea0);
	assert_int_equal(mock_pci_get16(second, 0x20), 0xfea0);
	assert_int_equal(mock_pci_get16(second, 0x22), 0xfea0);
}

static void a_full_window_is_an_error(void **state)
{
	struct mock_pci_function *b = add_bridge(0, 1, 1, 1);

	set_window(b, 0xe0000000, 0xe0100000);
	add_memory(1, 4, 0xe0000000, MIB);
	add_card(1, 3);
	assert_int_equal(assign(1, 3), 0);
}

static void a_bar_that_takes_nothing_is_an_error(void **state)
{
	struct pci_address at = { 0, 3, 0 };

	add_card(0, 3)->bars_stuck = true;
	assert_int_equal(pci_assign_memory_bar(at, 1), 0);
	/* Nor one for ports. */
	pci.function[0].bar_bytes[0] = 256;
	mock_pci_set32(&pci.function[0], 0x10, 1);
	assert_int_equal(pci_assign_memory_bar(at, 0), 0);
}

/* The mock panics when a BAR is sized while it decodes. */
static void others_are_as_they_were_afterwards(void **state)
{
	struct pci_address other = { 0, 4, 0 };

	add_card(0, 3);
	add_memory(0, 4, 0xfe000000, 0x800000);
	assign(0, 3);
	assert_int_equal(pci_memory_bar(other, 0), 0xfe000000);
	assert_int_equal(pci_read16(other, 0x04), 3);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup(fn, start)
	const struct CMUnitTest tests[] = {
		CASE(network_cards_lose_their_dma),
		CASE(bridges_stay_as_they_are_and_what_is_behind_is_reached),
		CASE(a_sleeping_card_wakes_as_it_was),
		CASE(a_card_that_is_awake_is_left_alone),
		CASE(a_card_without_power_management_is_awake),
		CASE(capabilities_in_a_circle_end),
		CASE(the_bridges_above_a_card_are_opened),
		CASE(an_address_outside_a_window_is_out_of_reach),
		CASE(a_card_gets_the_highest_room_that_is_free),
		CASE(all_ones_are_no_address_either),
		CASE(a_window_that_is_open_is_used),
		CASE(shut_bridges_are_opened_one_in_the_other),
		CASE(a_full_window_is_an_error),
		CASE(a_bar_that_takes_nothing_is_an_error),
		CASE(others_are_as_they_were_afterwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
