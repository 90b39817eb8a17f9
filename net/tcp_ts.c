/* SPDX-License-Identifier: MIT */
/*
 * Timestamps (RFC 7323): our clock, the peer's in TS.Recent, protection against
 * old duplicates by it (PAWS, section 5), and round trips measured by what the
 * peer echoes (RTTM, section 4).
 */
#include "net/tcp_internal.h"

#include "net/stack.h"

/* RFC 7323 5.5: the peer's clock may have gone half round by then. */
#define TS_RECENT_LIFE_NS (24 * 24 * 3600 * NS_PER_S)

/* --- Clocks -------------------------------------------------------------- */

/* RFC 7323 5.4: a tick is a millisecond. */
static uint32_t ticks(void)
{
	return (uint32_t)(clock_ns() / NS_PER_MS);
}

/* RFC 7323 5.4, 7.1: a place of its own for each pair of ends, so that nobody
 * learns our uptime, but the same for all connections between them, so that
 * the clock of a later one goes on (RFC 6191). */
uint32_t tcp_ts_offset(const struct stack *st, const struct tcp_tuple *t)
{
	const uint32_t words[4] = { t->local.ip, t->peer.ip,
		(uint32_t)t->local.port << 16 | t->peer.port, 0x54534f50 };

	return (uint32_t)hash_bytes(st->key, words, sizeof(words));
}

void tcp_ts_option(struct tcp_options *o, uint32_t offset, uint32_t recent)
{
	o->has_ts = true;
	o->ts_val = ticks() + offset;
	o->ts_ecr = recent;
}

/* --- TS.Recent and PAWS -------------------------------------------------- */

bool tcp_ts_is_old(uint32_t recent, uint64_t age_ns, uint32_t val)
{
	return seq_lt(val, recent) && clock_ns() - age_ns < TS_RECENT_LIFE_NS;
}

void tcp_ts_set_recent(struct tcp_conn *c, uint32_t val)
{
	c->ts_recent = val;
	c->ts_recent_age_ns = clock_ns();
}

/* RFC 7323 5.3 R3, with the left edge of section 4.3: the echo is that of the
 * earliest segment that the next ACK covers. */
void tcp_ts_note(struct tcp_conn *c, const struct tcp_seg *s)
{
	const struct tcp_options *o = &s->opt;

	if (c->ts_ok && o->has_ts && seq_le(s->seq, c->last_ack_sent) &&
	    !tcp_ts_is_old(c->ts_recent, c->ts_recent_age_ns, o->ts_val))
		tcp_ts_set_recent(c, o->ts_val);
}

/* --- Round trips --------------------------------------------------------- */

/*
 * RFC 7323 4.1, for an ACK that moves SND.UNA.  While a segment is being timed
 * that is more exact; after it was sent again only the echo tells which of both
 * was acknowledged.  One sample each round trip, as RFC 6298 assumes (RFC 7323
 * appendix G), so its gains stay.  An echo of what we cannot have said is none.
 * Nor is that of an ACK whose D-SACK lies in what it newly acknowledges: the
 * ACK before was lost, this one answers a retransmission, but echoes the
 * original, since what is outside the window does not move TS.Recent (RFC
 * 7323 5.3, R2).
 */
void tcp_ts_sample(
    struct tcp_conn *c, const struct tcp_seg *s, const struct tcp_ack *a)
{
	uint64_t now, rtt_ns;

	if (!c->ts_ok || !s->opt.has_ts || !s->opt.ts_ecr || c->rtt_start_ns)
		return;
	now = clock_ns();
	if (now - c->ts_sampled_ns < c->srtt_ns)
		return;
	if (a->dsack && seq_le(c->snd_una, a->dsack_start))
		return;
	rtt_ns = (uint64_t)(ticks() + c->ts_offset - s->opt.ts_ecr) * NS_PER_MS;
	if (rtt_ns > TCP_RTO_MAX_NS)
		return;
	c->ts_sampled_ns = now;
	tcp_rtt_sample_ns(c, rtt_ns ? rtt_ns : NS_PER_MS / 2);
}
