/* SPDX-License-Identifier: MIT */
/* IPv4 input checks (RFC 791, RFC 1122 3.2.1), routes, output. */
#include "tests/support/net_fixture.h"

#include "net/arp.h"
#include "net/eth.h"
#include "net/udp.h"

/* An unknown protocol: what IP accepts is dropped as IP_PROTO. */
#define OTHER 200

#define ip(...) inject_ip((struct fx_ip){ .proto = OTHER, __VA_ARGS__ })

static const uint8_t eight[8] = "12345678";

static void accepted(unsigned n)
{
	assert_drop(IP_PROTO, n);
	fx_forget_frames();
}

static void accepts_a_sound_header(void **state)
{
	ip(.payload = eight, .len = 8);
	accepted(1);
}

static void drops_what_is_shorter_than_a_header(void **state)
{
	uint8_t frame[14 + 20] = { 0 };

	memcpy(frame, fx_mac, 6);
	frame[12] = 8;
	frame[14] = 0x45;
	for (size_t len = 14; len < 14 + 20; len++)
		fx_inject(frame, len);
	assert_drop(IP_SHORT, 20);
}

static void drops_other_versions(void **state)
{
	for (unsigned v = 0; v < 16; v++)
		if (v != 4)
			ip(.version_ihl = (uint8_t)(v << 4 | 5));
	assert_drop(IP_VERSION, 15);
}

static void drops_header_length_out_of_range(void **state)
{
	for (uint8_t ihl = 0; ihl < 5; ihl++)
		ip(.version_ihl = 0x40 | ihl);
	ip(.version_ihl = 0x46); /* 24 bytes where 20 are */
	ip(.version_ihl = 0x4f, .payload = eight, .len = 8);
	assert_drop(IP_HEADER_LEN, 7);
}

/* RFC 1122 3.2.1.2: MUST verify and silently discard. */
static void drops_wrong_header_checksum(void **state)
{
	ip(.bad_checksum = true);
	ip(.bad_checksum = true, .payload = eight, .len = 8);
	assert_drop(IP_CHECKSUM, 2);
	expect_nothing(0);
}

static void drops_total_length_that_lies(void **state)
{
	ip(.total_len = 19);
	ip(.total_len = 1);
	ip(.total_len = 21);
	ip(.total_len = 65535, .payload = eight, .len = 8);
	ip(.total_len = 29, .payload = eight, .len = 8);
	assert_drop(IP_TOTAL_LEN, 5);
}

/* A card that has room for a VLAN tag takes four bytes more. */
static void drops_what_exceeds_the_mtu(void **state)
{
	static const uint8_t big[1484];

	ip(.payload = big, .len = 1480);
	accepted(1);
	ip(.payload = big, .len = 1481);
	ip(.payload = big, .len = 1484);
	assert_drop(IP_TOTAL_LEN, 2);
	expect_nothing(0);
}

static void total_length_cuts_the_padding(void **state)
{
	struct sock *s = NULL;
	uint8_t got[64];

	sock_create(&fx.st, SOCK_TYPE_UDP, &s);
	sock_bind(s, &(struct sock_addr){ .port = 9 });
	/* 28 bytes of datagram in a frame of 60 */
	inject_ip((struct fx_ip){ .proto = IP_PROTO_UDP,
	    .payload = "\x00\x07\x00\x09\x00\x08\x00\x00",
	    .len = 8,
	    .padding = 18 });
	assert_int_equal(sock_recv(s, got, sizeof(got), 0, NULL), 0);
	sock_close(s);
}

static void drops_fragments(void **state)
{
	ip(.frag = IP_FRAG_MF, .payload = eight, .len = 8);
	ip(.frag = 1, .payload = eight, .len = 8);
	ip(.frag = IP_FRAG_MF | 100, .payload = eight, .len = 8);
	ip(.frag = IP_FRAG_DF | IP_FRAG_OFFSET, .payload = eight, .len = 8);
	assert_drop(IP_FRAGMENT, 4);
	expect_nothing(0);
	ip(.frag = IP_FRAG_DF);
	ip(.frag = 0x8000); /* reserved bit: ignored */
	accepted(2);
}

/* RFC 1122 3.2.1.3: addresses that are no source. */
static void drops_impossible_sources(void **state)
{
	static const uint32_t bad[] = { 0xffffffff, 0xe0000001, 0xefffffff,
		0xf0000001, 0x7f000001, 0x7f123456, 0x00000001, 0x00ffffff,
		FX_IP, FX_BCAST };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ip(.src = bad[i]);
	ip(.zero_src = true);
	assert_drop(IP_SOURCE, 11);
	expect_nothing(0);
}

static void drops_other_destinations(void **state)
{
	static const uint32_t bad[] = { 0x0a000003, FX_PEER, 0xc0a80001,
		0xe0000001, 0x7f000001, 0x0a0001ff, 1 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ip(.dst = bad[i]);
	assert_drop(IP_NOT_FOR_US, 7);
	expect_nothing(0);
}

static void accepts_both_broadcasts(void **state)
{
	ip(.dst = IP_ADDR_BROADCAST, .eth_dst = eth_broadcast);
	ip(.dst = FX_BCAST, .eth_dst = eth_broadcast);
	assert_drop(IP_PROTO, 2);
	expect_nothing(0); /* no error about a broadcast */
}

/* RFC 1122 3.3.6: SHOULD discard. */
static void drops_unicast_that_came_as_link_broadcast(void **state)
{
	static const uint8_t group[6] = { 1, 0, 0x5e, 0, 0, 1 };

	ip(.eth_dst = eth_broadcast);
	ip(.eth_dst = group);
	assert_drop(IP_NOT_FOR_US, 2);
	expect_nothing(0);
}

/* RFC 1122 3.2.1.7: MUST NOT discard just because the TTL is less than 2. */
static void ttl_does_not_matter_to_the_receiver(void **state)
{
	uint8_t frame[14 + 28] = { 0 }; /* ttl 0 */
	uint16_t sum;

	ip(.ttl = 1);
	accepted(1);
	memcpy(frame, fx_mac, 6);
	memcpy(frame + 12, "\x08\x00\x45", 3);
	frame[17] = 28;
	frame[23] = OTHER;
	memcpy(frame + 26, "\x0a\x00\x00\x02\x0a\x00\x00\x01", 8);
	sum = fx_checksum(frame + 14, 20, 0);
	frame[24] = (uint8_t)(sum >> 8);
	frame[25] = (uint8_t)sum;
	fx_inject(frame, sizeof(frame));
	accepted(2);
}

/* Deviation: options are accepted and ignored (docs/RFC.md). */
static void options_are_skipped(void **state)
{
	static const uint8_t options[40] = { 1, 1, 7, 7, 4, 0, 0, 0, 0 };
	static const uint8_t nonsense[8] = { 0x83, 0, 0xff, 1, 2, 200, 9, 9 };

	ip(.options = options, .options_len = 40, .payload = eight, .len = 8);
	ip(.options = nonsense, .options_len = 8, .payload = eight, .len = 8);
	accepted(2);
}

/* RFC 1122 3.2.2.1: SHOULD generate "protocol unreachable". */
static void unknown_protocol_is_told(void **state)
{
	ip(.payload = eight, .len = 8);
	expect_icmp_error(ICMP_UNREACHABLE, ICMP_CODE_PROTO);
	assert_drop(IP_PROTO, 1);
}

/* --- Addresses and routes ------------------------------------------------ */

static void own_addresses_are_known(void **state)
{
	assert_true(ip_is_own(&fx.st, FX_IP));
	assert_true(ip_is_own(&fx.st, IP_ADDR_LOOPBACK));
	assert_true(ip_is_own(&fx.st, 0x7f0a0b0c));
	assert_false(ip_is_own(&fx.st, 0));
	assert_false(ip_is_own(&fx.st, FX_PEER));
	assert_true(ip_is_broadcast(&fx.st, FX_BCAST));
	assert_true(ip_is_broadcast(&fx.st, 0xffffffff));
	assert_false(ip_is_broadcast(&fx.st, FX_IP));
	assert_false(ip_is_broadcast(&fx.st, 0x7fffffff));
}

/* RFC 3021 */
static void a_31_bit_prefix_has_no_broadcast(void **state)
{
	const struct ip_config c = { .addr = 0x0a000004, .mask = 0xfffffffe };

	ip_set_config(&fx.dev, &c);
	assert_false(ip_is_broadcast(&fx.st, 0x0a000005));
	assert_false(ip_is_broadcast(&fx.st, 0x0a000004));
	fx_forget_frames();
}

static void smallest_network_has_two_hosts(void **state)
{
	const struct ip_config c = {
		.addr = 0x0a000005, .mask = 0xfffffffc, .gateway = 0x0a000006
	};
	struct ip_route r;

	ip_set_config(&fx.dev, &c);
	assert_true(ip_is_broadcast(&fx.st, 0x0a000007));
	assert_false(ip_is_broadcast(&fx.st, 0x0a000006));
	assert_false(ip_is_broadcast(&fx.st, FX_BCAST));
	ip_route(&fx.st, 0, 0x0a000006, &r);
	assert_int_equal(r.next_hop, 0x0a000006);
	ip_route(&fx.st, 0, 0x0a000008, &r); /* the next network */
	assert_int_equal(r.next_hop, 0x0a000006);
	inject_ip((struct fx_ip){
	    .src = 0x0a000007, .dst = 0x0a000005, .proto = 254 });
	assert_drop(IP_SOURCE, 1);
	inject_ip((struct fx_ip){ .dst = 0x0a000006, .proto = 254 });
	assert_drop(IP_NOT_FOR_US, 1);
	fx_forget_frames();
}

static void routes_prefer_ourselves_then_the_link_then_the_gateway(void **state)
{
	struct ip_route r;

	assert_int_equal(ip_route(&fx.st, 0, FX_IP, &r), 0);
	assert_ptr_equal(r.dev, &fx.st.loopback);
	assert_int_equal(ip_route(&fx.st, 0, FX_PEER, &r), 0);
	assert_ptr_equal(r.dev, &fx.dev);
	assert_int_equal(r.next_hop, FX_PEER);
	assert_int_equal(r.src, FX_IP);
	assert_int_equal(ip_route(&fx.st, 0, FX_FAR, &r), 0);
	assert_int_equal(r.next_hop, FX_GATEWAY);
	assert_int_equal(r.src, FX_IP);
	assert_int_equal(ip_route(&fx.st, 0, IP_ADDR_BROADCAST, &r), 0);
	assert_ptr_equal(r.dev, &fx.dev);
	assert_int_equal(r.next_hop, IP_ADDR_BROADCAST);
}

static void no_gateway_means_no_route(void **state)
{
	const struct ip_config c = { .addr = FX_IP, .mask = 0xffffff00 };
	struct ip_route r;

	ip_set_config(&fx.dev, &c);
	assert_int_equal(ip_route(&fx.st, 0, FX_FAR, &r), -ENETUNREACH);
	assert_int_equal(
	    ip_tx(pkt_alloc(&fx.st), 0, FX_FAR, OTHER), -ENETUNREACH);
	assert_drop(IP_NO_ROUTE, 1);
	expect_nothing(0);
}

static void no_address_means_no_route(void **state)
{
	const struct ip_config none = { 0 };
	struct ip_route r;

	ip_set_config(&fx.dev, &none);
	assert_int_equal(ip_route(&fx.st, 0, FX_PEER, &r), -ENETUNREACH);
	assert_int_equal(ip_route(&fx.st, 0, IP_ADDR_LOOPBACK, &r), 0);
}

/* --- Output -------------------------------------------------------------- */

static void sent_datagrams_have_a_sound_header(void **state)
{
	struct pkt *p = pkt_alloc(&fx.st);
	struct fx_datagram d;
	uint16_t id;

	memcpy(pkt_put(p, 8), eight, 8);
	assert_int_equal(ip_tx(p, 0, FX_FAR, OTHER), 0);
	d = expect_ip(OTHER, 0);
	assert_int_equal(d.src, FX_IP);
	assert_int_equal(d.dst, FX_FAR);
	assert_int_equal(d.ttl, 64);
	assert_int_equal(d.len, 8);
	assert_memory_equal(d.payload, eight, 8);
	assert_memory_equal(d.eth_dst, fx_peer_mac, 6); /* the gateway's */
	id = (uint16_t)(d.ip[4] << 8 | d.ip[5]);
	ip_tx(pkt_alloc(&fx.st), 0, FX_FAR, OTHER);
	d = expect_ip(OTHER, 0);
	assert_int_not_equal(d.ip[4] << 8 | d.ip[5], id);
}

static uint16_t id_of_one_sent_to(uint32_t dst, bool dont_fragment)
{
	struct pkt *p = pkt_alloc(&fx.st);
	struct fx_datagram d;

	p->dont_fragment = dont_fragment;
	ip_tx(p, 0, dst, dont_fragment ? IP_PROTO_TCP : OTHER);
	d = expect_ip(dont_fragment ? IP_PROTO_TCP : OTHER, 0);
	return (uint16_t)(d.ip[4] << 8 | d.ip[5]);
}

/* RFC 7739 section 5: who pings us learns nothing of what others get. */
static void identifications_tell_nothing_of_others(void **state)
{
	uint16_t first = id_of_one_sent_to(FX_FAR, false);

	for (uint32_t i = 1; i < 4; i++)
		id_of_one_sent_to(FX_FAR + i, false);
	assert_int_equal(
	    (uint16_t)(id_of_one_sent_to(FX_FAR, false) - first), 1);
}

/* RFC 791 2.3: different while the last one may be on its way. */
static void identifications_do_not_repeat(void **state)
{
	static bool seen[1 << 16];

	for (unsigned i = 0; i < 1 << 16; i++) {
		uint16_t id = id_of_one_sent_to(FX_FAR, false);

		assert_false(seen[id]);
		seen[id] = true;
	}
}

/* RFC 6864 4.1 */
static void what_cannot_be_cut_needs_no_identification(void **state)
{
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(id_of_one_sent_to(FX_FAR, true), 0);
}

static void broadcasts_leave_as_link_broadcasts(void **state)
{
	static const uint32_t to[] = { IP_ADDR_BROADCAST, FX_BCAST };

	for (unsigned i = 0; i < 2; i++) {
		struct fx_datagram d;

		assert_int_equal(ip_tx(pkt_alloc(&fx.st), 0, to[i], OTHER), 0);
		d = expect_ip(OTHER, 0);
		assert_int_equal(d.dst, to[i]);
		assert_memory_equal(d.eth_dst, eth_broadcast, 6);
	}
	ip_tx_broadcast(pkt_alloc(&fx.st), &fx.dev, 0, OTHER);
	assert_int_equal(expect_ip(OTHER, 0).src, 0);
}

static void setting_an_address_announces_it(void **state)
{
	const struct ip_config c = { .addr = 0x0a000009, .mask = 0xffffff00 };

	ip_set_config(&fx.dev, &c);
	expect_arp((struct fx_arp){ .op = 1,
	               .eth_dst = eth_broadcast,
	               .sender_ip = 0x0a000009,
	               .target_ip = 0x0a000009 },
	    0);
	ip_set_config(&fx.dev, &c); /* no news */
	expect_nothing(0);
}

static void losing_the_address_ends_its_connections(void **state)
{
	struct sock *s = fx_accepted(1000, 0);
	const struct ip_config none = { 0 };

	fx_send(s, 100);
	fx_forget_frames();
	ip_set_config(&fx.dev, &none);
	assert_int_equal(fx_recv_state(s), -ENETDOWN);
	sock_close(s);
	expect_nothing(1000);
}

/* Until there is an address, DHCP's unicast answers must come through. */
static void without_an_address_unicasts_are_taken(void **state)
{
	const struct ip_config none = { 0 };
	struct sock *s = NULL;
	uint8_t got[8];

	ip_set_config(&fx.dev, &none);
	sock_create(&fx.st, SOCK_TYPE_UDP, &s);
	sock_bind(s, &(struct sock_addr){ .port = 68 });
	inject_udp((struct fx_udp){ .dst = 0x0a000077,
	    .src_port = 67,
	    .dst_port = 68,
	    .data = "hi",
	    .len = 2 });
	assert_int_equal(sock_recv(s, got, sizeof(got), 0, NULL), 2);
	/* but a group is never one station */
	inject_udp((struct fx_udp){ .dst = 0xe0000001,
	    .src_port = 67,
	    .dst_port = 68,
	    .data = "hi",
	    .len = 2 });
	assert_drop(IP_NOT_FOR_US, 1);
	sock_close(s);
	fx_forget_frames();
}

/* Makes the IPv4 header behind the Ethernet header sound. */
static void repair(struct random *r, uint8_t *ip, size_t len)
{
	size_t header_len;
	uint16_t sum = 0;

	ip[0] = 0x45 + (uint8_t)random_below(r, 3);
	ip[2] = 0;
	ip[3] = (uint8_t)len;
	ip[6] = ip[7] = 0;
	ip[9] = "\x01\x06\x11\x02"[random_below(r, 4)];
	memcpy(ip + 16, "\x0a\x00\x00\x01", 4);
	ip[10] = ip[11] = 0;
	header_len = (ip[0] & 0xf) * 4u;
	if (header_len <= len)
		sum = fx_checksum(ip, header_len, 0);
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

static void random_frames_do_no_harm(void **state)
{
	struct random *r = &fx.rng;
	uint8_t frame[200];

	for (unsigned i = 0; i < 5000; i++) {
		size_t len = 14 + random_below(r, 180);

		random_bytes(r, frame, sizeof(frame));
		memcpy(frame, fx_mac, 6);
		frame[12] = 8;
		frame[13] = i % 4 == 3 ? 6 : 0;
		if (i % 2)
			repair(r, frame + 14, len - 14);
		fx_inject(frame, len);
		fx_forget_frames();
	}
	fx_check_ledger();
	arp_flush(&fx.dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(accepts_a_sound_header),
		fx_test(drops_what_is_shorter_than_a_header),
		fx_test(drops_other_versions),
		fx_test(drops_header_length_out_of_range),
		fx_test(drops_wrong_header_checksum),
		fx_test(drops_total_length_that_lies),
		fx_test(drops_what_exceeds_the_mtu),
		fx_test(total_length_cuts_the_padding),
		fx_test(drops_fragments),
		fx_test(drops_impossible_sources),
		fx_test(drops_other_destinations),
		fx_test(accepts_both_broadcasts),
		fx_test(drops_unicast_that_came_as_link_broadcast),
		fx_test(ttl_does_not_matter_to_the_receiver),
		fx_test(options_are_skipped),
		fx_test(unknown_protocol_is_told),
		fx_test(own_addresses_are_known),
		fx_test(a_31_bit_prefix_has_no_broadcast),
		fx_test(smallest_network_has_two_hosts),
		fx_test(routes_prefer_ourselves_then_the_link_then_the_gateway),
		fx_test(no_gateway_means_no_route),
		fx_test(no_address_means_no_route),
		fx_test(sent_datagrams_have_a_sound_header),
		fx_test(identifications_tell_nothing_of_others),
		fx_test(identifications_do_not_repeat),
		fx_test(what_cannot_be_cut_needs_no_identification),
		fx_test(broadcasts_leave_as_link_broadcasts),
		fx_test(setting_an_address_announces_it),
		fx_test(losing_the_address_ends_its_connections),
		fx_test(without_an_address_unicasts_are_taken),
		fx_test(random_frames_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
