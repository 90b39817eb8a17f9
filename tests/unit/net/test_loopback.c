/* SPDX-License-Identifier: MIT */
/* What we send to ourselves comes back in the bottom half. */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"

static struct sock *udp_at(uint32_t ip, uint16_t port)
{
	struct sock *s = NULL;

	sock_create(&fx.st, SOCK_TYPE_UDP, &s);
	assert_int_equal(sock_bind(s, &(struct sock_addr){ ip, port }), 0);
	return s;
}

/* RFC 1122 3.2.1.3 (g): loopback addresses never leave the host. */
static void datagrams_to_ourselves_come_back(void **state)
{
	static const uint32_t own[] = { IP_ADDR_LOOPBACK, 0x7f010203, FX_IP };
	struct sock *s = udp_at(0, 5000);

	for (unsigned i = 0; i < 3; i++) {
		const struct sock_addr to = { own[i], 5000 };
		struct sock_addr from;
		uint8_t got[10];

		assert_int_equal(sock_send(s, "hello", 5, 0, &to), 5);
		assert_int_equal(sock_recv(s, got, 10, 0, NULL), -EAGAIN);
		fx_run_ms(1);
		assert_int_equal(sock_recv(s, got, 10, 0, &from), 5);
		assert_memory_equal(got, "hello", 5);
		assert_int_equal(from.ip, own[i]);
		assert_int_equal(from.port, 5000);
	}
	expect_nothing(100);
	sock_close(s);
}

static void backlog_is_bounded(void **state)
{
	struct sock *s = udp_at(0, 5000);
	const struct sock_addr to = { IP_ADDR_LOOPBACK, 5000 };
	unsigned sent = 0;

	for (unsigned i = 0; i < 128; i++)
		sent += sock_send(s, "x", 1, 0, &to) == 1;
	assert_int_equal(sent, 128); /* the packet pool is as large */
	assert_true(sock_send(s, "x", 1, 0, &to) < 0);
	fx_run_ms(1);
	/* 64 found room in the socket */
	assert_int_equal(fx.st.drop[DROP_UDP_QUEUE_FULL] +
	                     fx.st.drop[DROP_NO_BUFFER] + s->rx_count,
	    128);
	sock_close(s);
}

static void closed_ports_are_told_to_ourselves(void **state)
{
	struct sock *s = udp_at(0, 5000);
	const struct sock_addr to = { IP_ADDR_LOOPBACK, 5001 };
	uint8_t byte;

	assert_int_equal(sock_connect(s, &to), 0);
	assert_int_equal(sock_send(s, "x", 1, 0, NULL), 1);
	fx_run_ms(1);
	assert_int_equal(sock_recv(s, &byte, 1, 0, NULL), -ECONNREFUSED);
	sock_close(s);
}

/* Both ends of one connection in one stack. */
static void tcp_to_ourselves_moves_data_both_ways(void **state)
{
	struct sock *l = fx_listen(80, 4), *a = NULL, *b = NULL;
	const struct sock_addr to = { IP_ADDR_LOOPBACK, 80 };
	static uint8_t data[100000], got[100000];
	size_t sent = 0, received = 0;

	random_bytes(&fx.rng, data, sizeof(data));
	sock_create(&fx.st, SOCK_TYPE_TCP, &a);
	assert_int_equal(sock_connect(a, &to), -EINPROGRESS);
	fx_run_ms(5);
	assert_int_equal(sock_connect(a, &to), 0);
	assert_int_equal(sock_accept(l, &b, NULL), 0);
	for (unsigned i = 0; i < 10000 && received < sizeof(data); i++) {
		ptrdiff_t n =
		    sock_send(a, data + sent, sizeof(data) - sent, 0, NULL);

		sent += n > 0 ? (size_t)n : 0;
		fx_run_ms(1);
		n = sock_recv(b, got + received, 7000, 0, NULL);
		received += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(received, sizeof(data));
	assert_memory_equal(got, data, sizeof(data));
	assert_int_equal(sock_send(b, "bye", 3, 0, NULL), 3);
	sock_close(b);
	fx_run_ms(5);
	assert_int_equal(sock_recv(a, got, 10, 0, NULL), 3);
	assert_int_equal(sock_recv(a, got, 10, 0, NULL), 0);
	sock_close(a);
	sock_close(l);
	fx_run_ms(5);
	expect_nothing(0);
}

static void connect_to_a_closed_port_of_ours_is_refused(void **state)
{
	struct sock *a = NULL;
	const struct sock_addr to = { IP_ADDR_LOOPBACK, 81 };

	sock_create(&fx.st, SOCK_TYPE_TCP, &a);
	assert_int_equal(sock_connect(a, &to), -EINPROGRESS);
	fx_run_ms(5);
	assert_int_equal(sock_connect(a, &to), -ECONNREFUSED);
	sock_close(a);
}

/* A program that connects to its own port: a simultaneous open with itself. */
static void connect_to_itself_does_not_run_away(void **state)
{
	struct sock *a = NULL;
	const struct sock_addr own = { IP_ADDR_LOOPBACK, 5555 };
	uint64_t before;

	sock_create(&fx.st, SOCK_TYPE_TCP, &a);
	assert_int_equal(sock_bind(a, &own), 0);
	before = fx.st.count[COUNT_TCP_TX];
	sock_connect(a, &own);
	fx_run_ms(5000);
	assert_true(fx.st.count[COUNT_TCP_TX] - before < 30);
	fx_abort(a);
	fx_run_ms(10);
}

static void every_size_comes_back_whole(void **state)
{
	static uint8_t data[1472], got[1500];
	struct sock *s = udp_at(0, 5000);
	const struct sock_addr to = { FX_IP, 5000 };

	random_bytes(&fx.rng, data, sizeof(data));
	for (size_t len = 0; len <= sizeof(data); len += 1 + len / 7) {
		assert_int_equal(sock_send(s, data, len, 0, &to), len);
		fx_run_ms(1);
		assert_int_equal(sock_recv(s, got, sizeof(got), 0, NULL), len);
		assert_memory_equal(got, data, len);
	}
	sock_close(s);
}

/* Nobody on the wire may speak for 127/8, whatever the card got. */
static void loopback_addresses_from_a_wire_are_refused(void **state)
{
	struct sock *s = udp_at(0, 5000);

	inject_udp((struct fx_udp){
	    .src = IP_ADDR_LOOPBACK, .src_port = 1, .dst_port = 5000 });
	assert_drop(IP_SOURCE, 1);
	inject_udp((struct fx_udp){
	    .dst = IP_ADDR_LOOPBACK, .src_port = 1, .dst_port = 5000 });
	assert_drop(IP_NOT_FOR_US, 1);
	assert_false(sock_events(s) & SOCK_READABLE);
	sock_close(s);
}

/* RFC 1122 3.2.1.3 (g): 127/8 MUST NOT appear outside a host. */
static void loopback_addresses_never_reach_a_wire(void **state)
{
	struct sock *u = NULL, *t = NULL;
	const struct sock_addr here = { IP_ADDR_LOOPBACK, 5000 };
	const struct sock_addr there = { FX_PEER, 9 };

	sock_create(&fx.st, SOCK_TYPE_UDP, &u);
	sock_create(&fx.st, SOCK_TYPE_TCP, &t);
	assert_int_equal(sock_bind(u, &here), 0);
	assert_int_equal(sock_bind(t, &here), 0);
	assert_true(sock_send(u, "x", 1, 0, &there) < 0);
	expect_nothing(0);
	sock_connect(t, &there);
	expect_nothing(5000);
	sock_close(u);
	fx_abort(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(datagrams_to_ourselves_come_back),
		fx_test(backlog_is_bounded),
		fx_test(closed_ports_are_told_to_ourselves),
		fx_test(tcp_to_ourselves_moves_data_both_ways),
		fx_test(connect_to_a_closed_port_of_ours_is_refused),
		fx_test(connect_to_itself_does_not_run_away),
		fx_test(every_size_comes_back_whole),
		fx_test(loopback_addresses_from_a_wire_are_refused),
		fx_test(loopback_addresses_never_reach_a_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
