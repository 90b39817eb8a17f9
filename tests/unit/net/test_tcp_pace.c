/* SPDX-License-Identifier: MIT */
/* Pacing: what the window allows leaves over the round trip, not as a burst. */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"
#include "net/tcp_internal.h"

#define MSS 1000

/* Whose window and round trip are such, in congestion avoidance unless the
 * window is below ssthresh; nothing is out. */
static struct sock *sender(uint32_t segments, uint64_t srtt_ms)
{
	struct sock *s = fx_accepted(MSS, 65535);

	fx_tcp()->cwnd = segments * MSS;
	fx_tcp()->ssthresh = 2 * MSS;
	fx_tcp()->srtt_ns = srtt_ms * NS_PER_MS;
	return s;
}

static unsigned taken(void)
{
	unsigned n = fx.count;

	fx_forget_frames();
	return n;
}

/* 60 segments in 100 ms, a quarter faster: 0.75 in 1 ms.  Ten, and what 2 ms
 * let go, leave at once. */
static void window_leaves_over_the_round_trip(void **state)
{
	struct sock *s = sender(60, 100);
	unsigned sent;

	fx_send(s, 60 * MSS);
	sent = taken();
	assert_in_range(sent, 11, 13);
	for (unsigned i = 0; i < 6; i++) {
		fx_run_ms(10);
		assert_in_range(fx.count, 6, 9);
		sent += taken();
	}
	fx_run_ms(10);
	assert_int_equal(sent + taken(), 60);
	fx_abort(s);
}

static void slow_start_leaves_in_half_of_it(void **state)
{
	struct sock *s = sender(60, 100);
	unsigned sent;

	fx_tcp()->ssthresh = UINT32_MAX;
	fx_send(s, 60 * MSS);
	sent = taken();
	assert_in_range(sent, 12, 14);
	fx_run_ms(20);
	sent += taken();
	assert_in_range(sent, 35, 39);
	fx_run_ms(20);
	assert_int_equal(sent + taken(), 60);
	fx_abort(s);
}

static void initial_window_is_no_burst(void **state)
{
	struct sock *s = sender(10, 600);

	fx_send(s, 10 * MSS);
	assert_int_equal(taken(), 10);
	fx_abort(s);
}

/* As on a link of our own, where timers would be too coarse. */
static void short_round_trips_are_not_paced(void **state)
{
	struct sock *s = sender(60, 1);

	fx_send(s, 60 * MSS);
	assert_int_equal(taken(), 60);
	fx_abort(s);
}

/* Time that nothing used lets no more go at once. */
static void pause_earns_nothing(void **state)
{
	struct sock *s = sender(60, 100);

	fx_send(s, 20 * MSS);
	fx_run_ms(60);
	assert_int_equal(taken(), 20);
	fx_send(s, 40 * MSS);
	assert_in_range(taken(), 11, 13);
	fx_abort(s);
}

/* An ACK is none of what is paced. */
static void acknowledgments_do_not_wait(void **state)
{
	struct sock *s = sender(60, 100);

	fx_send(s, 60 * MSS);
	fx_forget_frames();
	in(.flags = A, .seq = 1, .ack = 1, .len = MSS);
	in(.flags = A, .seq = 1 + MSS, .ack = 1, .len = MSS);
	out(.flags = A, .seq = fx_tcp()->snd_nxt - fx_tcp()->iss,
	    .ack = 1 + 2 * MSS);
	fx_abort(s);
}

/* RFC 6298 5.4: a timeout sends at once, whatever left shortly before, at the
 * rate of a window that was large then. */
static void timeout_does_not_wait(void **state)
{
	struct sock *s = sender(1000, 100);

	fx_tcp()->rto_ns = 300 * NS_PER_MS;
	fx_send(s, MSS);
	fx_run_ms(295);
	fx_send(s, 59 * MSS);
	assert_in_range(taken(), 30, 50);
	fx_run_ms(10);
	fx_forget_frames();
	assert_int_equal(fx_tcp()->stats.timeouts, 1);
	assert_int_equal(fx_tcp()->stats.retransmits, 1);
	fx_abort(s);
}

/* What left at the rate of a larger window is forgotten after a round trip. */
static void smaller_window_waits_a_round_trip_at_most(void **state)
{
	struct sock *s = sender(1000, 100);

	fx_send(s, 60 * MSS);
	assert_in_range(taken(), 30, 50);
	fx_tcp()->cwnd = 10 * MSS;
	in(.flags = A, .seq = 1, .ack = 1 + 30 * MSS);
	fx_run_ms(20);
	assert_int_equal(taken(), 0);
	fx_run_ms(85);
	assert_in_range(taken(), 1, 10);
	fx_abort(s);
}

/* RFC 9406 4.3: L is infinite with pacing. */
static void stretched_ack_adds_all_of_it(void **state)
{
	struct sock *s = sender(40, 100);

	fx_tcp()->ssthresh = UINT32_MAX;
	fx_send(s, 40 * MSS);
	fx_run_ms(50);
	assert_int_equal(taken(), 40);
	in(.flags = A, .seq = 1, .ack = 1 + 30 * MSS);
	assert_int_equal(fx_tcp()->cwnd, 70 * MSS);
	fx_abort(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(window_leaves_over_the_round_trip),
		fx_test(slow_start_leaves_in_half_of_it),
		fx_test(initial_window_is_no_burst),
		fx_test(short_round_trips_are_not_paced),
		fx_test(pause_earns_nothing),
		fx_test(acknowledgments_do_not_wait),
		fx_test(timeout_does_not_wait),
		fx_test(smaller_window_waits_a_round_trip_at_most),
		fx_test(stretched_ack_adds_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
