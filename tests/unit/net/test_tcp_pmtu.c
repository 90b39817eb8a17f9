/* SPDX-License-Identifier: MIT */
/*
 * Path MTU discovery (RFC 1191), what a stranger can do with it (RFC 5927),
 * black holes (RFC 4821), and other ICMP errors about connections.
 */
#include "tests/support/net_fixture.h"

#include "net/tcp_internal.h"

#define MINUTE 60000
#define HOP    0x0a0000feu /* a router says it */

/* An ICMP error about a segment of `total` bytes that began with seq. */
static void error(
    uint8_t type, uint8_t code, uint16_t mtu, uint32_t seq, uint16_t total)
{
	uint8_t b[64] = { type, code }; /* of which 36 are sent */
	struct ip_hdr *h = (struct ip_hdr *)(b + 8);
	struct tcp_hdr *t = (struct tcp_hdr *)(h + 1);
	uint16_t sum;

	b[6] = (uint8_t)(mtu >> 8);
	b[7] = (uint8_t)mtu;
	h->version_ihl = 0x45;
	h->total_len = be16_make(total);
	h->ttl = 3;
	h->proto = IP_PROTO_TCP;
	h->src = be32_make(FX_IP);
	h->dst = be32_make(FX_PEER);
	t->src_port = be16_make(fx.c.port);
	t->dst_port = be16_make(fx.c.peer_port);
	t->seq = be32_make(fx.c.isn + seq);
	sum = fx_checksum(b, 36, 0);
	b[2] = (uint8_t)(sum >> 8);
	b[3] = (uint8_t)sum;
	inject_ip((struct fx_ip){
	    .src = HOP, .proto = IP_PROTO_ICMP, .payload = b, .len = 36 });
}

static void too_big(uint16_t mtu, uint32_t seq, uint16_t total)
{
	error(ICMP_UNREACHABLE, ICMP_CODE_TOO_BIG, mtu, seq, total);
}

/* All that leaves now: [from, to) in segments of at most max bytes, one of
 * them at least that large.  DF as said. */
static void expect_text(uint32_t from, uint32_t to, uint32_t max, bool df)
{
	uint32_t largest = 0;

	while (from != to) {
		struct seg s = fx_any_seg(0);

		assert_int_equal(s.seq, from);
		assert_true(s.len && s.len <= max);
		assert_int_equal(fx.df, df);
		largest = s.len > largest ? s.len : largest;
		from += s.len;
	}
	assert_int_equal(largest, max);
	expect_nothing(0);
}

/* A connection with 5840 bytes in flight. */
static struct sock *flying(void)
{
	struct sock *s = fx_accepted(1460, 0);

	fx_send(s, 5840);
	expect_text(1, 5841, 1460, true);
	return s;
}

/* --- RFC 1191 ------------------------------------------------------------ */

static void every_segment_says_do_not_fragment(void **state)
{
	struct sock *l = fx_listen(fx.c.port, 1);

	in(.flags = S);
	out(.flags = SA, .ack = 1);
	assert_true(fx.df);
	in(.flags = R, .seq = 1);
	sock_close(l);
	in(.flags = A, .seq = 7, .ack = 9);
	out(.flags = R, .seq = 9);
	assert_true(fx.df);
}

/* 6.5: at once, all that was too big, and no congestion. */
static void a_message_makes_segments_smaller_at_once(void **state)
{
	struct sock *s = flying();
	uint32_t cwnd = fx_tcp()->cwnd;

	too_big(1000, 1461, 1500);
	assert_count(TCP_PMTU_LOWERED, 1);
	expect_text(1, 5841, 960, true);
	assert_int_equal(fx_tcp()->cwnd, cwnd);
	assert_int_equal(fx_tcp()->recovery, TCP_NO_RECOVERY);
	in(.flags = A, .seq = 1, .ack = 5841);
	fx_send(s, 1920);
	expect_text(5841, 7761, 960, true);
	/* the next router takes less still */
	too_big(800, 5841, 1000);
	expect_text(5841, 7761, 760, true);
	fx_abort(s);
}

/* Section 5: those that do not know of section 4. */
static void without_a_number_the_next_plateau_is_tried(void **state)
{
	static const struct {
		uint16_t total, mss;
	} row[] = { { 1500, 1452 }, { 1492, 1240 }, { 1280, 966 },
		{ 1006, 512 } };
	struct sock *s = flying();

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		too_big(0, 1, row[i].total);
		assert_int_equal(fx_tcp()->mss, row[i].mss);
		fx_forget_frames();
	}
	fx_abort(s);
}

/* Section 3: below that we let the path cut. */
static void it_never_gets_tiny(void **state)
{
	struct sock *s = flying();

	too_big(68, 1, 1500);
	expect_text(1, 5841, 512, false);
	too_big(68, 1, 552);
	expect_nothing(0);
	fx_abort(s);
}

/* RFC 1191 6.3 */
static void ten_minutes_later_it_is_tried_again(void **state)
{
	struct sock *s = flying();

	too_big(300, 1, 1500);
	fx_forget_frames();
	in(.flags = A, .seq = 1, .ack = 5841);
	fx_run_ms(9 * MINUTE);
	fx_send(s, 1024);
	expect_text(5841, 6865, 512, false);
	in(.flags = A, .seq = 1, .ack = 6865);
	fx_run_ms(MINUTE + 1000);
	fx_send(s, 1460);
	expect_text(6865, 8325, 1460, true);
	assert_count(TCP_PMTU_RAISED, 1);
	fx_abort(s);
}

static void timestamps_take_their_part(void **state)
{
	struct sock *l = fx_listen(fx.c.port, 1), *s = NULL;

	fx.c.ts = true;
	fx.c.peer_ts = 5;
	in(.flags = S, .mss = 1460);
	out(.flags = SA, .ack = 1, .ts = true);
	in(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	sock_close(l);
	fx_send(s, 1448);
	expect_text(1, 1449, 1448, true);
	too_big(1000, 1, 1500);
	expect_text(1, 1449, 948, true);
	fx_abort(s);
}

/* --- RFC 5927 ------------------------------------------------------------ */

static void strangers_messages_are_ignored(void **state)
{
	struct sock *s = flying();

	in(.flags = A, .seq = 1, .ack = 1461);
	too_big(600, 1460, 1500);       /* acknowledged already */
	too_big(600, 5841, 1500);       /* not sent yet */
	too_big(600, 0x40000000, 1500); /* a guess */
	too_big(1500, 1461, 1500);      /* that one would have passed */
	too_big(600, 1461, 600);
	too_big(600, 1461, 1501); /* we never sent it */
	assert_count(TCP_ICMP_IGNORED, 6);
	assert_count(TCP_PMTU_LOWERED, 0);
	assert_int_equal(fx_tcp()->mss, 1460);
	expect_nothing(0);
	/* one that is late: about what was too big and is mended */
	too_big(1000, 1461, 1500);
	fx_forget_frames();
	too_big(900, 1461, 1500);
	assert_count(TCP_PMTU_LOWERED, 1);
	fx_abort(s);
}

/* However many come, the segments shrink a few times and no more. */
static void a_flood_of_good_ones_costs_little(void **state)
{
	struct sock *s = flying();

	for (uint16_t mtu = 1499; mtu > 0; mtu--) {
		too_big(mtu, 1, (uint16_t)(fx_tcp()->mss + 40));
		fx_forget_frames();
	}
	assert_int_equal(fx_tcp()->mss, 512);
	in(.flags = A, .seq = 1, .ack = 5841);
	fx_send(s, 512);
	out(.flags = PA, .seq = 5841, .ack = 1, .len = 512);
	fx_abort(s);
}

/* --- Black holes --------------------------------------------------------- */

/* Nobody says a word. */
static void large_segments_that_vanish_get_smaller(void **state)
{
	struct sock *s = flying();
	struct seg r;
	unsigned tries[2] = { 0 };

	while ((r = fx_any_seg(MINUTE)).len == 1460)
		tries[0]++;
	assert_int_equal(tries[0], 1); /* the second timeout shrinks it */
	assert_int_equal(r.len, 1240);
	while ((r = fx_any_seg(2 * MINUTE)).len == 1240 || r.len == 220)
		tries[1]++;
	assert_int_equal(r.len, 512);
	assert_int_equal(r.seq, 1);
	assert_count(TCP_BLACK_HOLES, 2);
	/* that one passed */
	in(.flags = A, .seq = 1, .ack = 513);
	fx_forget_frames();
	in(.flags = A, .seq = 1, .ack = 5841);
	fx_forget_frames();
	fx_send(s, 512);
	out(.flags = PA, .seq = 5841, .ack = 1, .len = 512);
	fx_abort(s);
}

static void small_segments_that_vanish_mean_something_else(void **state)
{
	struct sock *s = fx_accepted(1460, 0);

	fx_send(s, 100);
	for (unsigned i = 0; i < 6; i++)
		out_within(MINUTE, .flags = PA, .seq = 1, .ack = 1, .len = 100);
	assert_count(TCP_BLACK_HOLES, 0);
	assert_int_equal(fx_tcp()->mss, 1460);
	fx_abort(s);
}

/* Loss is the likelier reason then. */
static void where_one_has_passed_it_takes_longer(void **state)
{
	struct sock *s = flying();
	unsigned tries = 0;

	in(.flags = A, .seq = 1, .ack = 5841);
	fx_send(s, 2920);
	expect_text(5841, 8761, 1460, true);
	while (fx_any_seg(3 * MINUTE).len == 1460)
		tries++;
	assert_int_equal(tries, 5);
	fx_forget_frames();
	fx_abort(s);
}

/* --- Other errors (RFC 9293 3.9.2.2) -------------------------------------- */

/* SHLD-25: the reason is told in the end. */
static void a_soft_error_is_the_reason_of_silence(void **state)
{
	static const struct {
		uint8_t type, code;
	} row[] = { { 3, 0 }, { 3, 1 }, { 3, 5 }, { 3, 2 }, { 3, 3 }, { 11, 0 },
		{ 12, 0 } };

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sock *s = flying();

		error(row[i].type, row[i].code, 0, 1, 1500);
		assert_state(ESTABLISHED);
		fx.card_silent = true;
		fx_run_ms(20 * MINUTE);
		fx.card_silent = false;
		assert_state(CLOSED);
		assert_int_equal(fx_recv_state(s), -EHOSTUNREACH);
		sock_close(s);
		fx_next_conn();
	}
}

static void an_answer_makes_a_soft_error_forgotten(void **state)
{
	struct sock *s = flying();

	error(3, 1, 0, 1, 1500);
	in(.flags = A, .seq = 1, .ack = 1461);
	fx.card_silent = true;
	fx_run_ms(20 * MINUTE);
	fx.card_silent = false;
	assert_int_equal(fx_recv_state(s), -ETIMEDOUT);
	sock_close(s);
}

/* SHLD-26, and RFC 5927: only with the number of our SYN-ACK. */
static void a_hard_error_ends_a_half_open_connection(void **state)
{
	struct sock *l = fx_listen(fx.c.port, 1);

	in(.flags = S);
	out(.flags = SA, .ack = 1);
	error(3, 1, 0, 0, 44);
	error(3, 3, 0, 1, 44);
	assert_state(SYN_RECEIVED);
	error(3, 3, 0, 0, 44);
	assert_int_equal(fx.st.conns.in_use, 0);
	sock_close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(every_segment_says_do_not_fragment),
		fx_test(a_message_makes_segments_smaller_at_once),
		fx_test(without_a_number_the_next_plateau_is_tried),
		fx_test(it_never_gets_tiny),
		fx_test(ten_minutes_later_it_is_tried_again),
		fx_test(timestamps_take_their_part),
		fx_test(strangers_messages_are_ignored),
		fx_test(a_flood_of_good_ones_costs_little),
		fx_test(large_segments_that_vanish_get_smaller),
		fx_test(small_segments_that_vanish_mean_something_else),
		fx_test(where_one_has_passed_it_takes_longer),
		fx_test(a_soft_error_is_the_reason_of_silence),
		fx_test(an_answer_makes_a_soft_error_forgotten),
		fx_test(a_hard_error_ends_a_half_open_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
