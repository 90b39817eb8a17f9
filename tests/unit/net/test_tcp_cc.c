/* SPDX-License-Identifier: MIT */
/*
 * Congestion control as seen from the peer: the initial window (RFC 6928),
 * slow start and congestion avoidance (RFC 5681), fast retransmit and NewReno's
 * recovery (RFC 6582).
 */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"
#include "net/tcp_internal.h"

#define MSS  1000
#define WIDE 65535

static void ack(uint32_t number)
{
	in(.flags = A, .seq = 1, .ack = number);
}

/* Counts the segments that wait, which must follow each other from *next on. */
static unsigned take(uint32_t *next)
{
	unsigned n = 0;

	while (fx.count > 0) {
		struct seg got = fx_any_seg(0);

		assert_int_equal(got.seq, *next);
		*next += got.len;
		n++;
	}
	return n;
}

/* As take, whatever comes; *next: the highest number. */
static void take_any(uint32_t *next)
{
	while (fx.count > 0) {
		struct seg got = fx_any_seg(0);

		if (got.seq + got.len > *next)
			*next = got.seq + got.len;
	}
}

/* A sender with endless data; *next: the first byte not sent yet. */
static struct sock *bulk(uint32_t *next)
{
	struct sock *s = fx_accepted(MSS, WIDE);

	sock_set_opt(s, SOCK_OPT_SNDBUF, 1 << 18);
	assert_true(fx_send(s, 200000) == 200000);
	*next = 1;
	return s;
}

/* --- Initial window ------------------------------------------------------ */

static void initial_window_is_ten_segments(void **state)
{
	/* RFC 6928 (1): min (10*MSS, max (2*MSS, 14600)) */
	static const struct {
		uint16_t mss;
		unsigned segments;
	} rule[] = { { 1460, 10 }, { 1000, 10 }, { 536, 10 }, { 100, 10 } };

	for (size_t i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
		struct sock *s = fx_accepted(rule[i].mss, WIDE);
		uint32_t next = 1;

		fx_send(s, 60000);
		assert_int_equal(take(&next), rule[i].segments);
		assert_int_equal(next, 1 + rule[i].segments * rule[i].mss);
		fx_abort(s);
		fx_next_conn();
	}
}

/* RFC 5681 3.1 with RFC 6928 section 3: one segment once the SYN-ACK had to be
 * sent more than twice. */
static void initial_window_is_one_segment_after_lost_syn_acks(void **state)
{
	struct sock *l = fx_listen(80, 1), *s = NULL;
	uint32_t next = 1;

	in(.flags = S, .mss = MSS);
	out(.flags = SA, .ack = 1);
	fx_run_ms(3500); /* again at 1 and 3 s */
	fx_forget_frames();
	ack(1);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	fx_send(s, 60000);
	assert_int_equal(take(&next), 1);
	fx_abort(s);
	sock_close(l);
}

static void initial_window_is_one_segment_after_lost_syns(void **state)
{
	struct sock *s = fx_connecting();
	uint32_t next = 1;

	fx_run_ms(3500);
	fx_forget_frames();
	in(.flags = SA, .ack = 1, .mss = MSS);
	fx_forget_frames();
	fx_send(s, 60000);
	assert_int_equal(take(&next), 1);
	fx_abort(s);
}

/* RFC 6928 section 3: a single loss is no sign of congestion. */
static void initial_window_survives_one_lost_syn(void **state)
{
	struct sock *s = fx_connecting();
	uint32_t next = 1;

	fx_run_ms(1500);
	fx_forget_frames();
	in(.flags = SA, .ack = 1, .mss = MSS);
	fx_forget_frames();
	fx_send(s, 60000);
	assert_int_equal(take(&next), 10);
	fx_abort(s);
}

/* --- Slow start ---------------------------------------------------------- */

static void slow_start_adds_a_segment_for_each_ack(void **state)
{
	uint32_t next, acked = 1;
	struct sock *s = bulk(&next);

	assert_int_equal(take(&next), 10);
	for (unsigned i = 0; i < 20; i++) {
		acked += MSS;
		ack(acked);
		assert_int_equal(take(&next), 2);
	}
	fx_abort(s);
}

/* RFC 5681 (2): min (N, SMSS): neither ACKs of several segments nor of single
 * bytes open the window faster. */
static void slow_start_is_not_fooled_by_the_size_of_acks(void **state)
{
	uint32_t next;
	struct sock *s = bulk(&next);

	take(&next);
	ack(1 + 9 * MSS);
	assert_int_equal(take(&next), 17);
	assert_int_equal(fx_tcp()->cwnd, 18 * MSS);
	for (uint32_t i = 1; i <= 10; i++)
		ack(1 + 9 * MSS + i);
	assert_int_equal(fx_tcp()->cwnd, 18 * MSS + 10);
	fx_forget_frames();
	fx_abort(s);
}

/* --- Timeout ------------------------------------------------------------- */

static void timeout_means_one_segment_and_half_the_flight(void **state)
{
	uint32_t next, again = 1;
	struct sock *s = bulk(&next);

	take(&next);
	fx_run_ms(1100);
	/* at 200 and 600 ms: only the first segment */
	out(.flags = A, .seq = 1, .ack = 1, .len = MSS);
	out(.flags = A, .seq = 1, .ack = 1, .len = MSS);
	expect_nothing(0);
	assert_int_equal(fx_tcp()->cwnd, MSS);
	/* RFC 5681 (4), once: not again for the same segment */
	assert_int_equal(fx_tcp()->ssthresh, 5 * MSS);
	again += MSS;
	ack(again);
	assert_int_equal(take(&again), 2);
	fx_abort(s);
}

static void timeout_never_halves_below_two_segments(void **state)
{
	struct sock *s = fx_accepted(MSS, WIDE);

	fx_send(s, 1000);
	fx_run_ms(300);
	assert_int_equal(fx_tcp()->ssthresh, 2 * MSS);
	fx_forget_frames();
	fx_abort(s);
}

/* --- Congestion avoidance ------------------------------------------------ */

static void congestion_avoidance_adds_a_segment_each_round_trip(void **state)
{
	uint32_t next, acked = 1;
	struct sock *s = bulk(&next);
	struct tcp_conn *c = fx_tcp();

	take(&next);
	c->ssthresh = 10 * MSS; /* cwnd is there already */
	for (unsigned cwnd = 10; cwnd < 20; cwnd++) {
		assert_int_equal(c->cwnd, cwnd * MSS);
		for (unsigned i = 0; i < cwnd; i++) {
			acked += MSS;
			ack(acked);
		}
		take(&next);
		/* never faster than one segment in a round trip */
		assert_in_range(c->cwnd, cwnd * MSS, (cwnd + 1) * MSS);
	}
	assert_in_range(c->cwnd, 18 * MSS, 20 * MSS);
	fx_abort(s);
}

/* --- Fast retransmit ----------------------------------------------------- */

static void third_duplicate_sends_the_first_segment_again(void **state)
{
	uint32_t next;
	struct sock *s = bulk(&next);

	take(&next);
	/* RFC 3042: each of the first two lets a new segment go. */
	ack(1);
	assert_int_equal(take(&next), 1);
	ack(1);
	assert_int_equal(take(&next), 1);
	ack(1);
	out(.flags = A, .seq = 1, .ack = 1, .len = MSS);
	expect_nothing(0);
	/* Half of the ten that were in flight: 12 less two that arrived. */
	assert_int_equal(fx_tcp()->ssthresh, 5 * MSS);
	assert_count(TCP_FAST_RETRANSMITS, 1);
	fx_abort(s);
}

/* 32 bits of sequence numbers turn round behind the last recovery. */
static void loss_far_behind_the_last_one_is_recovered_fast(void **state)
{
	struct sock *s = fx_accepted(MSS, WIDE);

	fx_skip(s);
	fx_send(s, 3 * MSS);
	fx_forget_frames();
	for (unsigned i = 0; i < 3; i++)
		ack(5);
	out(.flags = A, .seq = 5, .ack = 1, .len = MSS);
	assert_count(TCP_FAST_RETRANSMITS, 1);
	fx_abort(s);
}

/* What waits behind a small window is not sent along. */
static void fast_retransmit_sends_no_more_than_was_out(void **state)
{
	struct sock *s = fx_accepted(MSS, 500);

	fx_send(s, 3000);
	out(.flags = A, .seq = 1, .ack = 1, .len = 500);
	for (unsigned i = 0; i < 3; i++)
		in(.flags = A, .seq = 1, .ack = 1, .wnd = 500);
	out(.flags = A, .seq = 1, .ack = 1, .len = 500);
	expect_nothing(0);
	fx_abort(s);
}

/* RFC 9937: one new segment for two that arrived, as ssthresh is half of what
 * was in flight, all through the recovery. */
static void recovery_sends_at_the_rate_of_the_new_window(void **state)
{
	uint32_t next;
	struct sock *s = bulk(&next);

	take(&next);
	ack(1);
	ack(1);
	assert_int_equal(take(&next), 2);
	ack(1);
	out(.flags = A, .seq = 1, .ack = 1, .len = MSS);
	/* two arrived, one left: the lost one */
	ack(1);
	ack(1);
	expect_nothing(0);
	ack(1);
	assert_int_equal(take(&next), 1);
	ack(1);
	ack(1);
	expect_nothing(0);
	/* What is in flight has come down to ssthresh: one for one. */
	for (unsigned i = 0; i < 2; i++) {
		ack(1);
		assert_int_equal(take(&next), 1);
	}
	/* 15 are out, 10 of these are said to have arrived. */
	assert_int_equal(tcp_pipe(fx_tcp()), 5 * MSS);
	ack(12001);
	assert_int_equal(fx_tcp()->cwnd, 5 * MSS);
	assert_int_equal(take(&next), 2);
	fx_abort(s);
}

/* RFC 9937 section 6, slow start reduction bound: where much was lost, what is
 * in flight falls below the new window and may grow towards it. */
static void recovery_makes_up_for_many_losses(void **state)
{
	uint32_t next;
	struct sock *s = bulk(&next);

	take(&next);
	for (unsigned i = 0; i < 3; i++)
		ack(1);
	fx_forget_frames();
	fx_tcp()->ssthresh = 20 * MSS;
	ack(3001); /* partial: not safe, so only what arrived */
	assert_true(fx_tcp()->cwnd <= tcp_pipe(fx_tcp()) + MSS);
	fx_forget_frames();
	fx_abort(s);
}

/* Step 6; RFC 6582 3.2 step 3: a full acknowledgment ends recovery with at most
 * ssthresh. */
static void full_ack_deflates_the_window(void **state)
{
	uint32_t next;
	struct sock *s = bulk(&next);

	take(&next);
	for (unsigned i = 0; i < 9; i++)
		ack(1);
	take_any(&next);
	ack(next);
	assert_int_equal(fx_tcp()->recovery, TCP_NO_RECOVERY);
	assert_true(fx_tcp()->cwnd <= 5 * MSS);
	assert_true(fx_tcp()->cwnd >= 2 * MSS);
	fx_abort(s);
}

/* RFC 6582 3.2 step 3: a partial acknowledgment shows the next hole. */
static void partial_ack_sends_the_next_hole(void **state)
{
	uint32_t next;
	struct sock *s = bulk(&next);

	take(&next);
	for (unsigned i = 0; i < 2; i++)
		ack(1);
	assert_int_equal(take(&next), 2);
	ack(1);
	out(.flags = A, .seq = 1, .ack = 1, .len = MSS);
	ack(3001); /* segments 4 and 7 are missing too */
	out(.flags = A, .seq = 3001, .ack = 1, .len = MSS);
	assert_int_equal(fx_tcp()->recovery, TCP_FAST_RECOVERY);
	fx_forget_frames();
	ack(6001);
	assert_int_equal(fx_any_seg(0).seq, 6001);
	assert_int_equal(fx_tcp()->recovery, TCP_FAST_RECOVERY);
	/* no more halving on the way */
	assert_int_equal(fx_tcp()->ssthresh, 5 * MSS);
	assert_count(TCP_FAST_RETRANSMITS, 1);
	ack(12001);
	assert_int_equal(fx_tcp()->recovery, TCP_NO_RECOVERY);
	fx_abort(s);
}

/* RFC 5681 section 2: what is no duplicate. */
static void only_true_duplicates_count(void **state)
{
	uint32_t next;
	struct sock *s = bulk(&next);

	take(&next);
	for (uint32_t i = 0; i < 10; i++) /* with text */
		in(.flags = A, .seq = 1 + i, .ack = 1, .len = 1);
	for (int32_t i = 0; i < 10; i++) /* the window moves */
		in(.flags = A, .seq = 11, .ack = 1, .wnd = 60000 + i);
	assert_count(TCP_FAST_RETRANSMITS, 0);
	in(.flags = FA, .seq = 11, .ack = 1, .wnd = 60009);
	in(.flags = FA, .seq = 11, .ack = 1, .wnd = 60009);
	in(.flags = FA, .seq = 11, .ack = 1, .wnd = 60009);
	assert_count(TCP_FAST_RETRANSMITS, 0);
	fx_forget_frames();
	fx_abort(s);
}

static void duplicates_with_nothing_out_do_nothing(void **state)
{
	struct sock *s = fx_accepted(MSS, WIDE);

	for (unsigned i = 0; i < 10; i++)
		ack(1);
	expect_nothing(1000);
	assert_count(TCP_FAST_RETRANSMITS, 0);
	assert_int_equal(fx_tcp()->cwnd, 10 * MSS);
	fx_abort(s);
}

/* The very first data segment is lost: RFC 6582's "recover" starts at ISS and
 * does not stand in the way. */
static void loss_of_the_first_segment_is_recovered_fast(void **state)
{
	static const uint32_t isn[] = { 0, 0x7fffffff, 0x80000000, UINT32_MAX };

	for (size_t i = 0; i < 4; i++) {
		uint32_t next;
		struct sock *s;

		fx.st.tcp.test_isn = &isn[i];
		s = bulk(&next);
		take(&next);
		for (unsigned k = 0; k < 2; k++)
			ack(1);
		take(&next);
		ack(1);
		out(.flags = A, .seq = 1, .ack = 1, .len = MSS);
		fx_abort(s);
		fx_next_conn();
	}
	fx.st.tcp.test_isn = NULL;
}

/* RFC 6582 3.2 step 2: duplicates that our own retransmissions provoked, up to
 * and including "recover", start nothing. */
static void duplicates_after_a_timeout_start_nothing(void **state)
{
	uint32_t next, again = 1;
	struct sock *s = bulk(&next);

	take(&next);
	fx_run_ms(250); /* a timeout: recover is all that was sent */
	take(&again);
	ack(10001); /* the peer had everything */
	fx_forget_frames();
	for (unsigned i = 0; i < 6; i++)
		ack(10001);
	assert_count(TCP_FAST_RETRANSMITS, 0);
	fx_forget_frames();
	/* Beyond it a loss is a loss again. */
	ack(11001);
	fx_forget_frames();
	for (unsigned i = 0; i < 3; i++)
		ack(11001);
	assert_count(TCP_FAST_RETRANSMITS, 1);
	fx_forget_frames();
	fx_abort(s);
}

static void timeout_in_recovery_ends_it(void **state)
{
	uint32_t next;
	struct sock *s = bulk(&next);

	take(&next);
	for (unsigned i = 0; i < 3; i++)
		ack(1);
	fx_run_ms(1000);
	assert_int_equal(fx_tcp()->recovery, TCP_LOSS_RECOVERY);
	assert_int_equal(fx_tcp()->cwnd, MSS);
	fx_forget_frames();
	fx_abort(s);
}

/* RFC 5681 4.1: after an idle time longer than the RTO the window is the
 * initial one again. */
static void idle_connection_starts_slowly_again(void **state)
{
	struct sock *s = fx_accepted(MSS, WIDE);
	uint32_t next = 1, acked = 1;

	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(fx_send(s, 40000), 40000);
		take(&next);
		while (acked < next) {
			acked += MSS;
			ack(acked);
			take(&next);
		}
	}
	assert_true(fx_tcp()->cwnd > 30 * MSS);
	fx_run_ms(5000);
	fx_send(s, 60000);
	assert_int_equal(take(&next), 10);
	fx_abort(s);
}

/* Who answers what comes with the ACKs sends when he has seen them all; the
 * window was full before, and doubles. */
static void window_doubles_for_who_sends_after_all_acks(void **state)
{
	struct sock *s = fx_accepted(MSS, WIDE);
	uint32_t next = 1, acked = 1;

	for (uint32_t n = 10; n <= 40; n *= 2) {
		fx_send(s, n * MSS);
		assert_int_equal(take(&next), n);
		fx_run_ms(1);
		while (acked < next) {
			acked += MSS;
			ack(acked);
		}
		assert_int_equal(fx_tcp()->cwnd, 2 * n * MSS);
	}
	fx_abort(s);
}

/* RFC 7661: an application that sends little proves nothing about the path. */
static void unused_window_does_not_grow(void **state)
{
	struct sock *s = fx_accepted(MSS, WIDE);
	uint32_t next = 1;

	for (unsigned i = 0; i < 50; i++) {
		fx_send(s, 2 * MSS);
		take(&next);
		ack(next);
	}
	assert_int_equal(fx_tcp()->cwnd, 10 * MSS);
	fx_abort(s);
}

/* Many acknowledgments cannot make the window overflow. */
static void window_stays_within_bounds(void **state)
{
	struct sock *s = fx_accepted(1460, WIDE);
	struct tcp_conn *c = fx_tcp();

	c->cwnd = UINT32_MAX / 2;
	fx_send(s, 1460);
	in(.flags = A, .seq = 1, .ack = 1461);
	assert_true(c->cwnd <= TCP_CWND_MAX);
	fx_forget_frames();
	fx_abort(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(initial_window_is_ten_segments),
		fx_test(initial_window_is_one_segment_after_lost_syn_acks),
		fx_test(initial_window_is_one_segment_after_lost_syns),
		fx_test(initial_window_survives_one_lost_syn),
		fx_test(slow_start_adds_a_segment_for_each_ack),
		fx_test(slow_start_is_not_fooled_by_the_size_of_acks),
		fx_test(timeout_means_one_segment_and_half_the_flight),
		fx_test(timeout_never_halves_below_two_segments),
		fx_test(congestion_avoidance_adds_a_segment_each_round_trip),
		fx_test(third_duplicate_sends_the_first_segment_again),
		fx_test(loss_far_behind_the_last_one_is_recovered_fast),
		fx_test(fast_retransmit_sends_no_more_than_was_out),
		fx_test(recovery_sends_at_the_rate_of_the_new_window),
		fx_test(recovery_makes_up_for_many_losses),
		fx_test(full_ack_deflates_the_window),
		fx_test(partial_ack_sends_the_next_hole),
		fx_test(only_true_duplicates_count),
		fx_test(duplicates_with_nothing_out_do_nothing),
		fx_test(loss_of_the_first_segment_is_recovered_fast),
		fx_test(duplicates_after_a_timeout_start_nothing),
		fx_test(timeout_in_recovery_ends_it),
		fx_test(idle_connection_starts_slowly_again),
		fx_test(window_doubles_for_who_sends_after_all_acks),
		fx_test(unused_window_does_not_grow),
		fx_test(window_stays_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
