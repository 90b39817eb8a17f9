/* SPDX-License-Identifier: MIT */
/*
 * A cookie:  28 bits of hash | 3 bits, index of the MSS | 1 bit, of the period
 *
 * The hash covers everything, so that each guess of a stranger is good with a
 * chance of 2^-28.
 *
 * The timestamp's low bits:  ECN | SACK | window scale in 4 bits, 15: none
 */
#include "net/tcp_cookie.h"

#include "net/tcp_internal.h"

/* Rounding down costs at most a few percent for the sizes that are common:
 * 1460 is Ethernet's, 1440 IPv6's and DSL's, 1400 and 1360 those of tunnels. */
static const uint16_t mss_of[] = { TCP_MSS_MIN, TCP_MSS_DEFAULT, 1200, 1300,
	1360, 1400, 1440, 1460 };

#define MSS_COUNT (sizeof(mss_of) / sizeof(mss_of[0]))

static uint32_t make(
    const struct tcp_cookie_key *k, uint64_t period, uint32_t index)
{
	uint32_t low = index << 1 | (uint32_t)(period & 1);
	const uint32_t words[6] = { k->t->local.ip, k->t->peer.ip,
		(uint32_t)k->t->local.port << 16 | k->t->peer.port, k->irs,
		(uint32_t)period, low };

	return (uint32_t)hash_bytes(k->secret, words, sizeof(words)) << 4 | low;
}

uint32_t tcp_cookie_make(
    const struct tcp_cookie_key *k, uint16_t mss, uint64_t now_ns)
{
	uint32_t index = MSS_COUNT - 1;

	while (index && mss_of[index] > mss)
		index--;
	return make(k, now_ns / TCP_COOKIE_PERIOD_NS, index);
}

uint16_t tcp_cookie_check(
    const struct tcp_cookie_key *k, uint32_t cookie, uint64_t now_ns)
{
	uint64_t period = now_ns / TCP_COOKIE_PERIOD_NS;
	uint32_t index = cookie >> 1 & 7;

	if ((period & 1) != (cookie & 1)) {
		if (!period)
			return 0;
		period--; /* made in the last one */
	}
	return make(k, period, index) == cookie ? mss_of[index] : 0;
}

#define TS_BITS   6
#define TS_MASK   ((1u << TS_BITS) - 1)
#define TS_WSCALE 0x0f
#define TS_SACK   0x10
#define TS_ECN    0x20

uint32_t tcp_cookie_ts_make(
    uint32_t ts, const struct tcp_options *theirs, bool ecn)
{
	uint32_t bits = TS_WSCALE, val;

	if (theirs->wscale != TCP_NO_WSCALE)
		bits = min_u32((uint32_t)theirs->wscale, TCP_WSCALE_MAX);
	if (theirs->sack_permitted)
		bits |= TS_SACK;
	if (ecn)
		bits |= TS_ECN;
	val = (ts & ~TS_MASK) | bits;
	/* Later segments may not go back behind it. */
	return seq_lt(ts, val) ? val - TS_MASK - 1 : val;
}

void tcp_cookie_ts_read(uint32_t echo, struct tcp_options *theirs, bool *ecn)
{
	uint32_t wscale = echo & TS_WSCALE;

	theirs->wscale = wscale == TS_WSCALE ? TCP_NO_WSCALE : (int8_t)wscale;
	theirs->sack_permitted = echo & TS_SACK;
	*ecn = echo & TS_ECN;
}
