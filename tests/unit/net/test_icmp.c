/* SPDX-License-Identifier: MIT */
/* ICMP: echo, errors sent and received (RFC 792, RFC 1122 3.2.2). */
#include "tests/support/net_fixture.h"

#include "net/eth.h"
#include "net/sock_internal.h"
#include "net/tcp_internal.h"

struct icmp {
	uint8_t type, code;
	uint32_t rest;
	const void *data;
	size_t len;
	bool bad_checksum;
	uint32_t src, dst;
	const uint8_t *eth_dst;
};

static void inject_icmp(struct icmp m)
{
	uint8_t bytes[1500] = { m.type, m.code };
	struct icmp_hdr *h = (struct icmp_hdr *)bytes;
	uint16_t sum;

	h->rest = be32_make(m.rest);
	if (m.len)
		memcpy(h + 1, m.data, m.len);
	sum = fx_checksum(bytes, sizeof(*h) + m.len, 0);
	h->checksum = be16_make((uint16_t)(sum ^ (m.bad_checksum ? 4 : 0)));
	inject_ip((struct fx_ip){ .proto = IP_PROTO_ICMP,
	    .src = m.src,
	    .dst = m.dst,
	    .eth_dst = m.eth_dst,
	    .payload = bytes,
	    .len = sizeof(*h) + m.len });
}

#define icmp(...) inject_icmp((struct icmp){ __VA_ARGS__ })

/* --- Echo ---------------------------------------------------------------- */

/* RFC 1122 3.2.2.6: data, identifier and sequence number unchanged; the source
 * of the reply is the destination of the request. */
static void echoes_every_size(void **state)
{
	uint8_t data[1472];

	random_bytes(&fx.rng, data, sizeof(data));
	for (size_t len = 0; len <= sizeof(data); len++) {
		struct fx_datagram d;

		icmp(.type = 8, .rest = 0xbeef0000 + (uint32_t)len,
		    .data = data, .len = len);
		d = expect_ip(IP_PROTO_ICMP, 0);
		assert_int_equal(d.src, FX_IP);
		assert_int_equal(d.dst, FX_PEER);
		assert_int_equal(d.len, 8 + len);
		assert_int_equal(d.payload[0], ICMP_ECHO_REPLY);
		assert_int_equal(d.payload[1], 0);
		assert_int_equal(fx_checksum(d.payload, d.len, 0), 0);
		assert_int_equal(d.payload[4], 0xbe);
		assert_int_equal(d.payload[7], len & 0xff);
		assert_memory_equal(d.payload + 8, data, len);
	}
	assert_count(ICMP_ECHO, 1473);
	assert_count(RX_DELIVERED, 1473);
}

/* A checksum of zero, and what folds to it, is as good as any. */
static void echoes_whatever_the_checksum_is(void **state)
{
	for (uint32_t i = 0; i < 65536; i += 51) {
		uint8_t data[2] = { (uint8_t)(i >> 8), (uint8_t)i };
		struct fx_datagram d;

		icmp(.type = 8, .data = data, .len = 2);
		d = expect_ip(IP_PROTO_ICMP, 0);
		assert_int_equal(fx_checksum(d.payload, d.len, 0), 0);
	}
}

static void padding_of_the_frame_is_not_echoed(void **state)
{
	struct icmp_hdr h = { .type = ICMP_ECHO };
	struct fx_datagram d;

	h.checksum = be16_make(fx_checksum(&h, sizeof(h), 0));
	inject_ip((struct fx_ip){ .proto = IP_PROTO_ICMP,
	    .payload = &h,
	    .len = sizeof(h),
	    .padding = 18 });
	d = expect_ip(IP_PROTO_ICMP, 0);
	assert_int_equal(d.len, sizeof(h));
}

static void drops_short_messages(void **state)
{
	for (size_t len = 0; len < 8; len++)
		inject_ip((struct fx_ip){ .proto = IP_PROTO_ICMP,
		    .payload = "\x08\x00\xf7\xff\x00\x00\x00\x00",
		    .len = len });
	assert_drop(ICMP_SHORT, 8);
	expect_nothing(0);
}

static void drops_wrong_checksum(void **state)
{
	icmp(.type = 8, .bad_checksum = true);
	icmp(.type = 3, .bad_checksum = true, .data = "12345678", .len = 8);
	assert_drop(ICMP_CHECKSUM, 2);
	expect_nothing(0);
}

/* RFC 1122 3.2.2: unknown types MUST be silently discarded. */
static void drops_other_types(void **state)
{
	static const uint8_t type[] = { 0, 1, 2, 4, 5, 6, 7, 9, 10, 13, 14, 15,
		16, 17, 18, 30, 40, 255 };

	for (size_t i = 0; i < sizeof(type); i++)
		icmp(.type = type[i], .data = "0123456789abcdef0123456789ab",
		    .len = 28);
	assert_drop(ICMP_TYPE, sizeof(type));
	expect_nothing(0);
}

static void drops_echo_to_broadcast(void **state)
{
	icmp(.type = 8, .dst = FX_BCAST, .eth_dst = eth_broadcast);
	icmp(.type = 8, .dst = 0xffffffff, .eth_dst = eth_broadcast);
	assert_drop(ICMP_BROADCAST, 2);
	expect_nothing(0);
}

static void drops_echo_without_packets(void **state)
{
	fx_hoard(&fx.st.packets);
	icmp(.type = 8);
	assert_drop(NO_BUFFER, 1);
	fx_hoard_give(&fx.st.packets, FX_ANY);
	icmp(.type = 8);
	expect_ip(IP_PROTO_ICMP, 0);
}

/* --- Errors sent --------------------------------------------------------- */

static void closed_port(uint32_t src, const uint8_t *eth_dst, uint32_t dst)
{
	inject_udp((struct fx_udp){ .src = src,
	    .dst = dst,
	    .eth_dst = eth_dst,
	    .src_port = 1,
	    .dst_port = 9999,
	    .data = "0123456789abcdefgh",
	    .len = 18 });
}

/* RFC 792: the header and the first 64 bits of the datagram's data. */
static void error_quotes_what_was_wrong(void **state)
{
	struct fx_datagram d;

	closed_port(0, NULL, 0);
	d = expect_ip(IP_PROTO_ICMP, 0);
	assert_int_equal(d.src, FX_IP);
	assert_int_equal(d.dst, FX_PEER);
	assert_int_equal(fx_checksum(d.payload, d.len, 0), 0);
	assert_memory_equal(d.payload, "\x03\x03", 2);
	assert_memory_equal(d.payload + 4, "\0\0\0\0", 4);
	assert_true(d.len >= 8 + 20 + 8);
	assert_true(d.len <= 576 - 20);
	assert_int_equal(d.payload[8], 0x45);
	assert_int_equal(d.payload[8 + 3], 20 + 8 + 18); /* total length */
	assert_memory_equal(d.payload + 8 + 20, "\x00\x01\x27\x0f", 4);
	assert_count(ICMP_ERRORS_SENT, 1);
}

static void error_quotes_options_too(void **state)
{
	static const uint8_t options[8] = { 1, 1, 1, 1, 1, 1, 1, 0 };
	struct fx_datagram d;

	inject_ip((struct fx_ip){ .proto = 99,
	    .options = options,
	    .options_len = 8,
	    .payload = "abcdefgh",
	    .len = 8 });
	d = expect_ip(IP_PROTO_ICMP, 0);
	assert_true(d.len >= 8 + 28 + 8);
	assert_memory_equal(d.payload + 8 + 28, "abcdefgh", 8);
}

static void error_about_a_short_datagram_quotes_all_of_it(void **state)
{
	inject_ip((struct fx_ip){ .proto = 99, .payload = "ab", .len = 2 });
	assert_int_equal(expect_ip(IP_PROTO_ICMP, 0).len, 8 + 22);
}

/* RFC 1122 3.2.2: never about these. */
static void no_error_about_what_forbids_one(void **state)
{
	/* an ICMP error message (here: of a type and code that nobody knows) */
	icmp(.type = 3, .code = 77);
	icmp(.type = 11);
	icmp(.type = 200);
	/* to a broadcast address, or as a link broadcast */
	closed_port(0, eth_broadcast, FX_BCAST);
	closed_port(0, eth_broadcast, 0xffffffff);
	closed_port(0, eth_broadcast, 0);
	/* not the first fragment */
	inject_ip((struct fx_ip){
	    .proto = 99, .frag = 5, .payload = "abcdefgh", .len = 8 });
	/* a source that is not a single host */
	closed_port(0xffffffff, NULL, 0);
	closed_port(0xe0000001, NULL, 0);
	closed_port(FX_BCAST, NULL, 0);
	closed_port(0x7f000001, NULL, 0);
	inject_ip((struct fx_ip){ .proto = 99, .zero_src = true });
	expect_nothing(1000);
	assert_count(ICMP_ERRORS_SENT, 0);
}

/* How many of n datagrams to a closed port are answered with an error. */
static unsigned errors_about(unsigned n)
{
	unsigned sent;

	for (unsigned i = 0; i < n; i++)
		closed_port(0, NULL, 0);
	sent = fx.count;
	fx_forget_frames();
	return sent;
}

/* RFC 1812 4.3.2.8 */
static void errors_are_limited(void **state)
{
	unsigned sent = errors_about(200), more = 0;

	assert_in_range(sent, ICMP_ERRORS_BURST / 2, ICMP_ERRORS_BURST * 2);
	assert_count(ICMP_ERRORS_LIMITED, 200 - sent);
	for (unsigned i = 0; i < 10000; i++) {
		fx_skip_ms(1);
		more += errors_about(1);
	}
	/* 100 a second; an error takes 1 +- 0.8 of what is earned. */
	assert_in_range(more, 900, 1100);
	assert_count(ICMP_ERRORS_SENT, sent + more);
	assert_drop(UDP_NO_PORT, 10200);
}

/* CVE-2020-25705: who asks a stranger's ports and then his own does not see by
 * what he gets how many errors the stranger got. */
static void limit_of_errors_cannot_be_counted(void **state)
{
	unsigned sent, all = 0, counts = 0;
	bool seen[3 * ICMP_ERRORS_BURST + 1] = { false };

	for (unsigned second = 0; second < 200; second++) {
		sent = errors_about(3 * ICMP_ERRORS_BURST);
		counts += !seen[sent];
		seen[sent] = true;
		all += sent;
		fx_skip_ms(1000);
	}
	assert_in_range(counts, 8, 3 * ICMP_ERRORS_BURST);
	/* The last error of a burst may take one more than there is. */
	assert_in_range(all, 200 * ICMP_ERRORS_BURST * 39 / 40,
	    200 * ICMP_ERRORS_BURST * 43 / 40);
}

static void error_without_packets_is_left_out(void **state)
{
	fx_hoard(&fx.st.packets);
	closed_port(0, NULL, 0);
	expect_nothing(0);
	fx_hoard_give(&fx.st.packets, FX_ANY);
}

static void token_bucket_counts_exactly(void **state)
{
	struct rate_limit r = { 0 };
	unsigned n = 0;

	while (rate_limit_ok(&r, 10, 3))
		n++;
	assert_int_equal(n, 3);
	fx_skip_ms(99);
	assert_false(rate_limit_ok(&r, 10, 3));
	fx_skip_ms(1);
	assert_true(rate_limit_ok(&r, 10, 3));
	assert_false(rate_limit_ok(&r, 10, 3));
	fx_skip_ms(3600 * 1000);
	for (n = 0; rate_limit_ok(&r, 10, 3); n++)
		;
	assert_int_equal(n, 3);
	/* What was earned on top of the burst is lost. */
	fx_skip_ms(1000);
	assert_true(rate_limit_ok(&r, 10, 3));
	fx_skip_ms(200);
	for (n = 0; rate_limit_ok(&r, 10, 3); n++)
		;
	assert_int_equal(n, 3);
}

/* --- Errors received ----------------------------------------------------- */

/* The quote of a datagram of ours: header and 8 bytes. */
static size_t quote(uint8_t *q, uint8_t proto, uint16_t src_port,
    uint16_t dst_port, uint32_t seq)
{
	struct ip_hdr *h = (struct ip_hdr *)q;
	struct tcp_hdr *t = (struct tcp_hdr *)(h + 1);

	memset(q, 0, 28);
	h->version_ihl = 0x45;
	h->total_len = be16_make(40);
	h->ttl = 3;
	h->proto = proto;
	h->src = be32_make(FX_IP);
	h->dst = be32_make(FX_PEER);
	h->checksum = be16_make(fx_checksum(h, 20, 0));
	t->src_port = be16_make(src_port);
	t->dst_port = be16_make(dst_port);
	t->seq = be32_make(seq);
	return 28;
}

static void short_quotes_are_dropped(void **state)
{
	uint8_t q[68];
	size_t len = quote(q, 6, 1, 2, 3);

	for (size_t n = 0; n < len; n++)
		icmp(.type = 3, .code = 3, .data = q, .len = n);
	assert_drop(ICMP_SHORT, len);
	/* a header that says it is longer than what is there, or too short */
	q[0] = 0x4f;
	icmp(.type = 3, .code = 3, .data = q, .len = 67);
	for (uint8_t ihl = 0; ihl < 5; ihl++) {
		q[0] = 0x40 | ihl;
		icmp(.type = 3, .code = 3, .data = q, .len = 28);
	}
	assert_drop(ICMP_SHORT, len + 6);
	assert_count(ICMP_ERRORS_RECEIVED, 0);
}

/* Quotes of what we never sent. */
static void quotes_of_strangers_do_nothing(void **state)
{
	uint8_t q[28];
	struct sock *s = fx_accepted(1000, 0);

	for (unsigned proto = 0; proto < 256; proto++) {
		quote(q, (uint8_t)proto, fx.c.port, 1, 2);
		icmp(.type = 3, .code = 3, .data = q, .len = 28);
	}
	expect_nothing(0);
	assert_state(ESTABLISHED);
	fx_abort(s);
}

/* RFC 9293 3.9.2.2: hard errors abort the open, when the sequence number is
 * that of our SYN. */
static void hard_errors_end_connect(void **state)
{
	static const uint8_t code[] = { 2, 3 };

	for (size_t i = 0; i < sizeof(code); i++) {
		struct sock *s = fx_connecting();
		const struct sock_addr to = { FX_PEER, fx.c.peer_port };
		uint8_t q[28];

		quote(q, 6, fx.c.port, fx.c.peer_port, fx.c.isn + 1);
		icmp(.type = 3, .code = code[i], .data = q, .len = 28);
		assert_state(SYN_SENT); /* a guess */
		quote(q, 6, fx.c.port, fx.c.peer_port, fx.c.isn);
		icmp(.type = 3, .code = code[i], .data = q, .len = 28);
		assert_state(CLOSED);
		assert_int_equal(sock_connect(s, &to), -ECONNREFUSED);
		sock_close(s);
		fx_next_conn();
	}
}

/* Deviation: while connecting, so do the soft ones (RFC 5461 4.1). */
static void soft_errors_end_connect_too(void **state)
{
	static const uint8_t code[] = { 0, 1, 5 };

	for (size_t i = 0; i < sizeof(code); i++) {
		struct sock *s = fx_connecting();
		const struct sock_addr to = { FX_PEER, fx.c.peer_port };
		uint8_t q[28];

		quote(q, 6, fx.c.port, fx.c.peer_port, fx.c.isn);
		icmp(.type = 3, .code = code[i], .data = q, .len = 28);
		assert_int_equal(sock_connect(s, &to), -EHOSTUNREACH);
		sock_close(s);
		fx_next_conn();
	}
}

/* MUST-55, MUST-56: source quench, time exceeded, parameter problem. */
static void other_errors_never_end_connect(void **state)
{
	static const uint8_t type[] = { 4, 11, 12 };
	struct sock *s = fx_connecting();

	for (size_t i = 0; i < sizeof(type); i++) {
		uint8_t q[28];

		quote(q, 6, fx.c.port, fx.c.peer_port, fx.c.isn);
		icmp(.type = type[i], .data = q, .len = 28);
		assert_state(SYN_SENT);
	}
	sock_close(s);
}

/* RFC 5927 section 4: in the synchronized states they are hints only. */
static void errors_never_end_an_established_connection(void **state)
{
	struct sock *s = fx_connected(1000, 0);

	fx_send(s, 100);
	fx_forget_frames();
	for (uint8_t type = 0; type < 16; type++) {
		for (uint8_t code = 0; code < 16; code++) {
			uint8_t q[28];

			quote(q, 6, fx.c.port, fx.c.peer_port, fx.c.isn + 1);
			if (type != 8)
				icmp(.type = type, .code = code, .data = q,
				    .len = 28);
		}
	}
	assert_state(ESTABLISHED);
	expect_nothing(0);
	fx_abort(s);
}

/* RFC 1122 4.1.3.3 */
static void udp_is_told_of_unreachable_ports(void **state)
{
	const struct sock_addr to = { FX_PEER, 5000 };
	struct sock_addr from;
	struct sock *s = NULL;
	uint8_t q[28], byte;

	sock_create(&fx.st, SOCK_TYPE_UDP, &s);
	assert_int_equal(sock_connect(s, &to), 0);
	sock_get_local(s, &from);
	quote(q, 17, from.port, 5001, 0); /* to another port */
	icmp(.type = 3, .code = 3, .data = q, .len = 28);
	assert_int_equal(sock_recv(s, &byte, 1, 0, NULL), -EAGAIN);
	quote(q, 17, from.port, 5000, 0);
	icmp(.type = 3, .code = 3, .data = q, .len = 28);
	assert_true(sock_events(s) & SOCK_ERROR);
	assert_int_equal(sock_recv(s, &byte, 1, 0, NULL), -ECONNREFUSED);
	assert_int_equal(sock_recv(s, &byte, 1, 0, NULL), -EAGAIN);
	icmp(.type = 3, .code = 1, .data = q, .len = 28);
	assert_int_equal(sock_send(s, "x", 1, 0, NULL), -EHOSTUNREACH);
	sock_close(s);
}

static void unconnected_udp_is_not_told(void **state)
{
	struct sock *s = NULL;
	uint8_t q[28], byte;

	sock_create(&fx.st, SOCK_TYPE_UDP, &s);
	sock_bind(s, &(struct sock_addr){ .port = 77 });
	quote(q, 17, 77, 5000, 0);
	icmp(.type = 3, .code = 3, .data = q, .len = 28);
	assert_int_equal(sock_recv(s, &byte, 1, 0, NULL), -EAGAIN);
	sock_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(echoes_every_size),
		fx_test(echoes_whatever_the_checksum_is),
		fx_test(padding_of_the_frame_is_not_echoed),
		fx_test(drops_short_messages),
		fx_test(drops_wrong_checksum),
		fx_test(drops_other_types),
		fx_test(drops_echo_to_broadcast),
		fx_test(drops_echo_without_packets),
		fx_test(error_quotes_what_was_wrong),
		fx_test(error_quotes_options_too),
		fx_test(error_about_a_short_datagram_quotes_all_of_it),
		fx_test(no_error_about_what_forbids_one),
		fx_test(errors_are_limited),
		fx_test(limit_of_errors_cannot_be_counted),
		fx_test(error_without_packets_is_left_out),
		fx_test(token_bucket_counts_exactly),
		fx_test(short_quotes_are_dropped),
		fx_test(quotes_of_strangers_do_nothing),
		fx_test(hard_errors_end_connect),
		fx_test(soft_errors_end_connect_too),
		fx_test(other_errors_never_end_connect),
		fx_test(errors_never_end_an_established_connection),
		fx_test(udp_is_told_of_unreachable_ports),
		fx_test(unconnected_udp_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
