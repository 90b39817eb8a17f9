/* SPDX-License-Identifier: MIT */
/*
 * The first slow start (RFC 9406, HyStart++): it ends when round trips grow,
 * before the queue overflows.  As jitter can look so, for five round trips the
 * window grows a quarter as fast (conservative slow start, CSS): when round
 * trips shrink again that was a mistake, else congestion avoidance begins.
 *
 * Later slow starts know where to end: at ssthresh (section 4.3).
 */
#include "net/tcp_internal.h"

#include "net/stack.h"

/* Section 4.3. */
#define MIN_RTT_THRESH_NS  (4 * NS_PER_MS)
#define MAX_RTT_THRESH_NS  (16 * NS_PER_MS)
#define MIN_RTT_DIVISOR    8
#define N_RTT_SAMPLE       8
#define CSS_GROWTH_DIVISOR 4
#define CSS_ROUNDS         5
#define LIMIT              8 /* L, without pacing; else infinite */

void tcp_hystart_init(struct tcp_conn *c)
{
	c->hystart = (struct tcp_hystart){ .last_min_ns = UINT64_MAX,
		.min_ns = UINT64_MAX,
		.round_end = c->snd_nxt };
}

void tcp_hystart_sample(struct tcp_conn *c, const struct tcp_sent *r)
{
	if (!r->retransmitted) /* RFC 6298 section 3, Karn */
		c->hystart.rtt_ns = clock_ns() - r->xmit_ns;
}

static bool round_trips_grew(const struct tcp_hystart *h)
{
	uint64_t thresh = h->last_min_ns / MIN_RTT_DIVISOR;

	if (h->last_min_ns == UINT64_MAX)
		return false;
	if (thresh < MIN_RTT_THRESH_NS)
		thresh = MIN_RTT_THRESH_NS;
	if (thresh > MAX_RTT_THRESH_NS)
		thresh = MAX_RTT_THRESH_NS;
	return h->min_ns >= h->last_min_ns + thresh;
}

/* Into CSS, or back from it. */
static void judge(struct tcp_conn *c, struct tcp_hystart *h)
{
	if (h->samples < N_RTT_SAMPLE)
		return;
	if (h->css && h->min_ns < h->baseline_ns) {
		h->css = false;
	} else if (!h->css && round_trips_grew(h)) {
		stack_count(c->stack, COUNT_TCP_HYSTART_SLOWED);
		h->css = true;
		h->css_rounds = 0;
		h->baseline_ns = h->min_ns;
	}
}

/* What was on its way when the round began is acknowledged.  Deviation: a round
 * that could not be judged is none of the five, or a sender who waits for his
 * data, or one that has just begun anew, would leave slow start with a window
 * that nothing ever filled. */
static void end_round(struct tcp_conn *c, struct tcp_hystart *h)
{
	if (h->css && h->samples == N_RTT_SAMPLE &&
	    ++h->css_rounds == CSS_ROUNDS) {
		stack_count(c->stack, COUNT_TCP_HYSTART_ENDED);
		c->ssthresh = c->cwnd;
	}
	h->last_min_ns = h->min_ns;
	h->min_ns = UINT64_MAX;
	h->samples = 0;
	h->round_end = c->snd_nxt;
}

void tcp_hystart_acked(struct tcp_conn *c, uint32_t acked, bool grow)
{
	struct tcp_hystart *h = &c->hystart;
	uint32_t more =
	    tcp_pace_active(c) ? acked : min_u32(acked, LIMIT * c->mss);

	/* Delays behind a window that is not used are not its doing. */
	if (h->rtt_ns && grow) {
		if (h->rtt_ns < h->min_ns)
			h->min_ns = h->rtt_ns;
		if (h->samples < N_RTT_SAMPLE)
			h->samples++;
		judge(c, h);
	}
	h->rtt_ns = 0;
	if (grow)
		c->cwnd += h->css ? more / CSS_GROWTH_DIVISOR : more;
	if (!seq_lt(c->snd_una, h->round_end))
		end_round(c, h);
}
