/* SPDX-License-Identifier: MIT */
/*
 * The oracle is told of segments by hand: a sound exchange, and the same with
 * one thing wrong.  What it says about a connection's inside is shown by
 * tools/mutate.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "lib/checksum.h"
#include "net/eth.h"
#include "net/ip.h"
#include "net/tcp.h"
#include "tests/sim/sim.h"

#define F TCP_FIN
#define S TCP_SYN
#define R TCP_RST
#define A TCP_ACK

#define ISN      1000u
#define PEER_ISN 9000u
#define STEPS    12

/* One segment between side 0, whose stream is watched, and a peer. */
struct step {
	bool sent; /* by side 0, else received */
	uint8_t flags;
	uint32_t seq, len, ack; /* relative */
	uint16_t window;
	uint8_t data;        /* every byte of it */
	uint16_t wait_ms;    /* before */
	const char *options; /* len */
	uint8_t options_len;
};

static struct sim sim;
static char said[256];

static void note(void *ctx, const char *text)
{
	if (said[0] == '\0')
		snprintf(said, sizeof(said), "%s", text);
}

static size_t make_frame(const struct step *t, uint8_t *frame)
{
	struct eth_hdr *eth = (struct eth_hdr *)frame;
	struct ip_hdr *ip = (struct ip_hdr *)(eth + 1);
	struct tcp_hdr *tcp = (struct tcp_hdr *)(ip + 1);
	uint32_t from = sim_ip(!t->sent), to = sim_ip(t->sent);
	uint32_t head = (uint32_t)sizeof(*tcp) + t->options_len;
	uint32_t len = head + t->len;

	memset(frame, 0, sizeof(*eth) + sizeof(*ip) + len);
	memcpy(frame, sim.wire.end[t->sent].dev.mac, 6);
	eth->type = be16_make(ETH_TYPE_IPV4);
	ip->version_ihl = 0x45;
	ip->total_len = be16_make((uint16_t)(sizeof(*ip) + len));
	ip->proto = IP_PROTO_TCP;
	ip->src = be32_make(from);
	ip->dst = be32_make(to);
	ip->checksum =
	    be16_make(checksum_finish(checksum_add(0, ip, sizeof(*ip))));
	tcp->src_port = be16_make(t->sent ? 1 : 2);
	tcp->dst_port = be16_make(t->sent ? 2 : 1);
	tcp->seq = be32_make(t->seq + (t->sent ? ISN : PEER_ISN));
	tcp->ack = be32_make(t->ack + (t->sent ? PEER_ISN : ISN));
	tcp->offset = (uint8_t)(head / 4 << 4);
	tcp->flags = t->flags;
	tcp->window = be16_make(t->window);
	if (t->options_len > 0)
		memcpy(tcp + 1, t->options, t->options_len);
	memset((uint8_t *)tcp + head, t->data, t->len);
	tcp->checksum = be16_make(checksum_finish(checksum_add(
	    ip_pseudo_sum(from, to, IP_PROTO_TCP, len), tcp, len)));
	return sizeof(*eth) + sizeof(*ip) + len;
}

static void tell(const struct step *t)
{
	uint8_t frame[4096];
	size_t len = make_frame(t, frame);
	struct wire *w = &sim.wire;

	host_clock_advance(t->wait_ms * NS_PER_MS);
	if (t->sent) {
		w->watch(w->watch_ctx, WIRE_SENT, 0, frame, len);
		return;
	}
	w->watch(w->watch_ctx, WIRE_RECEIVED, 0, frame, len);
	w->watch(w->watch_ctx, WIRE_PROCESSED, 0, frame, len);
}

#define TX(...)                                                                \
	{                                                                      \
		.sent = true, .flags = __VA_ARGS__                             \
	}
#define RX(...)                                                                \
	{                                                                      \
		.sent = false, .flags = __VA_ARGS__                            \
	}
#define OPEN                                                                   \
	TX(S, 0, 0, 0, 5000), RX(S | A, 0, 0, 1, 3000), TX(A, 1, 0, 1, 5000)

static const char sack_ok[] = { 4, 2, 1, 1 };
static const char sack_block[] = { 1, 1, 5, 10, 0, 0, 0x23, (char)0x29, 0, 0,
	0x23, (char)0x8d }; /* 1 to 101 */
static const char ts_9[] = { 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0 };
static const char ts_8[] = { 1, 1, 8, 10, 0, 0, 0, 8, 0, 0, 0, 0 };

static const struct {
	const char *says; /* NULL: nothing is wrong */
	struct step step[STEPS];
} cases[] = {
	{ NULL, { OPEN, TX(A, 1, 1000, 1, 5000, 'a'),
	            TX(A, 1001, 2000, 1, 5000, 'b'), RX(A, 1, 100, 1001, 3000),
	            TX(A, 3001, 0, 101, 4900),
	            TX(A, 1001, 1000, 101, 4900, 'b', 200),
	            TX(F | A, 3001, 0, 101, 4900),
	            TX(F | A, 3001, 0, 101, 4900) } },
	{ "ACK went back by 100",
	    { OPEN, RX(A, 1, 100, 1, 3000), TX(A, 1, 0, 101, 4900),
	        TX(A, 1, 0, 1, 5000) } },
	{ "acknowledges what never came",
	    { OPEN, RX(A, 101, 100, 1, 3000), TX(A, 1, 0, 201, 4800) } },
	{ "acknowledges a SYN that never came",
	    { TX(S, 0, 0, 0, 5000), TX(A, 1, 0, 1, 5000) } },
	{ "the right edge moved left by 1", { OPEN, TX(A, 1, 0, 1, 4999) } },
	{ "2 bytes beyond the peer's window",
	    { OPEN, TX(A, 1, 3002, 1, 5000) } },
	{ NULL, { OPEN, TX(A, 1, 3001, 1, 5000) } }, /* a probe's byte */
	{ "byte 1 differs when sent again",
	    { OPEN, TX(A, 1, 100, 1, 5000, 'a'),
	        TX(A, 1, 100, 1, 5000, 'b', 200) } },
	{ "data after FIN",
	    { OPEN, TX(F | A, 1, 10, 1, 5000), TX(A, 12, 10, 1, 5000) } },
	{ "FIN moved from 11 to 6",
	    { OPEN, TX(F | A, 1, 10, 1, 5000), TX(F | A, 1, 5, 1, 5000) } },
	{ "timeouts 400 and 500 ms apart",
	    { OPEN, TX(A, 1, 10, 1, 5000), TX(A, 1, 10, 1, 5000, 0, 200),
	        TX(A, 1, 10, 1, 5000, 0, 400),
	        TX(A, 1, 10, 1, 5000, 0, 500) } },
	{ NULL, { OPEN, TX(A, 1, 10, 1, 5000), TX(A, 1, 10, 1, 5000, 0, 200),
	            TX(A, 1, 10, 1, 5000, 0, 400),
	            TX(A, 1, 10, 1, 5000, 0, 800) } },
	{ "sends after a reset",
	    { OPEN, TX(R, 1, 0, 0, 0), TX(A, 1, 10, 1, 5000) } },
	{ "SACK was not agreed",
	    { OPEN, RX(A, 1, 100, 1, 3000),
	        TX(A, 1, 0, 101, 4900, 0, 0, sack_block, 12) } },
	{ "SACK 0:100 never came",
	    { TX(S, 0, 0, 0, 5000, 0, 0, sack_ok, 4),
	        RX(S | A, 0, 0, 1, 3000, 0, 0, sack_ok, 4),
	        TX(A, 1, 0, 1, 5000, 0, 0, sack_block, 12) } },
	{ "timestamp went back",
	    { TX(S, 0, 0, 0, 5000, 0, 0, ts_9, 12),
	        TX(S, 0, 0, 0, 5000, 0, 1000, ts_8, 12) } },
};

static void each_mistake_is_seen(void **state)
{
	const struct wire_params clean = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sim_start(&sim, "oracle", i, &clean, NULL);
		sim.oracle.fail = note;
		said[0] = '\0';
		for (unsigned k = 0; k < STEPS && cases[i].step[k].flags; k++)
			tell(&cases[i].step[k]);
		if (cases[i].says == NULL && said[0] != '\0')
			fail_msg(
			    "case %zu: nothing is wrong, but: %s", i, said);
		if (cases[i].says && strstr(said, cases[i].says) == NULL)
			fail_msg("case %zu: expected '%s', said '%s'", i,
			    cases[i].says, said);
		sim_stop(&sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
