/* SPDX-License-Identifier: MIT */
/*
 * Path MTU discovery (RFC 1191) for each connection: what we send must not be
 * cut (DF), and a router that cannot pass it on says how much it takes.  Anyone
 * could say so: it counts only about a segment in flight, of a size that we
 * have sent (RFC 5927 7.2).  Where nobody says a word (a "black hole", RFC 4821
 * 3), segments that time out again and again get smaller by themselves.
 *
 * c->pmtu is 0 while nothing is known; what is known is forgotten after ten
 * minutes.  All else reads c->mss.
 */
#include "net/tcp_internal.h"

#include "net/ip.h"
#include "net/stack.h"

#define HEADERS (sizeof(struct ip_hdr) + sizeof(struct tcp_hdr))

/* Nobody makes us go below; a path that takes less has to cut (without DF). */
#define PMTU_MIN 552
/* RFC 1191 6.3: at least 5 minutes, 10 suggested. */
#define PMTU_LIFE_NS (600 * NS_PER_S)

/*
 * After so many timeouts in a row full segments may be what does not pass: they
 * shrink to what nearly every path takes (RFC 8899 5.1.2, BASE_PLPMTU), and, if
 * that did not help, to the least.  A peer that is gone looks the same, but
 * loses nothing by it; where one has passed, loss is more likely.
 */
static const struct {
	uint8_t tries;
	uint16_t mtu;
} black_hole[] = { { 2, 1280 }, { 4, PMTU_MIN } };

/* RFC 1191 section 7, for routers that do not say how much. */
static uint16_t plateau_below(uint16_t mtu)
{
	static const uint16_t plateau[] = { 32000, 17914, 8166, 4352, 2002,
		1492, 1280, 1006 };

	for (size_t i = 0; i < sizeof(plateau) / sizeof(plateau[0]); i++)
		if (plateau[i] < mtu)
			return plateau[i];
	return PMTU_MIN;
}

void tcp_pmtu_set_mss(struct tcp_conn *c)
{
	uint32_t mss = c->mss_max;

	if (c->pmtu)
		mss = min_u32(mss, c->pmtu - (uint32_t)HEADERS);
	if (c->ts_ok) /* RFC 6691: what all segments carry beside text */
		mss -= TCP_TS_BYTES;
	c->mss = (uint16_t)mss;
}

/* The largest packet that c sends now. */
static uint32_t packet_max(const struct tcp_conn *c)
{
	return c->mss + (c->ts_ok ? TCP_TS_BYTES : 0) + (uint32_t)HEADERS;
}

static void lower(struct tcp_conn *c, uint16_t mtu)
{
	if (mtu < PMTU_MIN) {
		mtu = PMTU_MIN;
		c->may_fragment = true;
	}
	if (mtu < packet_max(c))
		c->pmtu = mtu;
	c->pmtu_proven = false;
	c->pmtu_forget_ns = clock_ns() + PMTU_LIFE_NS;
	tcp_pmtu_set_mss(c);
}

void tcp_pmtu_too_big(struct tcp_conn *c, const struct icmp_error *e)
{
	uint16_t mtu = e->mtu ? e->mtu : plateau_below(e->total_len);

	if (!tcp_is_synchronized(c) || c->may_fragment ||
	    e->total_len > packet_max(c) || mtu >= e->total_len) {
		stack_count(c->stack, COUNT_TCP_ICMP_IGNORED);
		return;
	}
	stack_count(c->stack, COUNT_TCP_PMTU_LOWERED);
	lower(c, mtu);
	/* RFC 1191 6.5: again at once, and not as a sign of congestion. */
	tcp_sent_lose_larger(&c->sent, c->may_fragment ? 0 : c->mss);
	tcp_output(c);
}

void tcp_pmtu_note_ack(struct tcp_conn *c, uint32_t ack)
{
	const struct tcp_sent *first = tcp_sent_first(&c->sent);

	if (first && first->end - first->seq >= c->mss &&
	    seq_le(first->end, ack))
		c->pmtu_proven = true;
}

void tcp_pmtu_timeout(struct tcp_conn *c)
{
	const struct tcp_sent *first = tcp_sent_first(&c->sent);
	bool again = c->pmtu == black_hole[0].mtu;
	uint8_t tries = c->pmtu_proven ? TCP_R2_TRIES : black_hole[again].tries;

	if (!first || first->end - first->seq < c->mss ||
	    c->silent_tries < tries ||
	    (!again && packet_max(c) <= black_hole[0].mtu))
		return;
	stack_count(c->stack, COUNT_TCP_BLACK_HOLES);
	lower(c, black_hole[again].mtu);
}

void tcp_pmtu_age(struct tcp_conn *c)
{
	if (!c->pmtu_forget_ns || clock_ns() < c->pmtu_forget_ns)
		return;
	stack_count(c->stack, COUNT_TCP_PMTU_RAISED);
	c->pmtu_forget_ns = 0;
	c->pmtu = 0;
	c->pmtu_proven = false;
	c->may_fragment = false;
	tcp_pmtu_set_mss(c);
}
