/* SPDX-License-Identifier: MIT */
/* What sockets of both types share.  The types' own calls: test_tcp_sock.c,
 * test_udp.c. */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"

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
		SOCK_OPT_NODELAY, SOCK_OPT_BROADCAST };
	struct sock *s = make(SOCK_TYPE_UDP);
	int value;

	for (unsigned i = 0; i < 3; i++) {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
