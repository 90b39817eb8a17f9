/* SPDX-License-Identifier: MIT */
/* Explicit congestion notification (RFC 3168) as seen from the peer. */
#include "tests/support/net_fixture.h"

#include "include/netinet/tcp_info.h"
#include "net/sock_internal.h"
#include "net/tcp_internal.h"

#define MSS 1000
#define E   TCP_ECE
#define W   TCP_CWR

/* The peer connects and asks for it. */
static struct sock *agreed(void)
{
	struct sock *l = fx_listen(80, 4), *s = NULL;

	in(.flags = S | E | W, .mss = MSS);
	out(.flags = SA | E, .ack = 1);
	in(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	sock_close(l);
	assert_count(TCP_ECN_AGREED, 1);
	return s;
}

/* We connect and ask. */
static struct sock *asking(void)
{
	const struct sock_addr to = { fx.c.peer_ip, fx.c.peer_port };
	struct sock_addr from;
	struct sock *s = NULL;

	fx.st.tcp.ecn = TCP_ECN_ON;
	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_TCP, &s), 0);
	assert_int_equal(sock_connect(s, &to), -EINPROGRESS);
	sock_get_local(s, &from);
	fx.c.port = from.port;
	out(.flags = S | E | W);
	return s;
}

/* New segments from *next on, ECN-capable; flags: of the first one beside ACK
 * and PSH.  Returns how many. */
static unsigned take(uint32_t *next, uint8_t flags)
{
	unsigned n = 0;

	for (; fx.count > 0; n++, flags = 0) {
		struct seg got = fx_any_seg(0);

		assert_int_equal(got.flags & ~P, A | flags);
		assert_int_equal(got.seq, *next);
		assert_int_equal(got.ecn, IP_ECN_ECT0);
		*next += got.len;
	}
	return n;
}

/* --- Agreeing ------------------------------------------------------------- */

static void server_agrees_when_asked(void **state)
{
	struct sock *s = agreed();

	fx_send(s, 100);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 100, .ecn = IP_ECN_ECT0);
	fx_abort(s);
}

/* 6.1.1: only both flags ask. */
static void server_agrees_to_nothing_else(void **state)
{
	static const uint8_t syns[] = { 0, E, W };
	struct sock *l = fx_listen(80, 8);

	for (unsigned i = 0; i < 3; i++) {
		in(.flags = S | syns[i], .mss = MSS);
		out(.flags = SA, .ack = 1);
		fx_next_conn();
	}
	fx.st.tcp.ecn = TCP_ECN_OFF;
	in(.flags = S | E | W, .mss = MSS);
	out(.flags = SA, .ack = 1);
	assert_count(TCP_ECN_AGREED, 0);
	sock_close(l);
	fx_forget_frames();
}

static void client_asks_when_it_shall(void **state)
{
	struct sock *s = asking();

	in(.flags = SA | E, .ack = 1, .mss = MSS);
	out(.flags = A, .seq = 1, .ack = 1);
	assert_true(fx_tcp()->ecn_ok);
	fx_send(s, 100);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 100, .ecn = IP_ECN_ECT0);
	fx_abort(s);
}

/* An old peer, and one that sends our flags back. */
static void client_does_without(void **state)
{
	static const uint8_t answers[] = { 0, E | W, W };

	for (unsigned i = 0; i < 3; i++) {
		struct sock *s = asking();

		in(.flags = SA | answers[i], .ack = 1, .mss = MSS);
		out(.flags = A, .seq = 1, .ack = 1);
		fx_send(s, 100);
		out(.flags = PA, .seq = 1, .ack = 1, .len = 100);
		fx_abort(s);
		fx_next_conn();
	}
}

static void passive_client_does_not_ask(void **state)
{
	struct sock *s = fx_connecting(); /* expects a plain SYN */

	in(.flags = SA | E, .ack = 1, .mss = MSS);
	out(.flags = A, .seq = 1, .ack = 1);
	assert_false(fx_tcp()->ecn_ok);
	fx_abort(s);
}

/* 6.1.1.1; when the answer to the first SYN comes all the same, nothing is sent
 * as ECN-capable, but marks are echoed. */
static void second_syn_does_not_ask(void **state)
{
	struct sock *s = asking();

	out_within(1500, .flags = S);
	out_within(3000, .flags = S);
	assert_count(TCP_ECN_FALLBACKS, 1);
	in(.flags = SA | E, .ack = 1, .mss = MSS);
	out(.flags = A, .seq = 1, .ack = 1);
	fx_send(s, 100);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	in(.flags = A, .seq = 1, .ack = 101, .len = 10, .ecn = IP_ECN_CE);
	out_within(100, .flags = A | E, .seq = 101, .ack = 11);
	fx_abort(s);
}

/* --- What is ECN-capable -------------------------------------------------- */

static void only_new_text_is_capable(void **state)
{
	struct sock *s = agreed();

	fx_send(s, 100);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 100, .ecn = IP_ECN_ECT0);
	/* again */
	out_within(1500, .flags = PA, .seq = 1, .ack = 1, .len = 100);
	in(.flags = A, .seq = 1, .ack = 101, .wnd = ZERO_WND);
	/* an ACK alone */
	in(.flags = A, .seq = 1, .ack = 101, .len = 10, .wnd = ZERO_WND);
	out_within(100, .flags = A, .seq = 101, .ack = 11);
	/* a probe */
	fx_send(s, 10);
	assert_int_equal(fx_any_seg(2000).ecn, IP_ECN_NOT_ECT);
	fx_forget_frames();
	fx_abort(s);
}

static void fin_alone_is_not_capable(void **state)
{
	struct sock *s = agreed();

	sock_shutdown(s, SOCK_SHUT_WR);
	out(.flags = FA, .seq = 1, .ack = 1);
	fx_abort(s);
}

/* --- Receiving ------------------------------------------------------------ */

/* 6.1.3 */
static void marks_are_echoed_until_the_peer_has_slowed_down(void **state)
{
	struct sock *s = agreed();
	struct tcp_info i;

	in(.flags = A, .seq = 1, .ack = 1, .len = 10, .ecn = IP_ECN_ECT0);
	out_within(100, .flags = A, .seq = 1, .ack = 11);
	in(.flags = A, .seq = 11, .ack = 1, .len = 10, .ecn = IP_ECN_CE);
	out_within(100, .flags = A | E, .seq = 1, .ack = 21);
	in(.flags = A, .seq = 21, .ack = 1, .len = 10, .ecn = IP_ECN_ECT0);
	out_within(100, .flags = A | E, .seq = 1, .ack = 31);
	/* text carries it too */
	fx_send(s, 5);
	out(.flags = PA | E, .seq = 1, .ack = 31, .len = 5, .ecn = IP_ECN_ECT0);
	in(.flags = A | W, .seq = 31, .ack = 6, .len = 10, .ecn = IP_ECN_ECT0);
	out_within(100, .flags = A, .seq = 6, .ack = 41);
	/* one that says so and is marked itself begins anew */
	in(.flags = A | W, .seq = 41, .ack = 6, .len = 10, .ecn = IP_ECN_CE);
	out_within(100, .flags = A | E, .seq = 6, .ack = 51);
	assert_count(TCP_ECN_MARKS, 2);
	assert_int_equal(sock_tcp_info(s, &i), 0);
	assert_int_equal(i.tcpi_options, TCPI_OPT_ECN | TCPI_OPT_ECN_SEEN);
	fx_abort(s);
}

/* 6.1.5: nobody else can slow us down. */
static void marks_outside_the_window_do_not_count(void **state)
{
	struct sock *s = agreed();

	in(.flags = A, .seq = 1, .ack = 1, .len = 10);
	fx_run_ms(100);
	in(.flags = A, .seq = 1, .ack = 1, .len = 10, .ecn = IP_ECN_CE);
	in(.flags = A, .seq = 900001, .ack = 1, .len = 10, .ecn = IP_ECN_CE);
	assert_false(fx_tcp()->ecn_echo);
	fx_forget_frames();
	fx_abort(s);
}

static void marks_without_agreement_do_not_count(void **state)
{
	struct sock *s = fx_accepted(MSS, 0);

	in(.flags = A | E | W, .seq = 1, .ack = 1, .len = 10, .ecn = IP_ECN_CE);
	out_within(100, .flags = A, .seq = 1, .ack = 11);
	assert_int_equal(fx_tcp()->cwnd, 10 * MSS);
	fx_abort(s);
}

/* --- Sending -------------------------------------------------------------- */

static struct sock *bulk(uint32_t *next)
{
	struct sock *s = agreed();

	sock_set_opt(s, SOCK_OPT_SNDBUF, 1 << 18);
	fx_send(s, 200000);
	*next = 1;
	assert_int_equal(take(next, 0), 10);
	return s;
}

/* 6.1.2: once for a window; CWR with the next new segment. */
static void sender_slows_down_once_for_a_window(void **state)
{
	uint32_t next;
	struct sock *s = bulk(&next);

	in(.flags = A | E, .seq = 1, .ack = 1001);
	assert_int_equal(fx_tcp()->cwnd, 5 * MSS);
	assert_int_equal(fx_tcp()->ssthresh, 5 * MSS);
	expect_nothing(0);
	for (uint32_t n = 2; n <= 5; n++)
		in(.flags = A | E, .seq = 1, .ack = 1 + n * MSS);
	expect_nothing(0);
	in(.flags = A | E, .seq = 1, .ack = 6001);
	assert_int_equal(take(&next, W), 1);
	for (uint32_t n = 7; n <= 10; n++)
		in(.flags = A | E, .seq = 1, .ack = 1 + n * MSS);
	assert_int_equal(take(&next, 0), 4);
	/* nor did these ACKs open the window */
	assert_int_equal(fx_tcp()->cwnd, 5 * MSS);
	assert_count(TCP_ECN_REDUCTIONS, 1);
	/* the next window */
	in(.flags = A | E, .seq = 1, .ack = 11001);
	assert_count(TCP_ECN_REDUCTIONS, 2);
	assert_int_equal(fx_tcp()->cwnd, 2500);
	assert_count(TCP_RETRANSMITS, 0);
	fx_forget_frames();
	fx_abort(s);
}

/* 6.1.2: CWR whatever the reason. */
static void losses_are_told_too(void **state)
{
	uint32_t next;
	struct sock *s = bulk(&next);

	fx_run_ms(300); /* a timeout */
	assert_int_equal(fx_any_seg(0).flags & (E | W), 0);
	fx_forget_frames();
	in(.flags = A, .seq = 1, .ack = next);
	assert_true(take(&next, W) > 0);
	fx_abort(s);
}

/* A loss in the window that was too large says nothing new. */
static void loss_after_a_mark_does_not_slow_down_again(void **state)
{
	uint32_t next;
	struct sock *s = bulk(&next);

	in(.flags = A | E, .seq = 1, .ack = 1001);
	assert_int_equal(fx_tcp()->ssthresh, 5 * MSS);
	for (unsigned i = 0; i < 3; i++)
		in(.flags = A | E, .seq = 1, .ack = 1001);
	assert_count(TCP_FAST_RETRANSMITS, 1);
	assert_int_equal(fx_tcp()->ssthresh, 5 * MSS);
	fx_forget_frames();
	fx_abort(s);
}

/* All of a bulk is acknowledged, and then much more.  Returns the place. */
static uint32_t far_behind(struct sock *s)
{
	while (fx_tcp()->snd_una != fx_tcp()->snd_nxt || fx_tcp()->sendq.len) {
		in(.flags = A, .seq = 1, .ack = fx_tcp()->snd_nxt - fx.c.isn);
		fx_forget_frames();
	}
	fx_skip(s);
	assert_int_equal(fx_send(s, 3 * MSS), 3 * MSS);
	fx_forget_frames();
	return fx_tcp()->snd_una - fx.c.isn;
}

/* 32 bits of sequence numbers turn round behind what was noted long ago. */
static void mark_far_behind_the_last_one_counts(void **state)
{
	uint32_t next;
	struct sock *s = bulk(&next);

	next = far_behind(s);
	in(.flags = A | E, .seq = 1, .ack = next + MSS);
	assert_count(TCP_ECN_REDUCTIONS, 1);
	fx_forget_frames();
	fx_abort(s);
}

static void loss_far_behind_a_mark_slows_down(void **state)
{
	uint32_t next;
	struct sock *s = bulk(&next);

	in(.flags = A | E, .seq = 1, .ack = 1001);
	next = far_behind(s);
	for (unsigned i = 0; i < 3; i++)
		in(.flags = A, .seq = 1, .ack = next);
	assert_false(fx_tcp()->reduced.by_ecn);
	fx_forget_frames();
	fx_abort(s);
}

/* 6.1.2: a window of one segment cannot shrink, so the next one waits for the
 * timer. */
static void window_of_one_segment_waits_for_the_timer(void **state)
{
	uint32_t next;
	struct sock *s = bulk(&next);

	in(.flags = A, .seq = 1, .ack = next - MSS);
	take(&next, 0);
	in(.flags = A, .seq = 1, .ack = next);
	fx_forget_frames();
	fx_tcp()->cwnd = MSS;
	next = fx_tcp()->snd_nxt - fx.c.isn;
	in(.flags = A | E, .seq = 1, .ack = next);
	assert_int_equal(fx_tcp()->cwnd, MSS);
	expect_nothing(150);
	fx_run_ms(300);
	assert_int_equal(take(&next, W), 1);
	assert_count(TCP_TIMEOUTS, 0);
	fx_abort(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(server_agrees_when_asked),
		fx_test(server_agrees_to_nothing_else),
		fx_test(client_asks_when_it_shall),
		fx_test(client_does_without),
		fx_test(passive_client_does_not_ask),
		fx_test(second_syn_does_not_ask),
		fx_test(only_new_text_is_capable),
		fx_test(fin_alone_is_not_capable),
		fx_test(marks_are_echoed_until_the_peer_has_slowed_down),
		fx_test(marks_outside_the_window_do_not_count),
		fx_test(marks_without_agreement_do_not_count),
		fx_test(sender_slows_down_once_for_a_window),
		fx_test(losses_are_told_too),
		fx_test(loss_after_a_mark_does_not_slow_down_again),
		fx_test(mark_far_behind_the_last_one_counts),
		fx_test(loss_far_behind_a_mark_slows_down),
		fx_test(window_of_one_segment_waits_for_the_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
