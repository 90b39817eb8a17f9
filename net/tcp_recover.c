/* SPDX-License-Identifier: MIT */
/*
 * Loss recovery: what an acknowledgment or a timeout says about what is out,
 * and what follows for the window.  Fast recovery of RFC 6582 (without SACK),
 * paced by PRR (RFC 9937); recovery after a timeout (RFC 5681 3.1, RFC 6298).
 *
 * Nothing is sent here: records of the send map become lost, cwnd changes, and
 * tcp_output sends what the two allow.  Limited transmit (RFC 3042) needs no
 * rule of its own: what a duplicate ACK shows to have arrived is no longer in
 * flight, so that a new segment may go.
 */
#include "net/tcp_internal.h"

#include "net/stack.h"

#define DUP_ACK_THRESHOLD 3 /* RFC 5681 3.2 */

uint32_t tcp_pipe(const struct tcp_conn *c)
{
	uint32_t flying = tcp_sent_pipe(&c->sent);

	return flying - min_u32(flying, c->dup_bytes);
}

/* --- Entering and leaving ------------------------------------------------- */

/* flight: what was in flight before the loss was noticed. */
static void enter_fast_recovery(struct tcp_conn *c, uint32_t flight)
{
	stack_count(c->stack, COUNT_TCP_FAST_RETRANSMITS);
	c->ssthresh = c->cc->ssthresh(c, flight, TCP_CC_LOSS);
	c->recovery = TCP_FAST_RECOVERY;
	c->recover = c->snd_nxt;
	/* RFC 9937 section 6. */
	c->prr_delivered = 0;
	c->prr_out = 0;
	c->recover_fs = max_u32(flight, 1);
}

static void leave_recovery(struct tcp_conn *c)
{
	if (c->recovery == TCP_FAST_RECOVERY)
		c->cwnd = c->ssthresh; /* RFC 9937 section 6 */
	c->recovery = TCP_NO_RECOVERY;
	c->dup_bytes = 0;
}

/* --- Proportional rate reduction (RFC 9937 section 6) --------------------- */

static void prr(struct tcp_conn *c, const struct tcp_ack *a)
{
	uint32_t pipe = tcp_pipe(c);
	int64_t count;

	c->prr_delivered += a->delivered;
	if (pipe > c->ssthresh) {
		/* PRR: at the rate of ssthresh to RecoverFS, rounded up. */
		count = (int64_t)(((uint64_t)c->prr_delivered * c->ssthresh +
		                      c->recover_fs - 1) /
		                  c->recover_fs);
		count -= c->prr_out;
	} else {
		/* Slow start up to ssthresh while all goes well (SSRB), else
		 * by what arrives (CRB). */
		count = (int64_t)c->prr_delivered - c->prr_out;
		if (count < a->delivered)
			count = a->delivered;
		if (a->acked && !a->lost)
			count += c->mss; /* SafeACK */
		if (count > c->ssthresh - pipe)
			count = c->ssthresh - pipe;
	}
	if (count < 0)
		count = 0;
	/* The first retransmission goes at once; and without SACK, where each
	 * round trip shows one gap, every one (RFC 6582 3.2 step 3). */
	if ((!c->prr_out || a->partial) && count < c->mss)
		count = c->mss;
	c->cwnd = pipe + (uint32_t)count;
}

/* --- NewReno, without SACK (RFC 6582) ------------------------------------- */

/* RFC 9937 section 6: a duplicate ACK stands for a segment that arrived; what
 * is acknowledged later are the segments counted so, and one that filled the
 * gap. */
static void count_without_sack(struct tcp_conn *c, struct tcp_ack *a)
{
	uint32_t known;

	if (a->acked) {
		known =
		    min_u32(c->dup_bytes, a->acked - min_u32(a->acked, c->mss));
		a->delivered -= min_u32(known, a->delivered);
		c->dup_bytes -= known;
		if (c->recovery != TCP_FAST_RECOVERY)
			c->dup_bytes = 0;
		c->dup_acks = 0;
	} else if (a->dup) {
		c->dup_acks++;
		if (c->dup_bytes < tcp_sent_pipe(&c->sent)) {
			c->dup_bytes += c->mss;
			a->delivered = c->mss;
		}
	}
}

static bool lose_first(struct tcp_conn *c)
{
	struct tcp_sent *r = tcp_sent_first(&c->sent);

	if (!r || r->state != TCP_SENT_FLYING)
		return false;
	tcp_sent_lose(&c->sent, r);
	return true;
}

static void detect_without_sack(struct tcp_conn *c, struct tcp_ack *a)
{
	/* RFC 6582 3.2 step 3, a partial acknowledgment: the next hole. */
	if (c->recovery == TCP_FAST_RECOVERY && a->acked &&
	    seq_lt(c->snd_una, c->recover))
		a->lost = a->partial = lose_first(c);
	/* Step 2: not for losses of an earlier window, nor for duplicates that
	 * retransmissions after a timeout made. */
	if (c->recovery == TCP_NO_RECOVERY &&
	    c->dup_acks >= DUP_ACK_THRESHOLD && seq_lt(c->recover, c->snd_una))
		a->lost = lose_first(c);
}

/* --- An acknowledgment ---------------------------------------------------- */

static void delivered(void *ctx, const struct tcp_sent *r)
{
}

void tcp_recover_note_ack(
    struct tcp_conn *c, const struct tcp_seg *s, struct tcp_ack *a)
{
	a->delivered = tcp_sent_ack(&c->sent, s->ack, delivered, c);
	count_without_sack(c, a);
}

void tcp_recover_ack(struct tcp_conn *c, struct tcp_ack *a)
{
	bool repairing = c->recovery == TCP_FAST_RECOVERY;

	if (c->recovery && !seq_lt(c->snd_una, c->recover))
		leave_recovery(c);
	detect_without_sack(c, a);
	if (a->lost && c->recovery == TCP_NO_RECOVERY)
		enter_fast_recovery(c, a->prior_pipe);
	if (c->recovery == TCP_FAST_RECOVERY && a->delivered)
		prr(c, a);
	else if (a->acked && !repairing)
		tcp_cc_acked(c, a->acked, a->prior_pipe);
}

/* --- Timers and windows --------------------------------------------------- */

void tcp_recover_timeout(struct tcp_conn *c)
{
	/* RFC 5681 (4): once for a segment, not at each of its timeouts. */
	if (c->recovery != TCP_LOSS_RECOVERY || c->timeout_una != c->snd_una)
		c->ssthresh = c->cc->ssthresh(
		    c, c->sent.bytes - c->sent.sacked_bytes, TCP_CC_TIMEOUT);
	c->timeout_una = c->snd_una;
	c->cwnd = c->mss;
	c->recovery = TCP_LOSS_RECOVERY;
	c->recover = c->snd_nxt;
	c->dup_acks = 0;
	c->dup_bytes = 0;
	c->rtt_start_ns = 0;
	tcp_sent_lose_all(&c->sent);
}

void tcp_recover_window_opened(struct tcp_conn *c)
{
	tcp_sent_lose_all(&c->sent);
}
