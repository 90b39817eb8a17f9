/* SPDX-License-Identifier: MIT */
/*
 * RFC 9293 section 3.10.7, "SEGMENT ARRIVES": what each state does with each
 * kind of segment, in the section's order.  Sequence numbers are relative
 * (tests/support/net_fixture.h).
 */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"
#include "net/tcp_internal.h"

/* --- 3.10.7.1: CLOSED ---------------------------------------------------- */

static void closed_answers_ack_with_reset_at_its_number(void **state)
{
	in(.raw = true, .flags = A, .seq = 1000, .ack = 777, .len = 5);
	out(.raw = true, .flags = R, .seq = 777);
	assert_drop(TCP_NO_CONN, 1);
	assert_count(TCP_RESETS_SENT, 1);
}

static void closed_answers_others_with_reset_that_acknowledges(void **state)
{
	in(.raw = true, .flags = S, .seq = 1000);
	out(.raw = true, .flags = RA, .seq = 0, .ack = 1001);
	in(.raw = true, .flags = S | F, .seq = 1000, .len = 3);
	out(.raw = true, .flags = RA, .seq = 0, .ack = 1005);
	in(.raw = true, .flags = 0, .seq = UINT32_MAX, .len = 3);
	out(.raw = true, .flags = RA, .seq = 0, .ack = 2);
}

static void closed_never_answers_reset(void **state)
{
	in(.raw = true, .flags = R, .seq = 1);
	in(.raw = true, .flags = RA, .seq = 1, .ack = 2, .len = 4);
	expect_nothing(1000);
	assert_drop(TCP_NO_CONN, 2);
}

/* --- 3.10.7.2: LISTEN ---------------------------------------------------- */

static void listen_ignores_reset(void **state)
{
	struct sock *l = fx_listen(80, 1);

	in(.flags = R, .seq = 1);
	in(.flags = R | S, .seq = 1);
	expect_nothing(1000);
	sock_close(l);
}

static void listen_resets_any_ack(void **state)
{
	struct sock *l = fx_listen(80, 1);

	in(.raw = true, .flags = A, .seq = 5, .ack = 99);
	out(.raw = true, .flags = R, .seq = 99);
	in(.raw = true, .flags = SA, .seq = 5, .ack = 98);
	out(.raw = true, .flags = R, .seq = 98);
	in(.raw = true, .flags = FA, .seq = 5, .ack = 97, .len = 10);
	out(.raw = true, .flags = R, .seq = 97);
	sock_close(l);
}

static void listen_drops_what_is_neither_syn_nor_ack(void **state)
{
	struct sock *l = fx_listen(80, 1);

	in(.flags = 0, .seq = 1, .len = 10);
	in(.flags = F, .seq = 1);
	in(.flags = P | U, .seq = 1, .len = 1);
	expect_nothing(1000);
	assert_drop(TCP_FLAGS, 3);
	sock_close(l);
}

static void listen_answers_syn_with_syn_ack(void **state)
{
	struct sock *l = fx_listen(80, 1);

	in(.flags = S, .mss = 1460);
	out(.flags = SA, .seq = 0, .ack = 1, .wnd = 65535, .mss = 1460);
	assert_state(SYN_RECEIVED);
	assert_int_equal(sock_events(l) & SOCK_READABLE, 0);
	sock_close(l);
	out(.flags = RA, .seq = 1, .ack = 1);
}

/* Text in a SYN may be left to be retransmitted; it may not be lost. */
static void text_in_a_syn_comes_with_the_retransmission(void **state)
{
	struct sock *l = fx_listen(80, 1), *s = NULL;

	in(.flags = S, .len = 10);
	out(.flags = SA, .ack = 1);
	in(.flags = A, .seq = 1, .ack = 1, .len = 10);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	assert_int_equal(fx_read(s, 100), 10);
	fx_forget_frames();
	fx_abort(s);
	sock_close(l);
}

/* --- 3.10.7.3: SYN-SENT -------------------------------------------------- */

static void syn_sent_resets_unacceptable_ack(void **state)
{
	static const uint32_t bad[] = { 0, 2, 0x7fffffff, 0x80000000,
		UINT32_MAX };
	struct sock *s = fx_connecting();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		in(.flags = SA, .seq = 0, .ack = bad[i]);
		out(.flags = R, .seq = bad[i]);
		in(.flags = A, .seq = 0, .ack = bad[i], .len = 3);
		out(.flags = R, .seq = bad[i]);
		in(.flags = RA, .seq = 0, .ack = bad[i]);
		expect_nothing(0);
		assert_state(SYN_SENT);
	}
	assert_drop(TCP_ACK, 15);
	sock_close(s);
	expect_nothing(0);
}

static void syn_sent_believes_reset_only_with_good_ack(void **state)
{
	struct sock *s = fx_connecting();
	const struct sock_addr to = { FX_PEER, fx.c.peer_port };

	in(.flags = R, .seq = 0);
	in(.flags = R | S, .seq = 0);
	expect_nothing(0);
	assert_state(SYN_SENT);
	assert_int_equal(sock_connect(s, &to), -EALREADY);
	in(.flags = RA, .seq = 0, .ack = 1);
	expect_nothing(0);
	assert_state(CLOSED);
	assert_int_equal(sock_connect(s, &to), -ECONNREFUSED);
	assert_count(TCP_RESETS_RECEIVED, 1);
	sock_close(s);
}

static void syn_sent_drops_segments_without_syn(void **state)
{
	struct sock *s = fx_connecting();

	in(.flags = A, .seq = 1, .ack = 1, .len = 10);
	in(.flags = FA, .seq = 1, .ack = 1);
	in(.flags = F, .seq = 1);
	in(.flags = 0, .seq = 1, .len = 1);
	expect_nothing(0);
	assert_state(SYN_SENT);
	assert_drop(TCP_FLAGS, 4);
	sock_close(s);
}

static void syn_sent_is_established_by_syn_ack(void **state)
{
	struct sock *s = fx_connecting();

	in(.flags = SA, .seq = 0, .ack = 1, .mss = 1000);
	out(.flags = A, .seq = 1, .ack = 1, .wnd = 65535);
	assert_state(ESTABLISHED);
	assert_true(sock_events(s) & SOCK_WRITABLE);
	fx_abort(s);
}

static void syn_ack_may_carry_text(void **state)
{
	struct sock *s = fx_connecting();

	in(.flags = SA, .seq = 0, .ack = 1, .len = 100);
	out(.flags = A, .seq = 1, .ack = 101);
	assert_int_equal(fx_read(s, 1000), 100);
	fx_abort(s);
}

static void syn_ack_may_carry_fin(void **state)
{
	struct sock *s = fx_connecting();

	in(.flags = SA | F, .seq = 0, .ack = 1, .len = 3);
	out(.flags = A, .seq = 1, .ack = 5);
	assert_state(CLOSE_WAIT);
	assert_int_equal(fx_read(s, 1000), 3);
	assert_int_equal(fx_recv_state(s), 0);
	fx_abort(s);
}

/* 3.5, figure 8. */
static void simultaneous_open_ends_established(void **state)
{
	struct sock *s = fx_connecting();
	const struct sock_addr to = { FX_PEER, fx.c.peer_port };

	in(.flags = S, .seq = 0, .mss = 1200);
	out(.flags = SA, .seq = 0, .ack = 1);
	assert_state(SYN_RECEIVED);
	assert_int_equal(sock_connect(s, &to), -EALREADY);
	/* The peer's own SYN-ACK crosses ours. */
	in(.flags = SA, .seq = 0, .ack = 1, .mss = 1200);
	assert_state(ESTABLISHED);
	assert_int_equal(sock_connect(s, &to), 0);
	fx_forget_frames();
	in(.flags = A, .seq = 1, .ack = 1, .len = 5);
	assert_int_equal(fx_read(s, 100), 5);
	fx_abort(s);
}

/* What two stacks of our kind would do to each other. */
static void simultaneous_open_does_not_answer_syn_acks_for_ever(void **state)
{
	struct sock *s = fx_connecting();
	unsigned syn_acks = 0;

	in(.flags = S, .seq = 0);
	for (unsigned i = 0; i < 20; i++) {
		struct seg got = { 0 };

		if (fx.count == 0)
			break;
		got = fx_any_seg(0);
		fx_forget_frames();
		syn_acks += got.flags == SA;
		in(.flags = got.flags, .seq = got.seq, .ack = got.ack);
	}
	assert_in_range(syn_acks, 1, 2);
	assert_state(ESTABLISHED);
	fx_abort(s);
}

static void simultaneous_open_refused_by_reset(void **state)
{
	struct sock *s = fx_connecting();
	const struct sock_addr to = { FX_PEER, fx.c.peer_port };

	in(.flags = S, .seq = 0);
	out(.flags = SA, .seq = 0, .ack = 1);
	in(.flags = R, .seq = 1);
	expect_nothing(0);
	assert_int_equal(sock_connect(s, &to), -ECONNREFUSED);
	sock_close(s);
}

/* --- 3.10.7.4, first: sequence number ------------------------------------ */

/* Table 6 with RCV.NXT 1 and RCV.WND as given: what is acceptable. */
struct acceptability {
	uint32_t wnd, seq, len;
	bool ok;
};

static const struct acceptability table_6[] = {
	/* no text, no window: SEG.SEQ = RCV.NXT */
	{ 0, 1, 0, true },
	{ 0, 0, 0, false },
	{ 0, 2, 0, false },
	{ 0, 0x80000001, 0, false },
	/* no text, window: RCV.NXT =< SEG.SEQ < RCV.NXT+RCV.WND */
	{ 1000, 0, 0, false },
	{ 1000, 1, 0, true },
	{ 1000, 1000, 0, true },
	{ 1000, 1001, 0, false },
	{ 1000, 0xfffffff0, 0, false },
	{ 1000, 0x80000000, 0, false },
	{ 1000, 0x80000001, 0, false },
	/* text, no window: not acceptable */
	{ 0, 1, 1, false },
	{ 0, 0, 1, false },
	{ 0, 0, 2, false },
	/* text, window: the first or the last byte lies in it */
	{ 1000, 1, 1, true },
	{ 1000, 0, 1, false },
	{ 1000, 0, 2, true },
	{ 1000, (uint32_t)-9, 10, false },
	{ 1000, (uint32_t)-9, 11, true },
	{ 1000, 1000, 1, true },
	{ 1000, 1000, 100, true },
	{ 1000, 1001, 1, false },
	{ 1000, 1001, 100, false },
	{ 1000, 0x80000001, 100, false },
};

/* A connection whose window is wnd bytes and whose peer's stream starts at the
 * relative number 1. */
static struct sock *with_window(uint32_t wnd, struct tcp_conn **c)
{
	struct sock *s = fx_accepted(1460, 0);
	const struct tcp_tuple t = { { FX_IP, fx.c.port },
		{ FX_PEER, fx.c.peer_port } };

	*c = tcp_conn_find(&fx.st, &t);
	(*c)->rcv_adv = (*c)->rcv_nxt + wnd;
	/* The buffer is no larger either, or the next ACK would open it. */
	sock_set_opt(s, SOCK_OPT_RCVBUF, 2048);
	return s;
}

/* Text is accepted when it is stored; a segment without text, when it is not
 * answered. */
static void check_acceptability(const struct acceptability *row)
{
	struct tcp_conn *c;
	struct sock *s = with_window(row->wnd, &c);
	bool ok;

	in(.flags = A, .seq = row->seq, .ack = 1, .len = row->len);
	ok = row->len ? c->recvq.len || c->ooo_len : fx.count == 0;
	if (ok != row->ok)
		fail_msg("wnd %u seq %#x len %u: %s", row->wnd, row->seq,
		    row->len, ok ? "accepted" : "refused");
	if (!row->ok)
		out(.flags = A, .seq = 1, .ack = 1);
	fx_abort(s);
	fx_next_conn();
	fx.c.peer_isn += 0x40000000; /* windows that wrap, too */
}

static void acceptability_follows_table_6(void **state)
{
	for (size_t i = 0; i < sizeof(table_6) / sizeof(table_6[0]); i++)
		check_acceptability(&table_6[i]);
}

static void acceptability_holds_where_numbers_wrap(void **state)
{
	static const uint32_t isn[] = { UINT32_MAX, UINT32_MAX - 1,
		UINT32_MAX - 500, 0x7fffffff, 0x7ffffe00, 0x80000000 };

	for (size_t i = 0; i < sizeof(table_6) / sizeof(table_6[0]); i++) {
		fx.c.peer_isn = isn[i % 6];
		check_acceptability(&table_6[i]);
	}
}

static void a_stream_crosses_the_wrap(void **state)
{
	static const uint32_t isn[] = { UINT32_MAX, UINT32_MAX - 200,
		0x7fffffff - 100 };

	for (size_t i = 0; i < 3; i++) {
		struct sock *s;

		fx.st.tcp.test_isn = &isn[i];
		fx.c.peer_isn = isn[i];
		fx.c.sent = fx.c.received = 0;
		s = fx_accepted(1460, 0);
		for (uint32_t n = 0; n < 5; n++) {
			in(.flags = PA, .seq = 1 + n * 100, .ack = 1 + n * 100,
			    .len = 100);
			assert_int_equal(fx_read(s, 1000), 100);
			assert_int_equal(fx_send(s, 100), 100);
			out(.flags = PA, .seq = 1 + n * 100,
			    .ack = 101 + n * 100, .len = 100);
		}
		fx_abort(s);
		fx.c.peer_port++;
	}
	fx.st.tcp.test_isn = NULL;
}

static void out_of_window_text_is_acknowledged_and_dropped(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	in(.flags = A, .seq = 70000, .ack = 1, .len = 10);
	out(.flags = A, .seq = 1, .ack = 1);
	assert_drop(TCP_SEQUENCE, 1);
	assert_int_equal(fx_recv_state(s), -EAGAIN);
	fx_abort(s);
}

static void syn_received_repeats_syn_ack_for_the_same_syn(void **state)
{
	struct sock *l = fx_listen(80, 1);

	in(.flags = S);
	out(.flags = SA, .ack = 1);
	in(.flags = S);
	out(.flags = SA, .ack = 1);
	assert_int_equal(l->syn_len, 1);
	sock_close(l);
	fx_forget_frames();
}

static void zero_window_takes_acks_but_no_text(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	sock_set_opt(s, SOCK_OPT_RCVBUF, 2048);
	/* fill what was promised */
	for (uint32_t seq = 1; seq < 65536; seq += 1285)
		in(.flags = A, .seq = seq, .ack = 1, .len = 1285);
	fx_run_ms(100);
	fx_forget_frames();
	in(.flags = A, .seq = 65536, .ack = 1, .len = 1);
	out(.flags = A, .seq = 1, .ack = 65536, .wnd = ZERO_WND);
	/* An ACK that comes with text which is refused still counts. */
	assert_int_equal(fx_send(s, 100), 100);
	out(.flags = PA, .seq = 1, .ack = 65536, .len = 100);
	in(.flags = A, .seq = 65536, .ack = 101, .len = 1);
	out(.flags = A, .seq = 101, .ack = 65536, .wnd = ZERO_WND);
	expect_nothing(10000);
	assert_int_equal(fx_read(s, 100000), 65535);
	fx_abort(s);
}

/* MUST-66: RST and URG are processed even when the window is zero. */
static void zero_window_takes_resets(void **state)
{
	struct tcp_conn *c;
	struct sock *s = with_window(0, &c);

	in(.flags = R, .seq = 1);
	assert_state(CLOSED);
	assert_int_equal(fx_recv_state(s), -ECONNRESET);
	sock_close(s);
}

static void zero_window_takes_resets_with_text(void **state)
{
	struct tcp_conn *c;
	struct sock *s = with_window(0, &c);

	in(.flags = RA, .seq = 1, .ack = 1, .len = 20);
	assert_state(CLOSED);
	assert_int_equal(fx_recv_state(s), -ECONNRESET);
	sock_close(s);
}

/* --- Second: RST, in every state ----------------------------------------- */

/* Brings a connection into a state; the socket, or NULL once it is closed. */
static struct sock *enter(enum tcp_state wanted)
{
	struct sock *s = fx_accepted(1460, 0);

	if (wanted == TCP_CLOSE_WAIT || wanted == TCP_LAST_ACK) {
		in(.flags = FA, .seq = 1, .ack = 1);
		out(.flags = A, .seq = 1, .ack = 2);
	}
	if (wanted != TCP_ESTABLISHED && wanted != TCP_CLOSE_WAIT) {
		assert_int_equal(sock_shutdown(s, SOCK_SHUT_WR), 0);
		out(.flags = FA, .seq = 1,
		    .ack = wanted == TCP_LAST_ACK ? 2 : 1);
	}
	if (wanted == TCP_CLOSING) {
		in(.flags = FA, .seq = 1, .ack = 1);
		out(.flags = A, .seq = 2, .ack = 2);
	}
	if (wanted == TCP_FIN_WAIT_2 || wanted == TCP_TIME_WAIT)
		in(.flags = A, .seq = 1, .ack = 2);
	if (wanted == TCP_TIME_WAIT) {
		in(.flags = FA, .seq = 1, .ack = 2);
		out(.flags = A, .seq = 2, .ack = 2);
	}
	assert_int_equal(fx_state(), wanted);
	expect_nothing(0);
	return s;
}

/* RCV.NXT and SND.NXT, relative, in a state that enter() made. */
static uint32_t rcv_nxt(enum tcp_state st)
{
	return st == TCP_CLOSE_WAIT || st == TCP_LAST_ACK ||
	               st == TCP_CLOSING || st == TCP_TIME_WAIT
	           ? 2
	           : 1;
}

static uint32_t snd_nxt(enum tcp_state st)
{
	return st == TCP_ESTABLISHED || st == TCP_CLOSE_WAIT ? 1 : 2;
}

static void next_case(struct sock *s)
{
	fx_abort(s);
	fx_next_conn();
}

#define for_each_synchronized(st)                                              \
	for (enum tcp_state st = TCP_ESTABLISHED; st < TCP_TIME_WAIT; st++)

static void exact_reset_ends_every_state(void **state)
{
	for_each_synchronized(st)
	{
		struct sock *s = enter(st);
		bool quiet = st == TCP_CLOSING || st == TCP_LAST_ACK;

		in(.flags = R, .seq = rcv_nxt(st));
		expect_nothing(0);
		assert_state(CLOSED);
		assert_int_equal(fx_recv_state(s), quiet ? 0 : -ECONNRESET);
		next_case(s);
	}
}

/* RFC 5961 3.2: in the window but not exact: challenge ACK. */
static void inexact_reset_is_challenged_in_every_state(void **state)
{
	for_each_synchronized(st)
	{
		struct sock *s = enter(st);

		in(.flags = R, .seq = rcv_nxt(st) + 1);
		out(.flags = A, .seq = snd_nxt(st), .ack = rcv_nxt(st));
		assert_int_equal(fx_state(), st);
		next_case(s);
	}
	assert_count(TCP_CHALLENGE_ACKS, 6);
}

static void reset_outside_the_window_is_dropped_in_every_state(void **state)
{
	for_each_synchronized(st)
	{
		struct sock *s = enter(st);

		in(.flags = R, .seq = rcv_nxt(st) - 1);
		in(.flags = R, .seq = rcv_nxt(st) + 65535);
		in(.flags = RA, .seq = rcv_nxt(st) + 0x80000000, .ack = 1);
		expect_nothing(0);
		assert_int_equal(fx_state(), st);
		next_case(s);
	}
	assert_drop(TCP_SEQUENCE, 18);
}

static void reset_in_syn_received_returns_to_listen(void **state)
{
	struct sock *l = fx_listen(80, 1);

	in(.flags = S);
	out(.flags = SA, .ack = 1);
	in(.flags = R, .seq = 2);
	out(.flags = A, .seq = 1, .ack = 1);
	assert_state(SYN_RECEIVED);
	in(.flags = R, .seq = 1);
	expect_nothing(0);
	assert_state(CLOSED);
	assert_int_equal(l->syn_len, 0);
	assert_int_equal(sock_events(l), 0);
	in(.flags = S);
	out(.flags = SA, .ack = 1);
	sock_close(l);
	fx_forget_frames();
}

static void reset_flushes_received_text(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	in(.flags = A, .seq = 1, .ack = 1, .len = 100);
	in(.flags = A, .seq = 201, .ack = 1, .len = 100);
	fx_forget_frames();
	assert_int_equal(fx_send(s, 100), 100);
	in(.flags = R, .seq = 101);
	assert_int_equal(fx.st.chunks.in_use, 0);
	assert_int_equal(fx.st.packets.in_use, 0);
	assert_int_equal(fx_recv_state(s), -ECONNRESET);
	sock_close(s);
	fx_forget_frames();
}

/* --- Fourth: SYN --------------------------------------------------------- */

static void syn_is_challenged_in_every_state(void **state)
{
	for_each_synchronized(st)
	{
		static const uint32_t where[] = { 0, 1, 2, 3, 1000, 0x80000000,
			0xf0000000 };
		struct sock *s = enter(st);

		for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
			in(.flags = i % 2 ? S : SA, .seq = where[i], .ack = 1);
			out(.flags = A, .seq = snd_nxt(st), .ack = rcv_nxt(st));
			expect_nothing(0);
			assert_int_equal(fx_state(), st);
		}
		next_case(s);
	}
}

static void syn_in_window_of_syn_received_returns_to_listen(void **state)
{
	struct sock *l = fx_listen(80, 1);

	in(.flags = S);
	out(.flags = SA, .ack = 1);
	in(.flags = S, .seq = 5);
	assert_state(CLOSED);
	assert_int_equal(l->syn_len, 0);
	fx_forget_frames();
	sock_close(l);
}

static void challenge_acks_are_limited(void **state)
{
	struct sock *s = fx_accepted(1460, 0);
	unsigned answers = 0;

	for (unsigned i = 0; i < 150; i++)
		in(.flags = S, .seq = 5);
	while (fx_next(0) != NULL)
		answers++;
	assert_int_equal(answers, 10);
	assert_count(TCP_CHALLENGE_ACKS, 10);
	assert_count(TCP_CHALLENGE_LIMITED, 140);
	fx_run_ms(1001);
	in(.flags = S, .seq = 5);
	out(.flags = A, .seq = 1, .ack = 1);
	fx_abort(s);
}

/* --- Fifth: ACK ---------------------------------------------------------- */

static void segment_without_ack_is_dropped_in_every_state(void **state)
{
	for_each_synchronized(st)
	{
		struct sock *s = enter(st);

		in(.flags = P, .seq = rcv_nxt(st), .len = 5);
		in(.flags = F, .seq = rcv_nxt(st));
		expect_nothing(0);
		assert_int_equal(fx_state(), st);
		assert_true(fx_recv_state(s) == -EAGAIN || rcv_nxt(st) == 2);
		next_case(s);
	}
	assert_drop(TCP_FLAGS, 12);
}

static void ack_of_unsent_is_answered_and_dropped_in_every_state(void **state)
{
	for_each_synchronized(st)
	{
		struct sock *s = enter(st);

		in(.flags = A, .seq = rcv_nxt(st), .ack = snd_nxt(st) + 1,
		    .len = st == TCP_ESTABLISHED ? 5 : 0);
		out(.flags = A, .seq = snd_nxt(st), .ack = rcv_nxt(st));
		assert_int_equal(fx_state(), st);
		next_case(s);
	}
	assert_drop(TCP_ACK, 6);
}

/* RFC 5961 5.2: SND.UNA - MAX.SND.WND =< SEG.ACK. */
static void ack_too_old_is_answered_and_dropped(void **state)
{
	struct sock *s = fx_accepted(1460, 1000);

	in(.flags = A, .seq = 1, .ack = 1u - 1000, .len = 5, .wnd = 1000);
	assert_drop(TCP_ACK, 0);
	assert_int_equal(fx_read(s, 100), 5);
	fx_forget_frames();
	in(.flags = A, .seq = 6, .ack = 1u - 1001, .len = 5, .wnd = 1000);
	out(.flags = A, .seq = 1, .ack = 6);
	assert_drop(TCP_ACK, 1);
	assert_int_equal(fx_recv_state(s), -EAGAIN);
	fx_abort(s);
}

static void syn_received_resets_unacceptable_ack(void **state)
{
	static const uint32_t bad[] = { 0, 2, 0x80000000, 0x7fffffff };
	struct sock *l = fx_listen(80, 1);

	in(.flags = S);
	out(.flags = SA, .ack = 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		in(.flags = A, .seq = 1, .ack = bad[i]);
		out(.flags = R, .seq = bad[i]);
		assert_state(SYN_RECEIVED);
	}
	assert_drop(TCP_ACK, 4);
	in(.flags = A, .seq = 1, .ack = 1);
	assert_state(ESTABLISHED);
	sock_close(l);
	fx_forget_frames();
}

static void syn_received_takes_text_and_fin_with_the_ack(void **state)
{
	struct sock *l = fx_listen(80, 1), *s = NULL;

	in(.flags = S);
	out(.flags = SA, .ack = 1);
	in(.flags = FPA, .seq = 1, .ack = 1, .len = 50);
	out(.flags = A, .seq = 1, .ack = 52);
	assert_state(CLOSE_WAIT);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	assert_int_equal(fx_read(s, 100), 50);
	assert_int_equal(fx_recv_state(s), 0);
	fx_abort(s);
	sock_close(l);
}

static void partial_ack_keeps_the_rest(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	fx_send(s, 300);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 300);
	in(.flags = A, .seq = 1, .ack = 101);
	out_within(3000, .flags = PA, .seq = 101, .ack = 1, .len = 200);
	fx_abort(s);
}

/* SND.WL1, SND.WL2: an old segment does not change the window. */
static void old_segments_do_not_change_the_window(void **state)
{
	struct sock *s = fx_accepted(1000, 3000);

	fx_send(s, 1000);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 1000);
	in(.flags = A, .seq = 11, .ack = 1001, .wnd = 1000);
	fx_forget_frames();
	/* in the window, but before wl1 */
	in(.flags = A, .seq = 1, .ack = 1001, .wnd = 3000);
	fx_send(s, 3000);
	out(.flags = A, .seq = 1001, .ack = 1, .len = 1000);
	expect_nothing(0);
	/* wl1 again, with a newer ack: counts */
	in(.flags = A, .seq = 11, .ack = 2001, .wnd = 2000);
	out(.flags = A, .seq = 2001, .ack = 1, .len = 1000);
	out(.flags = PA, .seq = 3001, .ack = 1, .len = 1000);
	fx_abort(s);
}

/* Nor does an old duplicate, though its ACK may be news. */
/* Text that is sent again has an old number, but its ACK and its window are
 * new: the right edge is where the peer says. */
static void old_number_with_new_ack_changes_the_window(void **state)
{
	struct sock *s = fx_accepted(1000, 5000);

	fx_tcp()->cwnd = 65535;
	in(.flags = PA, .seq = 1, .ack = 1, .len = 100, .wnd = 5000);
	in(.flags = PA, .seq = 101, .ack = 1, .len = 100, .wnd = 5000);
	fx_send(s, 20000);
	for (uint32_t i = 0; i < 5; i++)
		out(.flags = A, .seq = 1 + i * 1000, .ack = 201, .len = 1000);
	in(.flags = PA, .seq = 1, .ack = 3001, .len = 100, .wnd = 2000);
	out(.flags = A, .seq = 5001, .ack = 201);
	expect_nothing(0); /* nothing beyond 5001 was offered */
	assert_int_equal(fx_tcp()->snd_wnd, 2000);
	/* The newest number still rules what does not acknowledge more. */
	in(.flags = A, .seq = 1, .ack = 3001, .wnd = 9000);
	out(.flags = A, .seq = 5001, .ack = 201);
	expect_nothing(0);
	in(.flags = A, .seq = 201, .ack = 3001, .wnd = 3000);
	out(.flags = A, .seq = 5001, .ack = 201, .len = 1000);
	fx_abort(s);
}

static void old_duplicates_do_not_change_the_window(void **state)
{
	struct sock *s = fx_accepted(1000, 3000);

	in(.flags = A, .seq = 1, .ack = 1, .len = 10, .wnd = 3000);
	in(.flags = A, .seq = 11, .ack = 1, .wnd = 1000);
	fx_forget_frames();
	in(.flags = A, .seq = 1, .ack = 1, .len = 10, .wnd = 3000);
	out(.flags = A, .seq = 1, .ack = 11);
	fx_send(s, 3000);
	out(.flags = A, .seq = 1, .ack = 11, .len = 1000);
	expect_nothing(0);
	fx_abort(s);
}

/* Deviation: an old duplicate's acknowledgment counts (docs/RFC.md). */
static void old_duplicates_may_acknowledge(void **state)
{
	struct sock *s = fx_accepted(1000, 0);

	in(.flags = A, .seq = 1, .ack = 1, .len = 10);
	fx_send(s, 100);
	out(.flags = PA, .seq = 1, .ack = 11, .len = 100);
	in(.flags = A, .seq = 1, .ack = 101, .len = 10);
	out(.flags = A, .seq = 101, .ack = 11);
	expect_nothing(2000);
	/* but what is not an old duplicate, nor in the window, does not */
	fx_send(s, 100);
	out(.flags = PA, .seq = 101, .ack = 11, .len = 100);
	in(.flags = A, .seq = 80000, .ack = 201);
	in(.flags = A, .seq = 11u - 65536, .ack = 201);
	out(.flags = A, .seq = 201, .ack = 11);
	out(.flags = A, .seq = 201, .ack = 11);
	assert_int_equal(fx_tcp()->snd_una - fx.c.isn, 101);
	fx_abort(s);
}

/* --- Sixth: URG ---------------------------------------------------------- */

/* --- Seventh: text ------------------------------------------------------- */

static void text_is_taken_once(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	in(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	in(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	out(.flags = A, .seq = 1, .ack = 101);
	assert_int_equal(fx_read(s, 1000), 100);
	fx_abort(s);
}

static void text_that_straddles_is_cut_on_the_left(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	in(.flags = A, .seq = 1, .ack = 1, .len = 100);
	in(.flags = A, .seq = 51, .ack = 1, .len = 100);
	out(.flags = A, .seq = 1, .ack = 151);
	assert_int_equal(fx_read(s, 1000), 150);
	fx_abort(s);
}

static void text_beyond_the_window_is_cut_on_the_right(void **state)
{
	struct tcp_conn *c;
	struct sock *s = with_window(1000, &c);

	in(.flags = FA, .seq = 501, .ack = 1, .len = 600);
	out(.flags = A, .seq = 1, .ack = 1);
	in(.flags = A, .seq = 1, .ack = 1, .len = 500);
	fx_forget_frames();
	/* bytes 1 to 1000, and no FIN */
	assert_state(ESTABLISHED);
	assert_int_equal(fx_read(s, 2000), 1000);
	fx_abort(s);
}

static void fin_just_beyond_the_window_is_cut(void **state)
{
	struct tcp_conn *c;
	struct sock *s = with_window(100, &c);

	in(.flags = FA, .seq = 1, .ack = 1, .len = 100);
	fx_forget_frames();
	assert_state(ESTABLISHED);
	assert_int_equal(fx_read(s, 2000), 100);
	in(.flags = FA, .seq = 101, .ack = 1);
	assert_state(CLOSE_WAIT);
	fx_forget_frames();
	fx_abort(s);
}

static void text_is_ignored_where_the_peer_is_done(void **state)
{
	for_each_synchronized(st)
	{
		struct sock *s;

		if (st != TCP_CLOSE_WAIT && st != TCP_CLOSING &&
		    st != TCP_LAST_ACK)
			continue;
		s = enter(st);
		in(.flags = A, .seq = 2, .ack = 1, .len = 100);
		assert_int_equal(fx_recv_state(s), 0);
		assert_int_equal(fx_state(), st);
		next_case(s);
	}
}

static void half_closed_still_receives(void **state)
{
	struct sock *s = enter(TCP_FIN_WAIT_2);

	in(.flags = PA, .seq = 1, .ack = 2, .len = 1000);
	in(.flags = PA, .seq = 1001, .ack = 2, .len = 1000);
	out(.flags = A, .seq = 2, .ack = 2001);
	assert_int_equal(fx_read(s, 5000), 2000);
	fx_forget_frames(); /* a window update */
	in(.flags = FA, .seq = 2001, .ack = 2);
	out(.flags = A, .seq = 2, .ack = 2002);
	assert_state(TIME_WAIT);
	assert_int_equal(fx_recv_state(s), 0);
	sock_close(s);
}

static void half_closed_by_the_peer_still_sends(void **state)
{
	struct sock *s = enter(TCP_CLOSE_WAIT);

	assert_int_equal(fx_send(s, 500), 500);
	out(.flags = PA, .seq = 1, .ack = 2, .len = 500);
	in(.flags = A, .seq = 2, .ack = 501);
	assert_int_equal(fx_send(s, 500), 500);
	out(.flags = PA, .seq = 501, .ack = 2, .len = 500);
	sock_close(s);
	out(.flags = FA, .seq = 1001, .ack = 2);
	assert_state(LAST_ACK);
	in(.flags = A, .seq = 2, .ack = 1001);
	assert_state(LAST_ACK);
	in(.flags = A, .seq = 2, .ack = 1002);
	assert_state(CLOSED);
	assert_int_equal(fx.st.conns.in_use, 0);
	assert_int_equal(fx.st.time_waits.in_use, 0);
}

/* --- Out of order -------------------------------------------------------- */

static void out_of_order_text_waits_and_is_acknowledged_at_once(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	in(.flags = A, .seq = 101, .ack = 1, .len = 100);
	out(.flags = A, .seq = 1, .ack = 1); /* a duplicate ACK */
	in(.flags = A, .seq = 201, .ack = 1, .len = 100);
	out(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(fx_recv_state(s), -EAGAIN);
	in(.flags = A, .seq = 1, .ack = 1, .len = 100);
	out(.flags = A, .seq = 1, .ack = 301); /* RFC 5681 4.2: at once */
	assert_int_equal(fx_read(s, 1000), 300);
	assert_count(TCP_OOO, 2);
	fx_abort(s);
}

/* Every order of five segments gives the same stream. */
static void every_order_of_segments_gives_the_stream(void **state)
{
	for (unsigned n = 0; n < 120; n++) {
		unsigned left[5] = { 0, 1, 2, 3, 4 }, code = n;
		struct sock *s = fx_accepted(1460, 0);

		fx.c.received = 0;
		for (unsigned i = 5; i > 0; code /= i, i--) {
			unsigned pick = code % i, which = left[pick];

			memmove(&left[pick], &left[pick + 1],
			    (4 - pick) * sizeof(left[0]));
			in(.flags = which == 4 ? FA : A, .seq = 1 + which * 77,
			    .ack = 1, .len = 77);
		}
		assert_int_equal(fx_read(s, 1000), 385);
		assert_int_equal(fx_recv_state(s), 0);
		assert_state(CLOSE_WAIT);
		next_case(s);
	}
}

/* Overlaps of every shape around two segments that wait. */
static void overlapping_segments_give_the_stream(void **state)
{
	for (uint32_t from = 1; from < 60; from += 3) {
		for (uint32_t len = 1; len < 60; len += 5) {
			struct sock *s = fx_accepted(1460, 0);

			fx.c.received = 0;
			in(.flags = A, .seq = 11, .ack = 1, .len = 10);
			in(.flags = A, .seq = 31, .ack = 1, .len = 10);
			in(.flags = A, .seq = from, .ack = 1, .len = len);
			in(.flags = A, .seq = 5, .ack = 1, .len = 8);
			in(.flags = FA, .seq = 41, .ack = 1, .len = 90);
			in(.flags = A, .seq = 1, .ack = 1, .len = 40);
			assert_int_equal(fx_read(s, 1000), 130);
			assert_int_equal(fx_recv_state(s), 0);
			next_case(s);
		}
	}
}

/* Text that contradicts itself: the connection goes on, nothing leaks and the
 * length is right; which bytes win is not said by any RFC. */
static void hostile_overlaps_do_no_harm(void **state)
{
	static uint8_t evil[1000];
	struct sock *s = fx_accepted(1460, 0);
	uint8_t got[2000];

	memset(evil, 0x66, sizeof(evil));
	for (uint32_t i = 0; i < 100; i++)
		in(.flags = i % 3 ? A : FA, .seq = 1000 - i * 5, .ack = 1,
		    .len = 1 + i * 9 % 900, .data = evil);
	in(.flags = A, .seq = 1, .ack = 1, .len = 999, .data = evil);
	assert_in_range(sock_recv(s, got, sizeof(got), 0, NULL), 999, 2000);
	fx_forget_frames();
	fx_abort(s);
}

/* Segments with gaps between them: each needs a chunk.  The glutton gets a
 * share; those in order are served, and so is the next one. */
static void out_of_order_store_is_bounded(void **state)
{
	struct sock *s = fx_accepted(1460, 0);
	uint32_t low = fx.st.chunks.total / 8, kept;

	for (uint32_t i = 0; i < 300; i++) {
		in(.flags = A, .seq = 11 + i * 20, .ack = 1, .len = 10);
		fx_forget_frames();
	}
	kept = fx_tcp()->ooo_len;
	assert_in_range(kept, (fx.st.chunks.total - low) / 5,
	    (fx.st.chunks.total - low) / 5 + 1);
	assert_int_equal(fx.st.chunks.in_use, kept);
	assert_int_equal(fx.st.runs.in_use, kept);
	assert_drop(TCP_OOO_FULL, 300 - kept);
	in(.flags = A, .seq = 1, .ack = 1, .len = 1400);
	assert_int_equal(fx_read(s, 10000), 1400);
	fx_forget_frames();
	fx_abort(s);
	assert_int_equal(fx.st.chunks.in_use, 0);
}

static void out_of_order_neighbours_share_memory(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	for (uint32_t i = 0; i < 3000; i++) {
		in(.flags = A, .seq = 11 + i, .ack = 1, .len = 1);
		fx_forget_frames();
	}
	assert_int_equal(fx_tcp()->ooo_len, 1);
	assert_int_equal(fx.st.chunks.in_use, 2);
	in(.flags = A, .seq = 1, .ack = 1, .len = 10);
	assert_int_equal(fx_read(s, 10000), 3010);
	fx_forget_frames();
	fx_abort(s);
}

/* Single bytes with single gaps, then the gaps: the receive queue does not end
 * up with a chunk for each. */
static void tiny_gaps_do_not_waste_chunks(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	for (uint32_t i = 0; i < 600; i++) {
		in(.flags = A, .seq = 2 + i * 2, .ack = 1, .len = 1);
		in(.flags = A, .seq = 1 + i * 2, .ack = 1, .len = 1);
		fx_forget_frames();
	}
	assert_int_equal(fx.st.chunks.in_use, 1);
	assert_int_equal(fx_read(s, 10000), 1200);
	fx_forget_frames();
	fx_abort(s);
}

/* What strangers make us keep leaves chunks for what comes in order, and every
 * one of them gets some. */
static void out_of_order_stores_leave_chunks_for_the_stream(void **state)
{
	struct sock *s[8];
	uint16_t first = fx.c.peer_port;

	for (unsigned n = 0; n < 8; n++) {
		s[n] = fx_accepted(1460, 0);
		for (uint32_t i = 0; i < 64; i++) {
			in(.flags = A, .seq = 3 + i * 2, .ack = 1, .len = 1);
			fx_forget_frames();
		}
		assert_true(fx_tcp()->ooo_len >= 1);
		fx_next_conn();
	}
	assert_true(pool_available(&fx.st.chunks) >= fx.st.chunks.total / 8);
	assert_true(fx.st.drop[DROP_TCP_OOO_FULL] > 0);
	for (unsigned n = 0; n < 8; n++) {
		fx.c.peer_port = (uint16_t)(first + n);
		fx_abort(s[n]);
	}
}

static void out_of_order_is_dropped_without_memory(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	fx_hoard(&fx.st.chunks);
	in(.flags = A, .seq = 11, .ack = 1, .len = 10);
	assert_drop(TCP_OOO_FULL, 1);
	fx_hoard_give(&fx.st.chunks, FX_ANY);
	fx_hoard(&fx.st.runs);
	in(.flags = A, .seq = 11, .ack = 1, .len = 10);
	assert_drop(TCP_OOO_FULL, 2);
	fx_hoard_give(&fx.st.runs, FX_ANY);
	in(.flags = A, .seq = 1, .ack = 1, .len = 20);
	assert_int_equal(fx_read(s, 100), 20);
	fx_forget_frames();
	fx_abort(s);
}

static void text_is_dropped_and_sent_again_when_chunks_run_out(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	fx_hoard(&fx.st.chunks);
	in(.flags = A, .seq = 1, .ack = 1, .len = 100);
	assert_drop(TCP_NO_MEMORY, 1);
	assert_int_equal(fx_recv_state(s), -EAGAIN);
	assert_int_equal(fx_any_seg(0).ack, 1);
	fx_hoard_give(&fx.st.chunks, FX_ANY);
	in(.flags = A, .seq = 1, .ack = 1, .len = 100);
	assert_int_equal(fx_read(s, 1000), 100);
	fx_forget_frames();
	fx_abort(s);
}

/* Kept text finds no chunk either: it stays, and comes out later. */
static void kept_text_waits_for_chunks(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	in(.flags = A, .seq = 1401, .ack = 1, .len = 1400);
	in(.flags = A, .seq = 2801, .ack = 1, .len = 100);
	fx_hoard(&fx.st.chunks);
	fx_hoard_give(&fx.st.chunks, 1);
	in(.flags = A, .seq = 1, .ack = 1, .len = 1400);
	fx_hoard_give(&fx.st.chunks, FX_ANY);
	/* The peer sends again from where our ACK stands. */
	in(.flags = A, .seq = 1401, .ack = 1, .len = 1400);
	in(.flags = A, .seq = 2801, .ack = 1, .len = 100);
	assert_int_equal(fx_read(s, 10000), 2900);
	fx_forget_frames();
	fx_abort(s);
}

/* --- Eighth: FIN --------------------------------------------------------- */

static void fin_with_text_is_acknowledged_together(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	in(.flags = FPA, .seq = 1, .ack = 1, .len = 10);
	out(.flags = A, .seq = 1, .ack = 12);
	assert_state(CLOSE_WAIT);
	assert_true(sock_events(s) & SOCK_PEER_SHUT);
	assert_int_equal(fx_read(s, 100), 10);
	assert_int_equal(fx_recv_state(s), 0);
	fx_abort(s);
}

static void fin_out_of_order_waits_for_the_text(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	in(.flags = FA, .seq = 11, .ack = 1);
	out(.flags = A, .seq = 1, .ack = 1);
	assert_state(ESTABLISHED);
	in(.flags = A, .seq = 1, .ack = 1, .len = 10);
	out(.flags = A, .seq = 1, .ack = 12);
	assert_state(CLOSE_WAIT);
	assert_int_equal(fx_read(s, 100), 10);
	fx_abort(s);
}

/* The same text waits already, but without the FIN that now comes with it. */
static void fin_with_text_that_waits_is_kept(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	in(.flags = A, .seq = 11, .ack = 1, .len = 10);
	in(.flags = FA, .seq = 11, .ack = 1, .len = 10);
	in(.flags = A, .seq = 1, .ack = 1, .len = 10);
	fx_forget_frames();
	assert_state(CLOSE_WAIT);
	assert_int_equal(fx_read(s, 100), 20);
	fx_abort(s);
}

static void fin_again_is_acknowledged_again(void **state)
{
	for_each_synchronized(st)
	{
		struct sock *s;

		if (rcv_nxt(st) != 2)
			continue;
		s = enter(st);
		in(.flags = FA, .seq = 1, .ack = 1);
		out(.flags = A, .seq = snd_nxt(st), .ack = 2);
		assert_int_equal(fx_state(), st);
		next_case(s);
	}
}

static void fin_wait_1_with_ack_and_fin_is_time_wait(void **state)
{
	struct sock *s = enter(TCP_FIN_WAIT_1);

	in(.flags = FA, .seq = 1, .ack = 2);
	out(.flags = A, .seq = 2, .ack = 2);
	assert_state(TIME_WAIT);
	sock_close(s);
}

static void fin_wait_1_with_fin_alone_is_closing(void **state)
{
	struct sock *s = enter(TCP_CLOSING);

	in(.flags = A, .seq = 2, .ack = 2);
	expect_nothing(0);
	assert_state(TIME_WAIT);
	sock_close(s);
}

/* 3.6, figure 14. */
static void simultaneous_close_ends_in_time_wait(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	sock_close(s);
	out(.flags = FA, .seq = 1, .ack = 1);
	in(.flags = FA, .seq = 1, .ack = 1);
	out(.flags = A, .seq = 2, .ack = 2);
	assert_state(CLOSING);
	in(.flags = A, .seq = 2, .ack = 2);
	assert_state(TIME_WAIT);
	assert_int_equal(fx.st.conns.in_use, 0);
	assert_int_equal(fx.st.time_waits.in_use, 1);
	fx_run_ms(61000);
	assert_state(CLOSED);
}

/* 3.6, figure 13. */
static void normal_close_ends_in_time_wait(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	sock_close(s);
	out(.flags = FA, .seq = 1, .ack = 1);
	assert_state(FIN_WAIT_1);
	in(.flags = A, .seq = 1, .ack = 2);
	assert_state(FIN_WAIT_2);
	in(.flags = FA, .seq = 1, .ack = 2);
	out(.flags = A, .seq = 2, .ack = 2);
	assert_state(TIME_WAIT);
}

static void fin_in_the_middle_of_later_text_ends_the_stream(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	in(.flags = A, .seq = 101, .ack = 1, .len = 100); /* beyond the FIN */
	in(.flags = FA, .seq = 1, .ack = 1, .len = 50);
	fx_forget_frames();
	assert_state(CLOSE_WAIT);
	assert_int_equal(fx_read(s, 1000), 50);
	assert_int_equal(fx_recv_state(s), 0);
	fx_abort(s);
}

/* 3.6.1 with RFC 1122 4.2.2.13: new data after CLOSE is answered by RST. */
static void data_after_close_is_reset(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	sock_close(s);
	out(.flags = FA, .seq = 1, .ack = 1);
	in(.flags = A, .seq = 1, .ack = 2);
	in(.flags = PA, .seq = 1, .ack = 2, .len = 10);
	assert_int_equal(fx_any_seg(0).flags & R, R);
	assert_state(CLOSED);
	assert_drop(TCP_CLOSED, 1);
	assert_int_equal(fx.st.conns.in_use, 0);
}

/* --- Acknowledgments ----------------------------------------------------- */

static void every_second_full_segment_is_acknowledged(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	for (uint32_t i = 0; i < 10; i++) {
		in(.flags = A, .seq = 1 + i * 1460, .ack = 1, .len = 1460);
		if (i % 2)
			out(.flags = A, .seq = 1, .ack = 1 + (i + 1) * 1460);
		else
			expect_nothing(0);
	}
	fx_abort(s);
}

static void ack_rides_on_data(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	in(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	assert_int_equal(fx_read(s, 1000), 100);
	fx_send(s, 100);
	out(.flags = PA, .seq = 1, .ack = 101, .len = 100);
	in(.flags = A, .seq = 101, .ack = 101);
	expect_nothing(1000);
	fx_abort(s);
}

/* --- Noise --------------------------------------------------------------- */

/* Random segments near the connection's numbers, at every state: nothing
 * breaks, nothing leaks, each has one fate. */
static void random_segments_do_no_harm(void **state)
{
	struct random *r = &fx.rng;

	for (unsigned round = 0; round < 60; round++) {
		struct sock *s = enter(TCP_ESTABLISHED + round % 5);

		for (unsigned i = 0; i < 100; i++) {
			in(.flags = (uint8_t)random_below(r, 64),
			    .seq = random_below(r, 200) - 100,
			    .ack = random_below(r, 12) - 4,
			    .len = random_below(r, 4) ? 0 : random_below(r, 99),
			    .wnd = (int32_t)random_below(r, 65535),
			    .urgent = (uint16_t)random_u32(r));
			if (i % 10 == 0) {
				sock_send(s, "hello", 5, 0, NULL);
				fx_run_ms(20);
			}
			fx_forget_frames();
		}
		fx_check_ledger();
		next_case(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(closed_answers_ack_with_reset_at_its_number),
		fx_test(closed_answers_others_with_reset_that_acknowledges),
		fx_test(closed_never_answers_reset),
		fx_test(listen_ignores_reset),
		fx_test(listen_resets_any_ack),
		fx_test(listen_drops_what_is_neither_syn_nor_ack),
		fx_test(listen_answers_syn_with_syn_ack),
		fx_test(text_in_a_syn_comes_with_the_retransmission),
		fx_test(syn_sent_resets_unacceptable_ack),
		fx_test(syn_sent_believes_reset_only_with_good_ack),
		fx_test(syn_sent_drops_segments_without_syn),
		fx_test(syn_sent_is_established_by_syn_ack),
		fx_test(syn_ack_may_carry_text),
		fx_test(syn_ack_may_carry_fin),
		fx_test(simultaneous_open_ends_established),
		fx_test(simultaneous_open_does_not_answer_syn_acks_for_ever),
		fx_test(simultaneous_open_refused_by_reset),
		fx_test(acceptability_follows_table_6),
		fx_test(acceptability_holds_where_numbers_wrap),
		fx_test(a_stream_crosses_the_wrap),
		fx_test(out_of_window_text_is_acknowledged_and_dropped),
		fx_test(syn_received_repeats_syn_ack_for_the_same_syn),
		fx_test(zero_window_takes_acks_but_no_text),
		fx_test(zero_window_takes_resets),
		fx_test(zero_window_takes_resets_with_text),
		fx_test(exact_reset_ends_every_state),
		fx_test(inexact_reset_is_challenged_in_every_state),
		fx_test(reset_outside_the_window_is_dropped_in_every_state),
		fx_test(reset_in_syn_received_returns_to_listen),
		fx_test(reset_flushes_received_text),
		fx_test(syn_is_challenged_in_every_state),
		fx_test(syn_in_window_of_syn_received_returns_to_listen),
		fx_test(challenge_acks_are_limited),
		fx_test(segment_without_ack_is_dropped_in_every_state),
		fx_test(ack_of_unsent_is_answered_and_dropped_in_every_state),
		fx_test(ack_too_old_is_answered_and_dropped),
		fx_test(syn_received_resets_unacceptable_ack),
		fx_test(syn_received_takes_text_and_fin_with_the_ack),
		fx_test(partial_ack_keeps_the_rest),
		fx_test(old_segments_do_not_change_the_window),
		fx_test(old_duplicates_do_not_change_the_window),
		fx_test(old_number_with_new_ack_changes_the_window),
		fx_test(old_duplicates_may_acknowledge),
		fx_test(text_is_taken_once),
		fx_test(text_that_straddles_is_cut_on_the_left),
		fx_test(text_beyond_the_window_is_cut_on_the_right),
		fx_test(fin_just_beyond_the_window_is_cut),
		fx_test(text_is_ignored_where_the_peer_is_done),
		fx_test(half_closed_still_receives),
		fx_test(half_closed_by_the_peer_still_sends),
		fx_test(out_of_order_text_waits_and_is_acknowledged_at_once),
		fx_test(every_order_of_segments_gives_the_stream),
		fx_test(overlapping_segments_give_the_stream),
		fx_test(hostile_overlaps_do_no_harm),
		fx_test(out_of_order_store_is_bounded),
		fx_test(out_of_order_neighbours_share_memory),
		fx_test(tiny_gaps_do_not_waste_chunks),
		fx_test(out_of_order_stores_leave_chunks_for_the_stream),
		fx_test(out_of_order_is_dropped_without_memory),
		fx_test(text_is_dropped_and_sent_again_when_chunks_run_out),
		fx_test(kept_text_waits_for_chunks),
		fx_test(fin_with_text_is_acknowledged_together),
		fx_test(fin_out_of_order_waits_for_the_text),
		fx_test(fin_with_text_that_waits_is_kept),
		fx_test(fin_again_is_acknowledged_again),
		fx_test(fin_wait_1_with_ack_and_fin_is_time_wait),
		fx_test(fin_wait_1_with_fin_alone_is_closing),
		fx_test(simultaneous_close_ends_in_time_wait),
		fx_test(normal_close_ends_in_time_wait),
		fx_test(fin_in_the_middle_of_later_text_ends_the_stream),
		fx_test(data_after_close_is_reset),
		fx_test(every_second_full_segment_is_acknowledged),
		fx_test(ack_rides_on_data),
		fx_test(random_segments_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
