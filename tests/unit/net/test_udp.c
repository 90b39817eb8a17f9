/* SPDX-License-Identifier: MIT */
/* UDP (RFC 768, RFC 1122 4.1) and its sockets. */
#include "tests/support/net_fixture.h"

#include "net/eth.h"

#define PORT 7777

static struct sock *bound(uint32_t ip, uint16_t port)
{
	struct sock *s = NULL;

	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_UDP, &s), 0);
	assert_int_equal(sock_bind(s, &(struct sock_addr){ ip, port }), 0);
	return s;
}

/* How many datagrams wait; takes them. */
static unsigned waiting(struct sock *s)
{
	uint8_t buf[2000];
	unsigned n = 0;

	while (sock_recv(s, buf, sizeof(buf), 0, NULL) >= 0)
		n++;
	return n;
}

/* To PORT, from port 555 when none is given. */
static void inject_to_port(struct fx_udp u)
{
	u.src_port = u.src_port ? u.src_port : 555;
	u.dst_port = PORT;
	inject_udp(u);
}

#define udp(...) inject_to_port((struct fx_udp){ __VA_ARGS__ })

/* --- Receiving ----------------------------------------------------------- */

static void receives_every_size(void **state)
{
	struct sock *s = bound(0, PORT);
	uint8_t data[1472], got[1500];
	struct sock_addr from;

	random_bytes(&fx.rng, data, sizeof(data));
	for (size_t len = 0; len <= sizeof(data); len += 1 + len / 9) {
		udp(.data = data, .len = len);
		assert_true(sock_events(s) & SOCK_READABLE);
		assert_int_equal(sock_recv(s, got, sizeof(got), 0, &from), len);
		assert_memory_equal(got, data, len);
		assert_int_equal(from.ip, FX_PEER);
		assert_int_equal(from.port, 555);
		assert_int_equal(
		    sock_recv(s, got, sizeof(got), 0, NULL), -EAGAIN);
	}
	sock_close(s);
}

static void drops_below_a_header(void **state)
{
	struct sock *s = bound(0, PORT);

	for (size_t len = 0; len < 8; len++)
		inject_ip((struct fx_ip){ .proto = IP_PROTO_UDP,
		    .payload = "\x01\x02\x1e\x61\x00\x08\x00\x00",
		    .len = len });
	assert_drop(UDP_SHORT, 8);
	expect_nothing(0);
	sock_close(s);
}

static void drops_lengths_that_lie(void **state)
{
	struct sock *s = bound(0, PORT);
	static const uint16_t lie[] = { 1, 7, 19, 20, 1000, 65535 };

	for (size_t i = 0; i < 6; i++)
		udp(.udp_len = lie[i], .no_checksum = true, .len = 10,
		    .data = "0123456789");
	/* 0 is no length either */
	inject_ip((struct fx_ip){ .proto = IP_PROTO_UDP,
	    .payload = "\x01\x02\x1e\x61\x00\x00\x00\x00",
	    .len = 8 });
	assert_drop(UDP_SHORT, 7);
	assert_int_equal(waiting(s), 0);
	sock_close(s);
}

/* The UDP length says where the data ends, not the datagram's. */
static void bytes_behind_the_length_are_cut(void **state)
{
	struct sock *s = bound(0, PORT);
	uint8_t got[100];

	udp(.data = "abc", .len = 3, .trailing = 9);
	assert_int_equal(sock_recv(s, got, sizeof(got), 0, NULL), 3);
	assert_memory_equal(got, "abc", 3);
	sock_close(s);
}

static void drops_wrong_checksum(void **state)
{
	struct sock *s = bound(0, PORT);

	udp(.data = "abc", .len = 3, .bad_checksum = true);
	udp(.bad_checksum = true);
	assert_drop(UDP_CHECKSUM, 2);
	assert_int_equal(waiting(s), 0);
	expect_nothing(0);
	sock_close(s);
}

/* RFC 768: zero means that the sender made none. */
static void takes_datagrams_without_checksum(void **state)
{
	struct sock *s = bound(0, PORT);

	udp(.data = "abc", .len = 3, .no_checksum = true);
	assert_int_equal(waiting(s), 1);
	sock_close(s);
}

/* Data for which the checksum comes out as zero is sent, and taken, as all
 * ones. */
static void zero_checksum_is_all_ones_on_the_wire(void **state)
{
	struct sock *s = bound(0, PORT);
	const struct sock_addr to = { FX_PEER, 555 };
	unsigned ones = 0;

	for (uint32_t i = 0; i < 65536; i++) {
		uint8_t data[2] = { (uint8_t)(i >> 8), (uint8_t)i };
		uint8_t h[10] = { PORT >> 8, PORT & 0xff, 555 >> 8, 555 & 0xff,
			0, 10, 0, 0, data[0], data[1] };
		struct fx_datagram d;

		if (fx_checksum(h, 10, fx_pseudo(FX_IP, FX_PEER, 17, 10)))
			continue;
		assert_int_equal(sock_send(s, data, 2, 0, &to), 2);
		d = expect_ip(IP_PROTO_UDP, 0);
		assert_memory_equal(d.payload + 6, "\xff\xff", 2);
		udp(.data = data, .len = 2);
		ones++;
	}
	assert_true(ones > 0);
	assert_int_equal(waiting(s), ones);
	assert_drop(UDP_CHECKSUM, 0);
	sock_close(s);
}

static void no_port_is_told(void **state)
{
	udp(.data = "abc", .len = 3);
	expect_icmp_error(ICMP_UNREACHABLE, ICMP_CODE_PORT);
	assert_drop(UDP_NO_PORT, 1);
}

static void queue_of_a_socket_is_bounded(void **state)
{
	struct sock *s = bound(0, PORT);

	for (unsigned i = 0; i < UDP_QUEUE_MAX + 5; i++)
		udp(.data = "abc", .len = 3);
	assert_drop(UDP_QUEUE_FULL, 5);
	assert_int_equal(fx.st.packets.in_use, UDP_QUEUE_MAX);
	assert_int_equal(waiting(s), UDP_QUEUE_MAX);
	udp(.data = "abc", .len = 3);
	sock_close(s); /* with one that waits */
	assert_int_equal(fx.st.packets.in_use, 0);
}

static void drops_without_packets(void **state)
{
	struct sock *s = bound(0, PORT);

	fx_hoard(&fx.st.packets);
	udp(.data = "abc", .len = 3);
	assert_drop(NO_BUFFER, 1);
	fx_hoard_give(&fx.st.packets, FX_ANY);
	sock_close(s);
}

/* Datagrams that nobody reads cannot take what we send with. */
static void unread_datagrams_leave_packets_for_sending(void **state)
{
	struct sock *s[3];
	uint8_t byte;

	for (unsigned i = 0; i < 3; i++) {
		s[i] = bound(0, (uint16_t)(PORT + i));
		for (unsigned k = 0; k < UDP_QUEUE_MAX; k++)
			inject_udp((struct fx_udp){ .src_port = 555,
			    .dst_port = (uint16_t)(PORT + i) });
	}
	assert_int_equal(
	    pool_available(&fx.st.packets), fx.st.packets.total / 4);
	assert_drop(NO_BUFFER, 3 * UDP_QUEUE_MAX - fx.st.packets.total / 4 * 3);
	inject_arp((struct fx_arp){
	    .op = 1, .sender_ip = FX_PEER, .target_ip = FX_IP });
	expect_arp(
	    (struct fx_arp){
	        .op = 2, .sender_ip = FX_IP, .target_ip = FX_PEER },
	    0);
	assert_int_equal(sock_recv(s[0], &byte, 1, 0, NULL), 0);
	udp(.len = 0); /* one read, one received */
	assert_int_equal(waiting(s[0]), UDP_QUEUE_MAX);
	for (unsigned i = 0; i < 3; i++)
		sock_close(s[i]);
}

static void broadcasts_are_received(void **state)
{
	struct sock *s = bound(0, PORT);

	udp(.dst = FX_BCAST, .eth_dst = eth_broadcast);
	udp(.dst = 0xffffffff, .eth_dst = eth_broadcast);
	assert_int_equal(waiting(s), 2);
	sock_close(s);
}

/* --- Which socket -------------------------------------------------------- */

static void best_match_gets_the_datagram(void **state)
{
	struct sock *any = NULL, *own = NULL, *peer = NULL;
	const struct sock_addr from = { FX_PEER, 555 };

	sock_create(&fx.st, SOCK_TYPE_UDP, &any);
	sock_create(&fx.st, SOCK_TYPE_UDP, &own);
	sock_create(&fx.st, SOCK_TYPE_UDP, &peer);
	sock_set_opt(any, SOCK_OPT_REUSEADDR, 1);
	sock_set_opt(own, SOCK_OPT_REUSEADDR, 1);
	sock_set_opt(peer, SOCK_OPT_REUSEADDR, 1);
	sock_bind(any, &(struct sock_addr){ 0, PORT });
	sock_bind(own, &(struct sock_addr){ FX_IP, PORT });
	sock_bind(peer, &(struct sock_addr){ 0, PORT });
	assert_int_equal(sock_connect(peer, &from), 0);
	udp(.len = 0);
	assert_int_equal(waiting(peer), 1);
	udp(.src_port = 556);
	assert_int_equal(waiting(own), 1);
	udp(.src = FX_GATEWAY);
	assert_int_equal(waiting(own), 1);
	udp(.dst = FX_BCAST, .eth_dst = eth_broadcast, .src_port = 9);
	assert_int_equal(waiting(any), 1);
	sock_close(own);
	udp(.src_port = 556);
	assert_int_equal(waiting(any), 1);
	assert_int_equal(waiting(peer), 0);
	sock_close(any);
	udp(.src_port = 556); /* not the connected one's business */
	expect_icmp_error(ICMP_UNREACHABLE, ICMP_CODE_PORT);
	sock_close(peer);
}

static void ports_are_taken_once(void **state)
{
	struct sock *a = bound(FX_IP, PORT), *b = NULL, *c = NULL;

	sock_create(&fx.st, SOCK_TYPE_UDP, &b);
	assert_int_equal(
	    sock_bind(b, &(struct sock_addr){ 0, PORT }), -EADDRINUSE);
	assert_int_equal(
	    sock_bind(b, &(struct sock_addr){ FX_IP, PORT }), -EADDRINUSE);
	assert_int_equal(
	    sock_bind(b, &(struct sock_addr){ FX_PEER, PORT }), -EADDRNOTAVAIL);
	/* another address of ours is another matter */
	assert_int_equal(
	    sock_bind(b, &(struct sock_addr){ IP_ADDR_LOOPBACK, PORT }), 0);
	assert_int_equal(
	    sock_bind(b, &(struct sock_addr){ 0, PORT + 1 }), -EINVAL);
	sock_close(a);
	c = bound(FX_IP, PORT);
	sock_close(b);
	sock_close(c);
}

/* --- Sending ------------------------------------------------------------- */

static void sends_from_the_bound_port(void **state)
{
	struct sock *s = bound(0, PORT);
	const struct sock_addr to = { FX_PEER, 555 };

	assert_int_equal(sock_send(s, "hello", 5, 0, &to), 5);
	expect_udp(
	    (struct fx_udp){
	        .src_port = PORT, .dst_port = 555, .data = "hello", .len = 5 },
	    0);
	assert_int_equal(sock_send(s, "", 0, 0, &to), 0);
	expect_udp((struct fx_udp){ .src_port = PORT, .dst_port = 555 }, 0);
	assert_count(UDP_TX, 2);
	sock_close(s);
}

static void unbound_sender_gets_an_ephemeral_port(void **state)
{
	struct sock *s = NULL;
	const struct sock_addr to = { FX_PEER, 555 };
	struct sock_addr from;

	sock_create(&fx.st, SOCK_TYPE_UDP, &s);
	assert_int_equal(sock_send(s, "x", 1, 0, NULL), -EDESTADDRREQ);
	assert_int_equal(sock_send(s, "x", 1, 0, &to), 1);
	sock_get_local(s, &from);
	assert_in_range(from.port, 32768, 65535);
	expect_udp(
	    (struct fx_udp){
	        .src_port = from.port, .dst_port = 555, .data = "x", .len = 1 },
	    0);
	sock_close(s);
}

static void largest_datagram_fits_the_link(void **state)
{
	struct sock *s = bound(0, PORT);
	const struct sock_addr to = { FX_PEER, 555 };
	static uint8_t data[1473];

	assert_int_equal(sock_send(s, data, 1472, 0, &to), 1472);
	expect_udp(
	    (struct fx_udp){ .dst_port = 555, .data = data, .len = 1472 }, 0);
	assert_int_equal(sock_send(s, data, 1473, 0, &to), -EMSGSIZE);
	expect_nothing(0);
	sock_close(s);
}

static void broadcasts_need_leave(void **state)
{
	struct sock *s = bound(0, PORT);
	const struct sock_addr to = { FX_BCAST, 555 };

	assert_int_equal(sock_send(s, "x", 1, 0, &to), -EACCES);
	sock_set_opt(s, SOCK_OPT_BROADCAST, 1);
	assert_int_equal(sock_send(s, "x", 1, 0, &to), 1);
	expect_udp((struct fx_udp){ .dst = FX_BCAST,
	               .eth_dst = eth_broadcast,
	               .dst_port = 555,
	               .data = "x",
	               .len = 1 },
	    0);
	sock_close(s);
}

/* RFC 1122 3.2.1.3: a broadcast address MUST NOT be a source. */
static void listener_of_broadcasts_sends_from_our_address(void **state)
{
	struct sock *s = bound(FX_BCAST, PORT);
	const struct sock_addr to = { FX_PEER, 555 };

	udp(.dst = FX_BCAST, .eth_dst = eth_broadcast);
	assert_int_equal(waiting(s), 1);
	assert_int_equal(sock_send(s, "x", 1, 0, &to), 1);
	expect_udp((struct fx_udp){ .src = FX_IP,
	               .src_port = PORT,
	               .dst_port = 555,
	               .data = "x",
	               .len = 1 },
	    0);
	sock_close(s);
}

static void errors_of_sending(void **state)
{
	struct sock *s = bound(0, PORT);
	const struct sock_addr to = { FX_PEER, 555 }, far = { FX_FAR, 1 };
	const struct ip_config alone = { .addr = FX_IP, .mask = 0xffffff00 };

	ip_set_config(&fx.dev, &alone);
	assert_int_equal(sock_send(s, "x", 1, 0, &far), -ENETUNREACH);
	assert_int_equal(sock_connect(s, &far), -ENETUNREACH);
	fx_hoard(&fx.st.packets);
	assert_true(sock_send(s, "x", 1, 0, &to) < 0);
	fx_hoard_give(&fx.st.packets, FX_ANY);
	assert_int_equal(
	    sock_connect(s, &(struct sock_addr){ FX_PEER, 0 }), -EINVAL);
	assert_int_equal(sock_listen(s, 1), -EOPNOTSUPP);
	assert_int_equal(sock_accept(s, NULL, NULL), -EOPNOTSUPP);
	assert_int_equal(sock_send_ref(s, "x", 1, 0), -EOPNOTSUPP);
	assert_int_equal(sock_shutdown(s, SOCK_SHUT_WR), -ENOTCONN);
	sock_close(s);
}

static void connected_sockets_have_a_default_peer(void **state)
{
	struct sock *s = bound(0, PORT);
	const struct sock_addr to = { FX_PEER, 555 };
	struct sock_addr got;

	assert_int_equal(sock_get_peer(s, &got), -ENOTCONN);
	assert_int_equal(sock_connect(s, &to), 0);
	assert_int_equal(sock_get_peer(s, &got), 0);
	assert_int_equal(got.port, 555);
	assert_int_equal(sock_send(s, "x", 1, 0, NULL), 1);
	expect_udp(
	    (struct fx_udp){ .dst_port = 555, .data = "x", .len = 1 }, 0);
	sock_close(s);
}

static void shutdown_ends_a_direction(void **state)
{
	struct sock *s = bound(0, PORT);
	const struct sock_addr to = { FX_PEER, 555 };
	uint8_t byte;

	sock_connect(s, &to);
	assert_int_equal(sock_shutdown(s, SOCK_SHUT_WR), 0);
	assert_int_equal(sock_send(s, "x", 1, 0, NULL), -EPIPE);
	udp(.data = "y", .len = 1);
	assert_int_equal(waiting(s), 1);
	assert_int_equal(sock_shutdown(s, SOCK_SHUT_RD), 0);
	assert_int_equal(sock_recv(s, &byte, 1, 0, NULL), 0);
	udp(.data = "y", .len = 1);
	assert_drop(UDP_QUEUE_FULL, 1);
	assert_true(sock_events(s) & SOCK_HANGUP);
	sock_close(s);
}

static void peek_leaves_the_datagram(void **state)
{
	struct sock *s = bound(0, PORT);
	uint8_t got[10];

	udp(.data = "abcdef", .len = 6);
	assert_int_equal(sock_recv(s, got, 3, SOCK_PEEK, NULL), 3);
	assert_int_equal(sock_recv(s, got, 4, 0, NULL), 4); /* the rest goes */
	assert_memory_equal(got, "abcd", 4);
	assert_int_equal(sock_recv(s, got, 4, 0, NULL), -EAGAIN);
	sock_close(s);
}

/* RFC 6056 3.3.1: ports are hard to guess and never handed out twice. */
static void ephemeral_ports_differ_and_jump(void **state)
{
	struct sock *s[24];
	uint16_t port[24];
	unsigned neighbours = 0;

	for (unsigned i = 0; i < 24; i++) {
		struct sock_addr a;

		s[i] = bound(0, 0);
		sock_get_local(s[i], &a);
		port[i] = a.port;
		assert_in_range(a.port, 32768, 65535);
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(port[k], port[i]);
		neighbours += i && port[i] == port[i - 1] + 1;
	}
	assert_true(neighbours < 3);
	for (unsigned i = 0; i < 24; i++)
		sock_close(s[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(receives_every_size),
		fx_test(drops_below_a_header),
		fx_test(drops_lengths_that_lie),
		fx_test(bytes_behind_the_length_are_cut),
		fx_test(drops_wrong_checksum),
		fx_test(takes_datagrams_without_checksum),
		fx_test(zero_checksum_is_all_ones_on_the_wire),
		fx_test(no_port_is_told),
		fx_test(queue_of_a_socket_is_bounded),
		fx_test(drops_without_packets),
		fx_test(unread_datagrams_leave_packets_for_sending),
		fx_test(broadcasts_are_received),
		fx_test(best_match_gets_the_datagram),
		fx_test(ports_are_taken_once),
		fx_test(sends_from_the_bound_port),
		fx_test(unbound_sender_gets_an_ephemeral_port),
		fx_test(largest_datagram_fits_the_link),
		fx_test(broadcasts_need_leave),
		fx_test(listener_of_broadcasts_sends_from_our_address),
		fx_test(errors_of_sending),
		fx_test(connected_sockets_have_a_default_peer),
		fx_test(shutdown_ends_a_direction),
		fx_test(peek_leaves_the_datagram),
		fx_test(ephemeral_ports_differ_and_jump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
