/* SPDX-License-Identifier: MIT */
/*
 * What TCP sends and when: segmentation, Nagle's rule (RFC 9293 3.7.4), both
 * silly window algorithms (3.8.6.2), windows that shrink, borrowed bytes, a
 * card that is full and a pool that is empty.
 */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"
#include "net/tcp_internal.h"

#define WIDE 65535

/* Acknowledges everything before the relative number. */
static void ack(uint32_t number)
{
	in(.flags = A, .seq = 1, .ack = number);
}

/* --- Segments ------------------------------------------------------------ */

static void data_is_cut_into_segments_of_the_mss(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	assert_int_equal(fx_send(s, 3500), 3500);
	for (uint32_t i = 0; i < 3; i++)
		out(.flags = A, .seq = 1 + i * 1000, .ack = 1, .len = 1000);
	/* MUST-61: PSH on the last buffered segment */
	out(.flags = PA, .seq = 3001, .ack = 1, .len = 500);
	fx_abort(s);
}

static void mss_rules(void **state)
{
	/* MUST-15: 536 without the option; MUST-16: never more than our link
	 * takes; a tiny offer is taken as TCP_MSS_MIN. */
	static const struct {
		uint16_t offered, effective;
	} rule[] = { { 0, 536 }, { 1, 64 }, { 63, 64 }, { 64, 64 }, { 65, 65 },
		{ 536, 536 }, { 1459, 1459 }, { 1460, 1460 }, { 1461, 1460 },
		{ 9000, 1460 }, { 65535, 1460 } };

	for (size_t i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
		for (unsigned active = 0; active < 2; active++) {
			struct sock *s;

			fx.c.port = 80;
			s = active ? fx_connected(rule[i].offered, WIDE)
			           : fx_accepted(rule[i].offered, WIDE);
			fx_send(s, 2000);
			out(.flags = A, .seq = 1, .ack = 1,
			    .len = rule[i].effective);
			fx_abort(s);
			fx_next_conn();
		}
	}
}

static void small_links_make_small_segments(void **state)
{
	struct sock *s;

	fx.dev.mtu = 576;
	s = fx_listen(80, 1);
	in(.flags = S, .mss = 1460);
	out(.flags = SA, .ack = 1, .mss = 536); /* MUST-67 */
	sock_close(s);
	fx_next_conn();
	s = fx_accepted(1460, WIDE);
	fx_send(s, 600);
	out(.flags = A, .seq = 1, .ack = 1, .len = 536);
	fx_abort(s);
}

static void syn_says_mss_and_window(void **state)
{
	struct sock *s = NULL;
	const struct sock_addr to = { FX_PEER, 40000 };
	struct sock_addr from;

	sock_create(&fx.st, SOCK_TYPE_TCP, &s);
	sock_set_opt(s, SOCK_OPT_RCVBUF, 10000);
	sock_connect(s, &to);
	sock_get_local(s, &from);
	fx.c.port = from.port;
	out(.flags = S, .mss = 1460, .wnd = 10000);
	sock_close(s);
}

static void window_field_never_exceeds_sixteen_bits(void **state)
{
	struct sock *l = fx_listen(80, 1);

	sock_set_opt(l, SOCK_OPT_RCVBUF, 1 << 20);
	in(.flags = S, .mss = 1460);
	out(.flags = SA, .ack = 1, .wnd = 65535);
	sock_close(l);
	fx_forget_frames();
}

/* --- Nagle --------------------------------------------------------------- */

static void nagle_holds_small_segments_while_data_is_out(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_send(s, 10);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 10);
	fx_send(s, 10);
	fx_send(s, 20);
	expect_nothing(0);
	ack(11);
	out(.flags = PA, .seq = 11, .ack = 1, .len = 30);
	ack(41);
	/* A full segment goes although something is out. */
	fx_send(s, 10);
	out(.flags = PA, .seq = 41, .ack = 1, .len = 10);
	fx_send(s, 1005);
	out(.flags = A, .seq = 51, .ack = 1, .len = 1000);
	expect_nothing(0);
	fx_abort(s);
}

/* Deviation: only a partial segment that is out holds the next one back; else
 * each large write would end with a wait for a delayed ACK. */
static void nagle_lets_one_partial_segment_follow_full_ones(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_send(s, 1100);
	out(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	out(.flags = PA, .seq = 1001, .ack = 1, .len = 100);
	fx_send(s, 100);
	expect_nothing(0);
	ack(1001);
	expect_nothing(0);
	ack(1101);
	out(.flags = PA, .seq = 1101, .ack = 1, .len = 100);
	fx_abort(s);
}

/* MUST-17 */
static void nodelay_switches_nagle_off(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	sock_set_opt(s, SOCK_OPT_NODELAY, 1);
	for (uint32_t i = 0; i < 5; i++) {
		fx_send(s, 10);
		out(.flags = PA, .seq = 1 + i * 10, .ack = 1, .len = 10);
	}
	fx_abort(s);
}

static void more_holds_a_partial_segment(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_send_flags(s, 600, SOCK_MORE);
	expect_nothing(0);
	fx_send_flags(s, 600, SOCK_MORE);
	out(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	expect_nothing(0);
	ack(1001);
	expect_nothing(0);
	fx_send(s, 100);
	out(.flags = PA, .seq = 1001, .ack = 1, .len = 300);
	fx_abort(s);
}

/* MUST-60: not for ever; 3.8.6.2.1: the override timeout is 0.1 to 1 s. */
static void more_that_never_comes_is_overridden(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_mark();
	fx_send_flags(s, 600, SOCK_MORE);
	out_within(2000, .flags = PA, .seq = 1, .ack = 1, .len = 600);
	fx_expect_time(100, 1002);
	fx_abort(s);
}

static void setting_nodelay_sends_what_waits(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_send(s, 10);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 10);
	fx_send(s, 10);
	expect_nothing(0);
	sock_set_opt(s, SOCK_OPT_NODELAY, 1);
	out(.flags = PA, .seq = 11, .ack = 1, .len = 10);
	fx_abort(s);
}

/* Also with TCP_NODELAY, whether MSG_MORE says so or not; until it is taken
 * off. */
static void cork_holds_partial_segments(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);
	int v;

	sock_set_opt(s, SOCK_OPT_NODELAY, 1);
	sock_set_opt(s, SOCK_OPT_CORK, 1);
	assert_int_equal(sock_get_opt(s, SOCK_OPT_CORK, &v), 0);
	assert_int_equal(v, 1);
	fx_send(s, 300);
	fx_send_flags(s, 300, SOCK_MORE);
	fx_send(s, 300);
	expect_nothing(100);
	fx_send(s, 300);
	out(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	expect_nothing(100);
	sock_set_opt(s, SOCK_OPT_CORK, 0);
	out(.flags = PA, .seq = 1001, .ack = 1, .len = 200);
	fx_abort(s);
}

static void cork_ends_after_200_ms(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	sock_set_opt(s, SOCK_OPT_CORK, 1);
	for (unsigned i = 0; i < 3; i++) {
		fx_mark();
		fx_send(s, 300);
		out_within(1000, .flags = PA, .seq = 1 + i * 300, .ack = 1,
		    .len = 300);
		fx_expect_time(200, 202);
		ack(301 + i * 300);
	}
	fx_abort(s);
}

static void close_ends_cork(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	sock_set_opt(s, SOCK_OPT_CORK, 1);
	fx_send(s, 300);
	expect_nothing(0);
	sock_shutdown(s, SOCK_SHUT_WR);
	out(.flags = FPA, .seq = 1, .ack = 1, .len = 300);
	fx_abort(s);
}

static void close_ends_more(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_send_flags(s, 600, SOCK_MORE);
	sock_close(s);
	out(.flags = FPA, .seq = 1, .ack = 1, .len = 600);
	in(.flags = RA, .seq = 1, .ack = 602);
}

/* --- The peer's window --------------------------------------------------- */

static void sends_no_more_than_the_window(void **state)
{
	struct sock *s = fx_accepted(1000, 2500);

	fx_send(s, 10000);
	out(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	out(.flags = A, .seq = 1001, .ack = 1, .len = 1000);
	expect_nothing(0);
	in(.flags = A, .seq = 1, .ack = 1001, .wnd = 2500);
	out(.flags = A, .seq = 2001, .ack = 1, .len = 1000);
	expect_nothing(0);
	fx_abort(s);
}

/* SWS avoidance (MUST-38): less than half the largest window and not all that
 * is queued waits, until the override timeout. */
static void small_openings_of_the_window_are_not_used(void **state)
{
	struct sock *s = fx_accepted(1460, 1000);

	fx_send(s, 3000);
	out(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	in(.flags = A, .seq = 1, .ack = 1001, .wnd = 100);
	expect_nothing(0);
	in(.flags = A, .seq = 1, .ack = 1001, .wnd = 499);
	expect_nothing(0);
	in(.flags = A, .seq = 1, .ack = 1001, .wnd = 500);
	out(.flags = A, .seq = 1001, .ack = 1, .len = 500);
	fx_abort(s);
}

static void small_window_is_used_after_the_override_timeout(void **state)
{
	struct sock *s = fx_accepted(1460, 1000);

	fx_send(s, 3000);
	out(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	in(.flags = A, .seq = 1, .ack = 1001, .wnd = 100);
	fx_mark();
	out_within(2000, .flags = A, .seq = 1001, .ack = 1, .len = 100);
	fx_expect_time(100, 1002);
	fx_abort(s);
}

/* The window is unsigned (MUST-1). */
static void largest_window_is_used(void **state)
{
	struct sock *s = fx_accepted(1460, 65535);
	struct tcp_conn *c = fx_tcp();

	c->cwnd = 1 << 20;
	assert_true(fx_send(s, 65535) == 65535);
	assert_int_equal(c->snd_nxt - c->snd_una, 65535);
	fx_forget_frames();
	fx_abort(s);
}

/* MUST-34: the usable window may become negative. */
static void shrunk_window_stops_new_data(void **state)
{
	struct sock *s = fx_accepted(1000, 4000);

	fx_send(s, 8000);
	for (uint32_t i = 0; i < 4; i++)
		out(.flags = A, .seq = 1 + i * 1000, .ack = 1, .len = 1000);
	in(.flags = A, .seq = 1, .ack = 1001, .wnd = 1000);
	expect_nothing(0); /* SHLD-15 */
	/* SHLD-16: what is unacknowledged and in the window comes again. */
	out_within(2000, .flags = A, .seq = 1001, .ack = 1, .len = 1000);
	/* What was sent beyond it may still be acknowledged. */
	in(.flags = A, .seq = 1, .ack = 4001, .wnd = 2000);
	out(.flags = A, .seq = 4001, .ack = 1, .len = 1000);
	out(.flags = A, .seq = 5001, .ack = 1, .len = 1000);
	expect_nothing(0);
	fx_abort(s);
}

static void window_shrunk_to_nothing_is_probed(void **state)
{
	struct sock *s = fx_accepted(1000, 4000);

	fx_send(s, 4000);
	fx_forget_frames();
	in(.flags = A, .seq = 1, .ack = 1001, .wnd = ZERO_WND);
	expect_nothing(0);
	out_within(2000, .flags = A, .seq = 1001, .ack = 1, .len = 1);
	in(.flags = A, .seq = 1, .ack = 4001, .wnd = 4000);
	expect_nothing(5000);
	fx_abort(s);
}

static void window_smaller_than_a_segment_is_filled(void **state)
{
	struct sock *s = fx_accepted(1460, 100);

	fx_send(s, 150);
	out(.flags = A, .seq = 1, .ack = 1, .len = 100);
	in(.flags = A, .seq = 1, .ack = 101, .wnd = 100);
	out(.flags = PA, .seq = 101, .ack = 1, .len = 50);
	fx_abort(s);
}

/* --- Our window ---------------------------------------------------------- */

/* MUST-39: the right edge moves by a segment or half the buffer, or not. */
static void reading_little_does_not_open_the_window(void **state)
{
	struct sock *s;
	uint32_t edge = 1 + 65535;

	s = fx_accepted(1460, 0);
	for (uint32_t seq = 1; seq < edge; seq += 1285)
		in(.flags = A, .seq = seq, .ack = 1, .len = 1285);
	fx_run_ms(100);
	fx_forget_frames();
	for (unsigned i = 0; i < 12; i++)
		assert_int_equal(fx_read(s, 100), 100);
	expect_nothing(0);
	/* The peer's probe is told of a window of zero still. */
	in(.flags = A, .seq = edge, .ack = 1, .len = 1);
	out(.flags = A, .seq = 1, .ack = edge, .wnd = ZERO_WND);
	assert_int_equal(fx_read(s, 2000), 2000);
	out(.flags = A, .seq = 1, .ack = edge, .wnd = 3200);
	fx_abort(s);
}

static void small_buffers_open_by_half(void **state)
{
	struct sock *s = fx_accepted(1460, 0);
	struct tcp_conn *c = fx_tcp();

	sock_set_opt(s, SOCK_OPT_RCVBUF, 2048);
	c->rcv_adv = c->rcv_nxt + 2048;
	in(.flags = A, .seq = 1, .ack = 1, .len = 1024);
	in(.flags = A, .seq = 1025, .ack = 1, .len = 1024);
	fx_forget_frames();
	assert_int_equal(fx_read(s, 1023), 1023);
	expect_nothing(0);
	assert_int_equal(fx_read(s, 1), 1);
	out(.flags = A, .seq = 1, .ack = 2049, .wnd = 1024);
	fx_abort(s);
}

/* SHLD-14: whatever happens, ACK + window never goes back. */
static void our_right_edge_never_moves_left(void **state)
{
	struct sock *s = fx_accepted(1460, 0);
	struct random *r = &fx.rng;
	uint32_t next = 1, edge = 1, sent_edge = 65536;
	bool tight = false;

	for (unsigned i = 0; i < 400; i++) {
		uint32_t len = 1 + random_below(r, 1460);

		if (sent_edge - next < len)
			len = sent_edge - next;
		in(.flags = A, .seq = next, .ack = 1, .len = len);
		next = fx_tcp()->rcv_nxt - fx.c.peer_isn;
		if (random_below(r, 3) == 0)
			fx_read(s, random_below(r, 9000));
		if (i % 50 == 49) {
			tight = !tight;
			if (tight)
				fx_hoard(&fx.st.chunks);
			else
				fx_hoard_give(&fx.st.chunks, FX_ANY);
		}
		if (random_below(r, 4) == 0)
			sock_set_opt(
			    s, SOCK_OPT_RCVBUF, (int)random_below(r, 70000));
		if (random_below(r, 5) == 0)
			fx_run_ms(50);
		while (fx.count > 0) {
			struct seg got = fx_any_seg(0);

			edge = got.ack + (uint32_t)got.wnd;
			assert_true(edge >= sent_edge);
			sent_edge = edge;
		}
	}
	assert_true(sent_edge > 100000);
	fx_hoard_give(&fx.st.chunks, FX_ANY);
	fx_abort(s);
}

/* When the pool behind all buffers runs low, less is promised. */
static void scarce_chunks_make_small_windows(void **state)
{
	struct sock *l = fx_listen(80, 1);

	fx_hoard(&fx.st.chunks);
	fx_hoard_give(&fx.st.chunks, 10);
	in(.flags = S, .mss = 1460);
	out(.flags = SA, .ack = 1, .wnd = 65535 / 8);
	fx_hoard_give(&fx.st.chunks, FX_ANY);
	sock_close(l);
	fx_forget_frames();
}

/* An ACK that leaves while old data is being sent again lies behind all that
 * was ever sent, or the peer would find it old. */
static void acks_while_sending_again_carry_the_highest_number(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_send(s, 5000);
	fx_run_ms(250); /* a timeout: the first segment again */
	fx_forget_frames();
	in(.flags = A, .seq = 1, .ack = 1, .len = 10);
	in(.flags = A, .seq = 1, .ack = 1, .len = 10);
	out(.flags = A, .seq = 5001, .ack = 11);
	fx_abort(s);
}

/* --- FIN ----------------------------------------------------------------- */

static void fin_rides_on_the_last_segment(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_send_flags(s, 1500, SOCK_MORE);
	out(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	sock_shutdown(s, SOCK_SHUT_WR);
	out(.flags = FPA, .seq = 1001, .ack = 1, .len = 500);
	expect_nothing(0);
	ack(1502);
	assert_state(FIN_WAIT_2);
	fx_abort(s);
}

static void fin_waits_until_all_data_fits(void **state)
{
	struct sock *s = fx_accepted(1000, 1000);

	fx_send(s, 2500);
	sock_close(s);
	out(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	expect_nothing(0);
	in(.flags = A, .seq = 1, .ack = 1001, .wnd = 1000);
	out(.flags = A, .seq = 1001, .ack = 1, .len = 1000);
	in(.flags = A, .seq = 1, .ack = 2001, .wnd = 1000);
	out(.flags = FPA, .seq = 2001, .ack = 1, .len = 500);
	in(.flags = R, .seq = 1);
}

static void fin_is_not_lost_when_the_card_is_full(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_tcp()->cwnd = 65535;
	fx.card_full = true;
	assert_int_equal(fx_send(s, 48000), 48000);
	sock_close(s);
	assert_int_equal(netdev_room(&fx.dev), 0);
	fx.card_full = false;
	netdev_tx_done(&fx.dev);
	for (uint32_t seq = 1; seq < 48001; seq += 1000)
		assert_int_equal(fx_any_seg(0).seq, seq);
	ack(48001);
	out(.flags = FA, .seq = 48001, .ack = 1);
	assert_state(FIN_WAIT_1);
	in(.flags = R, .seq = 1);
}

/* --- Back-pressure ------------------------------------------------------- */

static void nothing_is_dropped_when_the_card_is_full(void **state)
{
	struct sock *s = fx_accepted(500, WIDE);
	uint32_t seq = 1;

	fx_tcp()->cwnd = 65535;
	fx.card_full = true;
	assert_true(fx_send(s, 60000) == 60000);
	assert_int_equal(netdev_room(&fx.dev), 0);
	assert_int_equal(fx.dev.queue_len, NETDEV_QUEUE_MAX - NETDEV_RESERVE);
	fx.card_full = false;
	netdev_tx_done(&fx.dev);
	for (; seq < 60001; seq += 500)
		out(.flags = seq == 59501 ? PA : A, .seq = seq, .ack = 1,
		    .len = 500);
	assert_drop(NETDEV_QUEUE_FULL, 0);
	fx_abort(s);
}

static void several_senders_share_a_card_that_was_full(void **state)
{
	struct sock *s[3];
	uint16_t first = fx.c.peer_port;

	for (unsigned i = 0; i < 3; i++) {
		s[i] = fx_accepted(500, WIDE);
		fx_tcp()->cwnd = 65535;
		fx_next_conn();
	}
	fx.card_full = true;
	for (unsigned i = 0; i < 3; i++) {
		fx.c.sent = 0;
		assert_int_equal(fx_send(s[i], 30000), 30000);
	}
	fx.card_full = false;
	netdev_tx_done(&fx.dev);
	assert_int_equal(fx.count, 180);
	assert_drop(NETDEV_QUEUE_FULL, 0);
	fx_forget_frames();
	for (unsigned i = 0; i < 3; i++) {
		fx.c.peer_port = (uint16_t)(first + i);
		fx_abort(s[i]);
	}
}

static void a_connection_may_end_while_it_waits_for_room(void **state)
{
	struct sock *s = fx_accepted(500, WIDE);

	fx_tcp()->cwnd = 65535;
	fx.card_full = true;
	fx_send(s, 60000);
	in(.flags = R, .seq = 1);
	assert_true(list_empty(&fx.dev.room_waiters));
	sock_close(s);
	fx.card_full = false;
	netdev_tx_done(&fx.dev);
	fx_forget_frames();
}

/* --- Exhaustion ---------------------------------------------------------- */

static void lack_of_packets_is_made_up_by_the_timer(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_hoard(&fx.st.packets);
	assert_int_equal(fx_send(s, 1000), 1000);
	expect_nothing(500);
	fx_hoard_give(&fx.st.packets, FX_ANY);
	out_within(1000, .flags = PA, .seq = 1, .ack = 1, .len = 1000);
	fx_abort(s);
}

static void fin_without_packets_is_made_up_by_the_timer(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_hoard(&fx.st.packets);
	sock_close(s);
	expect_nothing(500);
	fx_hoard_give(&fx.st.packets, FX_ANY);
	out_within(1000, .flags = FA, .seq = 1, .ack = 1);
	in(.flags = R, .seq = 1);
}

static void syn_without_packets_is_made_up_by_the_timer(void **state)
{
	struct sock *s = NULL;
	const struct sock_addr to = { FX_PEER, 40000 };
	struct sock_addr from;

	sock_create(&fx.st, SOCK_TYPE_TCP, &s);
	fx_hoard(&fx.st.packets);
	assert_int_equal(sock_connect(s, &to), -EINPROGRESS);
	sock_get_local(s, &from);
	fx.c.port = from.port;
	expect_nothing(500);
	fx_hoard_give(&fx.st.packets, FX_ANY);
	out_within(1000, .flags = S);
	sock_close(s);
}

/* An ACK that found no packet is not forgotten for ever: the peer's
 * retransmission fetches it. */
static void ack_without_packets_is_sent_for_the_retransmission(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_hoard(&fx.st.packets);
	in(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	expect_nothing(100);
	fx_hoard_give(&fx.st.packets, FX_ANY);
	in(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	out(.flags = A, .seq = 1, .ack = 101);
	assert_int_equal(fx_read(s, 1000), 100);
	fx_abort(s);
}

/* --- Borrowed bytes ------------------------------------------------------ */

static uint8_t file[65536]; /* immutable: our stream's pattern from 1 on */

/* Queues our stream's next len bytes by reference, as sendfile does. */
static void send_ref(struct sock *s, uint32_t len, int flags)
{
	if (!file[0])
		fx_pattern(file, false, 1, sizeof(file));
	assert_int_equal(sock_send_ref(s, file + fx.c.sent, len, flags), len);
	fx.c.sent += len;
}

/* Takes every segment there is; their bytes are checked against the pattern.
 * Returns the relative number after the last. */
static uint32_t take_stream(uint32_t next, uint32_t mss)
{
	while (fx.count > 0) {
		struct seg got = fx_any_seg(0);

		assert_in_range(got.len, 1, mss);
		assert_int_equal(got.seq, next);
		assert_memory_equal(got.data, file + next - 1, got.len);
		next += got.len;
	}
	return next;
}

static void borrowed_bytes_cross_segments(void **state)
{
	struct sock *s = fx_accepted(1460, WIDE);

	fx_tcp()->cwnd = 65535;
	send_ref(s, 65535, 0);
	assert_int_equal(fx.st.chunks.in_use, 0);
	assert_int_equal(fx.st.refs.in_use, 1);
	assert_int_equal(take_stream(1, 1460), 65536);
	assert_count(COPIED_TX, 0);
	ack(65536);
	assert_int_equal(fx.st.refs.in_use, 0);
	fx_abort(s);
}

/* Headers by copy, bodies by reference, in every mixture of lengths: odd ones
 * shift the checksum, short ones fill a packet with fragments. */
static void mixtures_of_copied_and_borrowed_bytes_arrive_exactly(void **state)
{
	struct random *r = &fx.rng;

	for (unsigned round = 0; round < 30; round++) {
		struct sock *s =
		    fx_accepted((uint16_t)(200 + random_below(r, 1261)), WIDE);
		uint32_t mss = fx_tcp()->mss, next = 1;

		fx_tcp()->cwnd = 65535;
		while (fx.c.sent < 30000) {
			uint32_t len = 1 + random_below(r,
			                       random_below(r, 2) ? 300 : 3000);

			if (fx.st.refs.in_use < 20 && random_below(r, 3))
				send_ref(s, len, SOCK_MORE);
			else
				assert_int_equal(
				    fx_send_flags(s, len, SOCK_MORE), len);
			next = take_stream(next, mss);
			ack(next);
		}
		fx_send(s, 1);
		next = take_stream(next, mss);
		ack(next);
		next = take_stream(next, mss);
		assert_int_equal(next, fx.c.sent + 1);
		ack(next);
		fx_abort(s);
		fx_next_conn();
	}
}

static void many_short_fragments_become_one_packet(void **state)
{
	struct sock *s = fx_accepted(1460, WIDE);

	for (unsigned i = 0; i < 5; i++)
		send_ref(s, 257 + i, SOCK_MORE); /* five: one too many */
	fx_send(s, 1);
	assert_int_equal(take_stream(1, 1460), fx.c.sent + 1);
	fx_abort(s);
}

static void borrowed_bytes_are_retransmitted_from_any_offset(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	send_ref(s, 3000, 0);
	assert_int_equal(take_stream(1, 1000), 3001);
	ack(334); /* in the middle of a segment */
	fx_run_ms(300);
	assert_int_equal(take_stream(334, 1000), 1001);
	ack(1001);
	assert_int_equal(take_stream(1001, 1000), 2001);
	ack(2001);
	assert_int_equal(take_stream(2001, 1000), 3001);
	ack(3001);
	assert_int_equal(fx.st.refs.in_use, 0);
	fx_abort(s);
}

static void a_reference_too_many_is_copied(void **state)
{
	struct sock *s = fx_accepted(1460, WIDE);

	fx_hoard(&fx.st.refs);
	send_ref(s, 1000, 0);
	assert_int_equal(take_stream(1, 1460), 1001);
	fx_hoard_give(&fx.st.refs, FX_ANY);
	fx_abort(s);
}

/* --- Header fields ------------------------------------------------------- */

static void segments_carry_the_right_ip_header(void **state)
{
	struct sock *s = fx_connecting();
	struct fx_datagram d;

	in(.flags = SA, .ack = 1);
	d = expect_ip(IP_PROTO_TCP, 0);
	assert_int_equal(d.ttl, IP_TTL_DEFAULT);
	assert_int_equal(d.src, FX_IP);
	assert_int_equal(d.dst, FX_PEER);
	assert_memory_equal(d.eth_dst, fx_peer_mac, 6);
	fx_abort(s);
}

static void abort_sends_reset_at_snd_nxt(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_send(s, 100);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	sock_set_opt(s, SOCK_OPT_LINGER, 0);
	sock_close(s);
	out(.flags = RA, .seq = 101, .ack = 1);
	expect_nothing(1000);
	assert_state(CLOSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(data_is_cut_into_segments_of_the_mss),
		fx_test(mss_rules),
		fx_test(small_links_make_small_segments),
		fx_test(syn_says_mss_and_window),
		fx_test(window_field_never_exceeds_sixteen_bits),
		fx_test(nagle_holds_small_segments_while_data_is_out),
		fx_test(nagle_lets_one_partial_segment_follow_full_ones),
		fx_test(setting_nodelay_sends_what_waits),
		fx_test(cork_holds_partial_segments),
		fx_test(cork_ends_after_200_ms),
		fx_test(close_ends_cork),
		fx_test(nodelay_switches_nagle_off),
		fx_test(more_holds_a_partial_segment),
		fx_test(more_that_never_comes_is_overridden),
		fx_test(close_ends_more),
		fx_test(sends_no_more_than_the_window),
		fx_test(small_openings_of_the_window_are_not_used),
		fx_test(small_window_is_used_after_the_override_timeout),
		fx_test(largest_window_is_used),
		fx_test(shrunk_window_stops_new_data),
		fx_test(window_shrunk_to_nothing_is_probed),
		fx_test(window_smaller_than_a_segment_is_filled),
		fx_test(reading_little_does_not_open_the_window),
		fx_test(small_buffers_open_by_half),
		fx_test(our_right_edge_never_moves_left),
		fx_test(scarce_chunks_make_small_windows),
		fx_test(acks_while_sending_again_carry_the_highest_number),
		fx_test(fin_rides_on_the_last_segment),
		fx_test(fin_waits_until_all_data_fits),
		fx_test(fin_is_not_lost_when_the_card_is_full),
		fx_test(nothing_is_dropped_when_the_card_is_full),
		fx_test(several_senders_share_a_card_that_was_full),
		fx_test(a_connection_may_end_while_it_waits_for_room),
		fx_test(lack_of_packets_is_made_up_by_the_timer),
		fx_test(fin_without_packets_is_made_up_by_the_timer),
		fx_test(syn_without_packets_is_made_up_by_the_timer),
		fx_test(ack_without_packets_is_sent_for_the_retransmission),
		fx_test(borrowed_bytes_cross_segments),
		fx_test(mixtures_of_copied_and_borrowed_bytes_arrive_exactly),
		fx_test(many_short_fragments_become_one_packet),
		fx_test(borrowed_bytes_are_retransmitted_from_any_offset),
		fx_test(a_reference_too_many_is_copied),
		fx_test(segments_carry_the_right_ip_header),
		fx_test(abort_sends_reset_at_snd_nxt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
