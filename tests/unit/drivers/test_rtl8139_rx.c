/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/drivers/bench.h"

#define LONGEST 1514u
#define RING    RTL_RING_BYTES

/* Driver and card both go on at this place of the empty ring. */
static void move_to(uint32_t offset)
{
	mock_rtl_set_offset(&bench.card, offset);
	bench.rtl->rx_off = offset;
}

static uint32_t all_ring(uint32_t len)
{
	return (4 + len + 4 + 3) & ~3u;
}

/* --- Whole frames ----------------------------------------------------------
 */

/* [9] */
static void frames_of_every_length_arrive_without_fcs(void **state)
{
	for (uint32_t len = 60; len <= LONGEST; len++) {
		assert_true(arrive(len, len));
		run_for(10 * US);
		check_received(bench.received - 1, len, len);
	}
	assert_int_equal(bench.received, LONGEST - 59);
	assert_int_equal(bench.dev->stats.rx_frames, LONGEST - 59);
	assert_int_equal(recovered(), 0);
}

static void a_tagged_frame_of_1518_bytes_arrives(void **state)
{
	assert_true(arrive(1, 1518));
	run_for(MS);
	check_received(0, 1, 1518);
}

/* One frame through the ring at this place, by the shortest way. */
static void check_at(uint32_t offset, uint32_t len)
{
	move_to(offset);
	assert_true(arrive(offset + len, len));
	assert_int_equal(rtl_rx_poll(bench.rtl, 2, false), 1);
	check_received(bench.received - 1, offset + len, len);
	assert_int_equal(bench.rtl->rx_off, (offset + all_ring(len)) % RING);
	assert_true(rtl_rx_empty(bench.rtl));
}

/* [11] */
static void frames_arrive_at_every_offset(void **state)
{
	static const uint32_t lens[] = { 60, 61, 62, 63, 64, 1513, 1514 };

	for (uint32_t offset = 0; offset < RING; offset += 4)
		check_at(offset, lens[offset / 4 % 7]);
	assert_int_equal(bench.rtl->fault, FAULT_NONE);
}

/* [11] [12]: every way to straddle the end, header at the very end included. */
static void frames_of_every_length_straddle_the_end(void **state)
{
	for (uint32_t offset = RING - 1528; offset < RING; offset += 4)
		for (uint32_t len = 60; len <= LONGEST; len++)
			check_at(offset, len);
	assert_int_equal(bench.rtl->fault, FAULT_NONE);
}

/* [12] */
static void a_frame_that_ends_with_the_ring_is_not_copied(void **state)
{
	uint64_t wrapped = counter(RTL_RX_WRAPPED);

	/* FCS last in the ring; FCS alone beyond the end; one byte beyond. */
	check_at(RING - all_ring(100), 100);
	check_at(RING - 4 - 100, 100);
	assert_int_equal(counter(RTL_RX_WRAPPED), wrapped);
	check_at(RING - 4 - 100, 101);
	assert_int_equal(counter(RTL_RX_WRAPPED), wrapped + 1);
}

static void many_laps_lose_nothing(void **state)
{
	uint32_t seed = 1;

	for (uint32_t i = 0; i < 2000; i++) {
		uint32_t len;

		seed = seed * 1664525 + 1013904223;
		len = 60 + (seed >> 16) % (LONGEST - 59);
		assert_true(arrive(i, len));
		/* Several frames per interrupt, now and then. */
		if ((seed >> 8) % 3 == 0)
			host_clock_advance(5 * US);
		else
			run_for(5 * US);
		if (mock_rtl_free(&bench.card) < 4000)
			run_for(5 * US);
	}
	run_for(MS);
	assert_int_equal(bench.received, 2000);
	assert_int_equal(recovered(), 0);
}

/* --- Cost ------------------------------------------------------------------
 */

static uint64_t accesses_for(uint32_t frames)
{
	uint64_t before;

	for (uint32_t i = 0; i < frames; i++)
		assert_true(arrive(i, 60));
	before = bench.card.accesses;
	run_for(MS);
	return bench.card.accesses - before;
}

static void no_register_is_touched_per_frame(void **state)
{
	uint64_t capr, one = accesses_for(1);

	capr = bench.card.capr_writes;
	assert_int_equal(accesses_for(50), one);
	assert_int_equal(bench.card.capr_writes, capr + 1);
	assert_int_equal(bench.received, 51);
}

/* [47] */
static void a_poll_stops_at_its_budget_and_stays_masked(void **state)
{
	const struct netdev_ops *ops = bench.dev->ops;

	/* With interrupts off, nobody else takes them. */
	unsigned long irq = arch_irq_save();

	for (uint32_t i = 0; i < 20; i++)
		assert_true(arrive(i, 60));
	bench.rtl->mask = 0;
	bench.card.imr = 0;
	mock_rtl_update(&bench.card);
	assert_int_equal(ops->poll(bench.dev, 8), 8);
	assert_int_equal(bench.card.imr, 0);
	assert_int_equal(ops->poll(bench.dev, 8), 8);
	assert_int_equal(bench.card.imr, 0);
	assert_int_equal(ops->poll(bench.dev, 8), 4);
	assert_int_equal(bench.card.imr, ISR_WANTED);
	arch_irq_restore(irq);
	for (uint32_t i = 0; i < 20; i++)
		check_received(i, i, 60);
}

/* --- Bad headers ------------------------------------------------------------
 */

static void check_alive(uint32_t number)
{
	uint32_t had = bench.received;

	assert_true(arrive(number, 200));
	run_for(MS);
	assert_int_equal(bench.received, had + 1);
	check_received(had, number, 200);
}

/* A header that nobody can believe costs one reset and no frame after it. */
static void check_broken(uint16_t status, uint16_t len, uint32_t advance)
{
	uint64_t resets;
	uint32_t had = bench.received;

	run_for(2 * NS_PER_S); /* away from the limit of resets */
	resets = faults(FAULT_RX_HEADER);
	mock_rtl_rx_raw(&bench.card, status, len, advance);
	run_for(MS);
	assert_int_equal(faults(FAULT_RX_HEADER), resets + 1);
	assert_int_equal(bench.rtl->rx_off, 0);
	assert_int_equal(bench.received, had);
	check_alive(advance);
}

/* [14] */
static void impossible_lengths_reset_the_card(void **state)
{
	static const uint16_t lens[] = { 0, 4, 63, 0xffff, 0xffef };

	for (unsigned i = 0; i < 5; i++)
		check_broken(1, lens[i], 128);
	assert_int_equal(bench.dev->stats.rx_errors, 5);
	assert_int_equal(bench.received, 5);
}

/* [17] */
static void status_with_errors_resets_the_card(void **state)
{
	/* No ROK; then each error bit: FAE, CRC, LONG, RUNT, ISE. */
	static const uint16_t status[] = { 0x0000, 0x0003, 0x0005, 0x0009,
		0x0011, 0x0021 };

	for (unsigned i = 0; i < 6; i++)
		check_broken(status[i], 64, 68);
	assert_int_equal(bench.dev->stats.rx_errors, 6);
}

/* [18] */
static void a_frame_beyond_what_is_published_is_not_read(void **state)
{
	check_broken(1, 1000, 500);
	check_broken(1, 68, 68);
}

static void an_unaligned_place_of_the_card_resets_it(void **state)
{
	unsigned long irq = arch_irq_save();

	arrive(1, 60);
	bench.card.cbr += 2;
	arch_irq_restore(irq);
	run_for(MS);
	assert_int_equal(faults(FAULT_RX_HEADER), 1);
	assert_int_equal(bench.received, 0);
	check_alive(7);
}

/* [13]: frames that no cable carries, but QEMU's networks do. */
static void rx_skips_giants(void **state)
{
	static const uint32_t lens[] = { 1519, 1520, 4000, 16000 };

	for (unsigned i = 0; i < 4; i++) {
		assert_true(arrive(1, lens[i]));
		assert_true(arrive(2 + i, 100));
		run_for(MS);
		check_received(i, 2 + i, 100);
	}
	assert_int_equal(counter(RTL_RX_OVERSIZE), 4);
	assert_int_equal(bench.dev->stats.rx_errors, 4);
	assert_int_equal(recovered(), 0);
}

/* --- A frame in progress
 * ------------------------------------------------------ */

/* [15] */
static void a_frame_in_progress_is_waited_for(void **state)
{
	mock_rtl_rx_begin(&bench.card, 300);
	run_for(500 * US);
	assert_int_equal(bench.received, 0);
	/* It ends without another interrupt. */
	mock_rtl_rx_end(&bench.card, frame(5, 300), 300);
	run_for(5 * MS);
	check_received(0, 5, 300);
	assert_int_equal(counter(RTL_RX_IN_PROGRESS), 1);
	assert_int_equal(recovered(), 0);
	check_alive(6);
}

/* [15] */
static void frames_before_one_in_progress_are_delivered(void **state)
{
	assert_true(arrive(1, 80));
	mock_rtl_rx_begin(&bench.card, 1514);
	run_for(2 * MS);
	check_received(0, 1, 80);
	mock_rtl_rx_end(&bench.card, frame(2, 1514), 1514);
	assert_true(arrive(3, 60));
	run_for(5 * MS);
	check_received(1, 2, 1514);
	check_received(2, 3, 60);
}

/* [16] */
static void a_frame_in_progress_for_ever_resets_the_card(void **state)
{
	mock_rtl_rx_begin(&bench.card, 300);
	run_for(15 * MS);
	assert_int_equal(faults(FAULT_RX_STUCK), 0);
	run_for(15 * MS);
	assert_int_equal(faults(FAULT_RX_STUCK), 1);
	check_alive(8);
}

/* --- Overflow
 * ------------------------------------------------------------------ */

/* Fills the ring while nobody looks.  Returns the frames that it took. */
static uint32_t flood(uint32_t frames, uint32_t len)
{
	unsigned long irq = arch_irq_save();
	uint32_t taken = 0;

	for (uint32_t i = 0; i < frames; i++)
		taken += arrive(i, len);
	arch_irq_restore(irq);
	return taken;
}

/* [19] */
static void an_overflow_loses_only_what_found_no_room(void **state)
{
	uint32_t taken = flood(40, LONGEST);

	assert_int_equal(taken, 21);
	run_for(MS);
	assert_int_equal(bench.received, taken);
	for (uint32_t i = 0; i < taken; i++)
		check_received(i, i, LONGEST);
	assert_int_equal(bench.dev->stats.rx_missed, 40 - taken);
	assert_int_equal(counter(RTL_RX_OVERFLOW), 1);
	assert_int_equal(recovered(), 0);
	assert_int_equal(bench.card.isr, 0);
	check_alive(99);
}

/* [19]: QEMU keeps what finds no room until CAPR moves. */
static void back_pressure_loses_nothing_and_keeps_order(void **state)
{
	bench.card.back_pressure = true;
	assert_int_equal(flood(200, LONGEST), 200);
	run_for(10 * MS);
	assert_int_equal(bench.received, 200);
	for (uint32_t i = 0; i < 200; i++)
		check_received(i, i, LONGEST);
	assert_int_equal(bench.dev->stats.rx_missed, 0);
	check_alive(201);
}

/* [20]: in QEMU only a CAPR write wakes a receiver that stalled. */
static void a_reset_after_an_overflow_revives_the_receiver(void **state)
{
	bench.card.back_pressure = true;

	unsigned long irq = arch_irq_save();

	for (uint32_t i = 0; i < 60; i++)
		arrive(i, LONGEST);
	/* The first header breaks: everything in the ring is lost. */
	memset(bench.rtl->ring, 0, 4);
	arch_irq_restore(irq);
	run_for(10 * MS);
	assert_int_equal(faults(FAULT_RX_HEADER), 1);
	assert_int_equal(bench.received, 60 - 21);
	check_received(0, 21, LONGEST);
	check_received(38, 59, LONGEST);
	check_alive(77);
}

/* [21] */
static void an_overflow_of_an_empty_ring_republishes_capr(void **state)
{
	uint64_t capr = bench.card.capr_writes;

	bench.card.pun_on_empty_capr = true;
	mock_rtl_raise(&bench.card, ISR_RXOVW);
	run_for(10 * MS);
	assert_int_equal(bench.card.capr_writes, capr + 1);
	assert_int_equal(bench.card.isr, 0);
	assert_int_equal(bench.dev->stats.link_changes, 1);
	check_alive(3);
}

/* [22] */
static void both_overflow_bits_are_acknowledged(void **state)
{
	mock_rtl_raise(&bench.card, ISR_FOVW);
	run_for(MS);
	assert_int_equal(
	    bench.card.last_isr_write & ISR_OVERFLOW, ISR_OVERFLOW);
	assert_int_equal(bench.card.isr, 0);
	assert_int_equal(counter(RTL_RX_FIFO_OVERFLOW), 1);
	assert_int_equal(counter(RTL_RX_OVERFLOW), 0);
	check_alive(4);
}

/* The card demands it: an overflow may be acknowledged after CAPR moved. */
static uint16_t isr_at_capr_write;
static uint64_t capr_writes;

static void watch_capr(struct mock_rtl *m, uint64_t access)
{
	if (m->capr_writes != capr_writes)
		isr_at_capr_write |= m->isr & ISR_OVERFLOW;
	capr_writes = m->capr_writes;
}

static void an_overflow_is_acknowledged_after_draining(void **state)
{
	isr_at_capr_write = 0;
	capr_writes = bench.card.capr_writes;
	bench.card.hook = watch_capr;
	flood(40, LONGEST);
	run_for(MS);
	assert_int_equal(isr_at_capr_write, ISR_RXOVW);
	assert_int_equal(bench.card.isr, 0);
	assert_int_equal(bench.received, 21);
}

/* [46] */
static void missed_frames_are_counted_once(void **state)
{
	bench.card.mpc = 0xffffff;
	run_for(3 * NS_PER_S);
	assert_int_equal(bench.dev->stats.rx_missed, 0xffffff);
	bench.card.mpc = 2;
	run_for(3 * NS_PER_S);
	assert_int_equal(bench.dev->stats.rx_missed, 0x1000001);
}

/* --- Memory
 * ------------------------------------------------------------------- */

static void nothing_is_written_outside_ring_and_bounce_buffer(void **state)
{
	/* The ring's slack is ours to check; beyond lies poison. */
	uint8_t *slack = bench.rtl->ring + RING;

	memset(slack, 0x5a, 16);
	for (uint32_t i = 0; i < 500; i++) {
		arrive(i, 60 + i * 37 % (LONGEST - 59));
		run_for(5 * US);
	}
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(slack[i], 0x5a);
	assert_int_equal(bench.received, 500);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup(fn, bench_start)
	const struct CMUnitTest tests[] = {
		CASE(frames_of_every_length_arrive_without_fcs),
		CASE(a_tagged_frame_of_1518_bytes_arrives),
		CASE(frames_arrive_at_every_offset),
		CASE(frames_of_every_length_straddle_the_end),
		CASE(a_frame_that_ends_with_the_ring_is_not_copied),
		CASE(many_laps_lose_nothing),
		CASE(no_register_is_touched_per_frame),
		CASE(a_poll_stops_at_its_budget_and_stays_masked),
		CASE(impossible_lengths_reset_the_card),
		CASE(status_with_errors_resets_the_card),
		CASE(a_frame_beyond_what_is_published_is_not_read),
		CASE(an_unaligned_place_of_the_card_resets_it),
		CASE(rx_skips_giants),
		CASE(a_frame_in_progress_is_waited_for),
		CASE(frames_before_one_in_progress_are_delivered),
		CASE(a_frame_in_progress_for_ever_resets_the_card),
		CASE(an_overflow_loses_only_what_found_no_room),
		CASE(back_pressure_loses_nothing_and_keeps_order),
		CASE(a_reset_after_an_overflow_revives_the_receiver),
		CASE(an_overflow_of_an_empty_ring_republishes_capr),
		CASE(both_overflow_bits_are_acknowledged),
		CASE(an_overflow_is_acknowledged_after_draining),
		CASE(missed_frames_are_counted_once),
		CASE(nothing_is_written_outside_ring_and_bounce_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
