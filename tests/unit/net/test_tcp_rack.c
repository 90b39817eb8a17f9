/* SPDX-License-Identifier: MIT */
/*
 * Loss recovery with SACK as seen from the peer: RACK and tail loss probes (RFC
 * 8985), PRR (RFC 9937), limited transmit (RFC 3042).  The round trip time is
 * RTT_MS, segments are MSS long and named by their place, from 1 on.
 */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"
#include "net/tcp_internal.h"

#define MSS    1000
#define RTT_MS 100
#define WIDE   65535
#define AT(n)  (1 + ((n)-1) * MSS) /* where segment n begins */

static struct sock *sender(void)
{
	struct sock *l = fx_listen(80, 4), *s = NULL;

	in(.flags = S, .mss = MSS, .sack_permitted = true);
	out(.flags = SA, .ack = 1, .sack_permitted = true);
	fx_skip_ms(RTT_MS);
	in(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	sock_close(l);
	expect_nothing(0);
	sock_set_opt(s, SOCK_OPT_SNDBUF, 1 << 18);
	return s;
}

static void ack(unsigned n)
{
	in(.flags = A, .seq = 1, .ack = AT(n));
}

/* Acknowledges what is before segment n; the peer has [from, to), too. */
static void sack(unsigned n, unsigned from, unsigned to)
{
	in(.flags = A, .seq = 1, .ack = AT(n), .sacks = 1,
	    .sack = { AT(from), AT(to) });
}

/* The segments from..to leave, now. */
static void leaves(unsigned from, unsigned to)
{
	for (unsigned n = from; n <= to; n++)
		assert_int_equal(fx_any_seg(0).seq, AT(n));
}

/* Endless data; the first ten segments are out, and their time has passed. */
static struct sock *bulk(void)
{
	struct sock *s = sender();

	assert_int_equal(fx_send(s, 100 * MSS), 100 * MSS);
	leaves(1, 10);
	expect_nothing(0);
	fx_skip_ms(RTT_MS);
	return s;
}

static void done(struct sock *s)
{
	fx_forget_frames();
	fx_abort(s);
}

/* --- Detection ----------------------------------------------------------- */

static void three_segments_behind_a_gap_show_the_loss(void **state)
{
	struct sock *s = bulk();

	sack(1, 2, 3);
	leaves(11, 11); /* RFC 3042 */
	sack(1, 2, 4);
	leaves(12, 12);
	assert_int_equal(fx_tcp()->recovery, TCP_NO_RECOVERY);
	sack(1, 2, 5);
	leaves(1, 1);
	expect_nothing(0);
	assert_int_equal(fx_tcp()->recovery, TCP_FAST_RECOVERY);
	assert_int_equal(fx_tcp()->ssthresh, 5 * MSS);
	ack(13);
	assert_int_equal(fx_tcp()->recovery, TCP_NO_RECOVERY);
	assert_int_equal(fx_tcp()->cwnd, 5 * MSS);
	done(s);
}

/* 6.2 step 5: fewer do when a quarter of the round trip passes. */
static void time_shows_the_loss_that_too_few_segments_do_not(void **state)
{
	struct sock *s = sender();

	fx_send(s, 2 * MSS);
	leaves(1, 2);
	fx_skip_ms(RTT_MS);
	sack(1, 2, 3);
	expect_nothing(20);
	out_within(10, .flags = A, .seq = 1, .ack = 1, .len = MSS);
	assert_count(TCP_TIMEOUTS, 0);
	done(s);
}

static void reordering_within_the_window_is_no_loss(void **state)
{
	struct sock *s = sender();

	fx_send(s, 3 * MSS);
	leaves(1, 3);
	fx_skip_ms(RTT_MS);
	sack(1, 2, 4);
	expect_nothing(15);
	ack(4);
	expect_nothing(5000);
	assert_true(fx_tcp()->rack.reordering_seen);
	assert_count(TCP_RETRANSMITS, 0);
	done(s);
}

/* Once reordering was seen, three segments alone prove nothing. */
static void reordering_that_was_seen_makes_patient(void **state)
{
	struct sock *s = bulk();

	sack(1, 2, 4);
	ack(4);
	fx_forget_frames();
	fx_skip_ms(RTT_MS);
	sack(4, 5, 9);
	assert_int_equal(fx_tcp()->recovery, TCP_NO_RECOVERY);
	fx_forget_frames();
	fx_run_ms(RTT_MS / 4 + 3);
	assert_int_equal(fx_tcp()->recovery, TCP_FAST_RECOVERY);
	done(s);
}

/* 6.2 step 4: each round trip with a D-SACK widens the window by a quarter of
 * the least round trip, for sixteen recoveries. */
static void d_sack_widens_the_reordering_window(void **state)
{
	struct sock *s = bulk();
	struct tcp_conn *c = fx_tcp();

	in(.flags = A, .seq = 1, .ack = AT(3), .sacks = 1,
	    .sack = { AT(1), AT(2) });
	assert_int_equal(c->rack.reo_wnd_mult, 1);
	in(.flags = A, .seq = 1, .ack = AT(4), .sacks = 1,
	    .sack = { AT(1), AT(2) });
	assert_int_equal(c->rack.reo_wnd_mult, 1); /* the same round trip */
	for (unsigned i = 0; i < 16; i++)
		tcp_rack_recovered(c);
	assert_int_equal(c->rack.reo_wnd_mult, 0);
	done(s);
}

/* What was sent again and had arrived was late by more than three segments. */
static void d_sack_of_what_was_sent_again_tells_of_reordering(void **state)
{
	struct sock *s = bulk();

	sack(1, 2, 5);
	fx_skip_ms(RTT_MS);
	fx_forget_frames();
	ack(5);
	assert_false(fx_tcp()->rack.reordering_seen);
	in(.flags = A, .seq = 1, .ack = AT(6), .sacks = 1,
	    .sack = { AT(1), AT(2) });
	assert_true(fx_tcp()->rack.reordering_seen);
	done(s);
}

static void lost_retransmission_is_sent_again_without_timeout(void **state)
{
	struct sock *s = bulk();

	sack(1, 2, 5);
	leaves(1, 1);
	fx_forget_frames();
	sack(1, 2, 11); /* lets new segments go, behind the first */
	fx_forget_frames();
	fx_skip_ms(RTT_MS);
	/* These were sent after the retransmission, and have arrived. */
	sack(1, 2, 13);
	assert_int_equal(fx_any_seg(0).seq, AT(1));
	assert_count(TCP_TIMEOUTS, 0);
	done(s);
}

static void half_a_window_lost_recovers_in_about_a_round_trip(void **state)
{
	struct sock *s = bulk();
	unsigned again = 0;

	/* 1 to 5 are lost, 6 to 10 arrive one by one. */
	for (unsigned n = 7; n <= 11; n++) {
		sack(1, 6, n);
		while (fx.count)
			again += fx_any_seg(0).seq < AT(6);
	}
	fx_skip_ms(RTT_MS);
	for (unsigned n = 2; n <= 6 && fx_tcp()->recovery; n++) {
		unsigned got = n <= again ? n : again + 1;

		in(.flags = A, .seq = 1, .ack = AT(got), .sacks = 1,
		    .sack = { AT(6), AT(11) });
		while (fx.count)
			again += fx_any_seg(0).seq < AT(6);
	}
	assert_true(again >= 5);
	assert_count(TCP_TIMEOUTS, 0);
	done(s);
}

/* --- Blocks that lie ----------------------------------------------------- */

static void blocks_outside_what_is_out_are_ignored(void **state)
{
	static const uint32_t at[][2] = { { AT(11), AT(12) }, { AT(5), AT(40) },
		{ AT(7), AT(6) }, { AT(3), AT(3) }, { AT(1), AT(3) },
		{ 0x80000000, 0x80000100 } };
	struct sock *s = bulk();

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		in(.flags = A, .seq = 1, .ack = 1, .sacks = 1,
		    .sack = { at[i][0], at[i][1] });
	expect_nothing(0);
	assert_int_equal(tcp_pipe(fx_tcp()), 10 * MSS);
	done(s);
}

static void tiny_blocks_cost_no_more_than_the_pool(void **state)
{
	struct sock *s = bulk();

	for (uint32_t at = 2; at < 10 * MSS; at += 8)
		in(.flags = A, .seq = 1, .ack = 1, .sacks = 4,
		    .sack = { at, at + 1, at + 2, at + 3, at + 4, at + 5,
		        at + 6, at + 7 });
	fx_forget_frames();
	assert_true(fx.st.sent.in_use <= fx.st.sent.total);
	in(.flags = A, .seq = 1, .ack = fx_tcp()->snd_nxt - fx.c.isn);
	fx_forget_frames();
	assert_int_equal(fx_tcp()->sent.sacked_bytes, 0);
	done(s);
}

/* RFC 2018 section 8: what the peer said to have it may forget. */
static void a_peer_may_renege(void **state)
{
	struct sock *s = sender();

	fx_send(s, 3 * MSS);
	leaves(1, 3);
	fx_skip_ms(RTT_MS);
	sack(1, 2, 4);
	fx_run_ms(50);
	leaves(1, 1);
	ack(2); /* and not 4 */
	expect_nothing(0);
	out_within(2000, .flags = A, .seq = AT(2), .ack = 1, .len = MSS);
	ack(3);
	out_within(2000, .flags = PA, .seq = AT(3), .ack = 1, .len = MSS);
	ack(4);
	expect_nothing(5000);
	done(s);
}

/* --- Tail loss probes ---------------------------------------------------- */

static void silence_is_probed_before_the_timeout(void **state)
{
	struct sock *s = sender();

	fx_send(s, 3 * MSS);
	leaves(1, 3);
	fx_mark();
	/* 7.2: two round trips */
	out_within(1000, .flags = PA, .seq = AT(3), .ack = 1, .len = MSS);
	fx_expect_time(2 * RTT_MS, 2 * RTT_MS + 4);
	assert_count(TCP_LOSS_PROBES, 1);
	/* Its answer shows what was lost: one segment arrived, one leaves. */
	fx_skip_ms(RTT_MS);
	sack(1, 3, 4);
	leaves(1, 1);
	expect_nothing(0);
	sack(2, 3, 4);
	leaves(2, 2);
	assert_count(TCP_TIMEOUTS, 0);
	done(s);
}

static void probe_is_new_data_when_there_is_some(void **state)
{
	struct sock *s = sender();

	fx_send(s, 3 * MSS);
	leaves(1, 3);
	fx_tcp()->cwnd = 3 * MSS;
	fx_send(s, 5 * MSS);
	expect_nothing(0);
	out_within(300, .flags = A, .seq = AT(4), .ack = 1, .len = MSS);
	assert_count(TCP_LOSS_PROBES, 1);
	assert_count(TCP_RETRANSMITS, 0);
	ack(5);
	assert_false(fx_tcp()->tlp_out);
	done(s);
}

/* 7.2: a lone segment leaves time for a delayed ACK; 7.3: one probe, then the
 * timeout. */
static void one_probe_then_the_timeout(void **state)
{
	struct sock *s = sender();

	fx_send(s, MSS);
	leaves(1, 1);
	fx_mark();
	out_within(1000, .flags = PA, .seq = 1, .ack = 1, .len = MSS);
	fx_expect_time(300, 304); /* RTO, which is less than 2 RTT + 200 */
	fx_mark();
	fx.mark_ns = fx.last_ns;
	out_within(1000, .flags = PA, .seq = 1, .ack = 1, .len = MSS);
	fx_expect_time(300, 304);
	assert_count(TCP_TIMEOUTS, 1);
	done(s);
}

/* 7.4.2 case 2: a loss that the probe repaired is congestion. */
static void loss_that_a_probe_repaired_halves_the_window(void **state)
{
	struct sock *s = sender();

	fx_send(s, 10 * MSS);
	leaves(1, 10);
	fx_skip_ms(RTT_MS);
	ack(10);
	out_within(500, .flags = PA, .seq = AT(10), .ack = 1, .len = MSS);
	fx_send(s, MSS);
	leaves(11, 11);
	ack(12);
	assert_true(fx_tcp()->ssthresh < 10 * MSS);
	assert_false(fx_tcp()->tlp_out);
	done(s);
}

/* 7.4.2 case 1: D-SACK says that nothing was lost. */
static void probe_that_was_not_needed_changes_nothing(void **state)
{
	struct sock *s = sender();

	fx_send(s, 2 * MSS);
	leaves(1, 2);
	out_within(500, .flags = PA, .seq = AT(2), .ack = 1, .len = MSS);
	in(.flags = A, .seq = 1, .ack = AT(3), .sacks = 1,
	    .sack = { AT(2), AT(3) });
	assert_false(fx_tcp()->tlp_out);
	assert_int_equal(fx_tcp()->ssthresh, UINT32_MAX);
	assert_int_equal(fx_tcp()->rack.reo_wnd_mult, 0);
	done(s);
}

static void without_sack_nothing_is_probed(void **state)
{
	struct sock *s = fx_accepted(MSS, WIDE);

	fx_send(s, 3 * MSS);
	leaves(1, 3);
	out_within(1000, .flags = A, .seq = 1, .ack = 1, .len = MSS);
	assert_count(TCP_LOSS_PROBES, 0);
	assert_count(TCP_TIMEOUTS, 1);
	done(s);
}

/* --- F-RTO and undoing --------------------------------------------------- */

/* RFC 5682 2.1: the first ACK moves on, two new segments, the second ACK moves
 * on over what was not sent again. */
static void spurious_timeout_is_undone_without_sack(void **state)
{
	struct sock *s = fx_accepted(MSS, WIDE);

	sock_set_opt(s, SOCK_OPT_SNDBUF, 1 << 18);
	fx_send(s, 60 * MSS);
	leaves(1, 10);
	fx_run_ms(250);
	leaves(1, 1);
	assert_int_equal(fx_tcp()->cwnd, MSS);
	ack(2);
	leaves(11, 12);
	expect_nothing(0);
	ack(3);
	assert_count(TCP_UNDONE, 1);
	assert_int_equal(fx_tcp()->recovery, TCP_NO_RECOVERY);
	assert_true(fx_tcp()->ssthresh >= 10 * MSS);
	assert_true(fx_tcp()->cwnd >= 10 * MSS);
	assert_count(TCP_RETRANSMITS, 1);
	done(s);
}

/* Step 3a: a duplicate means that the loss was real. */
static void real_timeout_is_not_undone(void **state)
{
	struct sock *s = fx_accepted(MSS, WIDE);

	sock_set_opt(s, SOCK_OPT_SNDBUF, 1 << 18);
	fx_send(s, 60 * MSS);
	leaves(1, 10);
	fx_run_ms(250);
	leaves(1, 1);
	ack(2);
	leaves(11, 12);
	ack(2);
	assert_int_equal(fx_any_seg(0).seq, AT(2));
	assert_count(TCP_UNDONE, 0);
	done(s);
}

/* Step 2: without new data there is nothing to tell by. */
static void timeout_without_new_data_is_taken_for_real(void **state)
{
	struct sock *s = fx_accepted(MSS, WIDE);

	fx_send(s, 4 * MSS);
	leaves(1, 4);
	fx_run_ms(250);
	leaves(1, 1);
	ack(2);
	leaves(2, 3);
	done(s);
}

static void spurious_timeout_is_undone_with_sack(void **state)
{
	struct sock *s = bulk();

	fx_run_ms(150); /* the probe, which is the eleventh segment */
	fx_forget_frames();
	fx_run_ms(400);
	leaves(1, 1);
	ack(2);
	leaves(12, 13);
	sack(2, 3, 4); /* not sent again, and has arrived */
	assert_count(TCP_UNDONE, 1);
	done(s);
}

/* D-SACK: all that was sent again was there twice. */
static void d_sack_undoes_a_recovery(void **state)
{
	struct sock *s = bulk();

	sack(1, 2, 6);
	assert_int_equal(fx_any_seg(0).seq, AT(1));
	assert_int_equal(fx_tcp()->ssthresh, 5 * MSS);
	in(.flags = A, .seq = 1, .ack = AT(7), .sacks = 1,
	    .sack = { AT(1), AT(2) });
	assert_count(TCP_UNDONE, 1);
	assert_true(fx_tcp()->ssthresh >= 10 * MSS);
	assert_int_equal(fx_tcp()->recovery, TCP_NO_RECOVERY);
	done(s);
}

/* RFC 3522: the ACK of what was sent again echoes the time of its first
 * transmission, or of the second. */
/* A connection with timestamps whose first ten segments left; *first_ts is
 * their time. */
static struct sock *ten_with_timestamps(uint32_t *first_ts)
{
	struct sock *l = fx_listen(80, 4), *s = NULL;

	fx.c.ts = true;
	fx.c.peer_ts = 1000;
	in(.flags = S, .mss = MSS + TCP_TS_BYTES, .sack_permitted = true);
	fx_any_seg(0);
	fx_skip_ms(RTT_MS);
	in(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	sock_close(l);
	fx_send(s, 30 * MSS);
	leaves(1, 10);
	*first_ts = fx.c.seen_ts;
	return s;
}

static void echo_of_an_earlier_time_undoes_a_recovery(void **state)
{
	for (unsigned spurious = 0; spurious < 2; spurious++) {
		uint32_t first;
		struct sock *s = ten_with_timestamps(&first);

		fx_skip_ms(RTT_MS);
		sack(1, 2, 6);
		assert_int_equal(fx_any_seg(0).seq, AT(1));
		fx_forget_frames();
		in(.flags = A, .seq = 1, .ack = AT(7),
		    .ts_ecr = spurious ? first : first + RTT_MS);
		assert_count(TCP_UNDONE, spurious);
		done(s);
		fx_next_conn();
	}
}

/* One ACK tells of both: what the timeout took for lost is in flight again when
 * the loss is counted. */
static void loss_behind_an_undone_timeout_takes_half_of_all(void **state)
{
	uint32_t first;
	struct sock *s = ten_with_timestamps(&first);

	fx_run_ms(150); /* the probe, which is the eleventh segment */
	fx_run_ms(400);
	fx_forget_frames();
	in(.flags = A, .seq = 1, .ack = AT(2), .ts_ecr = first, .sacks = 1,
	    .sack = { AT(3), AT(8) });
	assert_count(TCP_UNDONE, 1);
	assert_int_equal(fx_tcp()->recovery, TCP_FAST_RECOVERY);
	assert_true(fx_tcp()->ssthresh > 4 * MSS);
	done(s);
}

/* --- Records ------------------------------------------------------------- */

static void without_records_all_still_arrives(void **state)
{
	struct sock *s = sender();
	struct tcp_conn *c = fx_tcp();

	fx_hoard(&fx.st.sent);
	fx_send(s, 20 * MSS);
	leaves(1, 10);
	assert_int_equal(c->sent.records, 1);
	fx_skip_ms(RTT_MS);
	sack(1, 3, 4);
	for (unsigned i = 0; i < 200 && c->snd_una != fx.c.isn + AT(21); i++) {
		const struct seg got = fx_any_seg(2000);

		if (got.seq == c->snd_una - fx.c.isn)
			in(.flags = A, .seq = 1, .ack = got.seq + got.len);
	}
	assert_int_equal(c->snd_una, fx.c.isn + AT(21));
	fx_hoard_give(&fx.st.sent, FX_ANY);
	done(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(three_segments_behind_a_gap_show_the_loss),
		fx_test(time_shows_the_loss_that_too_few_segments_do_not),
		fx_test(reordering_within_the_window_is_no_loss),
		fx_test(reordering_that_was_seen_makes_patient),
		fx_test(d_sack_widens_the_reordering_window),
		fx_test(d_sack_of_what_was_sent_again_tells_of_reordering),
		fx_test(lost_retransmission_is_sent_again_without_timeout),
		fx_test(half_a_window_lost_recovers_in_about_a_round_trip),
		fx_test(blocks_outside_what_is_out_are_ignored),
		fx_test(tiny_blocks_cost_no_more_than_the_pool),
		fx_test(a_peer_may_renege),
		fx_test(silence_is_probed_before_the_timeout),
		fx_test(probe_is_new_data_when_there_is_some),
		fx_test(one_probe_then_the_timeout),
		fx_test(loss_that_a_probe_repaired_halves_the_window),
		fx_test(probe_that_was_not_needed_changes_nothing),
		fx_test(without_sack_nothing_is_probed),
		fx_test(spurious_timeout_is_undone_without_sack),
		fx_test(real_timeout_is_not_undone),
		fx_test(timeout_without_new_data_is_taken_for_real),
		fx_test(spurious_timeout_is_undone_with_sack),
		fx_test(d_sack_undoes_a_recovery),
		fx_test(echo_of_an_earlier_time_undoes_a_recovery),
		fx_test(loss_behind_an_undone_timeout_takes_half_of_all),
		fx_test(without_records_all_still_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
