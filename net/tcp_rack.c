/* SPDX-License-Identifier: MIT */
/*
 * RACK-TLP (RFC 8985), for connections with SACK: a segment is lost when one
 * that was sent later has arrived and a reordering window has passed since
 * (section 6); a flight whose end says nothing is probed (section 7).  Records
 * of the send map are the RFC's segments.
 */
#include "net/tcp_internal.h"

#include "net/stack.h"

/* Section 6.2 step 4: how many recoveries a window widened by D-SACK lasts. */
#define REO_WND_PERSIST  16
#define REO_WND_MULT_MAX 64

/* Section 7.2: what a receiver may delay an ACK by. */
#define MAX_ACK_DELAY_NS (200 * NS_PER_MS)

/* RFC 8985 3.3: the path may change; an old minimum is forgotten. */
#define MIN_RTT_WINDOW_NS (300 * NS_PER_S)

/* RACK_sent_after of section 5.2. */
static bool sent_after(uint64_t t1, uint32_t seq1, uint64_t t2, uint32_t seq2)
{
	return t1 > t2 || (t1 == t2 && seq_lt(seq2, seq1));
}

/* --- Section 6.2: an acknowledgment --------------------------------------- */

/* Step 1. */
void tcp_rack_rtt(struct tcp_conn *c, uint64_t rtt_ns)
{
	struct tcp_rack *k = &c->rack;
	uint64_t now = clock_ns();

	if (k->min_rtt_ns && rtt_ns > k->min_rtt_ns &&
	    now - k->min_rtt_at_ns < MIN_RTT_WINDOW_NS)
		return;
	k->min_rtt_ns = rtt_ns ? rtt_ns : 1;
	k->min_rtt_at_ns = now;
}

/* Whether an earlier transmission of r than the last is what was delivered. The
 * echo tells only of what is acknowledged: behind a gap it is that of a segment
 * before the gap (RFC 7323 4.3). */
static bool came_earlier(const struct tcp_conn *c, const struct tcp_sent *r,
    const struct tcp_seg *s, uint64_t rtt_ns)
{
	if (!r->retransmitted)
		return false;
	if (c->ts_ok && s->opt.has_ts && seq_le(r->end, s->ack) &&
	    seq_lt(s->opt.ts_ecr, tcp_ts_at(c, r->xmit_ns)))
		return true;
	return rtt_ns < c->rack.min_rtt_ns;
}

/* Step 2: the segment sent last of those that were delivered. */
static void update_newest(
    struct tcp_rack *k, const struct tcp_sent *r, uint64_t rtt_ns)
{
	k->rtt_ns = rtt_ns;
	if (!sent_after(r->xmit_ns, r->end, k->xmit_ns, k->end_seq))
		return;
	k->xmit_ns = r->xmit_ns;
	k->end_seq = r->end;
}

void tcp_rack_delivered(
    struct tcp_conn *c, const struct tcp_seg *s, const struct tcp_sent *r)
{
	struct tcp_rack *k = &c->rack;
	uint64_t rtt_ns = clock_ns() - r->xmit_ns;
	bool earlier = came_earlier(c, r, s, rtt_ns);

	if (!r->retransmitted)
		tcp_rack_rtt(c, rtt_ns);
	if (!earlier)
		update_newest(k, r, rtt_ns);
	/* Step 3: reordering, also of what was sent again too soon. */
	if (seq_lt(k->fack, r->end))
		k->fack = r->end;
	else if (seq_lt(r->end, k->fack) && (earlier || !r->retransmitted))
		k->reordering_seen = true;
}

/* Step 4, adaptation: wider for each round trip with a D-SACK. */
void tcp_rack_dsack(struct tcp_conn *c)
{
	struct tcp_rack *k = &c->rack;

	if (k->dsack_round && seq_lt(c->snd_una, k->dsack_round_end))
		return;
	k->dsack_round = true;
	k->dsack_round_end = c->snd_nxt;
	if (k->reo_wnd_mult < REO_WND_MULT_MAX)
		k->reo_wnd_mult++;
	k->reo_wnd_persist = REO_WND_PERSIST;
}

void tcp_rack_recovered(struct tcp_conn *c)
{
	struct tcp_rack *k = &c->rack;

	if (k->reo_wnd_persist && !--k->reo_wnd_persist)
		k->reo_wnd_mult = 0;
}

/* Step 4: none while nothing speaks for reordering and enough has arrived
 * (RFC 6675 4, IsLost: more than two segments' bytes); reo_wnd_mult counts from
 * 0 here, from 1 in the RFC. */
static uint64_t reordering_window(const struct tcp_conn *c)
{
	const struct tcp_rack *k = &c->rack;
	uint64_t w = (k->reo_wnd_mult + 1u) * k->min_rtt_ns / 4;

	if (!k->reordering_seen &&
	    (c->recovery || c->sent.sacked_bytes > 2u * c->mss))
		return 0;
	return w < c->srtt_ns ? w : c->srtt_ns;
}

/* Step 5.  Returns whether something was lost; else, and for the rest, the
 * timer looks again. */
bool tcp_rack_detect(struct tcp_conn *c)
{
	const struct tcp_rack *k = &c->rack;
	uint64_t wait = k->rtt_ns + reordering_window(c), again_ns = 0;
	uint64_t now = clock_ns();
	struct list *n;
	bool lost = false;

	list_for_each(n, &c->sent.by_time)
	{
		struct tcp_sent *r = tcp_sent_by_time(n);

		if (r->xmit_ns > k->xmit_ns)
			break;
		if (r->state != TCP_SENT_FLYING)
			continue;
		if (!sent_after(k->xmit_ns, k->end_seq, r->xmit_ns, r->end))
			continue;
		if (r->xmit_ns + wait <= now) {
			tcp_sent_lose(&c->sent, r);
			lost = true;
		} else {
			again_ns = r->xmit_ns + wait;
		}
	}
	if (again_ns)
		tcp_timer_arm(c, TCP_TIMER_REO, again_ns);
	else
		tcp_timer_disarm(c, TCP_TIMER_REO);
	return lost;
}

/* --- Section 7: the tail loss probe --------------------------------------- */

/* 7.2: no probe while one is out, in recovery, or where SACK already tells. */
bool tcp_tlp_allowed(const struct tcp_conn *c)
{
	return c->sack_ok && tcp_is_synchronized(c) && !c->tlp_out &&
	       c->recovery == TCP_NO_RECOVERY && c->snd_wnd &&
	       c->snd_nxt != c->snd_una && !c->sent.sacked_bytes;
}

/* TLP_calc_PTO. */
uint64_t tcp_tlp_pto_ns(const struct tcp_conn *c)
{
	if (!c->srtt_ns)
		return NS_PER_S;
	return 2 * c->srtt_ns + (tcp_pipe(c) <= c->mss ? MAX_ACK_DELAY_NS : 0);
}

/* 7.4.2, TLP_process_ack.  Returns whether the probe repaired a loss that
 * nobody noticed otherwise. */
bool tcp_tlp_ack(struct tcp_conn *c, const struct tcp_seg *s, struct tcp_ack *a)
{
	bool repaired = false;

	if (!c->tlp_out || seq_lt(s->ack, c->tlp_end))
		return false;
	if (!c->tlp_again)
		c->tlp_out = false;
	else if (a->dsack && a->dsack_end == c->tlp_end)
		c->tlp_out = a->dsack = false; /* both arrived */
	else if (seq_lt(c->tlp_end, s->ack))
		repaired = true;
	else if (a->dup && !s->opt.sack_count)
		c->tlp_out = false; /* both arrived, without D-SACK */
	if (repaired)
		c->tlp_out = false;
	return repaired;
}
