/* SPDX-License-Identifier: MIT */
/*
 * Timestamps (RFC 7323): when they are used, what they say, PAWS, round trips,
 * TIME-WAIT (RFC 6191).
 */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"
#include "net/tcp_internal.h"

#define PEER_TS 0x7fffff00u /* so that the peer's clock turns over */

/* The peer connects, with timestamps from PEER_TS on, and is accepted. */
static struct sock *accepted(uint16_t mss)
{
	struct sock *l = fx_listen(80, 4), *s = NULL;

	fx.c.ts = true;
	fx.c.peer_ts = PEER_TS;
	in(.flags = S, .mss = mss, .ts_ecr = 0);
	out(.flags = SA, .ack = 1, .ts = true, .ts_ecr = PEER_TS);
	in(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	sock_close(l);
	expect_nothing(0);
	return s;
}

/* --- 2, 3.2: agreeing ---------------------------------------------------- */

static void active_open_offers_timestamps(void **state)
{
	const struct sock_addr to = { FX_PEER, fx.c.peer_port };
	struct sock_addr from;
	struct sock *s = NULL;
	struct seg got;

	fx_run_ms(5000);
	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_TCP, &s), 0);
	assert_int_equal(sock_connect(s, &to), -EINPROGRESS);
	sock_get_local(s, &from);
	fx.c.port = from.port;
	got = fx_any_seg(0);
	assert_true(got.ts);
	assert_int_equal(got.ts_ecr, 0);
	fx.c.ts = true;
	fx.c.peer_ts = 77;
	in(.flags = SA, .ack = 1, .mss = 1000);
	out(.flags = A, .seq = 1, .ack = 1, .ts_ecr = 77);
	assert_int_equal(fx_tcp()->mss, 988); /* RFC 6691 */
	fx_abort(s);
	fx_forget_frames();
}

static void they_are_not_used_unless_both_want_them(void **state)
{
	struct sock *l = fx_listen(80, 4), *s;

	in(.flags = S, .mss = 1000);
	assert_false(fx_any_seg(0).ts);
	sock_close(l);
	fx_next_conn();
	/* An active open that the peer answers without: fixture checks. */
	s = fx_connected(1000, 0);
	assert_int_equal(fx_tcp()->mss, 1000);
	/* Uninvited ones mean nothing. */
	in(.flags = A, .seq = 1, .ack = 1, .ts = true, .ts_val = 5,
	    .ts_ecr = 9);
	in(.flags = A, .seq = 1, .ack = 1, .ts = true, .ts_val = 4, .len = 3);
	assert_int_equal(fx_read(s, 3), 3);
	fx_forget_frames();
	fx_abort(s);
}

static void missing_ones_are_dropped_silently(void **state)
{
	struct sock *s = accepted(1000);

	in(.flags = A, .seq = 1, .ack = 1, .len = 10, .no_ts = true);
	in(.flags = FA, .seq = 1, .ack = 1, .no_ts = true);
	assert_drop(TCP_NO_TIMESTAMP, 2);
	expect_nothing(1000);
	/* Not a reset: 3.2 and 5.2. */
	in(.flags = RA, .seq = 1, .ack = 1, .no_ts = true);
	assert_state(CLOSED);
	assert_int_equal(fx_recv_state(s), -ECONNRESET);
	sock_close(s);
}

/* Ours: a peer that forgot the connection is to learn of it. */
static void syn_without_is_challenged(void **state)
{
	struct sock *s = accepted(1000);

	in(.flags = S, .seq = 5, .mss = 1000, .no_ts = true);
	out(.flags = A, .seq = 1, .ack = 1);
	assert_count(TCP_CHALLENGE_ACKS, 1);
	fx_abort(s);
}

/* Ours: something took the option out of our SYN-ACK. */
static void handshake_that_ends_without_has_none(void **state)
{
	struct sock *l = fx_listen(80, 4), *s = NULL;

	in(.flags = S, .mss = 1000, .ts = true, .ts_val = 9);
	out(.flags = SA, .ack = 1, .ts = true);
	in(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	assert_int_equal(fx_tcp()->mss, 1000);
	in(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	in(.flags = A, .seq = 1001, .ack = 1, .len = 1000);
	out(.flags = A, .seq = 1, .ack = 2001);
	assert_int_equal(fx_read(s, 2000), 2000);
	sock_close(l);
	fx_abort(s);
}

/* --- 4.3, 5.4: what we say ----------------------------------------------- */

static void our_clock_runs_in_milliseconds(void **state)
{
	struct sock *s = accepted(1000);
	uint32_t before = fx.c.seen_ts;

	fx_run_ms(1234);
	assert_int_equal(fx_send(s, 10), 10);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 10);
	assert_in_range(fx.c.seen_ts - before, 1234, 1236);
	fx_abort(s);
}

static void clock_of_each_pair_of_ends_has_its_own_place(void **state)
{
	const struct tcp_tuple a = { { FX_IP, 80 }, { FX_PEER, 4000 } };
	const struct tcp_tuple b = { { FX_IP, 80 }, { FX_PEER, 4001 } };

	assert_int_equal(tcp_ts_offset(&fx.st, &a), tcp_ts_offset(&fx.st, &a));
	assert_int_not_equal(
	    tcp_ts_offset(&fx.st, &a), tcp_ts_offset(&fx.st, &b));
}

static void echo_is_of_the_earliest_unacknowledged_segment(void **state)
{
	struct sock *s = accepted(1000);

	in(.flags = A, .seq = 1, .ack = 1, .len = 988, .ts_val = PEER_TS + 1);
	in(.flags = A, .seq = 989, .ack = 1, .len = 988, .ts_val = PEER_TS + 2);
	out(.flags = A, .seq = 1, .ack = 1977, .ts_ecr = PEER_TS + 1);
	/* A gap: what lies behind it is not echoed, what fills it is. */
	in(.flags = A, .seq = 2965, .ack = 1, .len = 988,
	    .ts_val = PEER_TS + 4);
	out(.flags = A, .seq = 1, .ack = 1977, .ts_ecr = PEER_TS + 1);
	in(.flags = A, .seq = 1977, .ack = 1, .len = 988,
	    .ts_val = PEER_TS + 3);
	out(.flags = A, .seq = 1, .ack = 3953, .ts_ecr = PEER_TS + 3);
	assert_int_equal(fx_read(s, 10000), 3952);
	fx_abort(s);
}

/* 3.2: in every segment of the connection but RST, which the fixture sees. */
static void every_segment_has_them(void **state)
{
	struct sock *s = accepted(1000);

	assert_int_equal(fx_send(s, 10), 10);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 10);
	out_within(2000, .flags = PA, .seq = 1, .ack = 1, .len = 10);
	in(.flags = A, .seq = 1, .ack = 11, .wnd = ZERO_WND);
	assert_int_equal(fx_send(s, 10), 10);
	out_within(5000, .flags = A, .seq = 11, .ack = 1, .len = 1);
	in(.flags = A, .seq = 1, .ack = 12);
	out_within(5000, .flags = PA, .seq = 12, .ack = 1, .len = 9);
	in(.flags = A, .seq = 5, .ack = 900); /* of the unsent */
	out(.flags = A, .seq = 21, .ack = 1);
	in(.flags = A, .seq = 1, .ack = 21);
	sock_close(s);
	out(.flags = FA, .seq = 21, .ack = 1);
	in(.flags = FA, .seq = 1, .ack = 22);
	out(.flags = A, .seq = 22, .ack = 2);
}

/* RFC 6691 */
static void segments_leave_room_for_the_option(void **state)
{
	struct sock *s = accepted(1000);

	assert_int_equal(fx_send(s, 3000), 3000);
	for (uint32_t i = 0; i < 3; i++)
		out(.flags = A, .seq = 1 + i * 988, .ack = 1, .len = 988);
	fx_forget_frames();
	fx_abort(s);
}

/* --- 5: PAWS ------------------------------------------------------------- */

static void old_segments_are_dropped_and_answered(void **state)
{
	struct sock *s = accepted(1000);

	fx.c.peer_ts = PEER_TS + 1000; /* beyond the turn of the sign */
	in(.flags = A, .seq = 1, .ack = 1, .len = 10);
	out_within(100, .flags = A, .seq = 1, .ack = 11);
	in(.flags = A, .seq = 11, .ack = 1, .len = 10, .ts_val = PEER_TS + 999);
	out(.flags = A, .seq = 1, .ack = 11, .ts_ecr = PEER_TS + 1000);
	assert_drop(TCP_PAWS, 1);
	in(.flags = S, .seq = 11, .ts_val = PEER_TS);
	out(.flags = A, .seq = 1, .ack = 11);
	assert_drop(TCP_PAWS, 2);
	assert_int_equal(fx_read(s, 100), 10);
	/* The same instant is not old. */
	in(.flags = A, .seq = 11, .ack = 1, .len = 10);
	assert_int_equal(fx_read(s, 100), 10);
	fx_forget_frames();
	fx_abort(s);
}

static void old_reset_counts(void **state)
{
	struct sock *s = accepted(1000);

	in(.flags = R, .seq = 1, .ts_val = PEER_TS - 1000);
	assert_state(CLOSED);
	assert_int_equal(fx_recv_state(s), -ECONNRESET);
	sock_close(s);
}

/* 5.5 */
static void time_stamp_of_last_month_is_forgotten(void **state)
{
	struct sock *s = accepted(1000);

	fx_skip_ms(24ull * 24 * 3600 * 1000 - 1000);
	in(.flags = A, .seq = 1, .ack = 1, .len = 10, .ts_val = PEER_TS - 5);
	assert_drop(TCP_PAWS, 1);
	fx_forget_frames();
	fx_skip_ms(2000);
	in(.flags = A, .seq = 1, .ack = 1, .len = 10, .ts_val = PEER_TS - 5);
	assert_drop(TCP_PAWS, 1);
	out_within(100, .flags = A, .seq = 1, .ack = 11, .ts_ecr = PEER_TS - 5);
	assert_int_equal(fx_read(s, 100), 10);
	fx_abort(s);
}

/* R3: only what is acceptable and at the left edge. */
static void forged_segments_do_not_move_the_clock(void **state)
{
	struct sock *s = accepted(1000);

	in(.flags = A, .seq = 1000000, .ack = 1, .ts_val = PEER_TS + 100000);
	out(.flags = A, .seq = 1, .ack = 1, .ts_ecr = PEER_TS);
	in(.flags = A, .seq = 100, .ack = 1, .ts_val = PEER_TS + 100000);
	in(.flags = A, .seq = 1, .ack = 1, .len = 10);
	assert_int_equal(fx_read(s, 100), 10);
	fx_forget_frames();
	fx_abort(s);
}

/* --- 4: round trips ------------------------------------------------------ */

/* RFC 6298's Karn: what was sent twice gives a sample by its echo alone. */
static void echo_gives_a_sample_of_what_was_sent_twice(void **state)
{
	struct sock *s = accepted(1000);
	uint32_t again;

	fx_run_ms(3000);
	assert_int_equal(fx_send(s, 10), 10);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 10);
	out_within(2000, .flags = PA, .seq = 1, .ack = 1, .len = 10);
	out_within(5000, .flags = PA, .seq = 1, .ack = 1, .len = 10);
	again = fx.c.seen_ts;
	assert_int_equal(fx_tcp()->backoff, 2);
	fx_tcp()->srtt_ns = 0;
	fx_run_ms(80);
	in(.flags = A, .seq = 1, .ack = 11, .ts_ecr = again);
	assert_in_range(fx_tcp()->srtt_ns, 79 * NS_PER_MS, 81 * NS_PER_MS);
	assert_int_equal(fx_tcp()->backoff, 0);
	fx_abort(s);
}

static void echo_of_what_was_never_said_is_no_sample(void **state)
{
	struct sock *s = accepted(1000);
	uint64_t before;

	assert_int_equal(fx_send(s, 10), 10);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 10);
	out_within(2000, .flags = PA, .seq = 1, .ack = 1, .len = 10);
	before = fx_tcp()->srtt_ns;
	in(.flags = A, .seq = 1, .ack = 6, .ts_ecr = fx.c.seen_ts + 1);
	in(.flags = A, .seq = 1, .ack = 11, .ts_ecr = fx.c.seen_ts - 100000);
	assert_int_equal(fx_tcp()->srtt_ns, before);
	fx_abort(s);
}

/* Appendix G: a history of round trips, not of segments. */
static void one_sample_for_each_round_trip(void **state)
{
	struct sock *s = accepted(1000);
	uint64_t srtt;

	fx_run_ms(3000);
	assert_int_equal(fx_send(s, 5000), 5000);
	while (fx.count)
		fx_any_seg(0);
	fx_tcp()->rtt_start_ns = 0; /* as after a retransmission */
	fx_tcp()->srtt_ns = 100 * NS_PER_MS;
	fx_run_ms(20);
	in(.flags = A, .seq = 1, .ack = 989);
	srtt = fx_tcp()->srtt_ns;
	assert_true(srtt < 100 * NS_PER_MS);
	in(.flags = A, .seq = 1, .ack = 1977);
	in(.flags = A, .seq = 1, .ack = 2965);
	assert_int_equal(fx_tcp()->srtt_ns, srtt);
	fx_forget_frames();
	fx_abort(s);
}

/* --- TIME-WAIT ----------------------------------------------------------- */

/* Ends in TIME-WAIT with TS.Recent PEER_TS; the peer's next number is 2. */
static void into_time_wait(void)
{
	struct sock *s = accepted(1000);

	sock_close(s);
	out(.flags = FA, .seq = 1, .ack = 1);
	in(.flags = FA, .seq = 1, .ack = 2);
	out(.flags = A, .seq = 2, .ack = 2);
	assert_state(TIME_WAIT);
}

static void time_wait_answers_with_timestamps(void **state)
{
	into_time_wait();
	in(.flags = FA, .seq = 1, .ack = 2);
	out(.flags = A, .seq = 2, .ack = 2, .ts_ecr = PEER_TS);
	in(.flags = FA, .seq = 1, .ack = 2, .ts_val = PEER_TS - 1);
	out(.flags = A, .seq = 2, .ack = 2);
	assert_drop(TCP_PAWS, 1);
}

/* RFC 6191 section 2. */
static void syn_in_time_wait_counts_by_its_timestamp(void **state)
{
	static const struct {
		uint32_t seq, ts_val;
		bool no_ts, opens;
	} row[] = {
		{ 1, PEER_TS + 1, false, true }, /* later */
		{ 3, PEER_TS, false, true },     /* the same, beyond */
		{ 2, PEER_TS, false, false },
		{ 100, PEER_TS - 1, false, false }, /* earlier */
		{ 3, 0, true, true },               /* none: by the number */
		{ 2, 0, true, false },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sock *l;

		into_time_wait();
		l = fx_listen(80, 4);
		in(.flags = S, .seq = row[i].seq, .ts_val = row[i].ts_val,
		    .no_ts = row[i].no_ts);
		if ((fx_state() == TCP_SYN_RECEIVED) != row[i].opens)
			fail_msg("row %zu: state %d", i, fx_state());
		sock_close(l);
		fx_next_conn();
	}
}

static void syn_with_timestamps_reopens_what_had_none(void **state)
{
	struct sock *s = fx_accepted(1000, 0), *l;

	sock_close(s);
	out(.flags = FA, .seq = 1, .ack = 1);
	in(.flags = FA, .seq = 1, .ack = 2);
	out(.flags = A, .seq = 2, .ack = 2);
	l = fx_listen(80, 4);
	in(.flags = S, .seq = 1, .ts = true, .ts_val = 1);
	assert_state(SYN_RECEIVED);
	sock_close(l);
	fx_forget_frames();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(active_open_offers_timestamps),
		fx_test(they_are_not_used_unless_both_want_them),
		fx_test(missing_ones_are_dropped_silently),
		fx_test(syn_without_is_challenged),
		fx_test(handshake_that_ends_without_has_none),
		fx_test(our_clock_runs_in_milliseconds),
		fx_test(clock_of_each_pair_of_ends_has_its_own_place),
		fx_test(echo_is_of_the_earliest_unacknowledged_segment),
		fx_test(every_segment_has_them),
		fx_test(segments_leave_room_for_the_option),
		fx_test(old_segments_are_dropped_and_answered),
		fx_test(old_reset_counts),
		fx_test(time_stamp_of_last_month_is_forgotten),
		fx_test(forged_segments_do_not_move_the_clock),
		fx_test(echo_gives_a_sample_of_what_was_sent_twice),
		fx_test(echo_of_what_was_never_said_is_no_sample),
		fx_test(one_sample_for_each_round_trip),
		fx_test(time_wait_answers_with_timestamps),
		fx_test(syn_in_time_wait_counts_by_its_timestamp),
		fx_test(syn_with_timestamps_reopens_what_had_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
