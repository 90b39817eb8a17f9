/* SPDX-License-Identifier: MIT */
/*
 * The first slow start (RFC 9406).  The connection is made by hand: windows,
 * sequence numbers and round trips are all that counts.
 */
#include "tests/support/net_fixture.h"

#include "arch/host/arch_host.h"
#include "net/tcp_internal.h"

#define MSS 1000

static struct tcp_conn c;

static int setup(void **state)
{
	fx_setup(state);
	c = (struct tcp_conn){ .stack = &fx.st,
		.cc = &tcp_cc_reno,
		.mss = MSS,
		.cwnd = 10 * MSS,
		.ssthresh = UINT32_MAX };
	tcp_hystart_init(&c);
	return 0;
}

static void ack(uint64_t rtt_us, uint32_t bytes)
{
	struct tcp_sent r = { .xmit_ns = arch_clock_ns() - rtt_us * NS_PER_US };

	c.snd_una += bytes;
	tcp_hystart_sample(&c, &r);
	tcp_cc_acked(&c, bytes, c.cwnd);
}

/* As window, while the user has only so much to send. */
static void part_of_window(uint64_t rtt_us, uint32_t segments)
{
	struct tcp_sent r = { .xmit_ns = arch_clock_ns() - rtt_us * NS_PER_US };

	c.snd_nxt = c.hystart.round_end = c.snd_una + segments * MSS;
	c.flight_max = 0;
	for (uint32_t i = 0; i < segments; i++) {
		c.snd_una += MSS;
		tcp_hystart_sample(&c, &r);
		tcp_cc_acked(&c, MSS, segments * MSS);
	}
}

/* A window leaves, and is acknowledged segment by segment, round trips growing
 * from rtt_us by step_us.  The round ends. */
static void window(uint64_t rtt_us, uint64_t step_us)
{
	uint32_t segments = c.cwnd / MSS;

	c.snd_nxt = c.snd_una + segments * MSS;
	c.hystart.round_end = c.snd_nxt;
	for (uint32_t i = 0; i < segments; i++)
		ack(rtt_us + i * step_us, MSS);
}

static void window_doubles_while_round_trips_stay(void **state)
{
	for (unsigned i = 0; i < 6; i++) {
		uint32_t before = c.cwnd;

		window(50000, 0);
		assert_int_equal(c.cwnd, 2 * before);
	}
	assert_false(c.hystart.css);
	assert_int_equal(c.ssthresh, UINT32_MAX);
}

/* 4.3: also when one ACK stands for many segments, but for eight at most. */
static void an_ack_adds_eight_segments_at_most(void **state)
{
	uint32_t before = c.cwnd;

	ack(50000, 2 * MSS);
	assert_int_equal(c.cwnd, before + 2 * MSS);
	ack(50000, 9 * MSS);
	assert_int_equal(c.cwnd, before + 10 * MSS);
}

/* 4.2: the least of a round counts: a queue that our own burst makes and that
 * drains before the next one is none. */
static void bursts_alone_do_not_count(void **state)
{
	for (unsigned i = 0; i < 4; i++)
		window(50000, 2000);
	assert_false(c.hystart.css);
}

/* 4.2: an eighth of the round trip, but 4 ms at least and 16 at most. */
static void growth_of_round_trips_counts_from_a_threshold_on(void **state)
{
	static const struct {
		uint64_t rtt_us, thresh_us;
	} cases[] = { { 1000, 4000 }, { 50000, 6250 }, { 300000, 16000 } };

	for (unsigned i = 0; i < 3; i++) {
		setup(state);
		window(cases[i].rtt_us, 0);
		window(cases[i].rtt_us + cases[i].thresh_us - 1, 0);
		assert_false(c.hystart.css);
		setup(state);
		window(cases[i].rtt_us, 0);
		window(cases[i].rtt_us + cases[i].thresh_us, 0);
		assert_true(c.hystart.css);
		assert_count(TCP_HYSTART_SLOWED, 1);
	}
}

/* 4.2: after eight samples, not before. */
static void few_samples_prove_nothing(void **state)
{
	window(50000, 0);
	c.snd_nxt = c.hystart.round_end = c.snd_una + 100 * MSS;
	for (unsigned i = 1; i < 8; i++)
		ack(90000, MSS);
	assert_false(c.hystart.css);
	ack(90000, MSS);
	assert_true(c.hystart.css);
}

/* Karn: what was sent again gives no sample. */
static void segments_sent_again_prove_nothing(void **state)
{
	struct tcp_sent r = { .xmit_ns = 0, .retransmitted = true };

	tcp_hystart_sample(&c, &r);
	assert_int_equal(c.hystart.rtt_ns, 0);
}

/* 4.2: a quarter as fast for five rounds, the one in which it began included;
 * then congestion avoidance. */
static void conservative_slow_start_ends_it(void **state)
{
	uint32_t before;

	window(50000, 0);
	window(60000, 0);
	assert_true(c.hystart.css);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(c.ssthresh, UINT32_MAX);
		before = c.cwnd;
		window(60000, 0);
		assert_int_equal(c.cwnd, before + before / MSS * MSS / 4);
	}
	assert_int_equal(c.ssthresh, c.cwnd);
	assert_count(TCP_HYSTART_ENDED, 1);
	before = c.cwnd;
	window(60000, 0);
	assert_in_range(c.cwnd, before, before + MSS);
}

/* 4.2: round trips are short again: it was jitter. */
static void slow_start_goes_on_after_a_mistake(void **state)
{
	uint32_t before;

	window(50000, 0);
	window(60000, 0);
	assert_true(c.hystart.css);
	window(59000, 0);
	assert_false(c.hystart.css);
	before = c.cwnd;
	window(59000, 0);
	assert_int_equal(c.cwnd, 2 * before);
}

/* A user who waits for his data is not who filled the queue. */
static void unused_window_is_not_judged(void **state)
{
	window(50000, 0);
	window(50000, 0);
	assert_int_equal(c.cwnd, 40 * MSS);
	for (unsigned i = 0; i < 8; i++)
		part_of_window(90000, 12);
	assert_false(c.hystart.css);
	assert_int_equal(c.ssthresh, UINT32_MAX);
}

static void rounds_that_are_not_judged_do_not_end_slow_start(void **state)
{
	window(50000, 0);
	window(60000, 0);
	assert_true(c.hystart.css);
	for (unsigned i = 0; i < 8; i++)
		part_of_window(60000, 12);
	c.cwnd = 6 * MSS;
	window(60000, 0);
	window(60000, 0);
	assert_true(c.hystart.css);
	assert_int_equal(c.ssthresh, UINT32_MAX);
	c.cwnd = 40 * MSS;
	for (unsigned i = 0; i < 4; i++)
		window(60000, 0);
	assert_int_equal(c.ssthresh, c.cwnd);
}

/* RFC 9406 4.3: as after a connection's beginning, so after a pause. */
static void pause_begins_it_anew(void **state)
{
	window(50000, 0);
	window(60000, 0);
	assert_true(c.hystart.css);
	c.rto_ns = NS_PER_S;
	c.last_sent_ns = arch_clock_ns();
	c.snd_nxt = c.snd_una;
	host_clock_advance(2 * NS_PER_S);
	tcp_cc_idle(&c);
	assert_int_equal(c.cwnd, 10 * MSS);
	assert_false(c.hystart.css);
}

/* 4.3: later slow starts know their end. */
static void only_the_first_slow_start_is_watched(void **state)
{
	c.ssthresh = 1000 * MSS;
	window(50000, 0);
	window(90000, 0);
	assert_false(c.hystart.css);
	assert_int_equal(c.cwnd, 40 * MSS);
}

#define hystart_test(f) cmocka_unit_test_setup_teardown(f, setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		hystart_test(window_doubles_while_round_trips_stay),
		hystart_test(an_ack_adds_eight_segments_at_most),
		hystart_test(bursts_alone_do_not_count),
		hystart_test(growth_of_round_trips_counts_from_a_threshold_on),
		hystart_test(few_samples_prove_nothing),
		hystart_test(segments_sent_again_prove_nothing),
		hystart_test(conservative_slow_start_ends_it),
		hystart_test(slow_start_goes_on_after_a_mistake),
		hystart_test(unused_window_is_not_judged),
		hystart_test(rounds_that_are_not_judged_do_not_end_slow_start),
		hystart_test(pause_begins_it_anew),
		hystart_test(only_the_first_slow_start_is_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
