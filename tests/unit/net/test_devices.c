/* SPDX-License-Identifier: MIT */
/*
 * One stack, two cards: which of them a packet leaves by, which address is
 * answered on which, and what one card loses leaves the other alone.
 *
 *	10.0.0.2, gateway .254 --- fx.dev 10.0.0.1/24
 *	                           fx.second, as each test configures it
 */
#include "tests/support/net_fixture.h"

#include "net/arp.h"
#include "net/eth.h"

#define SECOND_IP   0xac100001u /* 172.16.0.1/16 */
#define SECOND_PEER 0xac100002u
#define SECOND_GATE 0xac1000feu
#define TWIN_IP     0x0a000003u /* in the first card's own network */
#define FAR_PEER    0xc6336401u
#define PORT        7777

static int setup(void **state)
{
	fx_setup(state);
	fx_plug_in_second();
	fx_forget_frames();
	return 0;
}

#define devices_test(f) cmocka_unit_test_setup_teardown(f, setup, fx_teardown)

static void configure(
    struct netdev *dev, uint32_t addr, uint32_t mask, uint32_t gateway)
{
	const struct ip_config c = { addr, mask, gateway, 0 };

	ip_set_config(dev, &c);
	fx_forget_frames();
}

/* The second card with its network, whose station `neighbour` is known, and
 * with which the script speaks from here on. */
static void use_second(uint32_t addr, uint32_t mask, uint32_t neighbour)
{
	configure(&fx.second, addr, mask, SECOND_GATE);
	fx.at = &fx.second;
	fx.c.ip = addr;
	fx.c.peer_ip = neighbour;
	inject_arp((struct fx_arp){
	    .op = 1, .sender_ip = neighbour, .target_ip = addr });
	fx_forget_frames();
}

/* --- Routes -------------------------------------------------------------- */

static void check_route(
    uint32_t src, uint32_t dst, const struct netdev *dev, uint32_t next_hop)
{
	struct ip_route r = { 0 };

	assert_int_equal(ip_route(&fx.st, src, dst, &r), 0);
	assert_string_equal(r.dev->name, dev->name);
	assert_int_equal(r.next_hop, next_hop);
	assert_int_equal(r.src, dev->ip.addr);
}

static void each_network_has_its_card(void **state)
{
	configure(&fx.second, SECOND_IP, 0xffff0000, 0);
	check_route(0, FX_PEER, &fx.dev, FX_PEER);
	check_route(0, SECOND_PEER, &fx.second, SECOND_PEER);
	check_route(0, FX_FAR, &fx.dev, FX_GATEWAY);
}

static void the_longest_prefix_wins(void **state)
{
	/* 10.0.0.128/25 within 10.0.0.0/24, and 10/8 around it. */
	configure(&fx.second, 0x0a000081, 0xffffff80, 0);
	check_route(0, 0x0a000090, &fx.second, 0x0a000090);
	check_route(0, FX_PEER, &fx.dev, FX_PEER);
	configure(&fx.second, 0x0a000081, 0xff000000, 0);
	check_route(0, 0x0a000090, &fx.dev, 0x0a000090);
	check_route(0, 0x0a630001, &fx.second, 0x0a630001);
	/* Even when the shorter one's link is up and its own is not. */
	netdev_set_link(&fx.dev, false);
	check_route(0, 0x0a000090, &fx.dev, 0x0a000090);
}

static void the_first_gateway_whose_link_is_up_is_the_default(void **state)
{
	configure(&fx.second, SECOND_IP, 0xffff0000, SECOND_GATE);
	check_route(0, FX_FAR, &fx.dev, FX_GATEWAY);
	netdev_set_link(&fx.dev, false);
	check_route(0, FX_FAR, &fx.second, SECOND_GATE);
	netdev_set_link(&fx.second, false);
	check_route(0, FX_FAR, &fx.dev, FX_GATEWAY);
	netdev_set_link(&fx.dev, true);
	configure(&fx.dev, FX_IP, 0xffffff00, 0);
	netdev_set_link(&fx.second, true);
	check_route(0, FX_FAR, &fx.second, SECOND_GATE);
	fx_forget_frames();
}

static void of_two_cards_on_one_network_one_with_a_link_is_taken(void **state)
{
	configure(&fx.second, TWIN_IP, 0xffffff00, FX_GATEWAY);
	check_route(0, FX_PEER, &fx.dev, FX_PEER);
	netdev_set_link(&fx.dev, false);
	check_route(0, FX_PEER, &fx.second, FX_PEER);
	fx_forget_frames();
}

static void a_source_leaves_by_the_card_that_owns_it(void **state)
{
	struct ip_route r;

	configure(&fx.second, SECOND_IP, 0xffff0000, SECOND_GATE);
	check_route(SECOND_IP, FX_FAR, &fx.second, SECOND_GATE);
	check_route(SECOND_IP, FX_PEER, &fx.second, SECOND_GATE);
	check_route(FX_IP, SECOND_PEER, &fx.dev, FX_GATEWAY);
	configure(&fx.second, TWIN_IP, 0xffffff00, 0);
	check_route(TWIN_IP, FX_PEER, &fx.second, FX_PEER);
	check_route(FX_IP, FX_PEER, &fx.dev, FX_PEER);
	check_route(TWIN_IP, IP_ADDR_BROADCAST, &fx.second, IP_ADDR_BROADCAST);
	/* No gateway there: the other card's is no way out for it. */
	assert_int_equal(ip_route(&fx.st, TWIN_IP, FX_FAR, &r), -ENETUNREACH);
	/* An address that is not ours has no card at all. */
	assert_int_equal(ip_route(&fx.st, SECOND_IP, FX_FAR, &r), -ENETUNREACH);
}

static void between_our_addresses_nothing_leaves(void **state)
{
	struct ip_route r;

	configure(&fx.second, SECOND_IP, 0xffff0000, SECOND_GATE);
	assert_int_equal(ip_route(&fx.st, FX_IP, SECOND_IP, &r), 0);
	assert_ptr_equal(r.dev, &fx.st.loopback);
	assert_int_equal(r.src, FX_IP);
}

/* --- Receiving: the strong end system ------------------------------------ */

static const uint8_t echo[8] = { 8, 0, 0xf7, 0xff, 0, 0, 0, 0 };

static void ping(uint32_t dst)
{
	inject_ip((struct fx_ip){ .src = fx.c.peer_ip,
	    .dst = dst,
	    .proto = IP_PROTO_ICMP,
	    .payload = echo,
	    .len = sizeof(echo) });
}

static void each_card_answers_for_its_own_address(void **state)
{
	struct fx_datagram d;

	use_second(SECOND_IP, 0xffff0000, SECOND_PEER);
	ping(SECOND_IP);
	d = expect_ip(IP_PROTO_ICMP, 0);
	assert_int_equal(d.src, SECOND_IP);
	assert_int_equal(d.dst, SECOND_PEER);
	assert_memory_equal(d.eth_dst, fx_peer_mac, 6);
}

static void an_address_of_another_card_is_not_ours_here(void **state)
{
	use_second(SECOND_IP, 0xffff0000, SECOND_PEER);
	ping(FX_IP);
	ping(FX_BCAST);
	assert_drop(IP_NOT_FOR_US, 2);
	expect_nothing(0);
}

static void nor_while_the_card_has_no_address(void **state)
{
	fx.at = &fx.second;
	fx.c.peer_ip = SECOND_PEER;
	ping(FX_IP);
	assert_drop(IP_NOT_FOR_US, 1);
	expect_nothing(0);
}

static void arp_answers_only_for_the_address_of_the_card(void **state)
{
	const uint32_t twins[] = { SECOND_IP, TWIN_IP };

	for (int i = 0; i < 2; i++) {
		use_second(twins[i], 0xffffff00, FX_PEER);
		inject_arp((struct fx_arp){ .op = 1,
		    .eth_dst = eth_broadcast,
		    .sender_ip = FX_PEER,
		    .target_ip = FX_IP });
		expect_nothing(0);
		inject_arp((struct fx_arp){ .op = 1,
		    .eth_dst = eth_broadcast,
		    .sender_ip = FX_PEER,
		    .target_ip = twins[i] });
		expect_arp(
		    (struct fx_arp){
		        .op = 2, .sender_ip = twins[i], .target_ip = FX_PEER },
		    0);
	}
}

/* The same neighbour is asked for on each wire that leads to it. */
static void each_card_learns_its_own_neighbours(void **state)
{
	struct pkt *p = pkt_alloc(&fx.st);

	configure(&fx.second, TWIN_IP, 0xffffff00, 0);
	fx.at = &fx.second;
	pkt_put(p, 8);
	assert_int_equal(ip_tx(p, TWIN_IP, FX_PEER, IP_PROTO_ICMP), 0);
	expect_arp((struct fx_arp){ .op = 1,
	               .eth_dst = eth_broadcast,
	               .sender_ip = TWIN_IP,
	               .target_ip = FX_PEER },
	    0);
	inject_arp((struct fx_arp){
	    .op = 2, .sender_ip = FX_PEER, .target_ip = TWIN_IP });
	assert_int_equal(expect_ip(IP_PROTO_ICMP, 0).src, TWIN_IP);
}

/* --- Both cards on one network, and a gateway each ------------------------ */

static void check_udp_answer(uint32_t ip, uint32_t from)
{
	struct sock *s = NULL;
	struct sock_addr to;
	uint8_t byte;

	use_second(ip, 0xffffff00, FX_PEER);
	inject_arp((struct fx_arp){
	    .op = 1, .sender_ip = SECOND_GATE, .target_ip = ip });
	fx_forget_frames();
	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_UDP, &s), 0);
	assert_int_equal(sock_bind(s, &(struct sock_addr){ 0, PORT }), 0);
	inject_udp((struct fx_udp){ .src = from,
	    .dst = ip,
	    .src_port = 555,
	    .dst_port = PORT,
	    .data = "?",
	    .len = 1 });
	assert_int_equal(sock_recv(s, &byte, 1, 0, &to), 1);
	assert_int_equal(sock_send(s, "!", 1, 0, &to), 1);
	expect_udp((struct fx_udp){ .src = ip,
	               .dst = from,
	               .src_port = PORT,
	               .dst_port = 555,
	               .data = "!",
	               .len = 1 },
	    0);
	sock_close(s);
}

static void a_datagram_is_answered_from_where_it_came_in(void **state)
{
	check_udp_answer(TWIN_IP, FX_PEER);
}

static void so_it_is_beyond_a_gateway(void **state)
{
	/* 172.16.0.1/24 with SECOND_GATE; FAR_PEER is beyond both gateways. */
	check_udp_answer(SECOND_IP, FAR_PEER);
}

static void who_was_not_heard_gets_the_route_s_address(void **state)
{
	const struct sock_addr other = { FX_PEER, 556 };
	struct sock *s = NULL;
	uint8_t byte;

	use_second(TWIN_IP, 0xffffff00, FX_PEER);
	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_UDP, &s), 0);
	assert_int_equal(sock_bind(s, &(struct sock_addr){ 0, PORT }), 0);
	inject_udp((struct fx_udp){ .dst = TWIN_IP,
	    .src_port = 555,
	    .dst_port = PORT,
	    .data = "?",
	    .len = 1 });
	assert_int_equal(sock_recv(s, &byte, 1, 0, NULL), 1);
	fx.at = &fx.dev;
	assert_int_equal(sock_send(s, "!", 1, 0, &other), 1);
	expect_udp(
	    (struct fx_udp){ .dst_port = 556, .data = "!", .len = 1 }, 0);
	/* An address that is gone since is no source either. */
	configure(&fx.second, SECOND_IP, 0xffff0000, 0);
	assert_int_equal(
	    sock_send(s, "!", 1, 0, &(struct sock_addr){ FX_PEER, 555 }), 1);
	expect_udp(
	    (struct fx_udp){ .dst_port = 555, .data = "!", .len = 1 }, 0);
	sock_close(s);
}

static void check_tcp(void)
{
	struct sock *s = fx_accepted(1460, 0);

	in(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	assert_int_equal(fx_read(s, 200), 100);
	assert_int_equal(fx_send(s, 50), 50);
	expect_seg_within(
	    (struct seg){ .flags = PA, .seq = 1, .ack = 101, .len = 50 }, 300);
	fx_abort(s);
	fx_forget_frames();
}

static void a_connection_stays_with_its_card(void **state)
{
	use_second(TWIN_IP, 0xffffff00, FX_PEER);
	check_tcp();
}

static void a_connection_goes_through_its_card_s_gateway(void **state)
{
	use_second(SECOND_IP, 0xffff0000, SECOND_GATE);
	fx.c.peer_ip = FAR_PEER;
	check_tcp();
}

static void a_reset_leaves_by_the_card_that_was_asked(void **state)
{
	use_second(TWIN_IP, 0xffffff00, FX_PEER);
	in(.flags = S);
	out(.flags = RA, .ack = 1, .raw = true, .any_ack = true);
}

/* --- Losing a card ------------------------------------------------------- */

static void a_lost_address_ends_its_own_connections_only(void **state)
{
	struct sock *mine = fx_accepted(1460, 0), *other;
	struct fx_conn first = fx.c;

	use_second(SECOND_IP, 0xffff0000, SECOND_PEER);
	other = fx_accepted(1460, 0);
	configure(&fx.second, 0, 0, 0);
	assert_true(sock_events(other) & SOCK_ERROR);
	assert_false(sock_events(mine) & SOCK_ERROR);
	sock_close(other);
	fx.at = &fx.dev;
	fx.c = first;
	assert_int_equal(fx_send(mine, 10), 10);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 10);
	fx_abort(mine);
	fx_forget_frames();
}

static void a_lost_link_leaves_the_other_card_alone(void **state)
{
	use_second(SECOND_IP, 0xffff0000, SECOND_PEER);
	netdev_set_link(&fx.dev, false);
	ping(SECOND_IP);
	assert_int_equal(expect_ip(IP_PROTO_ICMP, 0).src, SECOND_IP);
}

/* --- Names --------------------------------------------------------------- */

static void cards_without_a_name_are_numbered(void **state)
{
	static struct netdev more[2];

	for (int i = 0; i < 2; i++) {
		more[i] = (struct netdev){ .ops = fx.dev.ops, .mtu = 1500 };
		netdev_register(&fx.st, &more[i]);
	}
	assert_string_equal(more[0].name, "eth2");
	assert_string_equal(more[1].name, "eth3");
	assert_int_equal(fx.st.device_count, STACK_DEVICES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		devices_test(each_network_has_its_card),
		devices_test(the_longest_prefix_wins),
		devices_test(the_first_gateway_whose_link_is_up_is_the_default),
		devices_test(
		    of_two_cards_on_one_network_one_with_a_link_is_taken),
		devices_test(a_source_leaves_by_the_card_that_owns_it),
		devices_test(between_our_addresses_nothing_leaves),
		devices_test(each_card_answers_for_its_own_address),
		devices_test(an_address_of_another_card_is_not_ours_here),
		devices_test(nor_while_the_card_has_no_address),
		devices_test(arp_answers_only_for_the_address_of_the_card),
		devices_test(each_card_learns_its_own_neighbours),
		devices_test(a_datagram_is_answered_from_where_it_came_in),
		devices_test(so_it_is_beyond_a_gateway),
		devices_test(who_was_not_heard_gets_the_route_s_address),
		devices_test(a_connection_stays_with_its_card),
		devices_test(a_connection_goes_through_its_card_s_gateway),
		devices_test(a_reset_leaves_by_the_card_that_was_asked),
		devices_test(a_lost_address_ends_its_own_connections_only),
		devices_test(a_lost_link_leaves_the_other_card_alone),
		devices_test(cards_without_a_name_are_numbered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
