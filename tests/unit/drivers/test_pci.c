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

static struct mock_pci pci;
static struct pci_device seen[MOCK_PCI_FUNCTIONS];
static unsigned seen_count, stop_after;

static int start(void **state)
{
	host_reset();
	mock_pci_init(&pci);
	seen_count = 0;
	stop_after = MOCK_PCI_FUNCTIONS;
	return 0;
}

static bool visit(const struct pci_device *d, void *ctx)
{
	assert_ptr_equal(ctx, &pci);
	seen[seen_count++] = *d;
	return seen_count < stop_after;
}

static bool is_at(unsigned i, uint8_t bus, uint8_t slot, uint8_t function)
{
	return seen[i].at.bus == bus && seen[i].at.slot == slot &&
	       seen[i].at.function == function;
}

static void an_empty_machine_has_no_functions(void **state)
{
	pci_scan(visit, &pci);
	assert_int_equal(seen_count, 0);
}

static void every_function_is_visited_once_in_order(void **state)
{
	mock_pci_add_pc(&pci);
	mock_pci_add(&pci, 255, 31, 0, 0x10ec, 0x8139, 0x020000);
	mock_pci_add(&pci, 1, 0, 0, 0x10ec, 0x8168, 0x020000);
	pci_scan(visit, &pci);
	assert_int_equal(seen_count, 8);
	assert_true(is_at(0, 0, 0, 0));
	assert_true(is_at(1, 0, 2, 0));
	assert_true(is_at(2, 0, 0x1e, 0));
	assert_true(is_at(3, 0, 0x1f, 0));
	assert_true(is_at(4, 0, 0x1f, 2));
	assert_true(is_at(5, 0, 0x1f, 3));
	assert_true(is_at(6, 1, 0, 0));
	assert_true(is_at(7, 255, 31, 0));
}

/* The PC's graphics card answers at all its function numbers. */
static void a_function_without_the_multi_bit_is_one(void **state)
{
	struct mock_pci_function *f =
	    mock_pci_add(&pci, 0, 3, 0, 1, 2, 0x030000);

	f->everywhere = true;
	pci_scan(visit, &pci);
	assert_int_equal(seen_count, 1);
}

static void a_scan_ends_when_the_visitor_says_so(void **state)
{
	mock_pci_add_pc(&pci);
	stop_after = 2;
	pci_scan(visit, &pci);
	assert_int_equal(seen_count, 2);
}

/* A chain of bridges, and a root bus that none leads to. */
static void buses_behind_bridges_come_first(void **state)
{
	static const uint8_t chain[] = { 0, 3, 7 };

	for (unsigned i = 0; i < 2; i++) {
		struct mock_pci_function *f =
		    mock_pci_add(&pci, chain[i], 1, 0, 1, 2, 0x060400);

		mock_pci_set8(f, 0x0e, 0x81);
		mock_pci_set8(f, 0x19, chain[i + 1]);
	}
	mock_pci_add(&pci, 7, 0, 0, 1, 2, 0x020000);
	mock_pci_add(&pci, 5, 0, 0, 1, 2, 0x020000);
	pci_scan(visit, &pci);
	assert_int_equal(seen_count, 4);
	assert_true(is_at(0, 0, 1, 0));
	assert_true(is_at(1, 3, 1, 0));
	assert_true(is_at(2, 7, 0, 0));
	assert_true(is_at(3, 5, 0, 0));
}

static void a_card_that_is_found_early_ends_a_short_scan(void **state)
{
	mock_pci_add(&pci, 0, 4, 0, 1, 2, 0x020000);
	stop_after = 1;
	pci_scan(visit, &pci);
	assert_true(pci.reads < 20);
}

/* A bridge whose bus number the firmware never set. */
static void a_bridge_to_itself_is_no_loop(void **state)
{
	mock_pci_set8(mock_pci_add(&pci, 0, 1, 0, 1, 2, 0x060400), 0x0e, 1);
	pci_scan(visit, &pci);
	assert_int_equal(seen_count, 1);
}

static void a_device_is_described(void **state)
{
	struct mock_pci_function *f =
	    mock_pci_add(&pci, 2, 5, 0, 0x1186, 0x1300, 0x020000);

	mock_pci_set8(f, 0x08, 0x10);
	mock_pci_set16(f, 0x2c, 0x1186);
	mock_pci_set16(f, 0x2e, 0x1301);
	mock_pci_set8(f, 0x3c, 9);
	pci_scan(visit, &pci);
	assert_int_equal(seen[0].vendor, 0x1186);
	assert_int_equal(seen[0].device, 0x1300);
	assert_int_equal(seen[0].class_code, 0x020000);
	assert_int_equal(seen[0].revision, 0x10);
	assert_int_equal(seen[0].subsystem_vendor, 0x1186);
	assert_int_equal(seen[0].subsystem, 0x1301);
	assert_int_equal(seen[0].interrupt_line, 9);
}

static void a_memory_bar_is_its_address(void **state)
{
	struct pci_address at = { 0, 1, 0 };
	struct mock_pci_function *f =
	    mock_pci_add(&pci, 0, 1, 0, 1, 2, 0x020000);

	mock_pci_set32(f, 0x14, 0xfebc0000);
	assert_int_equal(pci_memory_bar(at, 1), 0xfebc0000);
	/* Prefetchable, and not page aligned. */
	mock_pci_set32(f, 0x14, 0xfebc0108);
	assert_int_equal(pci_memory_bar(at, 1), 0xfebc0100);
}

static void a_bar_that_was_not_assigned_is_none(void **state)
{
	struct pci_address at = { 0, 1, 0 }, nowhere = { 9, 9, 0 };
	struct mock_pci_function *f =
	    mock_pci_add(&pci, 0, 1, 0, 1, 2, 0x020000);
	static const uint32_t bad[] = { 0, 0xffffff00, 0xffffffff, 0xc001 };

	for (unsigned i = 0; i < 4; i++) {
		mock_pci_set32(f, 0x14, bad[i]);
		assert_int_equal(pci_memory_bar(at, 1), 0);
	}
	assert_int_equal(pci_memory_bar(nowhere, 1), 0);
}

static void a_64_bit_bar_counts_only_below_4_gib(void **state)
{
	struct pci_address at = { 0, 1, 0 };
	struct mock_pci_function *f =
	    mock_pci_add(&pci, 0, 1, 0, 1, 2, 0x020000);

	mock_pci_set32(f, 0x14, 0xe0000004);
	assert_int_equal(pci_memory_bar(at, 1), 0xe0000000);
	mock_pci_set32(f, 0x18, 1);
	assert_int_equal(pci_memory_bar(at, 1), 0);
}

static void command_bits_change_alone(void **state)
{
	struct pci_address at = { 0, 1, 0 };
	struct mock_pci_function *f =
	    mock_pci_add(&pci, 0, 1, 0, 1, 2, 0x020000);

	mock_pci_set16(f, 0x04, 0x0501);
	pci_command(
	    at, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, PCI_COMMAND_INTX_OFF);
	assert_int_equal(mock_pci_get16(f, 0x04), 0x0107);
}

static void status_errors_are_read_and_cleared(void **state)
{
	struct pci_address at = { 0, 1, 0 };
	struct mock_pci_function *f =
	    mock_pci_add(&pci, 0, 1, 0, 1, 2, 0x020000);

	mock_pci_set16(f, 0x06, 0x2290);
	assert_int_equal(pci_take_errors(at), 0x2000);
	assert_int_equal(mock_pci_get16(f, 0x06), 0x0290);
	assert_int_equal(pci_take_errors(at), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    an_empty_machine_has_no_functions, start),
		cmocka_unit_test_setup(
		    every_function_is_visited_once_in_order, start),
		cmocka_unit_test_setup(
		    a_function_without_the_multi_bit_is_one, start),
		cmocka_unit_test_setup(
		    a_scan_ends_when_the_visitor_says_so, start),
		cmocka_unit_test_setup(buses_behind_bridges_come_first, start),
		cmocka_unit_test_setup(
		    a_card_that_is_found_early_ends_a_short_scan, start),
		cmocka_unit_test_setup(a_bridge_to_itself_is_no_loop, start),
		cmocka_unit_test_setup(a_device_is_described, start),
		cmocka_unit_test_setup(a_memory_bar_is_its_address, start),
		cmocka_unit_test_setup(
		    a_bar_that_was_not_assigned_is_none, start),
		cmocka_unit_test_setup(
		    a_64_bit_bar_counts_only_below_4_gib, start),
		cmocka_unit_test_setup(command_bits_change_alone, start),
		cmocka_unit_test_setup(
		    status_errors_are_read_and_cleared, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
