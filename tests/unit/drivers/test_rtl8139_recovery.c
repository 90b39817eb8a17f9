/* SPDX-License-Identifier: MIT */
/* One side of the card is started again while the other goes on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/drivers/bench.h"

/* Frames go both ways; afterwards both sides have proven themselves. */
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
	run_for(NS_PER_S);
}

static int start_proven(void **state)
{
	bench_start(state);
	check_works();
	return 0;
}

static void check_recovered(uint64_t rx, uint64_t tx, uint64_t card)
{
	assert_int_equal(recoveries(RECOVER_RX), rx);
	assert_int_equal(recoveries(RECOVER_TX), tx);
	assert_int_equal(recoveries(RECOVER_CARD), card);
}

static void break_header(void)
{
	mock_rtl_rx_raw(&bench.card, 0, 64, 68);
}

/* The transmitter fails at one packet twice. */
static void abort_twice(void)
{
	mock_rtl_tx_step(&bench.card, MOCK_TX_ABORT);
	run_for(10 * US);
	mock_rtl_tx_step(&bench.card, MOCK_TX_ABORT);
	run_for(10 * US);
}

/* Three packets are on the card, and leave unharmed after what(). */
static void check_sending_goes_on(void (*what)(void))
{
	uint32_t sent = bench.card.sent_count;
	uint64_t resets = bench.card.resets;

	for (uint32_t i = 0; i < 3; i++)
		send(500 + i, 300);
	what();
	run_for(50 * MS);
	assert_int_equal(mock_rtl_tx_pending(&bench.card), 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(mock_rtl_tx_step(&bench.card, MOCK_TX_OK));
		check_sent(sent + i, 500 + i, 300);
	}
	assert_int_equal(bench.card.resets, resets);
	assert_int_equal(bench.dev->stats.tx_errors, 0);
	assert_int_equal(bench.dev->stats.link_changes, 1);
	run_for(NS_PER_S);
	check_pool_full();
}

/* [14] [17] */
static void a_broken_header_restarts_the_receiver_alone(void **state)
{
	check_sending_goes_on(break_header);
	check_recovered(1, 0, 0);
	assert_int_equal(faults(FAULT_RX_HEADER), 1);
	assert_true(logged("receiver restarted after a broken header"));
	check_works();
}

static void begin_for_ever(void)
{
	mock_rtl_rx_begin(&bench.card, 300);
}

/* [16] */
static void a_frame_never_complete_restarts_the_receiver_alone(void **state)
{
	check_sending_goes_on(begin_for_ever);
	check_recovered(1, 0, 0);
	assert_int_equal(faults(FAULT_RX_STUCK), 1);
	check_works();
}

/* Frames lie in the ring and arrive unharmed when the transmitter, with four
 * packets on it, is started again by break_it(). */
static void check_receiving_goes_on(void (*break_it)(void))
{
	uint64_t resets = bench.card.resets;
	uint32_t had = bench.received;
	unsigned long irq;

	for (uint32_t i = 0; i < 6; i++)
		send(600 + i, 300);
	mock_rtl_tx_step(&bench.card, MOCK_TX_ABORT);
	run_for(10 * US);
	irq = arch_irq_save();
	for (uint32_t i = 0; i < 15; i++)
		assert_true(arrive(700 + i, 1000));
	break_it();
	arch_irq_restore(irq);
	run_for(10 * US);
	check_recovered(0, 1, 0);
	assert_int_equal(bench.card.resets, resets);
	assert_false(bench.card.wiped);
	run_for(MS);
	assert_int_equal(bench.received, had + 15);
	for (uint32_t i = 0; i < 15; i++)
		check_received(had + i, 700 + i, 1000);
}

static void abort_again(void)
{
	assert_true(mock_rtl_tx_step(&bench.card, MOCK_TX_ABORT));
}

/* [29]: the mock asserts that the slots go on in turn. */
static void a_second_abort_restarts_the_transmitter_alone(void **state)
{
	uint32_t sent = bench.card.sent_count;

	check_receiving_goes_on(abort_again);
	assert_int_equal(faults(FAULT_TX_ABORT), 1);
	assert_true(logged("transmitter restarted after a frame that could"));
	assert_int_equal(bench.stack.drop[DROP_NETDEV_RESET], 4);
	/* What waited behind them goes out. */
	assert_int_equal(mock_rtl_tx_pending(&bench.card), 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(mock_rtl_tx_step(&bench.card, MOCK_TX_OK));
		check_sent(sent + i, 604 + i, 300);
	}
	check_works();
	check_pool_full();
}

/* [30] [32] */
static void a_hang_restarts_the_transmitter_alone(void **state)
{
	uint64_t resets = bench.card.resets;

	for (uint32_t i = 0; i < 6; i++)
		send(i, 300);
	/* Frames come all the time, and all are delivered. */
	for (uint32_t i = 0; i < 70; i++) {
		arrive(800 + i, 500);
		run_for(100 * MS);
		check_received(1 + i, 800 + i, 500);
	}
	check_recovered(0, 1, 0);
	assert_int_equal(faults(FAULT_TX_HANG), 1);
	assert_int_equal(bench.card.resets, resets);
	assert_int_equal(mock_rtl_tx_pending(&bench.card), 2);
}

/* [30] */
static void an_underrun_for_ever_restarts_the_transmitter_alone(void **state)
{
	uint64_t resets = bench.card.resets;

	for (uint32_t i = 0; i < 4; i++)
		send(i, 300);
	mock_rtl_tx_step(&bench.card, MOCK_TX_UNDERRUN);
	run_for(7 * NS_PER_S);
	check_recovered(0, 1, 0);
	assert_int_equal(bench.card.resets, resets);
	/* What it learned stays: more bytes in the FIFO before it sends. */
	send(4, 300);
	assert_int_equal(bench.card.last_threshold, 10);
	assert_true(mock_rtl_tx_step(&bench.card, MOCK_TX_OK));
	check_works();
}

static void a_transmitter_that_hangs_on_costs_a_reset(void **state)
{
	for (uint32_t i = 0; i < 6; i++)
		send(i, 300);
	run_for(7 * NS_PER_S);
	check_recovered(0, 1, 0);
	/* Nothing has left since. */
	run_for(7 * NS_PER_S);
	check_recovered(0, 1, 1);
	assert_int_equal(faults(FAULT_TX_HANG), 2);
	check_works();
}

static void a_receiver_that_never_worked_costs_a_reset(void **state)
{
	break_header();
	run_for(MS);
	check_recovered(0, 0, 1);
	check_works();
}

static void a_side_that_does_not_stop_costs_a_reset(void **state)
{
	bench.card.stuck_enables = CR_RE;
	break_header();
	run_for(MS);
	check_recovered(0, 0, 1);
	bench.card.stuck_enables = 0;
	check_works();
	bench.card.stuck_enables = CR_TE;
	send(1, 100);
	abort_twice();
	check_recovered(0, 0, 2);
	bench.card.stuck_enables = 0;
	check_works();
}

static void a_side_that_stops_slowly_is_waited_for(void **state)
{
	bench.card.stop_ns = 150 * US;
	check_sending_goes_on(break_header);
	check_recovered(1, 0, 0);
	send(1, 100);
	abort_twice();
	run_for(MS);
	check_recovered(1, 1, 0);
	check_works();
}

static void a_side_that_breaks_too_often_costs_a_reset(void **state)
{
	for (uint32_t i = 0; i < 5; i++) {
		arrive(i, 100);
		run_for(MS);
		break_header();
		run_for(MS);
	}
	/* The reset is as good as a restart for the one after it: the second
	 * is not over. */
	check_recovered(3, 0, 2);
	run_for(2 * NS_PER_S);
	arrive(9, 100);
	run_for(MS);
	break_header();
	run_for(MS);
	check_recovered(4, 0, 2);
	check_works();
}

/* [20]: in QEMU only a CAPR write wakes a receiver that stalled. */
static void a_restart_after_an_overflow_revives_the_receiver(void **state)
{
	uint32_t had = bench.received, left = bench.rtl->rx_off;

	bench.card.back_pressure = true;

	unsigned long irq = arch_irq_save();

	for (uint32_t i = 0; i < 60; i++)
		arrive(i, 1514);
	/* The first header breaks: everything in the ring is lost. */
	memset(bench.rtl->ring + left, 0, 4);
	arch_irq_restore(irq);
	run_for(10 * MS);
	check_recovered(1, 0, 0);
	assert_int_equal(bench.received - had, 60 - 21);
	check_received(had, 21, 1514);
	check_received(bench.received - 1, 59, 1514);
	check_works();
}

/* --- [23]: filter and pointers change under load -------------------------- */

static struct {
	uint64_t at; /* access number */
	uint32_t arrived;
} load;

static void arrive_at(struct mock_rtl *m, uint64_t access)
{
	if (access >= load.at && access < load.at + 3)
		load.arrived += arrive(3000 + load.arrived, 120);
}

/* Frames arrive at three accesses from the k-th on, while the receiver is
 * started again.  Some may be lost with the ring, the rest arrive whole and in
 * order, and nothing is taken twice.  Returns the accesses of the restart. */
static uint64_t restart_under_load(uint64_t k)
{
	uint64_t before;
	uint32_t had;

	start_proven(NULL);
	before = bench.card.accesses;
	had = bench.received;
	load.at = before + k;
	load.arrived = 0;
	bench.card.hook = arrive_at;
	break_header();
	run_for(5 * MS);
	bench.card.hook = NULL;
	check_recovered(1, 0, 0);
	assert_true(bench.received - had <= load.arrived);
	if (!bench.card.wiped)
		assert_true(load.arrived == bench.received - had);

	uint32_t first = 3000 + load.arrived - (bench.received - had);

	for (uint32_t i = had; i < bench.received; i++)
		check_received(i, first + i - had, 120);
	check_works();
	return bench.card.accesses - before;
}

static void a_restart_under_load_leaves_no_stale_offset(void **state)
{
	uint64_t accesses = restart_under_load(1000000);

	for (uint64_t k = 1; k <= accesses; k++)
		restart_under_load(k);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup(fn, start_proven)
	const struct CMUnitTest tests[] = {
		CASE(a_broken_header_restarts_the_receiver_alone),
		CASE(a_frame_never_complete_restarts_the_receiver_alone),
		CASE(a_second_abort_restarts_the_transmitter_alone),
		CASE(a_hang_restarts_the_transmitter_alone),
		CASE(an_underrun_for_ever_restarts_the_transmitter_alone),
		CASE(a_transmitter_that_hangs_on_costs_a_reset),
		cmocka_unit_test_setup(
		    a_receiver_that_never_worked_costs_a_reset, bench_start),
		CASE(a_side_that_does_not_stop_costs_a_reset),
		CASE(a_side_that_stops_slowly_is_waited_for),
		CASE(a_side_that_breaks_too_often_costs_a_reset),
		CASE(a_restart_after_an_overflow_revives_the_receiver),
		CASE(a_restart_under_load_leaves_no_stale_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
