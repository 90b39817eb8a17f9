/* SPDX-License-Identifier: MIT */
/* Keep-alive (RFC 9293 3.8.4) and the user timeout (3.8.3) in virtual time. */
#include "tests/support/net_fixture.h"

#include "net/tcp_internal.h"

#define SECOND 1000
#define HOUR   (3600 * SECOND)
#define TICK   3

static void set(struct sock *s, enum sock_opt opt, int value)
{
	assert_int_equal(sock_set_opt(s, opt, value), 0);
}

/* A connection with keep-alive: 100 s idle, 10 s apart, three probes. */
static struct sock *kept(void)
{
	struct sock *s = fx_accepted(1000, 0);

	set(s, SOCK_OPT_KEEPIDLE, 100);
	set(s, SOCK_OPT_KEEPINTVL, 10);
	set(s, SOCK_OPT_KEEPCNT, 3);
	set(s, SOCK_OPT_KEEPALIVE, 1);
	fx_mark();
	return s;
}

/* SHLD-12: SND.NXT - 1, no data. */
static void expect_probe(uint64_t at_ms)
{
	out_within(3 * HOUR, .flags = A, .seq = fx.c.sent, .ack = 1);
	fx_expect_time(at_ms, at_ms + TICK);
}

/* MUST-25, MUST-28. */
static void off_by_default_and_two_hours_when_on(void **state)
{
	struct sock *s = fx_accepted(1000, 0);

	expect_nothing(10 * HOUR);
	fx_mark();
	in(.flags = A, .seq = 1, .ack = 1);
	set(s, SOCK_OPT_KEEPALIVE, 1);
	expect_nothing(2 * HOUR - SECOND);
	expect_probe(2 * HOUR);
	fx_abort(s);
}

/* MUST-27: the interval is the application's. */
static void an_idle_peer_is_asked_and_its_answer_is_enough(void **state)
{
	struct sock *s = kept();

	expect_probe(100 * SECOND);
	in(.flags = A, .seq = 1, .ack = 1);
	expect_probe(200 * SECOND);
	in(.flags = A, .seq = 1, .ack = 1);
	expect_nothing(99 * SECOND);
	assert_state(ESTABLISHED);
	fx_abort(s);
}

/* Even where probes are further apart than the idle time. */
static void an_answer_counts_when_probes_are_far_apart(void **state)
{
	struct sock *s = kept();

	set(s, SOCK_OPT_KEEPINTVL, 1000);
	for (unsigned i = 0; i < 10; i++) {
		expect_probe(i ? 1000 * SECOND : 100 * SECOND);
		in(.flags = A, .seq = 1, .ack = 1);
		fx_mark();
	}
	assert_state(ESTABLISHED);
	fx_abort(s);
}

/* MUST-29: one lost probe, or two, mean nothing. */
static void lost_probes_are_repeated_before_the_end(void **state)
{
	struct sock *s = kept();

	expect_probe(100 * SECOND);
	expect_probe(110 * SECOND);
	in(.flags = A, .seq = 1, .ack = 1); /* alive after all */
	fx_mark();
	expect_probe(100 * SECOND);
	expect_probe(110 * SECOND);
	expect_probe(120 * SECOND);
	assert_state(ESTABLISHED);
	out_within(11 * SECOND, .flags = RA, .seq = 1, .ack = 1);
	assert_state(CLOSED);
	assert_int_equal(fx_recv_state(s), -ETIMEDOUT);
	assert_count(TCP_KEEP_DEAD, 1);
	sock_close(s);
}

static void traffic_puts_the_probe_off(void **state)
{
	struct sock *s = kept();

	for (unsigned i = 0; i < 5; i++) {
		expect_nothing(60 * SECOND);
		in(.flags = PA, .seq = 1 + i * 10, .ack = 1, .len = 10);
		out_within(SECOND, .flags = A, .seq = 1, .ack = 11 + i * 10);
	}
	expect_nothing(99 * SECOND);
	out_within(2 * SECOND, .flags = A, .seq = 0, .ack = 51);
	fx_read(s, 100);
	fx_abort(s);
}

/* MUST-26. */
static void no_probe_while_data_is_out(void **state)
{
	struct sock *s = kept();

	fx_send(s, 100);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	for (;;) {
		const struct fx_frame *f = fx_next(HOUR);

		if (f == NULL || fx_state() == TCP_CLOSED)
			break;
	}
	assert_count(TCP_KEEPALIVES, 0);
	assert_count(TCP_GAVE_UP, 1);
	assert_int_equal(fx_recv_state(s), -ETIMEDOUT);
	sock_close(s);
	fx_forget_frames();
}

static void turning_it_off_stops_it(void **state)
{
	struct sock *s = kept();

	expect_probe(100 * SECOND);
	set(s, SOCK_OPT_KEEPALIVE, 0);
	expect_nothing(HOUR);
	fx_abort(s);
}

static void a_closed_socket_probes_no_more(void **state)
{
	struct sock *s = kept();

	sock_close(s);
	out(.flags = FA, .seq = 1, .ack = 1);
	in(.flags = A, .seq = 1, .ack = 2);
	expect_nothing(300 * SECOND);
	assert_count(TCP_KEEPALIVES, 0);
}

static void accepted_sockets_inherit_the_listener_s_options(void **state)
{
	struct sock *l = fx_listen(fx.c.port, 4), *s = NULL;

	set(l, SOCK_OPT_KEEPIDLE, 50);
	set(l, SOCK_OPT_KEEPALIVE, 1);
	in(.flags = S, .mss = 1000);
	out(.flags = SA, .ack = 1);
	in(.flags = A, .seq = 1, .ack = 1);
	fx_mark();
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	sock_close(l);
	expect_probe(50 * SECOND);
	fx_abort(s);
}

static void connected_sockets_keep_what_was_set_before(void **state)
{
	struct sock *s = fx_connecting();

	set(s, SOCK_OPT_KEEPIDLE, 50);
	set(s, SOCK_OPT_KEEPALIVE, 1);
	expect_nothing(900);
	in(.flags = SA, .ack = 1);
	out(.flags = A, .seq = 1, .ack = 1);
	fx_mark();
	expect_probe(50 * SECOND);
	fx_abort(s);
}

/* MUST-21: R2 is the application's. */
static void user_timeout_ends_a_connection(void **state)
{
	static const int ms[] = { 500, 5000, 30000, 600000 };

	for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
		struct sock *s = fx_accepted(1000, 0);
		uint64_t before, limit = (uint64_t)ms[i];

		set(s, SOCK_OPT_USER_TIMEOUT, ms[i]);
		fx_send(s, 100);
		before = fx_now_ms();
		while (fx_state() != TCP_CLOSED &&
		       fx_now_ms() - before < 2 * limit) {
			fx_run_ms(50);
			fx_forget_frames();
		}
		assert_state(CLOSED);
		assert_in_range(fx_now_ms() - before, limit, limit + 60);
		assert_int_equal(fx_recv_state(s), -ETIMEDOUT);
		sock_close(s);
		fx_next_conn();
	}
}

/* It counts from the last answer, and also for whoever closes at once. */
static void user_timeout_begins_anew_and_outlives_the_socket(void **state)
{
	struct sock *s = fx_accepted(1000, 0);

	set(s, SOCK_OPT_USER_TIMEOUT, 3000);
	for (unsigned i = 1; i <= 5; i++) {
		fx_send(s, 100);
		fx_run_ms(2000);
		in(.flags = A, .seq = 1, .ack = fx.c.sent + 1);
		fx_forget_frames();
	}
	assert_state(ESTABLISHED);
	fx_send(s, 100);
	sock_close(s);
	fx_run_ms(3100);
	assert_int_equal(fx.st.conns.in_use, 0);
	fx_forget_frames();
}

static void user_timeout_holds_for_keep_alive_too(void **state)
{
	struct sock *s = kept();

	set(s, SOCK_OPT_USER_TIMEOUT, 105000);
	expect_probe(100 * SECOND);
	out_within(11 * SECOND, .flags = RA, .seq = 1, .ack = 1);
	assert_int_equal(fx_recv_state(s), -ETIMEDOUT);
	sock_close(s);
}

static void options_have_their_range(void **state)
{
	struct sock *s, *udp;
	int v;

	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_TCP, &s), 0);
	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_UDP, &udp), 0);
	assert_int_equal(sock_get_opt(s, SOCK_OPT_KEEPALIVE, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(sock_get_opt(s, SOCK_OPT_KEEPIDLE, &v), 0);
	assert_int_equal(v, 7200);
	assert_int_equal(sock_get_opt(s, SOCK_OPT_KEEPINTVL, &v), 0);
	assert_int_equal(v, 75);
	assert_int_equal(sock_get_opt(s, SOCK_OPT_KEEPCNT, &v), 0);
	assert_int_equal(v, 9);
	assert_int_equal(sock_get_opt(s, SOCK_OPT_USER_TIMEOUT, &v), 0);
	assert_int_equal(v, 0);
	for (int opt = SOCK_OPT_KEEPIDLE; opt <= SOCK_OPT_USER_TIMEOUT; opt++) {
		assert_int_equal(sock_set_opt(s, opt, -1), -EINVAL);
		if (opt != SOCK_OPT_USER_TIMEOUT) {
			assert_int_equal(sock_set_opt(s, opt, 0), -EINVAL);
			assert_int_equal(sock_set_opt(s, opt, 32768), -EINVAL);
		}
		set(s, opt, 100);
		assert_int_equal(sock_get_opt(s, opt, &v), 0);
		assert_int_equal(v, 100);
		assert_int_equal(sock_set_opt(udp, opt, 100), -ENOPROTOOPT);
		assert_int_equal(sock_get_opt(udp, opt, &v), -ENOPROTOOPT);
	}
	sock_close(s);
	sock_close(udp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(off_by_default_and_two_hours_when_on),
		fx_test(an_idle_peer_is_asked_and_its_answer_is_enough),
		fx_test(an_answer_counts_when_probes_are_far_apart),
		fx_test(lost_probes_are_repeated_before_the_end),
		fx_test(traffic_puts_the_probe_off),
		fx_test(no_probe_while_data_is_out),
		fx_test(turning_it_off_stops_it),
		fx_test(a_closed_socket_probes_no_more),
		fx_test(accepted_sockets_inherit_the_listener_s_options),
		fx_test(connected_sockets_keep_what_was_set_before),
		fx_test(user_timeout_ends_a_connection),
		fx_test(user_timeout_begins_anew_and_outlives_the_socket),
		fx_test(user_timeout_holds_for_keep_alive_too),
		fx_test(options_have_their_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
