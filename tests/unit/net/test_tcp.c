/* SPDX-License-Identifier: MIT */
/*
 * From a segment to its connection, and what a connection comes from and goes
 * to: parsing (RFC 9293 3.1, 3.2), tables, initial sequence numbers (RFC 6528),
 * TIME-WAIT (3.6.1, RFC 1337).
 */
#include "tests/support/net_fixture.h"

#include "lib/fmt.h"
#include "net/eth.h"
#include "net/sock_internal.h"
#include "net/tcp_internal.h"

#define WIDE 65535

/* --- Parsing ------------------------------------------------------------- */

static void drops_below_a_header(void **state)
{
	uint8_t zero[20] = { 0 };

	for (size_t len = 0; len < 20; len++)
		inject_ip((struct fx_ip){
		    .proto = IP_PROTO_TCP, .payload = zero, .len = len });
	assert_drop(TCP_SHORT, 20);
	expect_nothing(0);
}

static void drops_header_lengths_out_of_range(void **state)
{
	for (uint8_t words = 1; words < 5; words++)
		in(.flags = S, .offset = words);
	in(.flags = S, .offset = 6);
	in(.flags = S, .offset = 15, .len = 39);
	assert_drop(TCP_SHORT, 6);
	expect_nothing(0);
}

/* MUST-3 */
static void drops_wrong_checksum(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	in(.flags = S, .bad_checksum = true);
	in(.flags = A, .seq = 1, .ack = 1, .len = 11, .bad_checksum = true);
	in(.flags = R, .seq = 1, .bad_checksum = true);
	assert_drop(TCP_CHECKSUM, 3);
	expect_nothing(1000);
	fx_abort(s);
}

/* The pseudo header counts: the same bytes to or from another address. */
static void checksum_covers_the_addresses(void **state)
{
	uint8_t h[20] = { 0x9c, 0x40, 0, 80 };
	uint16_t sum;

	h[12] = 0x50;
	h[13] = S;
	sum = fx_checksum(h, 20, fx_pseudo(FX_PEER, FX_IP, 6, 20));
	h[16] = (uint8_t)(sum >> 8);
	h[17] = (uint8_t)sum;
	inject_ip((struct fx_ip){ .proto = 6, .payload = h, .len = 20 });
	assert_drop(TCP_CHECKSUM, 0);
	inject_ip((struct fx_ip){
	    .proto = 6, .src = FX_GATEWAY, .payload = h, .len = 20 });
	assert_drop(TCP_CHECKSUM, 1);
	fx_forget_frames();
}

/* MUST-57, MUST-63 */
static void drops_segments_to_broadcast(void **state)
{
	struct sock *l = fx_listen(80, 4);

	in(.flags = S, .dst_ip = FX_BCAST, .eth_dst = eth_broadcast);
	in(.flags = S, .dst_ip = 0xffffffff, .eth_dst = eth_broadcast);
	in(.flags = S, .dst_ip = FX_BCAST);
	assert_drop(TCP_BROADCAST, 3);
	in(.flags = S, .eth_dst = eth_broadcast); /* IP drops this one */
	expect_nothing(1000);
	assert_int_equal(l->syn_len, 0);
	sock_close(l);
}

static void drops_port_zero(void **state)
{
	const uint8_t h[20] = { 0, 0, 0, 80, [12] = 0x50, [13] = S };
	uint8_t seg[20];

	for (unsigned i = 0; i < 2; i++) {
		uint16_t sum;

		memcpy(seg, h, 20);
		if (i) {
			seg[1] = 80;
			seg[3] = 0;
		}
		sum = fx_checksum(seg, 20, fx_pseudo(FX_PEER, FX_IP, 6, 20));
		seg[16] = (uint8_t)(sum >> 8);
		seg[17] = (uint8_t)sum;
		inject_ip(
		    (struct fx_ip){ .proto = 6, .payload = seg, .len = 20 });
	}
	assert_drop(TCP_PORT_ZERO, 2);
	expect_nothing(0);
}

/* MUST-5, MUST-6, MUST-7, MUST-64: options in any segment, unknown ones, wrong
 * lengths, odd places. */
struct options {
	const char *bytes;
	uint8_t len;
	uint16_t mss; /* that they mean */
};

static const struct options option_case[] = {
	{ "\x02\x04\x03\xe8", 4, 1000 },
	{ "\x01\x02\x04\x03\xe8\x00\x00\x00", 8, 1000 },
	{ "\x01\x01\x01\x02\x04\x03\xe8\x00", 8, 1000 },
	{ "\x08\x0a\0\0\0\0\0\0\0\0\x02\x04\x03\xe8\x00\x00", 16, 1000 },
	{ "\xfd\x05\x01\x02\x03\x02\x04\x03\xe8\x00\x00\x00", 12, 1000 },
	{ "\x03\x03\x07\x02\x04\x03\xe8\x00", 8, 1000 },
	{ "\x00\x02\x04\x03\xe8\x00\x00\x00", 8, 536 }, /* behind the end */
	{ "\x02\x03\x03\xe8", 4, 536 },                 /* wrong length */
	{ "\x02\x00\x03\xe8", 4, 536 },
	{ "\x02\x01\x03\xe8", 4, 536 },
	{ "\x02\x05\x03\xe8", 4, 536 }, /* beyond the header */
	{ "\x02\xff\x03\xe8", 4, 536 },
	{ "\x01\x01\x01\x02", 4, 536 }, /* cut off */
	{ "\x01\x01\x02\x04", 4, 536 },
	{ "\x01\x02\x04\x03", 4, 536 },
	{ "\x63\x00\x00\x00\x02\x04\x03\xe8", 8, 536 }, /* endless loop? */
	{ "\x63\x01\x00\x00\x02\x04\x03\xe8", 8, 536 },
	{ "\x02\x04\x00\x00", 4, 536 }, /* an MSS of zero is none */
	{ "\x01\x01\x01\x01", 4, 536 },
};

static void options_of_every_shape(void **state)
{
	for (size_t i = 0; i < sizeof(option_case) / sizeof(option_case[0]);
	     i++) {
		const struct options *o = &option_case[i];
		struct sock *l = fx_listen(80, 4), *s = NULL;

		in(.flags = S, .opts = (const uint8_t *)o->bytes,
		    .opts_len = o->len);
		out(.flags = SA, .ack = 1);
		in(.flags = A, .seq = 1, .ack = 1,
		    .opts = (const uint8_t *)o->bytes, .opts_len = o->len,
		    .len = 3);
		assert_int_equal(sock_accept(l, &s, NULL), 0);
		if (fx_tcp()->mss + 12u * fx_tcp()->ts_ok != o->mss)
			fail_msg("options %zu: mss %u", i, fx_tcp()->mss);
		assert_int_equal(fx_read(s, 100), 3);
		sock_close(l);
		fx_abort(s);
		fx_next_conn();
	}
}

static void forty_bytes_of_options_are_read(void **state)
{
	uint8_t o[40];
	struct sock *l = fx_listen(80, 4);

	memset(o, 1, sizeof(o));
	memcpy(o + 36, "\x02\x04\x03\xe8", 4);
	in(.flags = S, .opts = o, .opts_len = 40);
	assert_int_equal(fx_tcp()->mss, 1000);
	fx_forget_frames();
	sock_close(l);
	fx_forget_frames();
}

static void mss_counts_only_in_a_syn(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	in(.flags = A, .seq = 1, .ack = 1, .mss = 100);
	assert_int_equal(fx_tcp()->mss, 1000);
	fx_abort(s);
}

static void reserved_bits_are_ignored(void **state)
{
	struct sock *l = fx_listen(80, 4);

	fx.st.tcp.ecn = TCP_ECN_OFF;
	in(.flags = S | 0xc0); /* ECE, CWR */
	out(.flags = SA, .ack = 1);
	sock_close(l);
	fx_forget_frames();
}

/* --- Tables -------------------------------------------------------------- */

/* Connections that differ in one number are different ones. */
static void every_part_of_the_four_tuple_counts(void **state)
{
	struct sock *l = fx_listen(80, 8), *l2 = fx_listen(81, 8);

	in(.flags = S);
	in(.flags = S, .src_port = 40001);
	in(.flags = S, .dst_port = 81);
	in(.flags = S, .src_ip = FX_GATEWAY);
	assert_int_equal(fx.st.conns.in_use, 4);
	assert_int_equal(l->syn_len, 3);
	assert_int_equal(l2->syn_len, 1);
	fx_forget_frames();
	in(.flags = R, .seq = 1, .src_port = 40001);
	assert_int_equal(fx.st.conns.in_use, 3);
	sock_close(l);
	assert_int_equal(fx.st.conns.in_use, 1);
	sock_close(l2);
	fx_forget_frames();
}

/* MUST-42 and MUST-43: a listener for the address comes before one for any. */
static void exact_listener_comes_first(void **state)
{
	struct sock *any = NULL, *own = NULL;

	sock_create(&fx.st, SOCK_TYPE_TCP, &any);
	sock_create(&fx.st, SOCK_TYPE_TCP, &own);
	sock_set_opt(any, SOCK_OPT_REUSEADDR, 1);
	sock_set_opt(own, SOCK_OPT_REUSEADDR, 1);
	assert_int_equal(sock_bind(any, &(struct sock_addr){ 0, 80 }), 0);
	assert_int_equal(sock_bind(own, &(struct sock_addr){ FX_IP, 80 }), 0);
	assert_int_equal(sock_listen(any, 4), 0);
	assert_int_equal(sock_listen(own, 4), 0);
	in(.flags = S);
	assert_int_equal(own->syn_len, 1);
	sock_close(own);
	in(.flags = S, .src_port = 7);
	assert_int_equal(any->syn_len, 1);
	sock_close(any);
	fx_forget_frames();
}

static void listening_is_known_by_port(void **state)
{
	struct sock *l = fx_listen(80, 4);

	assert_true(tcp_is_listening(&fx.st, 80));
	assert_false(tcp_is_listening(&fx.st, 81));
	assert_false(tcp_is_listening(&fx.st, 80 + TCP_LISTEN_BUCKETS));
	sock_close(l);
	assert_false(tcp_is_listening(&fx.st, 80));
}

static void states_are_printed(void **state)
{
	static char buf[2000];
	struct text t = { .buf = buf, .size = sizeof(buf) };
	struct sock *s = fx_accepted(1000, WIDE);

	tcp_print(&fx.st, &t);
	assert_non_null(strstr(buf, "tcp.state.established 1\n"));
	assert_non_null(strstr(buf, "tcp.state.time_wait 0\n"));
	fx_abort(s);
}

/* --- Initial sequence numbers (RFC 6528) ---------------------------------- */

static uint32_t isn_for(uint16_t peer_port)
{
	const struct tcp_tuple t = { { FX_IP, 80 }, { FX_PEER, peer_port } };

	return tcp_choose_isn(&fx.st, &t);
}

/* MUST-8: M ticks every 4 microseconds. */
static void isn_of_a_connection_follows_the_clock(void **state)
{
	uint32_t first = isn_for(1000);

	fx_skip_ms(1000);
	assert_int_equal(isn_for(1000) - first, 250000);
	fx_skip_ms(3600 * 1000);
	assert_int_equal(isn_for(1000) - first, (uint32_t)(3601ull * 250000));
}

/* SHLD-1: F() makes others' numbers say nothing. */
static void isns_of_different_connections_have_nothing_in_common(void **state)
{
	uint32_t isn[100];
	unsigned near = 0;

	for (unsigned i = 0; i < 100; i++)
		isn[i] = isn_for((uint16_t)(1000 + i));
	for (unsigned i = 1; i < 100; i++)
		near += isn[i] - isn[i - 1] < 1 << 24 ||
		        isn[i - 1] - isn[i] < 1 << 24;
	assert_true(near < 10);
}

/* MUST-9: the secret differs from one stack to the next. */
static void isn_depends_on_a_secret(void **state)
{
	uint32_t before = isn_for(1000);
	struct hash_key old = fx.st.key;

	fx.st.key.k0 ^= 1;
	assert_int_not_equal(isn_for(1000), before);
	fx.st.key = old;
}

/* --- TIME-WAIT ----------------------------------------------------------- */

/* We close first, actively; the connection's numbers stay in fx.c. */
static void into_time_wait(void)
{
	struct sock *s = fx_accepted(1000, WIDE);

	sock_close(s);
	out(.flags = FA, .seq = 1, .ack = 1);
	in(.flags = FA, .seq = 1, .ack = 2);
	out(.flags = A, .seq = 2, .ack = 2);
	assert_state(TIME_WAIT);
	assert_int_equal(fx.st.conns.in_use, 0);
}

/* MUST-13 */
static void time_wait_lasts_two_msl(void **state)
{
	into_time_wait();
	fx_run_ms(59900);
	assert_state(TIME_WAIT);
	fx_run_ms(200);
	assert_state(CLOSED);
	assert_int_equal(fx.st.time_waits.in_use, 0);
	fx.st.tcp.msl_ns = 5 * NS_PER_S; /* tcp.msl */
	into_time_wait();
	fx_run_ms(10100);
	assert_state(CLOSED);
}

static void fin_again_restarts_time_wait(void **state)
{
	into_time_wait();
	fx_run_ms(50000);
	in(.flags = FA, .seq = 1, .ack = 2);
	out(.flags = A, .seq = 2, .ack = 2);
	fx_run_ms(50000);
	assert_state(TIME_WAIT);
	fx_run_ms(10100);
	assert_state(CLOSED);
}

/* RFC 1337: assassination fails. */
static void reset_does_not_end_time_wait(void **state)
{
	into_time_wait();
	in(.flags = R, .seq = 2);
	in(.flags = RA, .seq = 2, .ack = 2);
	in(.flags = R, .seq = 3);
	expect_nothing(1000);
	assert_state(TIME_WAIT);
	assert_drop(TCP_FLAGS, 3);
}

static void old_segments_in_time_wait_are_acknowledged(void **state)
{
	into_time_wait();
	in(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	out(.flags = A, .seq = 2, .ack = 2);
	in(.flags = A, .seq = 500, .ack = 2);
	out(.flags = A, .seq = 2, .ack = 2);
	in(.flags = SA, .seq = 0, .ack = 1);
	out(.flags = A, .seq = 2, .ack = 2);
	/* the last ACK once more needs no answer */
	in(.flags = A, .seq = 2, .ack = 2);
	expect_nothing(0);
	assert_state(TIME_WAIT);
}

static void acknowledgments_in_time_wait_are_limited(void **state)
{
	into_time_wait();
	for (unsigned i = 0; i < 200; i++)
		in(.flags = PA, .seq = 1, .ack = 1, .len = 1);
	assert_int_equal(fx.count, 100);
	fx_forget_frames();
}

/* MAY-2: a SYN beyond the old connection opens a new one, whose ISN is larger
 * than any number of the old. */
static void syn_reopens_from_time_wait(void **state)
{
	struct sock *l, *s = NULL;
	uint32_t old_isn;

	into_time_wait();
	l = fx_listen(80, 4);
	old_isn = fx.c.isn;
	fx.c.peer_isn += 100000;
	in(.flags = S, .mss = 1000);
	out(.flags = SA, .ack = 1);
	assert_true(seq_lt(old_isn + 1, fx.c.isn));
	in(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	assert_int_equal(fx.st.time_waits.in_use, 0);
	fx_abort(s);
	sock_close(l);
}

/* A listener for a peer in TIME-WAIT, whose next SYN may reopen; as the clock
 * stands still all our connections would begin with the same number. */
static struct sock *reopening_with_one_isn(void)
{
	static const uint32_t isn = 5000;

	fx.st.tcp.test_isn = &isn;
	into_time_wait();
	fx.c.peer_isn += 100000;
	return fx_listen(80, 4);
}

static void reopening_never_reuses_sequence_numbers(void **state)
{
	struct sock *l = reopening_with_one_isn();

	in(.flags = S);
	out(.flags = SA, .ack = 1);
	assert_true(seq_lt(5000 + 1, fx.c.isn));
	sock_close(l);
	fx_forget_frames();
	fx.st.tcp.test_isn = NULL;
}

/* Nor when the first SYN found no place. */
static void syn_that_found_no_place_leaves_time_wait(void **state)
{
	struct sock *l = reopening_with_one_isn();

	fx_hoard(&fx.st.conns);
	in(.flags = S);
	assert_drop(TCP_NO_MEMORY, 1);
	assert_state(TIME_WAIT);
	fx_hoard_give(&fx.st.conns, UINT32_MAX);
	in(.flags = S);
	out(.flags = SA, .ack = 1);
	assert_true(seq_lt(5000 + 1, fx.c.isn));
	sock_close(l);
	fx_forget_frames();
	fx.st.tcp.test_isn = NULL;
}

static void old_syn_does_not_reopen(void **state)
{
	struct sock *l;

	into_time_wait();
	l = fx_listen(80, 4);
	in(.flags = S, .seq = 0);
	out(.flags = A, .seq = 2, .ack = 2);
	in(.flags = S, .seq = 0x80000005);
	out(.flags = A, .seq = 2, .ack = 2);
	assert_state(TIME_WAIT);
	assert_int_equal(l->syn_len, 0);
	sock_close(l);
}

static void syn_without_listener_does_not_reopen(void **state)
{
	into_time_wait();
	in(.flags = S, .seq = 100000);
	out(.flags = A, .seq = 2, .ack = 2);
	assert_state(TIME_WAIT);
}

/* Deviation: the oldest gives way when the pool is empty (docs/RFC.md). */
static void full_time_wait_pool_recycles_the_oldest(void **state)
{
	const uint16_t first = fx.c.peer_port;

	for (unsigned i = 0; i < 9; i++) {
		into_time_wait();
		fx_run_ms(100);
		fx_next_conn();
	}
	assert_int_equal(fx.st.time_waits.in_use, 8);
	assert_count(TCP_TW_RECYCLED, 1);
	fx.c.peer_port = first;
	assert_state(CLOSED);
	fx.c.peer_port = (uint16_t)(first + 1);
	assert_state(TIME_WAIT);
}

static void time_waits_end_in_their_order(void **state)
{
	const uint16_t first = fx.c.peer_port;

	for (unsigned i = 0; i < 5; i++) {
		into_time_wait();
		fx_run_ms(5000);
		fx_next_conn();
	}
	fx_run_ms(60000 - 25000 + 100);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(fx.st.time_waits.in_use, 5 - i - 1);
		fx.c.peer_port = (uint16_t)(first + i);
		assert_state(CLOSED);
		fx_run_ms(5000);
	}
}

/* A user who still holds the socket reads what came before the end. */
static void received_text_outlives_the_connection(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	sock_shutdown(s, SOCK_SHUT_WR);
	out(.flags = FA, .seq = 1, .ack = 1);
	in(.flags = FPA, .seq = 1, .ack = 2, .len = 500);
	out(.flags = A, .seq = 2, .ack = 502);
	assert_state(TIME_WAIT);
	fx_run_ms(61000);
	assert_state(CLOSED);
	assert_int_equal(fx_read(s, 1000), 500);
	assert_int_equal(fx_recv_state(s), 0);
	sock_close(s);
}

/* A port in TIME-WAIT is not taken for a new connection to the same peer. */
static void connect_avoids_time_wait(void **state)
{
	struct sock *s = NULL;
	const struct sock_addr to = { FX_PEER, 40000 };

	into_time_wait();
	sock_create(&fx.st, SOCK_TYPE_TCP, &s);
	assert_int_equal(sock_bind(s, &(struct sock_addr){ 0, 80 }), 0);
	assert_int_equal(sock_connect(s, &to), -EADDRNOTAVAIL);
	sock_close(s);
}

/* --- Exhaustion and attack ----------------------------------------------- */

static void no_connection_block_drops_the_syn(void **state)
{
	struct sock *l = fx_listen(80, 100);

	fx_hoard(&fx.st.conns);
	in(.flags = S);
	assert_drop(TCP_NO_MEMORY, 1);
	expect_nothing(1000);
	fx_hoard_give(&fx.st.conns, FX_ANY);
	in(.flags = S);
	out(.flags = SA, .ack = 1);
	sock_close(l);
	fx_forget_frames();
}

static void no_socket_leaves_the_connection_in_the_queue(void **state)
{
	struct sock *l = fx_listen(80, 2), *s = NULL;

	in(.flags = S);
	out(.flags = SA, .ack = 1);
	in(.flags = A, .seq = 1, .ack = 1);
	fx_hoard(&fx.st.socks);
	assert_int_equal(sock_accept(l, &s, NULL), -ENOBUFS);
	fx_hoard_give(&fx.st.socks, FX_ANY);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	fx_abort(s);
	sock_close(l);
}

/* Thousands of short connections leave everything as it was. */
static void churn_leaves_no_trace(void **state)
{
	struct sock *l = fx_listen(80, 4);

	for (unsigned i = 0; i < 3000; i++) {
		struct sock *s = NULL;

		in(.flags = S);
		out(.flags = SA, .ack = 1);
		in(.flags = PA, .seq = 1, .ack = 1, .len = 64);
		assert_int_equal(sock_accept(l, &s, NULL), 0);
		assert_int_equal(fx_read(s, 100), 64);
		fx_send(s, 64);
		sock_close(s);
		fx_forget_frames();
		in(.flags = FA, .seq = 65, .ack = 66);
		assert_int_equal(fx.st.conns.in_use, 0);
		fx_next_conn();
	}
	sock_close(l);
	assert_int_equal(fx.st.chunks.in_use, 0);
	assert_int_equal(fx.st.packets.in_use, 0);
	assert_int_equal(fx.st.socks.in_use, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(drops_below_a_header),
		fx_test(drops_header_lengths_out_of_range),
		fx_test(drops_wrong_checksum),
		fx_test(checksum_covers_the_addresses),
		fx_test(drops_segments_to_broadcast),
		fx_test(drops_port_zero),
		fx_test(options_of_every_shape),
		fx_test(forty_bytes_of_options_are_read),
		fx_test(mss_counts_only_in_a_syn),
		fx_test(reserved_bits_are_ignored),
		fx_test(every_part_of_the_four_tuple_counts),
		fx_test(exact_listener_comes_first),
		fx_test(listening_is_known_by_port),
		fx_test(states_are_printed),
		fx_test(isn_of_a_connection_follows_the_clock),
		fx_test(isns_of_different_connections_have_nothing_in_common),
		fx_test(isn_depends_on_a_secret),
		fx_test(time_wait_lasts_two_msl),
		fx_test(fin_again_restarts_time_wait),
		fx_test(reset_does_not_end_time_wait),
		fx_test(old_segments_in_time_wait_are_acknowledged),
		fx_test(acknowledgments_in_time_wait_are_limited),
		fx_test(syn_reopens_from_time_wait),
		fx_test(reopening_never_reuses_sequence_numbers),
		fx_test(syn_that_found_no_place_leaves_time_wait),
		fx_test(old_syn_does_not_reopen),
		fx_test(syn_without_listener_does_not_reopen),
		fx_test(full_time_wait_pool_recycles_the_oldest),
		fx_test(time_waits_end_in_their_order),
		fx_test(received_text_outlives_the_connection),
		fx_test(connect_avoids_time_wait),
		fx_test(no_connection_block_drops_the_syn),
		fx_test(no_socket_leaves_the_connection_in_the_queue),
		fx_test(churn_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
