/* SPDX-License-Identifier: MIT */
/*
 * The oracle is told of segments by hand, and of what the connection is like
 * inside: a sound exchange, and the same with one thing wrong, for each thing
 * that it may say (tools/check-mistakes sees that none is left out).
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
#include "tests/sim/oracle_internal.h"
#include "tests/sim/sim.h"

#define F TCP_FIN
#define S TCP_SYN
#define R TCP_RST
#define A TCP_ACK
#define E TCP_ECE
#define W TCP_CWR

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
	uint8_t ecn;               /* of the IP header */
	const struct view *inside; /* from here on, or when it is processed */
};

static struct sim sim;
static char said[256];
static const struct view *inside; /* of side 0's connection, or NULL */

static bool look(struct oracle_flow *f, struct view *v)
{
	if (inside != NULL)
		*v = *inside;
	return inside != NULL;
}

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
	ip->tos = t->ecn;
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
	if (!t->sent)
		w->watch(w->watch_ctx, WIRE_RECEIVED, 0, frame, len);
	if (t->inside != NULL)
		inside = t->inside;
	w->watch(
	    w->watch_ctx, t->sent ? WIRE_SENT : WIRE_PROCESSED, 0, frame, len);
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

/* A connection that sent nothing yet; it has cwnd, and got all before `next`.
 */
#define INSIDE(window, next, ...)                                              \
	.inside = &(const struct view)                                         \
	{                                                                      \
		.cwnd = window, .rcv_nxt = PEER_ISN + (next), .mss = 1000,     \
		.rcvbuf = 5000, .open = true, .synchronized = true,            \
		.takes_text = true, __VA_ARGS__                                \
	}
/* The handshake, and what the connection is like then. */
#define UP(...)                                                                \
	TX(S, 0, 0, 0, 5000), RX(S | A, 0, 0, 1, 3000),                        \
	    TX(A, 1, 0, 1, 5000, .wait_ms = 1, INSIDE(__VA_ARGS__))
#define UP_SACK(...)                                                           \
	TX(S, 0, 0, 0, 5000, OPTIONS(sack_ok)),                                \
	    RX(S | A, 0, 0, 1, 3000, OPTIONS(sack_ok)),                        \
	    TX(A, 1, 0, 1, 5000, .wait_ms = 1, INSIDE(__VA_ARGS__))
#define OPTIONS(bytes) .options = bytes, .options_len = sizeof(bytes)

static const char sack_ok[] = { 4, 2, 1, 1 };
static const char sack_block[] = { 1, 1, 5, 10, 0, 0, 0x23, (char)0x29, 0, 0,
	0x23, (char)0x8d }; /* 1 to 101 */
static const char sack_2_blocks[] = { 1, 1, 5, 18, 0, 0, 0x23, 0x29, 0, 0, 0x23,
	(char)0x8d, 0, 0, 0x23, (char)0x8d, 0, 0, 0x23,
	(char)0xf1 }; /* 1 to 101, 101 to 201 */
static const char sack_ours[] = { 1, 1, 5, 10, 0, 0, 0x04, 0x4d, 0, 0, 0x04,
	(char)0xb1 }; /* of side 0: 101 to 201 */
static const char ts_9[] = { 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0 };
static const char ts_9_echo_9[] = { 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 9 };
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
	{ "echoes a timestamp that never came",
	    { TX(S, 0, 0, 0, 5000, OPTIONS(ts_9)),
	        RX(S | A, 0, 0, 1, 3000, OPTIONS(ts_8)),
	        TX(A, 1, 0, 1, 5000, OPTIONS(ts_9_echo_9)) } },
	{ "SACK 100:200 is acknowledged",
	    { UP_SACK(9000, 1), RX(A, 1, 200, 1, 3000, INSIDE(9000, 201)),
	        TX(A, 1, 0, 201, 4800, OPTIONS(sack_2_blocks)) } },

	/* What has to be said */
	{ "2000 bytes wait for an ACK",
	    { UP(9000, 1), RX(A, 1, 1000, 1, 3000, INSIDE(9000, 1001)),
	        RX(A, 1001, 1000, 1, 3000, INSIDE(9000, 2001)) } },
	{ "an ACK waited for more than 500 ms",
	    { UP(9000, 1), RX(A, 1, 100, 1, 3000, INSIDE(9000, 101)),
	        TX(A, 1, 0, 101, 4900, .wait_ms = 501) } },
	{ NULL, { UP(9000, 1), RX(A, 1, 100, 1, 3000, INSIDE(9000, 101)),
	            TX(A, 1, 0, 101, 4900, .wait_ms = 500) } },
	{ "text beyond a gap was not answered",
	    { UP(9000, 1), RX(A, 101, 100, 1, 3000) } },
	{ "what fills a gap was not answered",
	    { UP(9000, 1, .ooo = 100),
	        RX(A, 1, 100, 1, 3000, INSIDE(9000, 201)) } },
	{ "a duplicate is told as 4294958295:4294958295", /* 0:0 */
	    { UP_SACK(9000, 1), RX(A, 1, 100, 1, 3000, INSIDE(9000, 101)),
	        TX(A, 1, 0, 101, 4900), RX(A, 1, 100, 1, 3000) } },
	{ "6 out of order, 5001 of 5000 bytes to read",
	    { UP(9000, 1), RX(A, 1, 0, 1, 3000,
	                       INSIDE(9000, 1, .ooo = 6, .recvq = 5001)) } },

	/* Congestion */
	{ "3000 in flight, 2000 allowed",
	    { UP(1000, 1), RX(A, 1, 0, 1, 3000), TX(A, 1, 3000, 1, 5000) } },
	{ "cwnd grew from 1000 to 5001 for 0 bytes",
	    { UP(1000, 1), RX(A, 1, 0, 1, 3000, INSIDE(5001, 1)) } },
	{ "cwnd is 0", { UP(9000, 1), RX(A, 1, 0, 1, 3000, INSIDE(0, 1)) } },
	{ "reduced twice for one window",
	    { UP(9000, 1), TX(A, 1, 1000, 1, 5000),
	        RX(A, 1, 0, 1, 3000, INSIDE(9000, 1, .reductions = 1)),
	        RX(A, 1, 0, 1, 3000, INSIDE(9000, 1, .reductions = 2)) } },
	{ NULL, /* a timeout counts, and what was undone does not */
	    { UP(9000, 1), TX(A, 1, 1000, 1, 5000),
	        RX(A, 1, 0, 1, 3000, INSIDE(9000, 1, .reductions = 1)),
	        RX(A, 1, 0, 1, 3000,
	            INSIDE(9000, 1, .reductions = 2, .timeouts = 1)),
	        RX(A, 1, 0, 1, 3000,
	            INSIDE(9000, 1, .reductions = 3, .timeouts = 1,
	                .undone = 1)) } },
	{ "recovery goes on beyond its end",
	    { UP_SACK(9000, 1),
	        RX(A, 1, 0, 1, 3000,
	            INSIDE(9000, 1, .in_recovery = true, .una = 2)) } },
	{ "fast recovery after 2 duplicates",
	    { UP(9000, 1), TX(A, 1, 1000, 1, 5000), RX(A, 1, 0, 1, 3000),
	        RX(A, 1, 0, 1, 3000, INSIDE(9000, 1, .in_recovery = true)) } },
	{ NULL,
	    { UP(9000, 1), TX(A, 1, 1000, 1, 5000), RX(A, 1, 0, 1, 3000),
	        RX(A, 1, 0, 1, 3000),
	        RX(A, 1, 0, 1, 3000, INSIDE(9000, 1, .in_recovery = true)) } },

	/* Sent again */
	{ "sent again without a reason",
	    { UP(9000, 1), TX(A, 1, 100, 1, 5000),
	        TX(A, 1, 100, 1, 5000, .wait_ms = 200) } },
	{ "sent again, and nothing later arrived",
	    { UP_SACK(9000, 1), TX(A, 1, 100, 1, 5000),
	        TX(A, 101, 100, 1, 5000),
	        TX(A, 1, 100, 1, 5000, .wait_ms = 200) } },
	{ "a second probe of the tail without an ACK",
	    { UP_SACK(9000, 1), TX(A, 1, 100, 1, 5000),
	        TX(A, 1, 100, 1, 5000, .wait_ms = 200),
	        TX(A, 1, 100, 1, 5000, .wait_ms = 400) } },
	{ "sent again before the reordering window ended",
	    { UP_SACK(9000, 1, .reo_wnd_ns = 25 * NS_PER_MS),
	        TX(A, 1, 100, 1, 5000), TX(A, 101, 100, 1, 5000),
	        RX(A, 1, 0, 1, 3000, OPTIONS(sack_ours), .wait_ms = 100),
	        TX(A, 1, 100, 1, 5000, .wait_ms = 24,
	            INSIDE(9000, 1, .reo_wnd_ns = 25 * NS_PER_MS,
	                .in_recovery = true)) } },
	{ NULL, { UP_SACK(9000, 1, .reo_wnd_ns = 25 * NS_PER_MS),
	            TX(A, 1, 100, 1, 5000), TX(A, 101, 100, 1, 5000),
	            RX(A, 1, 0, 1, 3000, OPTIONS(sack_ours), .wait_ms = 100),
	            TX(A, 1, 100, 1, 5000, .wait_ms = 25,
	                INSIDE(9000, 1, .reo_wnd_ns = 25 * NS_PER_MS,
	                    .in_recovery = true)) } },
	{ "sent again what was SACKed",
	    { UP_SACK(9000, 1), TX(A, 1, 100, 1, 5000),
	        TX(A, 101, 100, 1, 5000), TX(A, 201, 100, 1, 5000),
	        RX(A, 1, 0, 1, 3000, OPTIONS(sack_ours),
	            INSIDE(9000, 1, .timed_out = true)),
	        TX(A, 101, 100, 1, 5000, .wait_ms = 200) } },

	/* ECN */
	{ "CE was not echoed", { UP(9000, 1, .ecn = true),
	                           RX(A, 1, 100, 1, 3000, .ecn = IP_ECN_CE,
	                               INSIDE(9000, 101, .ecn = true)),
	                           TX(A, 1, 0, 101, 4900) } },
	{ "ECE without CE",
	    { UP(9000, 1, .ecn = true),
	        RX(A, 1, 100, 1, 3000, INSIDE(9000, 101, .ecn = true)),
	        TX(A | E, 1, 0, 101, 4900) } },
	{ "ECE, and no reduction",
	    { UP(9000, 1, .ecn = true), TX(A, 1, 100, 1, 5000),
	        RX(A | E, 1, 0, 101, 3000,
	            INSIDE(9000, 1, .ecn = true, .una = ISN + 101)) } },
	{ "CWR is missing",
	    { UP(9000, 1, .ecn = true),
	        TX(A, 1, 100, 1, 5000,
	            INSIDE(9000, 1, .ecn = true, .reductions = 1)) } },
	{ "CWR without a reduction",
	    { UP(9000, 1, .ecn = true), TX(A | W, 1, 100, 1, 5000) } },
	{ "CWR without a reduction", /* one that was undone */
	    { UP(9000, 1, .ecn = true),
	        RX(A, 1, 0, 1, 3000,
	            INSIDE(9000, 1, .ecn = true, .reductions = 1)),
	        RX(A, 1, 0, 1, 3000,
	            INSIDE(9000, 1, .ecn = true, .reductions = 1, .undone = 1)),
	        TX(A | W, 1, 100, 1, 5000) } },
};

static void each_mistake_is_seen(void **state)
{
	const struct wire_params clean = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sim_start(&sim, "oracle", i, &clean, NULL);
		sim.oracle.fail = note;
		sim.oracle.look = look;
		inside = NULL;
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
