/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/arch.h"
#include "arch/x86_64/irqlines.h"
#include "lib/errno.h"

#define GSI(n) (ARCH_IRQ_GSI + (n))

static struct irq_wiring wiring;
static struct irq_line line;
static unsigned found[64];
static int calls[4];

/* QEMU's pc and q35: ISA timer at GSI 2, SCI at 9, 24 pins. */
static int start(void **state)
{
	memset(&wiring, 0, sizeof(wiring));
	memset(&line, 0, sizeof(line));
	memset(calls, 0, sizeof(calls));
	wiring.has_8259 = true;
	wiring.sci = 9;
	for (unsigned i = 0; i < 16; i++)
		wiring.isa_gsi[i] = i;
	wiring.isa_gsi[0] = 2;
	memset(wiring.gsi_exists, 0xff, 3);
	return 0;
}

static bool has(size_t n, unsigned wanted)
{
	for (size_t i = 0; i < n; i++)
		if (found[i] == wanted)
			return true;
	return false;
}

static void firmware_s_word_comes_first(void **state)
{
	size_t n = irq_list_candidates(&wiring, 10, found, 64);

	assert_int_equal(found[0], 10);
	assert_int_equal(found[1], GSI(10));
	assert_int_equal(found[2], GSI(16));
	assert_true(has(n, GSI(23)) && has(n, GSI(11)) && has(n, 11));
}

static void the_machine_s_own_lines_are_never_listed(void **state)
{
	static const uint8_t own[] = { 0, 1, 2, 8, 13 };

	for (unsigned i = 0; i < sizeof(own); i++) {
		size_t n = irq_list_candidates(&wiring, own[i], found, 64);

		for (unsigned k = 0; k < sizeof(own); k++) {
			assert_true(irq_is_machines(own[k]));
			assert_false(has(n, own[k]));
			assert_false(has(n, GSI(own[k])));
		}
		assert_false(has(n, 9));
		assert_false(has(n, GSI(9)));
	}
}

static void every_line_is_listed_once(void **state)
{
	for (unsigned hint = 0; hint < 256; hint++) {
		size_t n =
		    irq_list_candidates(&wiring, (uint8_t)hint, found, 64);

		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; k < i; k++)
				assert_int_not_equal(found[i], found[k]);
	}
}

/* Some machines share the SCI's line with cards. */
static void the_sci_s_line_is_tried_when_firmware_says_so(void **state)
{
	irq_list_candidates(&wiring, 9, found, 64);
	assert_int_equal(found[0], 9);
	assert_int_equal(found[1], GSI(9));
}

static void overrides_move_isa_lines(void **state)
{
	wiring.isa_gsi[9] = 20;
	wiring.isa_gsi[5] = 21;

	size_t n = irq_list_candidates(&wiring, 5, found, 64);

	assert_int_equal(found[0], 5);
	assert_int_equal(found[1], GSI(21));
	assert_false(has(n, GSI(20))); /* the SCI */
	assert_true(has(n, GSI(22)));
}

static void a_machine_without_8259_has_pins_only(void **state)
{
	wiring.has_8259 = false;

	size_t n = irq_list_candidates(&wiring, 11, found, 64);

	assert_int_equal(found[0], GSI(11));
	for (size_t i = 0; i < n; i++)
		assert_true(found[i] & ARCH_IRQ_GSI);
}

static void a_machine_without_io_apic_has_the_8259_only(void **state)
{
	memset(wiring.gsi_exists, 0, sizeof(wiring.gsi_exists));

	size_t n = irq_list_candidates(&wiring, 0xff, found, 64);

	assert_int_equal(n, 6);
	for (size_t i = 0; i < n; i++)
		assert_true(found[i] < 16);
}

static void a_short_list_is_not_overrun(void **state)
{
	memset(wiring.gsi_exists, 0xff, sizeof(wiring.gsi_exists));
	found[3] = 12345;
	assert_int_equal(irq_list_candidates(&wiring, 10, found, 3), 3);
	assert_int_equal(found[3], 12345);
	assert_int_equal(irq_list_candidates(&wiring, 10, found, 0), 0);
}

/* --- Handlers --------------------------------------------------------------
 */

static bool refuse(void *arg)
{
	(*(int *)arg)++;
	return false;
}

static bool claim(void *arg)
{
	(*(int *)arg)++;
	return true;
}

static bool leave(void *arg)
{
	(*(int *)arg)++;
	irq_line_remove(&line, leave, arg);
	return true;
}

static void everybody_on_a_shared_line_is_called(void **state)
{
	for (unsigned i = 0; i < IRQ_SHARED_MAX; i++)
		assert_int_equal(
		    irq_line_add(&line, i == 2 ? claim : refuse, &calls[i]), 0);
	assert_int_equal(irq_line_add(&line, refuse, calls), -EBUSY);
	assert_true(irq_line_run(&line, 0));
	for (unsigned i = 0; i < IRQ_SHARED_MAX; i++)
		assert_int_equal(calls[i], 1);
}

static void who_leaves_is_not_called_again(void **state)
{
	irq_line_add(&line, refuse, &calls[0]);
	irq_line_add(&line, refuse, &calls[1]);
	irq_line_add(&line, claim, &calls[2]);
	assert_true(irq_line_remove(&line, refuse, &calls[0]));
	assert_true(irq_line_run(&line, 0));
	assert_int_equal(calls[0], 0);
	assert_int_equal(calls[1], 1);
	assert_int_equal(calls[2], 1);
	assert_true(irq_line_remove(&line, refuse, &calls[1]));
	assert_false(irq_line_remove(&line, claim, &calls[2]));
	assert_false(irq_line_used(&line));
}

static void leaving_from_the_handler_skips_nobody(void **state)
{
	irq_line_add(&line, leave, &calls[0]);
	irq_line_add(&line, leave, &calls[1]);
	irq_line_add(&line, refuse, &calls[2]);
	assert_true(irq_line_run(&line, 0));
	assert_false(irq_line_run(&line, 0));
	assert_int_equal(calls[0], 1);
	assert_int_equal(calls[1], 1);
	assert_int_equal(calls[2], 2);
}

static void many_strays_in_a_second_are_a_storm(void **state)
{
	irq_line_add(&line, refuse, &calls[0]);
	for (unsigned i = 0; i < ARCH_IRQ_STORM - 1; i++)
		irq_line_run(&line, i);
	assert_false(line.storm);
	irq_line_run(&line, ARCH_IRQ_STORM);
	assert_true(line.storm);
	assert_false(irq_line_remove(&line, refuse, &calls[0]));
	assert_false(line.storm);
}

static void the_same_number_in_more_time_is_none(void **state)
{
	irq_line_add(&line, refuse, &calls[0]);
	for (uint64_t i = 0; i < 3 * ARCH_IRQ_STORM; i++)
		irq_line_run(&line, i * 60000);
	assert_false(line.storm);
}

static void claimed_interrupts_are_never_a_storm(void **state)
{
	irq_line_add(&line, claim, &calls[0]);
	irq_line_add(&line, refuse, &calls[1]);
	for (unsigned i = 0; i < 3 * ARCH_IRQ_STORM; i++)
		assert_true(irq_line_run(&line, 0));
	assert_false(line.storm);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup(fn, start)
	const struct CMUnitTest tests[] = {
		CASE(firmware_s_word_comes_first),
		CASE(the_machine_s_own_lines_are_never_listed),
		CASE(every_line_is_listed_once),
		CASE(the_sci_s_line_is_tried_when_firmware_says_so),
		CASE(overrides_move_isa_lines),
		CASE(a_machine_without_8259_has_pins_only),
		CASE(a_machine_without_io_apic_has_the_8259_only),
		CASE(a_short_list_is_not_overrun),
		CASE(everybody_on_a_shared_line_is_called),
		CASE(who_leaves_is_not_called_again),
		CASE(leaving_from_the_handler_skips_nobody),
		CASE(many_strays_in_a_second_are_a_storm),
		CASE(the_same_number_in_more_time_is_none),
		CASE(claimed_interrupts_are_never_a_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
