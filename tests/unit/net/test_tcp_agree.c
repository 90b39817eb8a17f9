/* SPDX-License-Identifier: MIT */
/*
 * What is agreed on in SYNs (RFC 7323, RFC 2018), on both sides and when both
 * open at once, and what scaled windows mean.
 */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"
#include "net/tcp_internal.h"

#define BIG (1 << 20) /* a buffer: shift 5 */

static struct sock *listener(int rcvbuf)
{
	struct sock *l = fx_listen(80, 4);

	assert_int_equal(sock_set_opt(l, SOCK_OPT_RCVBUF, rcvbuf), 0);
	return l;
}

/* A connecting socket with this buffer; its SYN is still to be looked at. */
static struct sock *connecting(int rcvbuf)
{
	const struct sock_addr to = { FX_PEER, fx.c.peer_port };
	struct sock_addr from;
	struct sock *s = NULL;

	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_TCP, &s), 0);
	assert_int_equal(sock_set_opt(s, SOCK_OPT_RCVBUF, rcvbuf), 0);
	assert_int_equal(sock_connect(s, &to), -EINPROGRESS);
	sock_get_local(s, &from);
	fx.c.port = from.port;
	return s;
}

static struct sock *accepted(struct sock *l)
{
	struct sock *s = NULL;

	assert_int_equal(sock_accept(l, &s, NULL), 0);
	sock_close(l);
	return s;
}

/* --- Window scale -------------------------------------------------------- */

static void active_open_offers_scale_and_sack(void **state)
{
	static const struct {
		int rcvbuf;
		uint8_t shift;
	} row[] = { { 2048, 0 }, { 65535, 0 }, { 65536, 1 }, { 131070, 1 },
		{ 131071, 2 }, { BIG, 5 } };

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sock *s = connecting(row[i].rcvbuf);

		out(.flags = S, .mss = 1460, .wscale = WSCALE(row[i].shift),
		    .sack_permitted = true);
		sock_close(s);
		fx_next_conn();
	}
}

static void passive_open_answers_what_was_offered(void **state)
{
	struct sock *l = listener(BIG);
	struct seg got;

	in(.flags = S, .mss = 1460, .wscale = WSCALE(7));
	got = fx_any_seg(0);
	assert_int_equal(got.wscale, WSCALE(5));
	assert_false(got.sack_permitted);
	assert_int_equal(got.wnd, 65535); /* not scaled */
	fx_next_conn();
	in(.flags = S, .mss = 1460, .sack_permitted = true);
	got = fx_any_seg(0);
	assert_int_equal(got.wscale, 0);
	assert_true(got.sack_permitted);
	sock_close(l);
	fx_forget_frames();
}

static void nothing_is_agreed_with_an_old_peer(void **state)
{
	struct sock *s = connecting(BIG);

	out(.flags = S, .wscale = WSCALE(5));
	in(.flags = SA, .ack = 1, .wnd = 1000);
	out(.flags = A, .seq = 1, .ack = 1, .wnd = 65535);
	assert_int_equal(fx_tcp()->snd_wnd, 1000);
	in(.flags = A, .seq = 1, .ack = 1, .len = 10);
	assert_int_equal(fx_read(s, 10), 10);
	assert_false(fx_tcp()->sack_ok);
	assert_true(fx_tcp()->rcv_adv - fx_tcp()->rcv_nxt <= 65535);
	fx_forget_frames();
	fx_abort(s);
}

static void windows_are_scaled_both_ways_but_in_a_syn(void **state)
{
	struct sock *s = connecting(BIG);

	out(.flags = S, .wnd = 65535, .wscale = WSCALE(5));
	in(.flags = SA, .ack = 1, .wnd = 1000, .wscale = WSCALE(3));
	out(.flags = A, .seq = 1, .ack = 1, .wnd = BIG >> 5);
	assert_int_equal(fx_tcp()->snd_wnd, 1000);
	in(.flags = A, .seq = 1, .ack = 1, .wnd = 1000);
	assert_int_equal(fx_tcp()->snd_wnd, 8000);
	assert_int_equal(fx_tcp()->max_snd_wnd, 8000);
	fx_abort(s);
}

static void passive_side_scales_after_its_syn_ack(void **state)
{
	struct sock *l = listener(BIG), *s;

	in(.flags = S, .mss = 1000, .wscale = WSCALE(2), .wnd = 600);
	out(.flags = SA, .ack = 1, .wnd = 65535, .wscale = WSCALE(5));
	assert_int_equal(fx_tcp()->snd_wnd, 600);
	in(.flags = A, .seq = 1, .ack = 1, .wnd = 600);
	assert_int_equal(fx_tcp()->snd_wnd, 2400);
	s = accepted(l);
	in(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	in(.flags = A, .seq = 1001, .ack = 1, .len = 1000);
	out(.flags = A, .seq = 1, .ack = 2001, .wnd = (BIG - 2000) >> 5);
	assert_int_equal(fx_read(s, 2000), 2000);
	fx_abort(s);
}

/* RFC 7323 2.3. */
static void shift_above_fourteen_is_fourteen(void **state)
{
	struct sock *s = connecting(65535);

	out(.flags = S);
	in(.flags = SA, .ack = 1, .wscale = WSCALE(15));
	out(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(fx_tcp()->snd_wscale, 14);
	assert_count(TCP_BAD_WSCALE, 1);
	in(.flags = A, .seq = 1, .ack = 1, .wnd = 65535);
	assert_int_equal(fx_tcp()->snd_wnd, 65535u << 14);
	fx_abort(s);
}

static void simultaneous_open_agrees_too(void **state)
{
	struct sock *s = connecting(BIG);

	out(.flags = S, .wscale = WSCALE(5), .sack_permitted = true);
	in(.flags = S, .mss = 1000, .wscale = WSCALE(4),
	    .sack_permitted = true);
	out(.flags = SA, .ack = 1, .wnd = 65535, .wscale = WSCALE(5),
	    .sack_permitted = true);
	in(.flags = SA, .seq = 0, .ack = 1, .wnd = 500, .wscale = WSCALE(4),
	    .sack_permitted = true);
	out(.flags = A, .seq = 1, .ack = 1, .wnd = BIG >> 5);
	assert_state(ESTABLISHED);
	assert_int_equal(fx_tcp()->snd_wnd, 500);
	assert_true(fx_tcp()->sack_ok);
	in(.flags = A, .seq = 1, .ack = 1, .wnd = 500);
	assert_int_equal(fx_tcp()->snd_wnd, 8000);
	fx_abort(s);
}

/* Ours: a path that loses SYNs may dislike their options. */
static void fourth_syn_has_no_option_but_mss(void **state)
{
	struct sock *s = connecting(BIG);
	struct seg got;

	for (unsigned i = 0; i < 3; i++)
		out_within(10000, .flags = S, .wscale = WSCALE(5));
	got = fx_any_seg(10000);
	assert_int_equal(got.mss, 1460);
	assert_int_equal(got.wscale, 0);
	assert_false(got.sack_permitted);
	/* An answer to an earlier one counts all the same. */
	in(.flags = SA, .ack = 1, .wscale = WSCALE(2), .sack_permitted = true);
	out(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(fx_tcp()->snd_wscale, 2);
	assert_int_equal(fx_tcp()->rcv_wscale, 5);
	assert_true(fx_tcp()->sack_ok);
	fx_abort(s);
}

static void syn_ack_sent_again_says_the_same(void **state)
{
	struct sock *l = listener(BIG);

	in(.flags = S, .mss = 1000, .wscale = WSCALE(2),
	    .sack_permitted = true);
	for (unsigned i = 0; i < 5; i++)
		out_within(20000, .flags = SA, .ack = 1, .wnd = 65535,
		    .wscale = WSCALE(5), .sack_permitted = true);
	sock_close(l);
	fx_forget_frames();
}

/* RFC 7323 2.4: nothing that was promised is taken back although the field
 * cannot say it; with space to spare the edge stands for the peer too. */
static void told_edge_goes_back_by_less_than_a_unit(void **state)
{
	struct sock *s = connecting(BIG);
	uint32_t seq = 1, edge = 1 + BIG, told;

	out(.flags = S, .wscale = WSCALE(5));
	in(.flags = SA, .ack = 1, .mss = 1000, .wscale = WSCALE(0));
	out(.flags = A, .seq = 1, .ack = 1);
	for (unsigned i = 0; i < 40; i++) {
		struct seg got;

		in(.flags = A, .seq = seq, .ack = 1, .len = 7);
		seq += 7;
		got = fx_any_seg(100);
		told = got.ack + ((uint32_t)got.wnd << 5);
		assert_in_range(told, edge - 31, edge);
		assert_int_equal(fx_tcp()->rcv_adv - fx_tcp()->irs, edge);
	}
	/* The last byte of what was promised first is taken. */
	in(.flags = A, .seq = edge - 1, .ack = 1, .len = 1);
	fx_forget_frames();
	assert_drop(TCP_SEQUENCE, 0);
	fx_read(s, BIG);
	fx_forget_frames();
	for (unsigned i = 0; i < 40; i++) {
		struct seg got;

		in(.flags = A, .seq = seq, .ack = 1, .len = 7);
		seq += 7;
		got = fx_any_seg(100);
		told = got.ack + ((uint32_t)got.wnd << 5);
		assert_true(told >= edge);
		edge = told;
		fx_read(s, BIG);
	}
	fx_forget_frames();
	fx_abort(s);
}

/* An old duplicate of any age within the scaled window brings its ACK. */
static void old_duplicates_reach_back_a_scaled_window(void **state)
{
	struct sock *s = connecting(BIG);

	out(.flags = S);
	in(.flags = SA, .ack = 1, .mss = 1000, .wscale = WSCALE(0));
	out(.flags = A, .seq = 1, .ack = 1);
	for (uint32_t i = 0; i < 100; i++) {
		in(.flags = A, .seq = 1 + i * 1000, .ack = 1, .len = 1000);
		fx_read(s, 1000);
	}
	fx_forget_frames();
	assert_int_equal(fx_send(s, 10), 10);
	out(.flags = PA, .seq = 1, .ack = 100001, .len = 10);
	in(.flags = A, .seq = 1, .ack = 11, .len = 1000);
	assert_int_equal(fx_tcp()->snd_una - fx_tcp()->iss, 11);
	fx_forget_frames();
	fx_abort(s);
}

/* What is read after the end would never be given back. */
static void reading_after_the_end_takes_no_budget(void **state)
{
	for (unsigned fin = 0; fin < 2; fin++) {
		struct sock *l = fx_listen(80, 4), *s;

		in(.flags = S, .mss = 1460, .wscale = WSCALE(2));
		out(.flags = SA, .ack = 1);
		in(.flags = A, .seq = 1, .ack = 1);
		s = accepted(l);
		for (uint32_t i = 0; i < 40; i++)
			in(.flags = A, .seq = 1 + i * 1000, .ack = 1,
			    .len = 1000);
		if (fin)
			in(.flags = FA, .seq = 40001, .ack = 1);
		fx_tcp()->srtt_ns = NS_PER_MS;
		fx_tcp()->drained = 40000;
		fx_tcp()->drained_since_ns = clock_ns() - NS_PER_MS;
		assert_int_equal(fx_read(s, 60000), 40000);
		assert_int_equal(fx.st.tcp.rcv_extra > 0, !fin);
		fx_forget_frames();
		fx_abort(s);
		assert_int_equal(fx.st.tcp.rcv_extra, 0);
		fx_next_conn();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(active_open_offers_scale_and_sack),
		fx_test(passive_open_answers_what_was_offered),
		fx_test(nothing_is_agreed_with_an_old_peer),
		fx_test(windows_are_scaled_both_ways_but_in_a_syn),
		fx_test(passive_side_scales_after_its_syn_ack),
		fx_test(shift_above_fourteen_is_fourteen),
		fx_test(simultaneous_open_agrees_too),
		fx_test(fourth_syn_has_no_option_but_mss),
		fx_test(syn_ack_sent_again_says_the_same),
		fx_test(told_edge_goes_back_by_less_than_a_unit),
		fx_test(old_duplicates_reach_back_a_scaled_window),
		fx_test(reading_after_the_end_takes_no_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
