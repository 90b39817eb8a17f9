/* SPDX-License-Identifier: MIT */
/*
 * Loss recovery between two stacks: what is lost or late comes back in the time
 * that the standards promise, every byte is compared.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "sched/timer.h"
#include "tests/sim/sim.h"

#define MS   NS_PER_MS
#define KB   1024ull
#define MSS  1448 /* with timestamps */
#define RTT  (100 * MS)
#define SIZE (1000 * KB)

static const struct wire_params clean = { .delay_ns = RTT / 2 };

static struct sim sim;
static struct sock *pair[2];
static uint64_t bytes;

/* --- One stream from side 0 to side 1 ------------------------------------ */

static void reader(void *arg)
{
	sim_check_equal(&sim, sim_recv_stream(&sim, pair[1], 7), bytes);
}

static void writer(void *arg)
{
	sim_check_equal(&sim, sim_send_stream(pair[0], 7, bytes), 0);
	sim_check_equal(&sim, sock_shutdown(pair[0], SOCK_SHUT_WR), 0);
}

static void open_pair(const char *name, uint64_t seed,
    const struct wire_params *p, const struct stack_limits *l)
{
	sim_start(&sim, name, seed, p, l);
	sim_pair(&sim, pair);
}

/* Sends n bytes and the end.  Returns the time until all was read. */
static uint64_t transfer(uint64_t n)
{
	uint64_t start_ns = arch_clock_ns();

	bytes = n;
	sim_spawn(&sim, "reader", reader, NULL);
	sim_spawn(&sim, "writer", writer, NULL);
	sim_run(&sim, 3600 * NS_PER_S);
	return arch_clock_ns() - start_ns;
}

static void finish(void)
{
	sock_close(pair[0]);
	sock_close(pair[1]);
	sim_stop(&sim);
}

static uint64_t count(enum counter c)
{
	return sim_count(&sim, 0, c);
}

/* Loses `lose` segments with data of side 0 after `skip` others. */
static void lose(unsigned skip, unsigned n)
{
	wire_lose(&sim.wire,
	    (struct wire_rule){ .data = 1, .skip = skip, .lose = n });
}

/* --- Cases --------------------------------------------------------------- */

/* The first copy of what lies from lost_seq on, the FIN too. */
static uint32_t lost_seq, seen_end;

static bool lose_tail(
    void *ctx, unsigned from, const uint8_t *frame, size_t len)
{
	struct wire_segment s;
	uint32_t end;

	if (from || !wire_parse(frame, len, &s))
		return false;
	end = s.seq + (uint32_t)s.len + !!(s.flags & TCP_FIN);
	if ((int32_t)(end - seen_end) <= 0)
		return false;
	seen_end = end;
	return (int32_t)(end - lost_seq) > 0;
}

/* RFC 8985 section 7: whichever of the last segments is lost. */
static void lost_tail_costs_no_timeout(void **state)
{
	static const uint32_t isn = 1000;

	for (unsigned last = 1; last <= 5; last++) {
		uint64_t ns;

		sim_start(&sim, "tail", last, &clean, NULL);
		sim.stack[0].tcp.test_isn = &isn;
		sim_pair(&sim, pair);
		seen_end = isn + 1;
		lost_seq = isn + 1 + (10 - last) * MSS;
		sim.wire.filter = lose_tail;
		ns = transfer(10 * MSS);
		assert_int_equal(count(COUNT_TCP_TIMEOUTS), 0);
		assert_true(count(COUNT_TCP_LOSS_PROBES) > 0);
		assert_true(ns < 7 * RTT);
		finish();
	}
}

/* Half of the first window. */
static void burst_loss_takes_about_a_round_trip_more(void **state)
{
	uint64_t without_ns, with_ns;

	open_pair("no-burst", 1, &clean, NULL);
	without_ns = transfer(30 * MSS);
	finish();
	open_pair("burst", 1, &clean, NULL);
	lose(12, 10);
	with_ns = transfer(30 * MSS);
	assert_int_equal(count(COUNT_TCP_TIMEOUTS), 0);
	assert_in_range(with_ns, without_ns, without_ns + 3 * RTT);
	finish();
}

/* The first copy and the second. */
static unsigned lost_copies;

static bool lose_twice(
    void *ctx, unsigned from, const uint8_t *frame, size_t len)
{
	struct wire_segment s;

	if (from || !wire_parse(frame, len, &s) || !s.len || lost_copies >= 2)
		return false;
	if (!lost_copies && ++*(unsigned *)ctx == 30) {
		lost_seq = s.seq;
		lost_copies = 1;
		return true;
	}
	if (lost_copies && s.seq == lost_seq) {
		lost_copies++;
		return true;
	}
	return false;
}

static void lost_retransmission_costs_no_timeout(void **state)
{
	unsigned seen = 0;

	open_pair("again", 2, &clean, NULL);
	lost_copies = 0;
	sim.wire.filter = lose_twice;
	sim.wire.filter_ctx = &seen;
	transfer(500 * KB);
	assert_int_equal(lost_copies, 2);
	assert_int_equal(count(COUNT_TCP_TIMEOUTS), 0);
	finish();
}

/* What is late by a fifth of the round trip: once this was seen, nothing is
 * sent twice for it.  Where a millisecond holds many segments, whatever is late
 * is sent again before it comes, at first: that teaches as well. */
static void reordering_is_learnt(void **state)
{
	static const struct wire_params p[] = {
		{ .delay_ns = RTT / 2,
		    .reorder_ppm = 100000,
		    .reorder_ns = RTT / 5 },
		{ .delay_ns = 10 * MS,
		    .reorder_ppm = 50000,
		    .reorder_ns = 4 * MS,
		    .bits_per_s = 100000000 },
	};

	for (unsigned i = 0; i < 2; i++) {
		open_pair("reorder", 3, &p[i], NULL);
		transfer(2 * SIZE);
		assert_true(count(COUNT_TCP_RETRANSMITS) < 10);
		assert_int_equal(count(COUNT_TCP_TIMEOUTS), 0);
		finish();
	}
}

/* The path is suddenly slower than the timeout. */
static void spurious_timeout_is_undone(void **state)
{
	open_pair("spurious", 4, &clean, NULL);
	bytes = SIZE;
	sim_spawn(&sim, "reader", reader, NULL);
	sim_spawn(&sim, "writer", writer, NULL);
	sim_sleep(6 * RTT + RTT / 2);
	sim.wire.end[0].out.delay_ns = 10 * RTT;
	sim_sleep(RTT);
	sim.wire.end[0].out.delay_ns = RTT / 2;
	sim_run(&sim, 3600 * NS_PER_S);
	assert_true(count(COUNT_TCP_UNDONE) > 0);
	finish();
}

static void any_loss_up_to_a_fifth_is_mended(void **state)
{
	static const unsigned percent[] = { 1, 2, 5, 10, 20 };

	for (unsigned i = 0; i < 5; i++) {
		const struct wire_params p = { .delay_ns = 5 * MS,
			.loss_ppm = percent[i] * 10000 };

		open_pair("loss", 50 + i, &p, NULL);
		transfer(300 * KB);
		finish();
	}
}

static void an_empty_pool_of_records_only_costs_time(void **state)
{
	const struct stack_limits l = { .packets = 512,
		.chunks = 512,
		.conns = 64,
		.time_waits = 64,
		.socks = 64,
		.sent = 0,
		.neighbours = 8 };
	const struct wire_params p = { .delay_ns = 5 * MS, .loss_ppm = 20000 };

	open_pair("no-records", 20, &p, &l);
	transfer(2 * SIZE);
	assert_true(count(COUNT_TCP_TIMEOUTS) < 3);
	assert_true(sim.stack[0].sent.failures > 0);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_tail_costs_no_timeout),
		cmocka_unit_test(burst_loss_takes_about_a_round_trip_more),
		cmocka_unit_test(lost_retransmission_costs_no_timeout),
		cmocka_unit_test(reordering_is_learnt),
		cmocka_unit_test(spurious_timeout_is_undone),
		cmocka_unit_test(any_loss_up_to_a_fifth_is_mended),
		cmocka_unit_test(an_empty_pool_of_records_only_costs_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
