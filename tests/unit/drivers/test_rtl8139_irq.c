/* SPDX-License-Identifier: MIT */
/* Which line the card's interrupts arrive at, and what happens when none do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/drivers/bench.h"

#define REG_LINE 0x3c

/* Frames go both ways. */
static void check_works(void)
{
	uint32_t had = bench.received, sent = bench.card.sent_count;

	assert_true(arrive(had, 200));
	run_for(10 * MS);
	assert_int_equal(bench.received, had + 1);
	check_received(had, had, 200);
	send(had, 100);
	assert_true(mock_rtl_tx_step(&bench.card, MOCK_TX_OK));
	check_sent(sent, had, 100);
}

/* The card is wired to one line, the firmware says another. */
static void start_wired(unsigned line, uint8_t said)
{
	bench.card.irq = line;
	mock_pci_set8(bench.card.pci, REG_LINE, said);
	assert_int_equal(bench_probe(), 0);
	run_for(MS);
}

static void check_line(const char *name)
{
	assert_string_equal(bench.dev->line, name);
	assert_false(bench.rtl->polled);
	assert_int_equal(bench.card.timer_int, 0);
	assert_int_equal(bench.card.isr & ISR_TIMEOUT, 0);
	for (unsigned i = 0; i < 5; i++) {
		uint64_t before = bench.dev->stats.interrupts;

		check_works();
		assert_true(bench.dev->stats.interrupts > before);
	}
	assert_int_equal(counter(RTL_IRQ_LOST), 0);
}

static void check_polled(void)
{
	uint64_t before = bench.dev->stats.interrupts;

	assert_true(bench.rtl->polled);
	assert_string_equal(bench.dev->line, "polled");
	assert_true(logged("the card is polled every millisecond"));
	check_works();
	for (uint32_t i = 0; i < 8; i++)
		send(i, 60);
	for (uint32_t i = 0; i < 8; i++) {
		run_for(5 * MS);
		assert_true(mock_rtl_tx_step(&bench.card, MOCK_TX_OK));
	}
	assert_int_equal(bench.card.imr, 0);
	assert_int_equal(bench.dev->stats.interrupts, before);
	assert_int_equal(recovered(), 0);
}

/* --- Finding it ------------------------------------------------------------
 */

/* [36] */
static void the_line_that_the_firmware_names_is_confirmed(void **state)
{
	uint64_t began = arch_clock_ns();

	start_wired(11, 11);
	assert_true(logged("interrupts arrive at irq 11, as the firmware"));
	assert_true(arch_clock_ns() - began < 10 * MS);
	check_line("irq 11");
}

static void a_timer_that_rings_late_confirms_the_line_too(void **state)
{
	bench.card.timer_late_ns = 300 * MS;
	start_wired(11, 11);
	check_line("irq 11");
}

static void a_wrong_line_register_is_corrected(void **state)
{
	start_wired(7, 5);
	assert_true(logged("interrupts arrive at irq 7 (the firmware says 5"));
	check_line("irq 7");
}

static void a_line_register_that_says_nothing_is_no_obstacle(void **state)
{
	static const uint8_t nothing[] = { 0, 0xff, 1, 2, 13, 24, 200 };

	for (unsigned i = 0; i < sizeof(nothing); i++) {
		bench_power_on(NULL);
		start_wired(10, nothing[i]);
		check_line("irq 10");
	}
}

static void a_pin_of_the_io_apic_is_found(void **state)
{
	start_wired(ARCH_IRQ_GSI + 20, 10);
	check_line("gsi 20");
}

/* Firmware of machines without an 8259 may mean the IO-APIC. */
static void a_register_beyond_the_8259_names_a_pin(void **state)
{
	start_wired(ARCH_IRQ_GSI + 18, 18);
	assert_true(logged("at gsi 18, as the firmware says"));
	check_line("gsi 18");
}

static void every_line_a_card_can_be_on_is_found(void **state)
{
	static const unsigned lines[] = { 3, 4, 5, 7, 9, 10, 11,
		ARCH_IRQ_GSI + 3, ARCH_IRQ_GSI + 5, ARCH_IRQ_GSI + 11,
		ARCH_IRQ_GSI + 16, ARCH_IRQ_GSI + 23 };

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		bench_power_on(NULL);
		/* 9 is the SCI's: tried on the firmware's word only. */
		start_wired(lines[i], (uint8_t)(lines[i] == 9 ? 9 : 0xff));
		assert_int_equal(bench.rtl->line, lines[i]);
		check_works();
	}
}

/* [36] */
static void without_any_line_the_card_is_polled(void **state)
{
	uint64_t began = arch_clock_ns();

	bench.card.no_interrupt = true;
	start_wired(11, 11);
	assert_true(logged("no line carries its interrupt"));
	assert_true(arch_clock_ns() - began < 200 * MS);
	check_polled();
}

static void a_card_whose_timer_is_dead_trusts_the_firmware(void **state)
{
	bench.card.timer_dead = true;
	start_wired(11, 11);
	assert_true(logged("irq 11 is believed"));
	check_line("irq 11");
}

static void with_neither_timer_nor_firmware_the_card_is_polled(void **state)
{
	bench.card.timer_dead = true;
	start_wired(11, 0xff);
	assert_true(logged("no line is known"));
	check_polled();
}

/* --- Others on the line ----------------------------------------------------
 */

static void a_line_that_another_holds_is_not_taken(void **state)
{
	bench.card.irq = ARCH_IRQ_GSI + 20;
	mock_pci_set8(bench.card.pci, REG_LINE, 11);
	host_irq_raise(11);
	assert_int_equal(bench_probe(), 0);
	run_for(MS);
	assert_true(logged("1 busy"));
	check_line("gsi 20");
}

static void when_its_only_line_is_held_the_card_is_polled(void **state)
{
	/* The card's own changes of level are lost behind the other's. */
	bench.card.no_interrupt = true;
	start_wired(11, 11);
	host_irq_raise(11);
	assert_int_equal(bench.dev->stats.interrupts, 0);
	check_polled();
}

static void pulse_down(void *arg);

static void pulse_up(void *arg)
{
	host_irq_raise(11);
	host_at(arch_clock_ns() + 10 * US, pulse_down, NULL);
}

static void pulse_down(void *arg)
{
	host_irq_lower(11);
	host_at(arch_clock_ns() + 700 * US, pulse_up, NULL);
}

/* It rings in every window, also when the card does not. */
static void a_line_that_rings_by_itself_is_not_taken(void **state)
{
	pulse_up(NULL);
	start_wired(ARCH_IRQ_GSI + 16, 11);
	check_line("gsi 16");
	host_cancel(pulse_up, NULL);
	host_cancel(pulse_down, NULL);
}

static void ring_late(void *arg)
{
	host_irq_raise(11);
}

/* Quiet at first, then held: found out before it is taken. */
static void a_line_that_becomes_busy_is_not_taken(void **state)
{
	host_at(arch_clock_ns() + 3500 * US, ring_late, NULL);
	start_wired(11, 11);
	assert_true(logged("1 busy"));
	check_polled();
}

/* --- While it runs ---------------------------------------------------------
 */

/* [36] */
static void a_line_that_falls_silent_is_replaced_by_polling(void **state)
{
	bench.card.no_interrupt = true;
	for (uint32_t i = 0; i < 40; i++) {
		arrive(i, 100);
		run_for(100 * MS);
	}
	assert_int_equal(bench.received, 40);
	assert_true(logged("irq 11 never comes"));
	check_polled();
}

/* A second without a frame says nothing about the line. */
static void rare_frames_reveal_a_silent_line_as_well(void **state)
{
	bench.card.no_interrupt = true;
	for (uint32_t i = 0; i < 4; i++) {
		arrive(i, 100);
		run_for(5 * NS_PER_S);
	}
	assert_int_equal(counter(RTL_IRQ_LOST), 2);
	check_polled();
}

static void one_lost_interrupt_is_only_counted(void **state)
{
	bench.card.no_interrupt = true;
	arrive(1, 100);
	run_for(100 * MS);
	assert_int_equal(bench.received, 0);
	run_for(NS_PER_S);
	assert_int_equal(bench.received, 1);
	bench.card.no_interrupt = false;
	for (uint32_t i = 0; i < 30; i++) {
		check_works();
		run_for(500 * MS);
	}
	assert_int_equal(counter(RTL_IRQ_LOST), 1);
	assert_false(bench.rtl->polled);
}

/* [37] [39] */
static void a_storm_of_another_device_ends_in_polling(void **state)
{
	bench.card.no_interrupt = true; /* its level drowns in the other's */
	host_irq_raise(11);
	host_irq_deliver();
	assert_true(arch_irq_is_storm(11));
	run_for(2 * NS_PER_S);
	assert_true(logged("irq 11 rings without end"));
	assert_int_equal(counter(RTL_IRQ_STORM), 1);
	check_polled();
}

/* [39]: each of them is answered, and none of them means anything. */
static void a_cause_that_does_not_clear_ends_in_polling(void **state)
{
	bench.card.isr_returns = ISR_PUN;
	mock_rtl_raise(&bench.card, ISR_PUN);
	/* Meanwhile the others get their turn. */
	run_for(500 * MS);
	check_works();
	run_for(2 * NS_PER_S);
	assert_true(logged("irq 11 rings without end"));
	assert_int_equal(counter(RTL_IRQ_STORM), 1);
	check_polled();
}

static void a_busy_card_is_no_storm(void **state)
{
	for (uint32_t i = 0; i < 50000; i++) {
		assert_true(arrive(i, 60));
		run_for(40 * US);
	}
	assert_true(bench.dev->stats.interrupts > 45000);
	assert_int_equal(counter(RTL_IRQ_STORM), 0);
	assert_false(bench.rtl->polled);
}

/* [45]: nothing waits for the timer, whose laps take 129 s. */
static void the_timer_of_the_card_is_not_needed(void **state)
{
	uint64_t before = bench.dev->stats.interrupts;

	arch_write32(bench.rtl->regs + RTL_TIMERINT, 1);
	arch_write32(bench.rtl->regs + RTL_TCTR, 0);
	mock_rtl_raise(&bench.card, ISR_TIMEOUT);
	run_for(300 * NS_PER_S);
	mock_rtl_raise(&bench.card, ISR_TIMEOUT);
	assert_int_equal(bench.dev->stats.interrupts, before);
	check_works();
	assert_int_equal(bench.card.isr & ISR_TIMEOUT, 0);
	assert_int_equal(recovered(), 0);
	assert_false(bench.rtl->polled);
}

/* [41]: an 8259 that firmware left edge triggered sees a line that stays high
 * as one edge.  The mock's line is level triggered; so what is asserted is that
 * the line goes low in every round, and that its last state is low. */
static struct {
	uint64_t edges;
	bool high;
} edge;

static void watch_edges(struct mock_rtl *m, uint64_t access)
{
	bool high = m->isr & m->imr;

	edge.edges += high && !edge.high;
	edge.high = high;
}

static void every_interrupt_is_an_edge(void **state)
{
	uint64_t before = bench.dev->stats.interrupts;

	memset(&edge, 0, sizeof(edge));
	bench.card.hook = watch_edges;
	for (uint32_t i = 0; i < 200; i++) {
		arrive(i, 100);
		if (i % 3 == 0)
			arrive(i, 100);
		mock_rtl_raise(&bench.card, ISR_PUN);
		run_for(100 * US);
		assert_int_equal(bench.card.isr & bench.card.imr, 0);
	}
	assert_int_equal(edge.edges, bench.dev->stats.interrupts - before);
	assert_int_equal(bench.received, 267);
}

int main(void)
{
#define COLD(fn) cmocka_unit_test_setup(fn, bench_power_on)
#define CASE(fn) cmocka_unit_test_setup(fn, bench_start)
	const struct CMUnitTest tests[] = {
		COLD(the_line_that_the_firmware_names_is_confirmed),
		COLD(a_timer_that_rings_late_confirms_the_line_too),
		COLD(a_wrong_line_register_is_corrected),
		COLD(a_line_register_that_says_nothing_is_no_obstacle),
		COLD(a_pin_of_the_io_apic_is_found),
		COLD(a_register_beyond_the_8259_names_a_pin),
		COLD(every_line_a_card_can_be_on_is_found),
		COLD(without_any_line_the_card_is_polled),
		COLD(a_card_whose_timer_is_dead_trusts_the_firmware),
		COLD(with_neither_timer_nor_firmware_the_card_is_polled),
		COLD(a_line_that_another_holds_is_not_taken),
		COLD(when_its_only_line_is_held_the_card_is_polled),
		COLD(a_line_that_rings_by_itself_is_not_taken),
		COLD(a_line_that_becomes_busy_is_not_taken),
		CASE(a_line_that_falls_silent_is_replaced_by_polling),
		CASE(rare_frames_reveal_a_silent_line_as_well),
		CASE(one_lost_interrupt_is_only_counted),
		CASE(a_storm_of_another_device_ends_in_polling),
		CASE(a_cause_that_does_not_clear_ends_in_polling),
		CASE(a_busy_card_is_no_storm),
		CASE(the_timer_of_the_card_is_not_needed),
		CASE(every_interrupt_is_an_edge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
