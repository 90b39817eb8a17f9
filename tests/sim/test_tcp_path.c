/* SPDX-License-Identifier: MIT */
/*
 * A path that takes less than the link: a router that says so (RFC 1191), and
 * one that does not (a black hole, RFC 4821).  Every byte arrives.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "net/eth.h"
#include "net/icmp.h"
#include "net/ip.h"
#include "lib/checksum.h"
#include "sched/timer.h"
#include "tests/sim/sim.h"

#define MS      NS_PER_MS
#define BYTES   300000
#define IP_AT   sizeof(struct eth_hdr)
#define ICMP_AT (IP_AT + sizeof(struct ip_hdr))
#define QUOTE   28

static struct sim sim;

static struct {
	uint16_t mtu;
	bool silent;
	unsigned lost;
	/* What the router says, a moment later. */
	uint8_t message[ICMP_AT + 8 + QUOTE];
	unsigned side;
	struct timer timer;
} router;

static void say(struct timer *t)
{
	wire_inject(
	    &sim.wire, router.side, router.message, sizeof(router.message));
}

/* ICMP "fragmentation needed" about this frame, back to its sender. */
static void complain(unsigned from, const uint8_t *frame)
{
	uint8_t *m = router.message;
	struct ip_hdr *h = (struct ip_hdr *)(m + IP_AT);
	const struct ip_hdr *was = (const struct ip_hdr *)(frame + IP_AT);
	struct icmp_hdr *icmp = (struct icmp_hdr *)(m + ICMP_AT);

	memset(m, 0, sizeof(router.message));
	memcpy(m, frame + 6, 6);
	memcpy(m + 6, frame, 6);
	memcpy(m + 12, frame + 12, 2);
	h->version_ihl = 0x45;
	h->total_len = be16_make(sizeof(*h) + 8 + QUOTE);
	h->ttl = 64;
	h->proto = IP_PROTO_ICMP;
	h->src = was->dst;
	h->dst = was->src;
	h->checksum =
	    be16_make(checksum_finish(checksum_add(0, h, sizeof(*h))));
	icmp->type = ICMP_UNREACHABLE;
	icmp->code = ICMP_CODE_TOO_BIG;
	icmp->rest = be32_make(router.mtu);
	memcpy(icmp + 1, was, QUOTE);
	icmp->checksum =
	    be16_make(checksum_finish(checksum_add(0, icmp, 8 + QUOTE)));
	router.side = from;
	timer_arm(&router.timer, clock_ns() + MS);
}

static bool too_large(
    void *ctx, unsigned from, const uint8_t *frame, size_t len)
{
	if (len <= IP_AT + router.mtu)
		return false;
	router.lost++;
	if (!router.silent)
		complain(from, frame);
	return true;
}

static void sender(void *arg)
{
	struct sock *s = arg;

	sim_check_equal(&sim, sim_send_stream(s, 1, BYTES), 0);
	sock_close(s);
}

static void receiver(void *arg)
{
	struct sock *s = arg;

	sim_check_equal(&sim, sim_recv_stream(&sim, s, 1), BYTES);
	sock_close(s);
}

static void transfer(uint16_t mtu, bool silent, uint32_t loss_ppm)
{
	const struct wire_params p = { .delay_ns = 10 * MS,
		.loss_ppm = loss_ppm };
	struct sock *pair[2];

	sim_start(&sim, "path", mtu, &p, NULL);
	memset(&router, 0, sizeof(router));
	router.mtu = mtu;
	router.silent = silent;
	timer_init(&router.timer, say);
	sim.wire.filter = too_large;
	sim_pair(&sim, pair);
	sim_spawn(&sim, "sender", sender, pair[0]);
	sim_spawn(&sim, "receiver", receiver, pair[1]);
	sim_run(&sim, 300 * NS_PER_S);
	assert_true(router.lost > 0);
	sim_stop(&sim);
}

static void a_router_that_says_so_costs_one_round_trip(void **state)
{
	static const uint16_t mtu[] = { 1492, 1400, 1280, 1000, 576, 552 };

	for (size_t i = 0; i < sizeof(mtu) / sizeof(mtu[0]); i++) {
		transfer(mtu[i], false, 0);
		assert_true(sim_count(&sim, 0, COUNT_TCP_PMTU_LOWERED) >= 1);
		assert_int_equal(sim_count(&sim, 0, COUNT_TCP_TIMEOUTS), 0);
	}
}

static void and_on_a_lossy_path_too(void **state)
{
	transfer(1400, false, 20000);
	transfer(600, false, 20000);
}

static void a_black_hole_is_found(void **state)
{
	static const uint16_t mtu[] = { 1492, 1280, 1000, 552 };

	for (size_t i = 0; i < sizeof(mtu) / sizeof(mtu[0]); i++) {
		transfer(mtu[i], true, 0);
		assert_in_range(
		    sim_count(&sim, 0, COUNT_TCP_BLACK_HOLES), 1, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_router_that_says_so_costs_one_round_trip),
		cmocka_unit_test(and_on_a_lossy_path_too),
		cmocka_unit_test(a_black_hole_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
