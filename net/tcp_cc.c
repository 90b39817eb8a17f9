/* SPDX-License-Identifier: MIT */
/*
 * Congestion control: slow start and congestion avoidance (RFC 5681), fast
 * retransmit and NewReno's fast recovery (RFC 6582), initial window of ten
 * segments (RFC 6928).
 */
#include "net/tcp_internal.h"

#include "net/stack.h"

#define DUP_ACK_THRESHOLD 3 /* RFC 5681 3.2 */

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* RFC 6928 section 2 */
static uint32_t initial_window(const struct tcp_conn *c)
{
	return min_u32(10u * c->mss, max_u32(2u * c->mss, 14600));
}

void tcp_cc_init(struct tcp_conn *c)
{
	c->cwnd = initial_window(c);
	c->ssthresh = UINT32_MAX;
	c->recover = c->iss;
}

/* RFC 5681 3.1, RFC 6928 section 2: a path that lost SYNs gets one segment;
 * RFC 6298 5.7: and three seconds. */
void tcp_cc_opened(struct tcp_conn *c)
{
	if (!c->backoff)
		return;
	if (c->backoff > 1)
		c->cwnd = c->mss;
	if (c->rto_ns < TCP_RTO_AFTER_SYN_NS)
		c->rto_ns = TCP_RTO_AFTER_SYN_NS;
	c->backoff = 0;
}

/* RFC 5681 4.1: what was known of the path has grown old. */
void tcp_cc_idle(struct tcp_conn *c)
{
	if (c->snd_max == c->snd_una &&
	    clock_ns() - c->last_sent_ns > c->rto_ns)
		c->cwnd = min_u32(c->cwnd, initial_window(c));
}

/* RFC 5681 (4): half of what is in flight. */
static uint32_t half_flight(const struct tcp_conn *c)
{
	return max_u32((c->snd_max - c->snd_una) / 2, 2u * c->mss);
}

static void grow(struct tcp_conn *c, uint32_t acked)
{
	if (c->cwnd < c->ssthresh) {
		c->cwnd += min_u32(acked, c->mss);
	} else {
		/* RFC 3465 2.1: one segment for each window acknowledged. */
		c->cwnd_acked += acked;
		if (c->cwnd_acked >= c->cwnd) {
			c->cwnd_acked -= c->cwnd;
			c->cwnd += c->mss;
		}
	}
	c->cwnd = min_u32(c->cwnd, TCP_CWND_MAX);
}

void tcp_cc_ack(struct tcp_conn *c, uint32_t acked)
{
	uint32_t flight = c->snd_max - c->snd_una;

	c->dup_acks = 0;
	if (!c->in_recovery) {
		grow(c, acked);
		return;
	}
	/* RFC 6582 3.2 step 3: full acknowledgment. */
	if (!seq_lt(c->snd_una, c->recover)) {
		c->in_recovery = false;
		c->cwnd =
		    min_u32(c->ssthresh, max_u32(flight, c->mss) + c->mss);
		return;
	}
	/* Partial: the next hole, and the window by what has left. */
	tcp_retransmit_first(c);
	c->cwnd = c->cwnd > acked ? c->cwnd - acked : 0;
	if (acked >= c->mss)
		c->cwnd += c->mss;
	c->cwnd = max_u32(c->cwnd, c->mss);
}

void tcp_cc_dup_ack(struct tcp_conn *c)
{
	if (c->in_recovery) {
		c->cwnd = min_u32(c->cwnd + c->mss, TCP_CWND_MAX);
		return;
	}
	if (++c->dup_acks != DUP_ACK_THRESHOLD)
		return;
	/* RFC 6582 3.2 step 2: not for losses of an earlier window, nor for
	 * duplicates that our going back after a timeout made. */
	if (seq_le(c->snd_una, c->recover))
		return;
	stack_count(c->stack, COUNT_TCP_FAST_RETRANSMITS);
	c->ssthresh = half_flight(c);
	c->recover = c->snd_max;
	c->in_recovery = true;
	tcp_retransmit_first(c);
	c->cwnd = c->ssthresh + DUP_ACK_THRESHOLD * c->mss;
}

void tcp_cc_timeout(struct tcp_conn *c)
{
	/* RFC 5681 (4): once for a segment, not at each of its timeouts. */
	if (c->backoff <= 1)
		c->ssthresh = half_flight(c);
	c->cwnd = c->mss;
	c->cwnd_acked = 0;
	c->recover = c->snd_max;
	c->in_recovery = false;
	c->dup_acks = 0;
}
