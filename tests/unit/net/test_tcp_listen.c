/* SPDX-License-Identifier: MIT */
/*
 * Listeners under attack (RFC 4987): the SYN queue and its bounds, SYN cookies,
 * a full accept queue.
 */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"
#include "net/tcp_cookie.h"
#include "net/tcp_internal.h"

#define CONNS   400
#define SHARE   (CONNS / 4) /* of half-open connections */
#define BACKLOG 80
#define SECOND  1000

static int setup(void **state)
{
	static const struct stack_limits large = { .packets = 300,
		.chunks = 64,
		.conns = CONNS,
		.time_waits = 8,
		.socks = 200,
		.sent = 256,
		.neighbours = 8 };

	return fx_setup_limits(&large);
}

#define listen_test(f) cmocka_unit_test_setup_teardown(f, setup, fx_teardown)

/* SYNs from addresses beyond the gateway. */
static void flood(uint32_t n)
{
	static uint32_t source;

	fx.card_silent = true;
	while (n-- > 0)
		in(.flags = S, .mss = 1460, .src_ip = FX_FAR + source++);
	fx.card_silent = false;
}

/* A listener whose SYN queue is full of strangers. */
static struct sock *flooded(void)
{
	struct sock *l = fx_listen(80, BACKLOG);

	flood(BACKLOG);
	assert_int_equal(l->syn_len, BACKLOG);
	assert_count(TCP_COOKIES_SENT, 0);
	return l;
}

static void close_all(struct sock *l, struct sock *s)
{
	if (s != NULL)
		fx_abort(s);
	fx.card_silent = true;
	sock_close(l);
	fx.card_silent = false;
	fx_forget_frames();
}

/* --- Cookies ------------------------------------------------------------- */

static void a_flood_costs_no_more_than_the_queue(void **state)
{
	struct sock *l = flooded();

	flood(20000);
	assert_int_equal(l->syn_len, BACKLOG);
	assert_int_equal(fx.st.conns.in_use, BACKLOG);
	assert_int_equal(fx.st.packets.in_use, 0);
	assert_count(TCP_COOKIES_SENT, 20000);
	close_all(l, NULL);
}

/* Whoever was there before the flood, however slow. */
static void honest_half_open_connections_stay(void **state)
{
	struct sock *l = fx_listen(80, BACKLOG), *s = NULL;

	in(.flags = S);
	out(.flags = SA, .ack = 1);
	flood(5000);
	in(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	assert_count(TCP_COOKIES_TAKEN, 0);
	close_all(l, s);
}

static void a_cookie_opens_a_connection(void **state)
{
	struct sock *l = flooded(), *s = NULL;

	in(.flags = S, .mss = 1460);
	out(.flags = SA, .ack = 1, .mss = 1460, .wnd = 65535);
	assert_null(fx_tcp());
	in(.flags = A, .seq = 1, .ack = 1);
	assert_count(TCP_COOKIES_TAKEN, 1);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	assert_state(ESTABLISHED);
	assert_int_equal(fx_tcp()->mss, 1460);
	in(.flags = PA, .seq = 1, .ack = 1, .len = 700);
	assert_int_equal(fx_read(s, 1000), 700);
	fx_forget_frames();
	fx_send(s, 2000);
	out(.flags = A, .seq = 1, .ack = 701, .len = 1460);
	in(.flags = A, .seq = 701, .ack = 1461);
	out(.flags = PA, .seq = 1461, .ack = 701, .len = 540);
	close_all(l, s);
}

/* The SYN-ACK with the cookie was late, so the SYN came again, for which there
 * was room by then: two SYN-ACKs, of which the peer takes the first. */
static void a_cookie_counts_though_its_syn_came_again(void **state)
{
	struct sock *l = fx_listen(80, BACKLOG), *s = NULL;
	uint32_t cookie;

	fx.card_silent = true;
	in(.flags = S, .src_ip = FX_FAR);
	fx.card_silent = false;
	flood(BACKLOG - 1);
	in(.flags = S, .mss = 1460);
	out(.flags = SA, .ack = 1, .mss = 1460, .wnd = 65535);
	cookie = fx.c.isn;
	assert_null(fx_tcp());
	fx_run_ms(1);
	in(.flags = R, .seq = 1, .src_ip = FX_FAR);
	in(.flags = S, .mss = 1460);
	fx_any_seg(0);
	assert_state(SYN_RECEIVED);
	assert_true(fx_tcp()->iss != cookie);
	fx.c.isn = cookie;
	in(.flags = PA, .seq = 1, .ack = 1, .len = 300);
	assert_count(TCP_COOKIES_TAKEN, 1);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	assert_int_equal(fx_read(s, 1000), 300);
	close_all(l, s);
}

/* The ACK was lost: the request is as good. */
static void its_first_segment_may_hold_data_and_fin(void **state)
{
	struct sock *l = flooded(), *s = NULL;

	in(.flags = S);
	out(.flags = SA, .ack = 1);
	in(.flags = FPA, .seq = 1, .ack = 1, .len = 300);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	assert_int_equal(fx_read(s, 1000), 300);
	assert_int_equal(fx_recv_state(s), 0);
	assert_state(CLOSE_WAIT);
	assert_int_equal(fx_tcp()->mss, TCP_MSS_DEFAULT); /* MUST-15 */
	close_all(l, s);
}

static void timestamps_keep_the_options(void **state)
{
	struct sock *l = flooded(), *s = NULL;

	fx_run_ms(12345);
	fx_forget_frames();
	fx.c.ts = true;
	fx.c.peer_ts = 100000;
	in(.flags = S | TCP_ECE | TCP_CWR, .mss = 1400, .wscale = WSCALE(9),
	    .sack_permitted = true);
	out(.flags = SA | TCP_ECE, .ack = 1, .ts = true, .ts_ecr = 100000,
	    .wscale = WSCALE(1), .sack_permitted = true);
	assert_count(TCP_ECN_AGREED, 0); /* with nobody yet */
	fx.c.peer_ts++;
	in(.flags = A, .seq = 1, .ack = 1, .wnd = 1000);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	assert_true(
	    fx_tcp()->ts_ok && fx_tcp()->sack_ok && fx_tcp()->wscale_ok);
	assert_true(fx_tcp()->ecn_ok);
	assert_count(TCP_ECN_AGREED, 1);
	assert_int_equal(fx_tcp()->snd_wscale, 9);
	assert_int_equal(fx_tcp()->snd_wnd, 1000 << 9);
	assert_int_equal(fx_tcp()->mss, 1400 - TCP_TS_BYTES);
	assert_int_equal(fx_tcp()->ts_recent, 100001);
	/* Our clock does not go back behind the one that carried bits. */
	fx_send(s, 10);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 10, .ts = true,
	    .ts_ecr = 100001, .ecn = IP_ECN_ECT0);
	close_all(l, s);
}

/* What the cookie cannot remember is not agreed on. */
static void without_timestamps_no_option_is_agreed_on(void **state)
{
	struct sock *l = flooded(), *s = NULL;
	struct seg got;

	in(.flags = S, .mss = 1400, .wscale = WSCALE(9),
	    .sack_permitted = true);
	got = fx_any_seg(0);
	assert_int_equal(got.flags, SA);
	assert_int_equal(got.wscale, 0);
	assert_false(got.sack_permitted || got.ts);
	in(.flags = A, .seq = 1, .ack = 1, .wnd = 1000);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	assert_false(fx_tcp()->wscale_ok || fx_tcp()->sack_ok);
	assert_int_equal(fx_tcp()->snd_wnd, 1000);
	close_all(l, s);
}

/* RFC 9293 3.10.7.2, second: but where no cookie was given out, an ACK is what
 * it always was. */
static void without_a_flood_an_ack_is_reset(void **state)
{
	struct sock *l = fx_listen(80, BACKLOG);
	const struct tcp_tuple t = { { FX_IP, 80 },
		{ FX_PEER, fx.c.peer_port } };
	const struct tcp_cookie_key k = { fx.st.key, &t, 4999 };
	uint32_t good = tcp_cookie_make(&k, 1460, clock_ns());

	in(.flags = A, .raw = true, .seq = 5000, .ack = good + 1);
	out(.flags = R, .raw = true, .seq = good + 1);
	assert_int_equal(fx.st.conns.in_use, 0);
	close_all(l, NULL);
}

/* Deviation (docs/RFC.md): no reset for what is no cookie. */
static void during_a_flood_a_wrong_ack_is_dropped(void **state)
{
	struct sock *l = flooded();

	flood(1);
	fx_forget_frames();
	for (uint32_t i = 0; i < 1000; i++)
		in(.flags = A, .raw = true, .seq = 5000, .ack = i * 7919);
	assert_drop(TCP_COOKIE, 1000);
	expect_nothing(0);
	assert_int_equal(fx.st.conns.in_use, BACKLOG);
	/* but SYN-ACKs are reset as ever */
	in(.flags = SA, .raw = true, .seq = 5000, .ack = 9);
	out(.flags = R, .raw = true, .seq = 9);
	close_all(l, NULL);
}

static void old_cookies_are_worthless(void **state)
{
	struct sock *l = flooded();

	in(.flags = S);
	out(.flags = SA, .ack = 1);
	fx.card_silent = true;
	fx_skip_ms(64001);
	flood(1); /* cookies are still in use */
	in(.flags = A, .seq = 1, .ack = 1);
	assert_drop(TCP_COOKIE, 1);
	assert_count(TCP_COOKIES_TAKEN, 0);
	fx.card_silent = true;
	fx_run_ms(200 * SECOND); /* the flood is over, the queue is empty */
	fx.card_silent = false;
	assert_int_equal(l->syn_len, 0);
	in(.flags = A, .seq = 1, .ack = 1);
	out(.flags = R, .seq = 1);
	fx_next_conn();
	in(.flags = S);
	out(.flags = SA, .ack = 1);
	assert_state(SYN_RECEIVED);
	close_all(l, NULL);
}

/* Ignored and counted; the peer's data brings the cookie again. */
static void a_full_accept_queue_takes_no_cookie(void **state)
{
	struct sock *l = fx_listen(80, 1), *s = NULL;
	struct fx_conn first;

	flood(SHARE);
	in(.flags = S, .mss = 1000); /* waits for its SYN-ACK's way back */
	out(.flags = SA, .ack = 1);
	assert_null(fx_tcp());
	first = fx.c;
	fx_next_conn(); /* another one was faster */
	in(.flags = S);
	out(.flags = SA, .ack = 1);
	in(.flags = A, .seq = 1, .ack = 1);
	fx.c = first;
	assert_int_equal(l->accept_len, 1);
	in(.flags = A, .seq = 1, .ack = 1);
	in(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	in(.flags = PA, .seq = 101, .ack = 1, .len = 100); /* no cookie */
	assert_drop(TCP_BACKLOG, 2);
	assert_drop(TCP_COOKIE, 1);
	expect_nothing(0);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	sock_close(s);
	fx_forget_frames();
	in(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	assert_int_equal(fx_read(s, 1000), 100);
	close_all(l, s);
}

/* --- Bounds -------------------------------------------------------------- */

/* Several listeners on a small machine: the share is of all. */
static void all_listeners_share_a_quarter_of_the_blocks(void **state)
{
	struct sock *l[5];

	fx.card_silent = true;
	for (uint16_t i = 0; i < 5; i++)
		l[i] = fx_listen((uint16_t)(80 + i), 1000);
	for (uint32_t n = 0; n < 1000; n++)
		in(.flags = S, .src_ip = FX_FAR + n,
		    .dst_port = (uint16_t)(80 + n % 5));
	assert_int_equal(fx.st.conns.in_use, SHARE);
	assert_int_equal(fx.st.tcp.syn_len, SHARE);
	assert_count(TCP_COOKIES_SENT, 1000 - SHARE);
	for (uint16_t i = 0; i < 5; i++)
		sock_close(l[i]);
	assert_int_equal(fx.st.tcp.syn_len, 0);
	fx.card_silent = false;
	fx_forget_frames();
}

/* Silence: the half-open ones go away by themselves. */
static void half_open_connections_end(void **state)
{
	struct sock *l = fx_listen(80, 100);

	flood(50);
	fx.card_silent = true;
	fx_run_ms(300 * SECOND);
	assert_int_equal(l->syn_len, 0);
	assert_int_equal(fx.st.tcp.syn_len, 0);
	assert_int_equal(fx.st.conns.in_use, 0);
	sock_close(l);
	fx_forget_frames();
}

/* A full accept queue takes no new handshakes, and loses none that began. */
static void full_accept_queue_drops_new_syns(void **state)
{
	struct sock *l = fx_listen(80, 2), *s = NULL;

	for (unsigned i = 0; i < 2; i++) {
		in(.flags = S);
		out(.flags = SA, .ack = 1);
		in(.flags = A, .seq = 1, .ack = 1);
		fx_next_conn();
	}
	assert_int_equal(l->accept_len, 2);
	in(.flags = S);
	expect_nothing(0);
	assert_drop(TCP_BACKLOG, 1);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	in(.flags = S); /* the peer tries again */
	out(.flags = SA, .ack = 1);
	in(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(l->accept_len, 2);
	sock_set_opt(s, SOCK_OPT_LINGER, 0);
	sock_close(s);
	sock_close(l);
	fx_forget_frames();
}

/* Whoever we talk to must not wait behind answers to strangers. */
static void a_busy_card_sends_no_cookie(void **state)
{
	struct sock *l = flooded();

	fx.card_full = true;
	in(.flags = S);
	for (unsigned i = 0; i < 200; i++)
		in(.flags = S, .src_ip = FX_FAR + 0x1000 + i);
	assert_true(netdev_room(&fx.dev) == 0);
	assert_drop(NETDEV_QUEUE_FULL, 0);
	assert_true(fx.st.drop[DROP_TCP_BACKLOG] >= 100);
	fx.card_full = false;
	fx_card_done();
	fx_run_ms(10);
	close_all(l, NULL);
}

/* RFC 9293 3.6.1: its numbers must follow the old connection's, which a cookie
 * cannot promise. */
static void reopening_from_time_wait_needs_no_cookie(void **state)
{
	struct sock *s = fx_accepted(1000, 0), *l;
	uint32_t last;

	sock_close(s);
	out(.flags = FA, .seq = 1, .ack = 1);
	in(.flags = FA, .seq = 1, .ack = 2);
	out(.flags = A, .seq = 2, .ack = 2);
	last = fx.c.isn + 2;
	l = flooded();
	flood(10);
	in(.flags = S, .seq = 1000);
	assert_state(SYN_RECEIVED);
	assert_true(seq_lt(last, fx_tcp()->iss));
	close_all(l, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		listen_test(a_flood_costs_no_more_than_the_queue),
		listen_test(honest_half_open_connections_stay),
		listen_test(a_cookie_opens_a_connection),
		listen_test(a_cookie_counts_though_its_syn_came_again),
		listen_test(its_first_segment_may_hold_data_and_fin),
		listen_test(timestamps_keep_the_options),
		listen_test(without_timestamps_no_option_is_agreed_on),
		listen_test(without_a_flood_an_ack_is_reset),
		listen_test(during_a_flood_a_wrong_ack_is_dropped),
		listen_test(old_cookies_are_worthless),
		listen_test(a_full_accept_queue_takes_no_cookie),
		listen_test(all_listeners_share_a_quarter_of_the_blocks),
		listen_test(half_open_connections_end),
		listen_test(full_accept_queue_drops_new_syns),
		listen_test(a_busy_card_sends_no_cookie),
		listen_test(reopening_from_time_wait_needs_no_cookie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
