/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/drivers/bench.h"

#define LONGEST 1514u

/* Ends everything on the card, and what follows from the queue. */
static void finish_all(void)
{
	for (unsigned i = 0; i < 100 && mock_rtl_tx_pending(&bench.card); i++) {
		mock_rtl_tx_step(&bench.card, MOCK_TX_OK);
		run_for(10 * US);
	}
	assert_int_equal(mock_rtl_tx_pending(&bench.card), 0);
}

/* --- What leaves ------------------------------------------------------------
 */

/* A packet of len bytes whose data begins at `shift` past an aligned place and
 * whose last bytes are frags borrowed pieces. */
static struct pkt *make_odd(
    uint32_t number, uint32_t len, unsigned shift, unsigned frags)
{
	static uint8_t borrowed[MOCK_RTL_FRAME_MAX];
	uint32_t piece = frags ? (len - 14) / (frags + 1) : 0;
	uint32_t linear = len - piece * frags;
	struct pkt *p = pkt_alloc(&bench.stack);

	assert_non_null(p);
	memcpy(borrowed, frame(number, len), len);
	p->data = p->tail = p->head + 16 + shift;
	memcpy(pkt_put(p, linear), borrowed, linear);
	for (unsigned i = 0; i < frags; i++)
		assert_true(
		    pkt_add_frag(p, borrowed + linear + i * piece, piece));
	return p;
}

static void check_leaves(
    uint32_t number, uint32_t len, unsigned shift, unsigned frags)
{
	uint64_t copied = counter(RTL_TX_COPIED);
	bool in_place = shift == 0 && frags == 0;

	netdev_tx(bench.dev, make_odd(number, len, shift, frags));
	assert_true(mock_rtl_tx_step(&bench.card, MOCK_TX_OK));
	check_sent(bench.card.sent_count - 1, number, len);
	assert_int_equal(counter(RTL_TX_COPIED) - copied, !in_place);
}

/* [25] [26] */
static void frames_of_every_length_and_shape_leave_padded(void **state)
{
	for (uint32_t len = 14; len <= LONGEST; len++)
		for (unsigned shift = 0; shift < 4; shift++)
			for (unsigned frags = 0; frags <= 4; frags += 2)
				check_leaves(len, len, shift, frags);
	assert_int_equal(recovered(), 0);
	run_for(2 * NS_PER_S);
	check_pool_full();
}

/* Padding in place must not run over the packet's end. */
static void a_short_packet_without_room_is_copied(void **state)
{
	for (uint32_t room = 0; room < 60; room++) {
		uint32_t len = 20;
		struct pkt *p = make_odd(room, len, 0, 0);
		uint64_t copied = counter(RTL_TX_COPIED);
		uint8_t *behind = p->data + 60;

		p->end = p->tail + room;
		memset(p->tail, 0x77, 100);
		netdev_tx(bench.dev, p);
		assert_true(mock_rtl_tx_step(&bench.card, MOCK_TX_OK));
		check_sent(bench.card.sent_count - 1, room, len);
		assert_int_equal(counter(RTL_TX_COPIED) - copied, room < 40);
		/* The packet's bytes are still there: it is freed later. */
		assert_int_equal(*behind, 0x77);
		if (room < 40)
			assert_int_equal(p->tail[0], 0x77);
	}
}

/* [26] [48]: nobody above makes one; the driver would corrupt its buffer. */
static void a_frame_too_long_is_a_panic(void **state)
{
	jmp_buf env;

	if (setjmp(env) == 0) {
		host_expect_panic(&env);
		send(1, LONGEST + 1);
		fail();
	}
	assert_non_null(strstr(host_panic_text(), "RTL_FRAME_MAX"));
}

/* [48]: the layers above send at least a link header. */
static void a_packet_without_a_header_is_a_panic(void **state)
{
	jmp_buf env;

	if (setjmp(env) == 0) {
		host_expect_panic(&env);
		send(1, 0);
		fail();
	}
	assert_non_null(strstr(host_panic_text(), "RTL_FRAME_HEAD"));
	assert_int_equal(bench.card.sent_count, 0);
}

/* --- Slots
 * -------------------------------------------------------------------- */

/* [27] */
static void the_fifth_packet_waits_for_a_slot(void **state)
{
	for (uint32_t i = 0; i < 7; i++)
		send(i, 100 + i);
	assert_int_equal(mock_rtl_tx_pending(&bench.card), 4);
	assert_int_equal(bench.dev->queue_len, 3);
	run_for(10 * MS);
	assert_int_equal(bench.card.sent_count, 0);
	/* Each end lets one more in, by its interrupt. */
	mock_rtl_tx_step(&bench.card, MOCK_TX_OK);
	run_for(10 * US);
	assert_int_equal(mock_rtl_tx_pending(&bench.card), 4);
	assert_int_equal(bench.dev->queue_len, 2);
	finish_all();
	assert_int_equal(bench.card.sent_count, 7);
	for (uint32_t i = 0; i < 7; i++)
		check_sent(i, i, 100 + i);
	run_for(2 * NS_PER_S);
	check_pool_full();
}

/* [28]: the mock asserts the order. */
static void slots_take_turns_through_a_thousand_frames(void **state)
{
	uint32_t seed = 7, sent = 0;

	while (sent < 1000) {
		seed = seed * 1664525 + 1013904223;
		if (netdev_room(bench.dev) > 0 && seed >> 31)
			send(sent++, 60 + (seed >> 16) % 1400);
		else if (!mock_rtl_tx_step(&bench.card, MOCK_TX_OK))
			send(sent++, 60);
		if (seed >> 28 & 1)
			run_for(US);
		if (bench.card.sent_count > 0)
			check_sent(bench.card.sent_count - 1,
			    bench.card.sent_count - 1,
			    bench.card
			        .sent[(bench.card.sent_count - 1) %
			              MOCK_RTL_SENT_MAX]
			        .len);
	}
	finish_all();
	assert_int_equal(bench.card.sent_count, 1000);
	assert_int_equal(recovered(), 0);
}

static void ordinary_packets_cost_no_interrupt(void **state)
{
	bench.card.tx_delay_ns = 100 * US;

	uint64_t interrupts = bench.dev->stats.interrupts;

	for (uint32_t i = 0; i < 50; i++) {
		send(i, 200);
		run_for(MS);
	}
	assert_int_equal(bench.card.sent_count, 50);
	assert_int_equal(bench.dev->stats.interrupts, interrupts);
}

static void only_full_slots_let_tok_interrupt(void **state)
{
	assert_int_equal(bench.card.imr & ISR_TOK, 0);
	for (uint32_t i = 0; i < 4; i++)
		send(i, 200);
	assert_int_equal(bench.card.imr & ISR_TOK, 0);
	send(4, 200);
	assert_int_equal(bench.card.imr & ISR_TOK, ISR_TOK);
	finish_all();
	assert_int_equal(bench.card.imr, ISR_WANTED);
}

static void old_ends_do_not_interrupt_when_the_slots_fill(void **state)
{
	for (uint32_t i = 0; i < 3; i++) {
		send(i, 200);
		mock_rtl_tx_step(&bench.card, MOCK_TX_OK);
	}

	uint64_t interrupts = bench.dev->stats.interrupts;

	for (uint32_t i = 3; i < 8; i++)
		send(i, 200);
	assert_int_equal(mock_rtl_tx_pending(&bench.card), 4);
	assert_int_equal(bench.dev->stats.interrupts, interrupts);
}

static void the_packet_stays_until_it_was_sent(void **state)
{
	send(1, 300);
	/* Read from memory, not on the wire: it may have to be read again. */
	mock_rtl_tx_step(&bench.card, MOCK_TX_DMA_DONE);
	run_for(2 * NS_PER_S);
	assert_int_equal(pool_available(&bench.stack.packets), PACKETS - 1);
	mock_rtl_tx_step(&bench.card, MOCK_TX_OK);
	run_for(2 * NS_PER_S);
	check_pool_full();
}

static void the_next_packet_takes_back_what_was_sent(void **state)
{
	send(1, 300);
	mock_rtl_tx_step(&bench.card, MOCK_TX_OK);
	send(2, 300);
	assert_int_equal(pool_available(&bench.stack.packets), PACKETS - 1);
}

static void the_look_takes_back_what_was_sent(void **state)
{
	send(1, 300);
	mock_rtl_tx_step(&bench.card, MOCK_TX_OK);
	run_for(NS_PER_S);
	check_pool_full();
}

/* --- What goes wrong --------------------------------------------------------
 */

/* [29] */
static void an_aborted_packet_is_tried_again(void **state)
{
	send(1, 300);
	send(2, 300);
	mock_rtl_tx_step(&bench.card, MOCK_TX_ABORT);
	run_for(10 * US);
	assert_int_equal(bench.card.clrabt_writes, 1);
	finish_all();
	check_sent(0, 1, 300);
	check_sent(1, 2, 300);
	assert_int_equal(counter(RTL_TX_ABORT), 1);
	assert_int_equal(recovered(), 0);
	run_for(2 * NS_PER_S);
	check_pool_full();
}

/* [29] */
static void a_second_abort_resets_the_card(void **state)
{
	for (uint32_t i = 0; i < 6; i++)
		send(i, 300);
	mock_rtl_tx_step(&bench.card, MOCK_TX_ABORT);
	run_for(10 * US);
	mock_rtl_tx_step(&bench.card, MOCK_TX_ABORT);
	run_for(10 * US);
	assert_int_equal(faults(FAULT_TX_ABORT), 1);
	assert_int_equal(bench.stack.drop[DROP_NETDEV_RESET], 4);
	assert_int_equal(bench.dev->stats.tx_errors, 4);
	/* What was queued goes out through the card as new. */
	finish_all();
	assert_int_equal(bench.card.sent_count, 2);
	check_sent(0, 4, 300);
	check_sent(1, 5, 300);
	run_for(2 * NS_PER_S);
	check_pool_full();
}

static void each_packet_has_its_own_second_chance(void **state)
{
	for (uint32_t i = 0; i < 10; i++) {
		send(i, 300);
		mock_rtl_tx_step(&bench.card, MOCK_TX_ABORT);
		run_for(10 * US);
		mock_rtl_tx_step(&bench.card, MOCK_TX_OK);
	}
	assert_int_equal(bench.card.sent_count, 10);
	assert_int_equal(recovered(), 0);
}

/* [30] */
static void an_underrun_raises_the_threshold(void **state)
{
	send(1, 300);
	assert_int_equal(bench.card.last_threshold, 8);
	mock_rtl_tx_step(&bench.card, MOCK_TX_UNDERRUN);
	run_for(10 * US);
	/* The card repeats it by itself; it counts once. */
	mock_rtl_tx_step(&bench.card, MOCK_TX_UNDERRUN);
	run_for(10 * US);
	assert_int_equal(counter(RTL_TX_UNDERRUN), 1);
	assert_int_equal(pool_available(&bench.stack.packets), PACKETS - 1);
	finish_all();
	check_sent(0, 1, 300);
	send(2, 300);
	assert_int_equal(bench.card.last_threshold, 10);
	mock_rtl_tx_step(&bench.card, MOCK_TX_OK_AFTER_UNDERRUN);
	send(3, 300);
	assert_int_equal(counter(RTL_TX_UNDERRUN), 2);
	assert_int_equal(bench.card.last_threshold, 12);
}

static void the_threshold_ends_at_a_whole_frame(void **state)
{
	for (uint32_t i = 0; i < 40; i++) {
		send(i, 300);
		mock_rtl_tx_step(&bench.card, MOCK_TX_OK_AFTER_UNDERRUN);
	}
	send(40, 300);
	assert_int_equal(counter(RTL_TX_UNDERRUN), 40);
	assert_int_equal(bench.card.last_threshold, 48);
}

/* [30] [32] */
static void check_watchdog(void)
{
	run_for(4 * NS_PER_S);
	assert_int_equal(faults(FAULT_TX_HANG), 0);
	run_for(3 * NS_PER_S);
	assert_int_equal(faults(FAULT_TX_HANG), 1);
	assert_int_equal(bench.stack.drop[DROP_NETDEV_RESET], 4);
	assert_int_equal(mock_rtl_tx_pending(&bench.card), 2);
	finish_all();
	check_sent(bench.card.sent_count - 1, 5, 300);
	run_for(20 * NS_PER_S);
	assert_int_equal(recovered(), 1);
	check_pool_full();
}

static void an_underrun_for_ever_ends_in_the_watchdog(void **state)
{
	for (uint32_t i = 0; i < 6; i++)
		send(i, 300);
	mock_rtl_tx_step(&bench.card, MOCK_TX_UNDERRUN);
	check_watchdog();
}

static void a_hung_transmitter_ends_in_the_watchdog(void **state)
{
	for (uint32_t i = 0; i < 6; i++)
		send(i, 300);
	check_watchdog();
}

static void a_slow_transmitter_does_not(void **state)
{
	for (uint32_t i = 0; i < 20; i++) {
		send(i, 300);
		send(i + 100, 300);
		run_for(3 * NS_PER_S);
		mock_rtl_tx_step(&bench.card, MOCK_TX_OK);
		mock_rtl_tx_step(&bench.card, MOCK_TX_OK);
	}
	assert_int_equal(recovered(), 0);
}

/* [31] */
static void a_late_collision_is_counted_and_done(void **state)
{
	send(1, 300);
	send(2, 300);
	mock_rtl_tx_step(&bench.card, MOCK_TX_WINDOW);
	run_for(10 * US);
	assert_int_equal(counter(RTL_TX_WINDOW), 1);
	assert_int_equal(bench.dev->stats.tx_errors, 1);
	finish_all();
	assert_int_equal(bench.card.sent_count, 1);
	check_sent(0, 2, 300);
	run_for(2 * NS_PER_S);
	check_pool_full();
	assert_int_equal(recovered(), 0);
}

/* [31] */
static void a_lost_carrier_means_nothing(void **state)
{
	for (uint32_t i = 0; i < 10; i++) {
		send(i, 300);
		mock_rtl_tx_step(&bench.card, MOCK_TX_OK_WITHOUT_CARRIER);
	}
	run_for(2 * NS_PER_S);
	assert_int_equal(bench.dev->stats.tx_errors, 0);
	assert_int_equal(recovered(), 0);
	check_pool_full();
}

/* [33]: real cards keep what they cannot send. */
static void without_a_link_nothing_is_a_hang(void **state)
{
	send(1, 300);
	mock_rtl_set_link(&bench.card, false);
	run_for(20 * NS_PER_S);
	assert_int_equal(recovered(), 0);
	send(2, 300);
	assert_int_equal(bench.stack.drop[DROP_NETDEV_DOWN], 1);
	mock_rtl_set_link(&bench.card, true);
	run_for(MS);
	send(3, 300);
	finish_all();
	check_sent(0, 1, 300);
	check_sent(1, 3, 300);
}

static void a_sender_that_waits_is_called_back(struct netdev_waiter *w)
{
	send(1000, 60);
}

static void room_is_told_when_a_slot_is_free(void **state)
{
	struct netdev_waiter w;

	netdev_waiter_init(&w, a_sender_that_waits_is_called_back);
	for (uint32_t i = 0; netdev_room(bench.dev) > 0; i++)
		send(i, 60);
	netdev_wait_room(bench.dev, &w);
	finish_all();
	assert_false(list_linked(&w.node));
	check_sent(bench.card.sent_count - 1, 1000, 60);
}

static void sending_from_the_poll_works(void **state)
{
	bench.echo = true;
	bench.card.tx_delay_ns = 7 * US;
	for (uint32_t i = 0; i < 300; i++) {
		assert_true(arrive(i, 60 + i % 200));
		if (i % 7 == 0)
			run_for(US);
	}
	run_for(20 * MS);
	assert_int_equal(bench.received, 300);
	assert_int_equal(
	    bench.card.sent_count + bench.stack.drop[DROP_NETDEV_QUEUE_FULL],
	    300);
	run_for(2 * NS_PER_S);
	check_pool_full();
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup(fn, bench_start)
	const struct CMUnitTest tests[] = {
		CASE(frames_of_every_length_and_shape_leave_padded),
		CASE(a_short_packet_without_room_is_copied),
		CASE(a_frame_too_long_is_a_panic),
		CASE(a_packet_without_a_header_is_a_panic),
		CASE(the_fifth_packet_waits_for_a_slot),
		CASE(slots_take_turns_through_a_thousand_frames),
		CASE(ordinary_packets_cost_no_interrupt),
		CASE(only_full_slots_let_tok_interrupt),
		CASE(old_ends_do_not_interrupt_when_the_slots_fill),
		CASE(the_packet_stays_until_it_was_sent),
		CASE(the_next_packet_takes_back_what_was_sent),
		CASE(the_look_takes_back_what_was_sent),
		CASE(an_aborted_packet_is_tried_again),
		CASE(a_second_abort_resets_the_card),
		CASE(each_packet_has_its_own_second_chance),
		CASE(an_underrun_raises_the_threshold),
		CASE(the_threshold_ends_at_a_whole_frame),
		CASE(an_underrun_for_ever_ends_in_the_watchdog),
		CASE(a_hung_transmitter_ends_in_the_watchdog),
		CASE(a_slow_transmitter_does_not),
		CASE(a_late_collision_is_counted_and_done),
		CASE(a_lost_carrier_means_nothing),
		CASE(without_a_link_nothing_is_a_hang),
		CASE(room_is_told_when_a_slot_is_free),
		CASE(sending_from_the_poll_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
