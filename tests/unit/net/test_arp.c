/* SPDX-License-Identifier: MIT */
/* Address resolution: RFC 826, RFC 1122 2.3.2, RFC 5227. */
#include "tests/support/net_fixture.h"

#include "lib/fmt.h"
#include "net/arp.h"
#include "net/eth.h"

#define HOST(n) (0x0a000000u + (n))

static const uint8_t mac_a[6] = { 2, 0, 0, 0, 0, 0xa };
static const uint8_t mac_b[6] = { 2, 0, 0, 0, 0, 0xb };

static int setup(void **state)
{
	fx_setup(state);
	arp_flush(&fx.dev);
	fx.arp_by_hand = true;
	return 0;
}

#define arp_test(f) cmocka_unit_test_setup_teardown(f, setup, fx_teardown)

static struct sock *sender(void)
{
	struct sock *s = NULL;

	sock_create(&fx.st, SOCK_TYPE_UDP, &s);
	sock_set_opt(s, SOCK_OPT_BROADCAST, 1);
	return s;
}

static void send_to(struct sock *s, uint32_t ip, const char *text)
{
	const struct sock_addr to = { ip, 9 };

	assert_int_equal(
	    sock_send(s, text, strlen(text), 0, &to), strlen(text));
}

static void asks_for(uint32_t ip)
{
	expect_arp((struct fx_arp){ .op = 1,
	               .eth_dst = eth_broadcast,
	               .target_mac = (const uint8_t[6]){ 0 },
	               .sender_ip = FX_IP,
	               .target_ip = ip },
	    0);
}

static void sends(uint32_t ip, const uint8_t *mac, const char *text)
{
	expect_udp((struct fx_udp){ .dst = ip,
	               .eth_dst = mac,
	               .dst_port = 9,
	               .data = text,
	               .len = strlen(text) },
	    0);
}

#define arp(...) inject_arp((struct fx_arp){ __VA_ARGS__ })

static bool knows(uint32_t ip)
{
	struct sock *s = sender();
	const struct fx_frame *f;
	bool known;

	fx_forget_frames();
	send_to(s, ip, "?");
	f = fx_next(0);
	known = f != NULL && f->bytes[13] == 0;
	fx_forget_frames();
	if (!known)
		arp_flush(&fx.dev);
	sock_close(s);
	return known;
}

/* --- Answering ----------------------------------------------------------- */

static void answers_a_request_for_us(void **state)
{
	arp(.op = 1, .eth_dst = eth_broadcast, .sender_mac = mac_a,
	    .sender_ip = HOST(10), .target_ip = FX_IP);
	expect_arp((struct fx_arp){ .op = 2,
	               .eth_dst = mac_a,
	               .target_mac = mac_a,
	               .sender_ip = FX_IP,
	               .target_ip = HOST(10) },
	    0);
	assert_count(ARP_REPLIES_SENT, 1);
	assert_count(RX_DELIVERED, 1);
}

/* RFC 5227 2.1.1, 2.4: a probe for our address is answered, that is how it is
 * defended. */
static void answers_a_probe_for_us(void **state)
{
	arp(.op = 1, .eth_dst = eth_broadcast, .sender_mac = mac_a,
	    .sender_ip = 0, .target_ip = FX_IP);
	expect_arp(
	    (struct fx_arp){
	        .op = 2, .eth_dst = mac_a, .sender_ip = FX_IP, .target_ip = 0 },
	    0);
}

static void ignores_requests_for_others(void **state)
{
	arp(.op = 1, .eth_dst = eth_broadcast, .sender_mac = mac_a,
	    .sender_ip = HOST(10), .target_ip = HOST(11));
	expect_nothing(0);
	assert_drop(ARP_NOT_FOR_US, 1);
	assert_false(knows(HOST(10)));
}

static void drops_malformed_packets(void **state)
{
	static const uint8_t group[6] = { 3, 0, 0, 0, 0, 1 };

	for (size_t cut = 1; cut <= 28; cut++)
		arp(.op = 1, .sender_ip = HOST(10), .target_ip = FX_IP,
		    .cut = cut);
	assert_drop(ARP_BAD, 28);
	arp(.op = 1, .sender_ip = HOST(10), .target_ip = FX_IP, .hw_type = 6);
	arp(.op = 1, .sender_ip = HOST(10), .target_ip = FX_IP,
	    .proto_type = 0x86dd);
	arp(.op = 1, .sender_ip = HOST(10), .target_ip = FX_IP, .hw_len = 8);
	arp(.op = 1, .sender_ip = HOST(10), .target_ip = FX_IP,
	    .proto_len = 16);
	arp(.op = 0, .sender_ip = HOST(10), .target_ip = FX_IP);
	arp(.op = 3, .sender_ip = HOST(10), .target_ip = FX_IP);
	arp(.op = 65535, .sender_ip = HOST(10), .target_ip = FX_IP);
	assert_drop(ARP_BAD, 35);
	/* senders that no station can be */
	arp(.op = 1, .sender_mac = group, .sender_ip = HOST(10),
	    .target_ip = FX_IP);
	arp(.op = 1, .sender_mac = eth_broadcast, .sender_ip = HOST(10),
	    .target_ip = FX_IP);
	arp(.op = 1, .sender_ip = 0xffffffff, .target_ip = FX_IP);
	arp(.op = 1, .sender_ip = 0xe0000001, .target_ip = FX_IP);
	arp(.op = 1, .sender_ip = 0x7f000001, .target_ip = FX_IP);
	assert_drop(ARP_BAD, 40);
	expect_nothing(0);
}

static void answer_without_packets_is_left_out(void **state)
{
	fx_hoard(&fx.st.packets);
	arp(.op = 1, .sender_ip = HOST(10), .target_ip = FX_IP);
	fx_hoard_give(&fx.st.packets, FX_ANY);
	expect_nothing(0);
}

/* --- Learning ------------------------------------------------------------ */

/* RFC 826: a request for us teaches the sender's address. */
static void learns_from_requests_for_us(void **state)
{
	struct sock *s = sender();

	arp(.op = 1, .sender_mac = mac_a, .sender_ip = HOST(10),
	    .target_ip = FX_IP);
	fx_forget_frames();
	send_to(s, HOST(10), "hi");
	sends(HOST(10), mac_a, "hi");
	sock_close(s);
}

/* Nothing is ever sent to them but by the gateway; so whoever forges senders
 * has only the link's own addresses to fill the table with. */
static void senders_beyond_the_link_push_nobody_out(void **state)
{
	arp(.op = 1, .sender_mac = mac_a, .sender_ip = HOST(10),
	    .target_ip = FX_IP);
	for (uint32_t i = 0; i < 20; i++)
		arp(.op = 1, .sender_mac = mac_b, .sender_ip = FX_FAR + i,
		    .target_ip = FX_IP);
	assert_count(ARP_REPLIES_SENT, 21);
	fx_forget_frames();
	assert_true(knows(HOST(10)));
}

/* Deviation: an answer that nobody asked for makes no entry. */
static void does_not_learn_from_unasked_replies(void **state)
{
	arp(.op = 2, .sender_mac = mac_a, .sender_ip = HOST(10),
	    .target_ip = FX_IP);
	assert_false(knows(HOST(10)));
}

/* RFC 826's "merge": whoever is known is updated by any packet of his. */
static void known_neighbours_are_updated_by_anything(void **state)
{
	struct sock *s = sender();

	arp(.op = 1, .sender_mac = mac_a, .sender_ip = HOST(10),
	    .target_ip = FX_IP);
	fx_forget_frames();
	arp(.op = 1, .eth_dst = eth_broadcast, .sender_mac = mac_b,
	    .sender_ip = HOST(10), .target_ip = HOST(10)); /* gratuitous */
	send_to(s, HOST(10), "hi");
	sends(HOST(10), mac_b, "hi");
	sock_close(s);
}

static void does_not_learn_from_probes(void **state)
{
	arp(.op = 1, .sender_mac = mac_a, .sender_ip = 0, .target_ip = FX_IP);
	fx_forget_frames();
	assert_false(knows(0x0a000000));
}

/* --- Asking -------------------------------------------------------------- */

static void asks_and_sends_when_answered(void **state)
{
	struct sock *s = sender();

	send_to(s, HOST(10), "hi");
	asks_for(HOST(10));
	expect_nothing(0);
	arp(.op = 2, .sender_mac = mac_a, .sender_ip = HOST(10),
	    .target_mac = fx_mac, .target_ip = FX_IP);
	sends(HOST(10), mac_a, "hi");
	send_to(s, HOST(10), "again");
	sends(HOST(10), mac_a, "again");
	expect_nothing(10000);
	sock_close(s);
}

static void asks_for_the_gateway(void **state)
{
	struct sock *s = sender();

	send_to(s, FX_FAR, "hi");
	asks_for(FX_GATEWAY);
	arp(.op = 2, .sender_mac = mac_b, .sender_ip = FX_GATEWAY,
	    .target_ip = FX_IP);
	sends(FX_FAR, mac_b, "hi");
	sock_close(s);
}

/* RFC 1122 2.3.2.2: at least the latest packet is kept; we keep four. */
static void latest_four_packets_wait(void **state)
{
	static const char *const text[] = { "0", "1", "2", "3", "4", "5" };
	struct sock *s = sender();

	for (unsigned i = 0; i < 6; i++)
		send_to(s, HOST(10), text[i]);
	asks_for(HOST(10)); /* once */
	assert_drop(ARP_QUEUE_FULL, 2);
	arp(.op = 2, .sender_mac = mac_a, .sender_ip = HOST(10),
	    .target_ip = FX_IP);
	for (unsigned i = 2; i < 6; i++)
		sends(HOST(10), mac_a, text[i]);
	expect_nothing(0);
	sock_close(s);
}

/* RFC 1122 2.3.2.1: at most one request a second for an address. */
static void asks_once_a_second_three_times(void **state)
{
	struct sock *s = sender();

	send_to(s, HOST(10), "hi");
	fx_mark();
	asks_for(HOST(10));
	for (unsigned i = 1; i < 3; i++) {
		for (unsigned k = 0; k < 9; k++) {
			fx_run_ms(100);
			send_to(s, HOST(10), "more");
		}
		expect_arp(
		    (struct fx_arp){
		        .op = 1, .sender_ip = FX_IP, .target_ip = HOST(10) },
		    500);
		fx_expect_time(i * 1000, i * 1000 + 5);
	}
	expect_nothing(5000);
	assert_drop(ARP_FAILED, 4);
	assert_count(ARP_REQUESTS_SENT, 3);
	sock_close(s);
}

static void failure_is_told_to_udp(void **state)
{
	const struct sock_addr to = { HOST(10), 9 };
	struct sock *s = sender();
	uint8_t byte;

	sock_connect(s, &to);
	sock_send(s, "hi", 2, 0, NULL);
	fx_run_ms(3500);
	assert_int_equal(sock_recv(s, &byte, 1, 0, NULL), -EHOSTUNREACH);
	fx_forget_frames();
	sock_close(s);
}

static void failure_ends_connect(void **state)
{
	const struct sock_addr to = { HOST(10), 9 };
	struct sock *s = NULL;

	sock_create(&fx.st, SOCK_TYPE_TCP, &s);
	assert_int_equal(sock_connect(s, &to), -EINPROGRESS);
	fx_run_ms(2500);
	assert_int_equal(sock_connect(s, &to), -EALREADY);
	fx_run_ms(1000);
	assert_int_equal(sock_connect(s, &to), -EHOSTUNREACH);
	fx_forget_frames();
	sock_close(s);
	assert_int_equal(fx.st.packets.in_use, 0);
}

/* A dead neighbour is asked for again only when somebody sends. */
static void after_a_failure_the_next_packet_asks_again(void **state)
{
	struct sock *s = sender();

	send_to(s, HOST(10), "hi");
	fx_run_ms(10000);
	fx_forget_frames();
	send_to(s, HOST(10), "hi");
	asks_for(HOST(10));
	arp(.op = 2, .sender_mac = mac_a, .sender_ip = HOST(10),
	    .target_ip = FX_IP);
	sends(HOST(10), mac_a, "hi");
	sock_close(s);
}

/* --- Age ----------------------------------------------------------------- */

/* RFC 1122 2.3.2.1: entries that are out of date are flushed; unicast poll. */
static void old_entries_are_confirmed_by_unicast(void **state)
{
	struct sock *s = sender();

	arp(.op = 1, .sender_mac = mac_a, .sender_ip = HOST(10),
	    .target_ip = FX_IP);
	fx_forget_frames();
	fx_run_ms(59000);
	send_to(s, HOST(10), "young");
	sends(HOST(10), mac_a, "young");
	fx_run_ms(2000);
	send_to(s, HOST(10), "old");
	expect_arp((struct fx_arp){ .op = 1,
	               .eth_dst = mac_a,
	               .sender_ip = FX_IP,
	               .target_ip = HOST(10) },
	    0);
	sends(HOST(10), mac_a, "old"); /* used meanwhile */
	arp(.op = 2, .sender_mac = mac_a, .sender_ip = HOST(10),
	    .target_ip = FX_IP);
	expect_nothing(50000);
	send_to(s, HOST(10), "fresh");
	sends(HOST(10), mac_a, "fresh");
	sock_close(s);
}

static void unconfirmed_entries_are_forgotten(void **state)
{
	struct sock *s = sender();

	arp(.op = 1, .sender_mac = mac_a, .sender_ip = HOST(10),
	    .target_ip = FX_IP);
	fx_forget_frames();
	fx_run_ms(61000);
	send_to(s, HOST(10), "old");
	fx_run_ms(5000);
	fx_forget_frames();
	send_to(s, HOST(10), "new");
	asks_for(HOST(10));
	arp_flush(&fx.dev);
	sock_close(s);
}

static void unused_entries_cost_nothing(void **state)
{
	arp(.op = 1, .sender_mac = mac_a, .sender_ip = HOST(10),
	    .target_ip = FX_IP);
	fx_forget_frames();
	expect_nothing(3600 * 1000);
}

/* --- Limits -------------------------------------------------------------- */

static void full_table_forgets_the_least_recently_used(void **state)
{
	struct sock *s = sender();

	for (uint32_t i = 0; i < 8; i++)
		arp(.op = 1, .sender_mac = mac_a, .sender_ip = HOST(10 + i),
		    .target_ip = FX_IP);
	fx_forget_frames();
	send_to(s, HOST(10), "still used");
	fx_forget_frames();
	arp(.op = 1, .sender_mac = mac_b, .sender_ip = HOST(30),
	    .target_ip = FX_IP);
	fx_forget_frames();
	assert_true(knows(HOST(10)));
	assert_true(knows(HOST(30)));
	assert_true(knows(HOST(12)));
	assert_false(knows(HOST(11)));
	sock_close(s);
}

static void eviction_frees_the_packets_that_wait(void **state)
{
	struct sock *s = sender();

	send_to(s, HOST(10), "waits");
	for (uint32_t i = 0; i < 8; i++)
		arp(.op = 1, .sender_mac = mac_a, .sender_ip = HOST(20 + i),
		    .target_ip = FX_IP);
	assert_drop(ARP_FAILED, 1);
	assert_int_equal(fx.st.packets.in_use, 0);
	fx_forget_frames();
	sock_close(s);
}

/* Answers to spoofed neighbours: each takes the place of another such one. */
static void unanswered_addresses_push_nobody_out(void **state)
{
	struct sock *s = sender();

	for (uint32_t i = 0; i < 5; i++)
		arp(.op = 1, .sender_mac = mac_a, .sender_ip = HOST(10 + i),
		    .target_ip = FX_IP);
	for (uint32_t i = 0; i < 150; i++)
		send_to(s, HOST(50 + i), "who are you");
	/* a newcomer finds room too */
	arp(.op = 1, .sender_mac = mac_b, .sender_ip = HOST(20),
	    .target_ip = FX_IP);
	fx_forget_frames();
	for (uint32_t i = 0; i < 5; i++)
		assert_true(knows(HOST(10 + i)));
	assert_true(knows(HOST(20)));
	fx_run_ms(4000);
	fx_forget_frames();
	assert_int_equal(fx.st.packets.in_use, 0);
	sock_close(s);
}

static void requests_for_new_addresses_are_limited(void **state)
{
	struct sock *s = sender();
	uint64_t before = fx.st.count[COUNT_ARP_REQUESTS_SENT];

	fx.card_silent = true;
	for (uint32_t i = 0; i < 10000; i++)
		send_to(s, HOST(20 + i % 200), "flood");
	assert_in_range(
	    fx.st.count[COUNT_ARP_REQUESTS_SENT] - before, 200, 260);
	assert_true(fx.st.drop[DROP_ARP_LIMITED] > 5000);
	fx_run_ms(1000);
	fx.card_silent = false;
	send_to(s, HOST(10), "later");
	asks_for(HOST(10));
	arp_flush(&fx.dev);
	fx_forget_frames();
	sock_close(s);
}

/* Strangers' packets do not push out whom we talk to (RFC 826 makes an entry
 * only for who asks for us). */
static void chatter_between_others_leaves_the_table_alone(void **state)
{
	arp(.op = 1, .sender_mac = mac_a, .sender_ip = HOST(10),
	    .target_ip = FX_IP);
	fx_forget_frames();
	for (uint32_t i = 0; i < 200; i++)
		arp(.op = (uint16_t)(1 + i % 2), .eth_dst = eth_broadcast,
		    .sender_mac = mac_b, .sender_ip = HOST(20 + i),
		    .target_ip = HOST(19));
	assert_true(knows(HOST(10)));
	assert_drop(ARP_NOT_FOR_US, 200);
}

static void many_unknown_destinations_stay_within_the_pool(void **state)
{
	struct sock *s = sender();

	for (uint32_t i = 0; i < 200; i++)
		send_to(s, HOST(20 + i), "x");
	assert_true(fx.st.packets.in_use <= 8 * ARP_QUEUE_MAX);
	fx_forget_frames();
	fx_run_ms(5000);
	assert_int_equal(fx.st.packets.in_use, 0);
	fx_forget_frames();
	sock_close(s);
}

static void flush_frees_what_waits(void **state)
{
	struct sock *s = sender();

	send_to(s, HOST(10), "x");
	netdev_set_link(&fx.dev, false);
	assert_int_equal(fx.st.packets.in_use, 0);
	assert_drop(ARP_FAILED, 1);
	netdev_set_link(&fx.dev, true);
	fx_forget_frames();
	sock_close(s);
}

/* --- Conflicts ----------------------------------------------------------- */

/* RFC 5227 2.4 */
static void conflict_is_counted_and_not_learnt(void **state)
{
	arp(.op = 2, .eth_dst = eth_broadcast, .sender_mac = mac_a,
	    .sender_ip = FX_IP, .target_ip = FX_IP);
	arp(.op = 1, .eth_dst = eth_broadcast, .sender_mac = mac_a,
	    .sender_ip = FX_IP, .target_ip = HOST(10));
	assert_count(ARP_CONFLICTS, 2);
	assert_false(fx.dev.ip.addr == 0);
	fx_forget_frames();
}

/* RFC 5227 2.4 (b): defended by an announcement, at most one in ten seconds. */
static void address_is_defended_once_in_ten_seconds(void **state)
{
	const struct fx_arp claim = { .op = 1,
		.eth_dst = eth_broadcast,
		.sender_mac = mac_a,
		.sender_ip = FX_IP,
		.target_ip = FX_IP };
	const struct fx_arp defence = { .op = 1,
		.eth_dst = eth_broadcast,
		.sender_ip = FX_IP,
		.target_ip = FX_IP };

	for (unsigned i = 0; i < 3; i++) {
		inject_arp(claim);
		expect_arp(defence, 0);
		fx_run_ms(5000);
		inject_arp(claim);
		expect_nothing(5100);
	}
	assert_int_equal(fx.dev.ip.addr, FX_IP); /* a user gave it */
	assert_count(ARP_CONFLICTS, 6);
}

/* Packets that wait for an answer leave a quarter of the pool for others. */
static void waiting_packets_leave_some_for_sending(void **state)
{
	struct sock *s = sender(), *reader[2];

	for (uint16_t i = 0; i < 2; i++) {
		const struct sock_addr at = { 0, (uint16_t)(7000 + i) };

		sock_create(&fx.st, SOCK_TYPE_UDP, &reader[i]);
		sock_bind(reader[i], &at);
		for (unsigned k = 0; k < 64; k++)
			inject_udp((struct fx_udp){
			    .src_port = 1, .dst_port = at.port });
	}
	assert_false(pkt_may_keep(&fx.st)); /* or this test shows nothing */
	send_to(s, HOST(40), "no room to wait");
	asks_for(HOST(40));
	assert_drop(ARP_QUEUE_FULL, 1);
	sock_close(reader[0]);
	send_to(s, HOST(40), "waits");
	arp(.op = 2, .sender_mac = mac_a, .sender_ip = HOST(40),
	    .target_ip = FX_IP);
	sends(HOST(40), mac_a, "waits");
	sock_close(reader[1]);
	sock_close(s);
}

/* The same for the second packet of one neighbour: the newest takes the place
 * of the one before. */
static void short_of_packets_only_the_newest_waits(void **state)
{
	const unsigned mark = fx.st.packets.total / 4;
	struct sock *s = sender();

	send_to(s, HOST(41), "first");
	asks_for(HOST(41));
	fx_hoard(&fx.st.packets);
	fx_hoard_give(&fx.st.packets, mark);
	send_to(s, HOST(41), "second");
	assert_drop(ARP_QUEUE_FULL, 1);
	fx_hoard_give(&fx.st.packets, FX_ANY);
	arp(.op = 2, .sender_mac = mac_a, .sender_ip = HOST(41),
	    .target_ip = FX_IP);
	sends(HOST(41), mac_a, "second");
	expect_nothing(0);
	sock_close(s);
}

/* Switches and neighbours learn where the station is now. */
static void address_is_announced_when_the_link_comes_back(void **state)
{
	netdev_set_link(&fx.dev, false);
	fx_forget_frames();
	netdev_set_link(&fx.dev, true);
	asks_for(FX_IP);
	expect_nothing(0);
}

static void our_own_packet_is_no_conflict(void **state)
{
	arp(.op = 1, .eth_dst = eth_broadcast, .sender_mac = fx_mac,
	    .sender_ip = FX_IP, .target_ip = FX_IP);
	assert_count(ARP_CONFLICTS, 0);
	fx_forget_frames();
}

static void announcement_and_probe_have_their_form(void **state)
{
	arp_announce(&fx.dev);
	expect_arp((struct fx_arp){ .op = 1,
	               .eth_dst = eth_broadcast,
	               .sender_ip = FX_IP,
	               .target_ip = FX_IP },
	    0);
	arp_probe(&fx.dev, HOST(77));
	expect_arp((struct fx_arp){ .op = 1,
	               .eth_dst = eth_broadcast,
	               .target_mac = (const uint8_t[6]){ 0 },
	               .sender_ip = 0,
	               .target_ip = HOST(77) },
	    0);
}

static void table_is_printed_for_people(void **state)
{
	char buf[400];
	struct text t = { .buf = buf, .size = sizeof(buf) };

	arp(.op = 1, .sender_mac = mac_a, .sender_ip = HOST(10),
	    .target_ip = FX_IP);
	fx_forget_frames();
	arp_print(&fx.st, &t);
	assert_non_null(strstr(buf, "02:00:00:00:00:0a reachable"));
	arp(.op = 1, .sender_mac = mac_b, .target_ip = FX_IP); /* a probe */
	fx_forget_frames();
	t = (struct text){ .buf = buf, .size = sizeof(buf) };
	arp_print(&fx.st, &t);
	assert_null(strstr(buf, "0.0.0.0"));
	assert_null(strstr(buf, "02:00:00:00:00:0b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arp_test(answers_a_request_for_us),
		arp_test(answers_a_probe_for_us),
		arp_test(ignores_requests_for_others),
		arp_test(drops_malformed_packets),
		arp_test(answer_without_packets_is_left_out),
		arp_test(learns_from_requests_for_us),
		arp_test(senders_beyond_the_link_push_nobody_out),
		arp_test(does_not_learn_from_unasked_replies),
		arp_test(known_neighbours_are_updated_by_anything),
		arp_test(does_not_learn_from_probes),
		arp_test(asks_and_sends_when_answered),
		arp_test(asks_for_the_gateway),
		arp_test(latest_four_packets_wait),
		arp_test(asks_once_a_second_three_times),
		arp_test(failure_is_told_to_udp),
		arp_test(failure_ends_connect),
		arp_test(after_a_failure_the_next_packet_asks_again),
		arp_test(old_entries_are_confirmed_by_unicast),
		arp_test(unconfirmed_entries_are_forgotten),
		arp_test(unused_entries_cost_nothing),
		arp_test(full_table_forgets_the_least_recently_used),
		arp_test(eviction_frees_the_packets_that_wait),
		arp_test(unanswered_addresses_push_nobody_out),
		arp_test(requests_for_new_addresses_are_limited),
		arp_test(chatter_between_others_leaves_the_table_alone),
		arp_test(many_unknown_destinations_stay_within_the_pool),
		arp_test(flush_frees_what_waits),
		arp_test(conflict_is_counted_and_not_learnt),
		arp_test(address_is_defended_once_in_ten_seconds),
		arp_test(waiting_packets_leave_some_for_sending),
		arp_test(our_own_packet_is_no_conflict),
		arp_test(short_of_packets_only_the_newest_waits),
		arp_test(address_is_announced_when_the_link_comes_back),
		arp_test(announcement_and_probe_have_their_form),
		arp_test(table_is_printed_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
