/* SPDX-License-Identifier: MIT */
/* Ethernet in and out; the first fate that a frame can meet. */
#include "tests/support/net_fixture.h"

#include "net/eth.h"
#include "net/tables.h"

static void inject(const uint8_t *dst, uint16_t type, size_t len)
{
	uint8_t frame[64] = { 0 };

	memcpy(frame, dst, 6);
	memcpy(frame + 6, fx_peer_mac, 6);
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
	fx_inject(frame, len);
}

static void drops_below_a_header(void **state)
{
	for (size_t len = 0; len < 14; len++)
		inject(fx_mac, ETH_TYPE_IPV4, len);
	assert_drop(ETH_SHORT, 14);
}

static void drops_other_stations_unicast(void **state)
{
	uint8_t other[6];

	for (unsigned i = 0; i < 6; i++) {
		memcpy(other, fx_mac, 6);
		other[i] ^= 2;
		inject(other, ETH_TYPE_IPV4, 60);
	}
	assert_drop(ETH_NOT_FOR_US, 6);
}

static void takes_our_own_and_group_addresses(void **state)
{
	static const uint8_t group[6] = { 1, 0, 0x5e, 0, 0, 1 };

	inject(fx_mac, 0x86dd, 60);
	inject(eth_broadcast, 0x86dd, 60);
	inject(group, 0x86dd, 60);
	assert_drop(ETH_NOT_FOR_US, 0);
	assert_drop(ETH_TYPE, 3);
}

static void drops_types_that_nobody_handles(void **state)
{
	static const uint16_t type[] = { 0, 46, 1500, 0x0801, 0x0805, 0x8100,
		0x86dd, 0xffff };

	for (size_t i = 0; i < 8; i++)
		inject(fx_mac, type[i], 60);
	assert_drop(ETH_TYPE, 8);
	expect_nothing(0);
}

static void a_header_alone_is_enough_to_ask_the_type(void **state)
{
	inject(fx_mac, ETH_TYPE_IPV4, 14);
	assert_drop(IP_SHORT, 1);
	inject(fx_mac, ETH_TYPE_ARP, 14);
	assert_drop(ARP_BAD, 1);
}

static void sends_with_our_address_as_source(void **state)
{
	struct pkt *p = pkt_alloc(&fx.st);
	const struct fx_frame *f;

	memcpy(pkt_put(p, 4), "data", 4);
	p->dev = &fx.dev;
	eth_tx(p, fx_peer_mac, 0x1234);
	f = fx_next(0);
	assert_non_null(f);
	assert_int_equal(f->len, 18);
	assert_memory_equal(f->bytes, fx_peer_mac, 6);
	assert_memory_equal(f->bytes + 6, fx_mac, 6);
	assert_memory_equal(f->bytes + 12,
	    "\x12\x34"
	    "data",
	    6);
}

static void device_counts_what_it_receives(void **state)
{
	uint64_t frames = fx.dev.stats.rx_frames, bytes = fx.dev.stats.rx_bytes;

	inject(fx_mac, 0, 60);
	inject(fx_mac, 0, 14);
	assert_int_equal(fx.dev.stats.rx_frames - frames, 2);
	assert_int_equal(fx.dev.stats.rx_bytes - bytes, 74);
	assert_count(RX_FRAMES, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(drops_below_a_header),
		fx_test(drops_other_stations_unicast),
		fx_test(takes_our_own_and_group_addresses),
		fx_test(drops_types_that_nobody_handles),
		fx_test(a_header_alone_is_enough_to_ask_the_type),
		fx_test(sends_with_our_address_as_source),
		fx_test(device_counts_what_it_receives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
