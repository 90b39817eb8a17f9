/* SPDX-License-Identifier: MIT */
/* What sockets of both types share.  The types' own calls: test_tcp_sock.c,
 * test_udp.c. */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"
#include "tests/support/net_wire.h"

static struct sock *make(enum sock_type type)
{
	struct sock *s = NULL;

	assert_int_equal(sock_create(&fx.st, type, &s), 0);
	return s;
}

static void only_known_types_can_be_made(void **state)
{
	struct sock *s = NULL;

	assert_int_equal(
	    sock_create(&fx.st, (enum sock_type)0, &s), -EPROTONOSUPPORT);
	assert_int_equal(
	    sock_create(&fx.st, (enum sock_type)3, &s), -EPROTONOSUPPORT);
}

static void empty_pool_is_enobufs(void **state)
{
	struct sock *s = NULL;

	fx_hoard(&fx.st.socks);
	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_TCP, &s), -ENOBUFS);
	fx_hoard_give(&fx.st.socks, FX_ANY);
}

static void flags_are_booleans(void **state)
{
	static const enum sock_opt flag[] = { SOCK_OPT_REUSEADDR,
		SOCK_OPT_BROADCAST, SOCK_OPT_NODELAY, SOCK_OPT_CORK };
	struct sock *s = make(SOCK_TYPE_TCP);
	int value;

	for (unsigned i = 0; i < 4; i++) {
		sock_get_opt(s, flag[i], &value);
		assert_int_equal(value, 0);
		assert_int_equal(sock_set_opt(s, flag[i], 77), 0);
		sock_get_opt(s, flag[i], &value);
		assert_int_equal(value, 1);
		assert_int_equal(sock_set_opt(s, flag[i], 0), 0);
		sock_get_opt(s, flag[i], &value);
		assert_int_equal(value, 0);
	}
	sock_close(s);
}

/* RFC 6056 3.3.1: a random start, then the next free port; none is lost. */
static bool taken_but_one(struct sock *s, uint16_t port)
{
	return port != 45678;
}

static bool all_taken(struct sock *s, uint16_t port)
{
	return true;
}

static bool none_taken(struct sock *s, uint16_t port)
{
	return false;
}

static void the_last_free_port_is_found(void **state)
{
	struct sock *s = make(SOCK_TYPE_UDP);
	uint16_t lowest = UINT16_MAX, highest = 0;

	assert_int_equal(sock_choose_port(s, taken_but_one), 45678);
	assert_int_equal(sock_choose_port(s, all_taken), 0);
	for (unsigned i = 0; i < 1000; i++) {
		uint16_t port = sock_choose_port(s, none_taken);

		lowest = port < lowest ? port : lowest;
		highest = port > highest ? port : highest;
	}
	assert_in_range(lowest, 32768, 34000);
	assert_in_range(highest, 64500, 65535);
	sock_close(s);
}

static unsigned wakes;

static bool count_wake(struct wait_entry *e, uint32_t events)
{
	wakes++;
	return true;
}

static void wake_reaches_the_sockets_queue(void **state)
{
	struct sock *s = make(SOCK_TYPE_UDP);
	struct wait_entry e = { .wake = count_wake };

	wakes = 0;
	waitq_add(sock_waitq(s), &e);
	sock_wake(s, SOCK_READABLE);
	assert_int_equal(wakes, 1);
	waitq_remove(&e);
	sock_wake(s, SOCK_READABLE);
	assert_int_equal(wakes, 1);
	sock_close(s);
}

static void broadcast_addresses_are_for_udp(void **state)
{
	const struct sock_addr a = { FX_BCAST, 99 };
	struct sock *t = make(SOCK_TYPE_TCP), *u = make(SOCK_TYPE_UDP);

	assert_int_equal(sock_bind(t, &a), -EADDRNOTAVAIL);
	assert_int_equal(sock_bind(u, &a), 0);
	sock_close(t);
	sock_close(u);
}

/* The same number at TCP and UDP is two ports. */
static void types_have_ports_of_their_own(void **state)
{
	const struct sock_addr a = { 0, 99 };
	struct sock *t = make(SOCK_TYPE_TCP), *u = make(SOCK_TYPE_UDP);

	assert_int_equal(sock_bind(t, &a), 0);
	assert_int_equal(sock_bind(u, &a), 0);
	sock_close(t);
	sock_close(u);
}

static void buffers_keep_their_bounds(void **state)
{
	static const enum sock_opt opt[] = { SOCK_OPT_RCVBUF, SOCK_OPT_SNDBUF };
	struct sock *s = make(SOCK_TYPE_TCP);
	int value = 0;

	for (unsigned i = 0; i < 2; i++) {
		sock_get_opt(s, opt[i], &value);
		assert_int_equal(value, 65535);
		assert_int_equal(sock_set_opt(s, opt[i], -1), -EINVAL);
		assert_false(i ? s->sndbuf.fixed : s->rcvbuf.fixed);
		sock_get_opt(s, opt[i], &value);
		assert_int_equal(value, 65535);
		assert_int_equal(sock_set_opt(s, opt[i], 5000), 0);
		assert_true(i ? s->sndbuf.fixed : s->rcvbuf.fixed);
		sock_get_opt(s, opt[i], &value);
		assert_int_equal(value, 5000);
		sock_set_opt(s, opt[i], 0);
		sock_get_opt(s, opt[i], &value);
		assert_int_equal(value, 2048);
		sock_set_opt(s, opt[i], (4 << 20) + 1);
		sock_get_opt(s, opt[i], &value);
		assert_int_equal(value, 4 << 20);
	}
	sock_close(s);
}

static void linger_is_off_or_seconds(void **state)
{
	struct sock *s = make(SOCK_TYPE_TCP);
	int value = 0;

	sock_get_opt(s, SOCK_OPT_LINGER, &value);
	assert_int_equal(value, -1);
	sock_set_opt(s, SOCK_OPT_LINGER, 5);
	sock_get_opt(s, SOCK_OPT_LINGER, &value);
	assert_int_equal(value, 5);
	sock_set_opt(s, SOCK_OPT_LINGER, -77);
	sock_get_opt(s, SOCK_OPT_LINGER, &value);
	assert_int_equal(value, -1);
	sock_close(s);
}

static void some_options_can_only_be_read(void **state)
{
	struct sock *u = make(SOCK_TYPE_UDP), *l = fx_listen(80, 1);
	int value = -1;

	assert_int_equal(sock_set_opt(u, SOCK_OPT_ERROR, 1), -ENOPROTOOPT);
	assert_int_equal(sock_set_opt(u, SOCK_OPT_TYPE, 1), -ENOPROTOOPT);
	assert_int_equal(sock_set_opt(u, SOCK_OPT_ACCEPTCONN, 1), -ENOPROTOOPT);
	assert_int_equal(sock_set_opt(u, (enum sock_opt)99, 1), -ENOPROTOOPT);
	assert_int_equal(
	    sock_get_opt(u, (enum sock_opt)99, &value), -ENOPROTOOPT);
	sock_get_opt(u, SOCK_OPT_TYPE, &value);
	assert_int_equal(value, SOCK_TYPE_UDP);
	sock_get_opt(l, SOCK_OPT_TYPE, &value);
	assert_int_equal(value, SOCK_TYPE_TCP);
	sock_get_opt(u, SOCK_OPT_ACCEPTCONN, &value);
	assert_int_equal(value, 0);
	sock_get_opt(l, SOCK_OPT_ACCEPTCONN, &value);
	assert_int_equal(value, 1);
	sock_close(u);
	sock_close(l);
}

static void pending_error_is_told_once(void **state)
{
	struct sock *s = make(SOCK_TYPE_UDP);
	int value = -1;

	s->error = -ECONNREFUSED;
	assert_true(sock_events(s) & SOCK_ERROR);
	sock_get_opt(s, SOCK_OPT_ERROR, &value);
	assert_int_equal(value, ECONNREFUSED);
	sock_get_opt(s, SOCK_OPT_ERROR, &value);
	assert_int_equal(value, 0);
	assert_false(sock_events(s) & SOCK_ERROR);
	sock_close(s);
}

static void addresses_are_asked_for(void **state)
{
	static const enum sock_type type[] = { SOCK_TYPE_TCP, SOCK_TYPE_UDP };

	for (unsigned i = 0; i < 2; i++) {
		struct sock *s = make(type[i]);
		struct sock_addr a = { 1, 1 };

		assert_int_equal(sock_get_local(s, &a), 0);
		assert_int_equal(a.ip | a.port, 0);
		assert_int_equal(sock_get_peer(s, &a), -ENOTCONN);
		assert_int_equal(
		    sock_bind(s, &(struct sock_addr){ FX_IP, 900 }), 0);
		assert_int_equal(
		    sock_bind(s, &(struct sock_addr){ FX_IP, 901 }), -EINVAL);
		sock_get_local(s, &a);
		assert_int_equal(a.ip, FX_IP);
		assert_int_equal(a.port, 900);
		sock_close(s);
	}
}

static void nobody_listens_at_port_zero(void **state)
{
	const struct sock_addr zero = { FX_PEER, 0 };
	struct sock *t = make(SOCK_TYPE_TCP), *u = make(SOCK_TYPE_UDP);

	assert_int_equal(sock_connect(t, &zero), -EINVAL);
	assert_int_equal(sock_connect(u, &zero), -EINVAL);
	expect_nothing(10);
	sock_close(t);
	sock_close(u);
}

static bool never(struct wait_entry *e, uint32_t events)
{
	return false;
}

static void closing_while_somebody_waits_is_our_fault(void **state)
{
	struct wait_entry e = { .wake = never };
	struct sock *s = make(SOCK_TYPE_UDP);

	waitq_add(sock_waitq(s), &e);
	assert_panic(sock_close(s));
	waitq_remove(&e);
	sock_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(only_known_types_can_be_made),
		fx_test(empty_pool_is_enobufs),
		fx_test(flags_are_booleans),
		fx_test(the_last_free_port_is_found),
		fx_test(wake_reaches_the_sockets_queue),
		fx_test(broadcast_addresses_are_for_udp),
		fx_test(types_have_ports_of_their_own),
		fx_test(buffers_keep_their_bounds),
		fx_test(linger_is_off_or_seconds),
		fx_test(some_options_can_only_be_read),
		fx_test(pending_error_is_told_once),
		fx_test(addresses_are_asked_for),
		fx_test(nobody_listens_at_port_zero),
		fx_test(closing_while_somebody_waits_is_our_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
