/* SPDX-License-Identifier: MIT */
/*
 * Loss recovery: what an acknowledgment or a timeout says about what is out,
 * and what follows for the window.  Fast recovery, found by RACK (tcp_rack.c)
 * or, without SACK or records, by RFC 6582, paced by PRR (RFC 9937); recovery
 * after a timeout (RFC 5681 3.1, RFC 6298).
 *
 * Nothing is sent here: records of the send map become lost, cwnd changes, and
 * tcp_output sends what the two allow.  Limited transmit (RFC 3042) needs no
 * rule of its own but its bound: what a duplicate ACK shows to have arrived is
 * no longer in flight, so that a new segment may go.
 */
#include "net/tcp_internal.h"

#include "net/stack.h"

#define DUP_ACK_THRESHOLD 3 /* RFC 5681 3.2 */

uint32_t tcp_pipe(const struct tcp_conn *c)
{
	uint32_t flying = tcp_sent_pipe(&c->sent);

	return flying - min_u32(flying, c->dup_bytes);
}

/* --- Undoing (RFC 4015) --------------------------------------------------- */

/* Reduces the window in a way that undo takes back.  RFC 3168 6.1.2: no way
 * leads back beyond what the network told of this window. */
static void reduce_undoably(
    struct tcp_conn *c, uint32_t flight, enum tcp_cc_event why)
{
	struct tcp_undo before = { .open = true,
		.una = c->snd_una,
		.end = c->snd_una,
		.ssthresh = tcp_cc_told_by_ecn(c)
		                ? c->ssthresh
		                : max_u32(c->ssthresh, flight),
		.reduced = c->reduced };

	tcp_cc_reduce(c, flight, why);
	c->undo = before;
}

void tcp_recover_sent_again(struct tcp_conn *c, uint32_t seq, uint32_t end)
{
	if (!c->undo.open || c->recovery == TCP_NO_RECOVERY)
		return;
	if (!c->undo.bytes) {
		c->undo.again_ns = clock_ns();
		c->undo.again_end = end;
	}
	c->undo.bytes += end - seq;
	if (seq_lt(c->undo.end, end))
		c->undo.end = end;
}

/* Nothing was lost: RFC 4015 section 3.2, step 5.  What is in flight stays,
 * what was acknowledged may follow, slow start leads back to where the window
 * was; but what the network told stands (ECN).  Should the same ACK show a
 * loss, all that counts for it, too. */
static void undo(struct tcp_conn *c, struct tcp_ack *a)
{
	stack_count(c->stack, COUNT_TCP_UNDONE);
	tcp_sent_unlose(&c->sent);
	c->dup_bytes = 0;
	if (!c->reduced.by_ecn) {
		c->cc->undo(c);
		c->ssthresh = c->undo.ssthresh;
		/* RFC 3168 6.1.2: what did not happen hides no ECE, and is not
		 * told. */
		c->undo.reduced.cwr_due &= c->reduced.cwr_due;
		c->reduced = c->undo.reduced;
		c->undone++;
	}
	c->cwnd = max_u32(c->cwnd,
	    tcp_pipe(c) +
	        max_u32(c->mss, min_u32(a->acked, tcp_cc_initial_window(c))));
	c->cwnd = min_u32(c->cwnd, c->ssthresh);
	c->undo.open = false;
	c->frto = TCP_FRTO_OFF;
	c->recovery = TCP_NO_RECOVERY;
	c->backoff = 0;
	a->prior_pipe = tcp_pipe(c) + a->delivered;
}

/* RFC 3522: the first ACK of the first segment that was sent again echoes a
 * time before that. */
static bool echo_is_older(
    struct tcp_conn *c, const struct tcp_seg *s, const struct tcp_ack *a)
{
	uint64_t again_ns = c->undo.again_ns;

	if (!a->acked || !again_ns || !c->ts_ok || !s->opt.has_ts ||
	    seq_lt(s->ack, c->undo.again_end))
		return false;
	c->undo.again_ns = 0;
	return seq_lt(s->opt.ts_ecr, tcp_ts_at(c, again_ns));
}

/* RFC 3708: D-SACK says of everything sent again that it was there.  What was
 * there once was late: reordering that RACK cannot see (RFC 8985 6.2 step 3)
 * when it comes so late that it may be the second one. */
static bool all_was_there_twice(struct tcp_conn *c, const struct tcp_ack *a)
{
	uint32_t n = a->dsack_end - a->dsack_start;

	if (!a->dsack || !c->undo.bytes ||
	    seq_lt(a->dsack_start, c->undo.una) ||
	    seq_lt(c->undo.end, a->dsack_end))
		return false;
	c->rack.reordering_seen = true;
	c->undo.bytes -= min_u32(n, c->undo.bytes);
	return !c->undo.bytes;
}

/* RFC 5682, 2.1 and 3.1: the first ACK after a timeout moves SND.UNA, so new
 * segments are sent instead of those that seem lost; when then some of these
 * turn out to have arrived, the timeout was spurious. */
static bool frto_step(struct tcp_conn *c, const struct tcp_ack *a)
{
	bool more = seq_lt(c->snd_una, c->recover);

	if (!c->frto || (!a->acked && !a->dup && !a->delivered))
		return false;
	if (c->frto == TCP_FRTO_NEW && a->original)
		return true;
	c->frto = c->frto == TCP_FRTO_FIRST && a->acked && more ? TCP_FRTO_NEW
	                                                        : TCP_FRTO_OFF;
	return false;
}

static void undo_if_spurious(
    struct tcp_conn *c, const struct tcp_seg *s, struct tcp_ack *a)
{
	if (c->undo.open && (echo_is_older(c, s, a) ||
	                        all_was_there_twice(c, a) || frto_step(c, a)))
		undo(c, a);
}

/* --- Entering and leaving ------------------------------------------------- */

/* flight: what was in flight before the loss was noticed. */
static void enter_fast_recovery(struct tcp_conn *c, uint32_t flight)
{
	stack_count(c->stack, COUNT_TCP_FAST_RETRANSMITS);
	reduce_undoably(c, flight, TCP_CC_LOSS);
	c->recovery = TCP_FAST_RECOVERY;
	c->recover = c->snd_nxt;
	/* RFC 9937 section 6. */
	c->prr_delivered = 0;
	c->prr_out = 0;
	c->recover_fs = max_u32(flight, 1);
	c->tlp_out = false;
}

static void leave_recovery(struct tcp_conn *c)
{
	if (c->recovery == TCP_FAST_RECOVERY)
		c->cwnd = c->ssthresh; /* RFC 9937 section 6 */
	c->recovery = TCP_NO_RECOVERY;
	c->frto = TCP_FRTO_OFF;
	c->dup_bytes = 0;
	tcp_rack_recovered(c);
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
	if ((!c->prr_out || a->partial || !pipe) && count < c->mss)
		count = c->mss;
	c->cwnd = pipe + (uint32_t)count;
}

/* --- NewReno, without SACK or records (RFC 6582) -------------------------- */

/* RFC 6582 3.2 step 2: not for losses of an earlier window, nor for duplicates
 * that retransmissions after a timeout made. */
static bool may_enter(const struct tcp_conn *c)
{
	return c->recovery == TCP_NO_RECOVERY && seq_lt(c->recover, c->snd_una);
}

/* Whether another duplicate ACK lets a segment go: in recovery; the first two
 * (RFC 3042), and the one that begins recovery. */
static bool dup_counts(const struct tcp_conn *c)
{
	return c->recovery == TCP_FAST_RECOVERY ||
	       c->dup_acks < DUP_ACK_THRESHOLD || may_enter(c);
}

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
		if (dup_counts(c) && c->dup_bytes < tcp_sent_pipe(&c->sent)) {
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

/* A partial acknowledgment, which shows the next hole: without SACK (RFC 6582
 * 3.2 step 3), and where the rest of a record has to be sent again. */
static bool shows_next_hole(const struct tcp_conn *c, const struct tcp_ack *a)
{
	const struct tcp_sent *r = tcp_sent_first(&c->sent);

	if (!c->recovery || !a->acked || !seq_lt(c->snd_una, c->recover))
		return false;
	return (r && r->in_part) ||
	       (!c->sack_ok && c->recovery == TCP_FAST_RECOVERY);
}

/* What acknowledgments show without SACK, or when the map is too coarse to take
 * in what SACK says (RFC 6675 5 (1)). */
static void detect_by_acks(struct tcp_conn *c, struct tcp_ack *a)
{
	a->partial = shows_next_hole(c, a) && lose_first(c);
	a->lost |= a->partial;
	if (c->dup_acks >= DUP_ACK_THRESHOLD && may_enter(c))
		a->lost |= lose_first(c);
}

/* --- SACK blocks ---------------------------------------------------------- */

/* What the map tells of each record that an ACK says has arrived. */
struct delivery {
	struct tcp_conn *c;
	const struct tcp_seg *s;
	struct tcp_ack *a;
};

static void delivered(void *ctx, const struct tcp_sent *r)
{
	const struct delivery *d = ctx;

	tcp_rack_delivered(d->c, d->s, r);
	tcp_hystart_sample(d->c, r);
	if (!r->retransmitted && seq_le(r->end, d->c->recover))
		d->a->original = true;
}

/* RFC 2883 section 4: the first block lies below the ACK, or in the second. */
static bool is_dsack(const struct tcp_seg *s)
{
	const struct tcp_sack_block *b = s->opt.sack;

	if (!s->opt.sack_count || !seq_lt(b[0].start, b[0].end))
		return false;
	if (seq_le(b[0].end, s->ack))
		return true;
	return s->opt.sack_count > 1 && seq_le(b[1].start, b[0].start) &&
	       seq_le(b[0].end, b[1].end);
}

/* The lowest block behind `from` that lies in what is out, the longest of those
 * that start there (a D-SACK may start where its block does); NULL for none. */
static const struct tcp_sack_block *next_block(
    const struct tcp_conn *c, const struct tcp_seg *s, uint32_t from)
{
	const struct tcp_sack_block *best = NULL;

	for (unsigned i = 0; i < s->opt.sack_count; i++) {
		const struct tcp_sack_block *b = &s->opt.sack[i];

		if (!seq_lt(from, b->start) || !seq_lt(b->start, b->end) ||
		    !seq_le(b->end, c->snd_nxt))
			continue;
		if (!best || seq_lt(b->start, best->start) ||
		    (b->start == best->start && seq_lt(best->end, b->end)))
			best = b;
	}
	return best;
}

/* In order, so that nothing looks reordered that is not. */
static void take_blocks(
    struct tcp_conn *c, const struct tcp_seg *s, struct delivery *d)
{
	const struct tcp_sack_block *b;
	uint32_t from = s->ack;

	while ((b = next_block(c, s, from))) {
		from = b->start;
		d->a->delivered +=
		    tcp_sent_sack(&c->sent, b->start, b->end, delivered, d);
	}
}

/* --- An acknowledgment ---------------------------------------------------- */

void tcp_recover_note_ack(
    struct tcp_conn *c, const struct tcp_seg *s, struct tcp_ack *a)
{
	struct delivery d = { c, s, a };

	a->delivered = tcp_sent_ack(&c->sent, s->ack, delivered, &d);
	if (!c->sack_ok) {
		count_without_sack(c, a);
		return;
	}
	a->dsack = is_dsack(s);
	a->dsack_start = s->opt.sack[0].start;
	a->dsack_end = s->opt.sack[0].end;
	c->sent.coarse = false;
	take_blocks(c, s, &d);
	c->dup_acks = a->acked ? 0 : c->dup_acks + (c->sent.coarse && a->dup);
}

static void detect_with_sack(
    struct tcp_conn *c, const struct tcp_seg *s, struct tcp_ack *a)
{
	/* RFC 8985 7.4.2: the loss that a probe repaired was one, too; so what
	 * is still to be said of an earlier one undoes nothing. */
	if (tcp_tlp_ack(c, s, a)) {
		tcp_cc_reduce(c, a->prior_pipe, TCP_CC_LOSS);
		c->cwnd = min_u32(c->cwnd, c->ssthresh);
		c->undo.open = false;
	}
	if (a->dsack)
		tcp_rack_dsack(c);
	a->lost = tcp_rack_detect(c);
}

void tcp_recover_ack(
    struct tcp_conn *c, const struct tcp_seg *s, struct tcp_ack *a)
{
	bool repairing = c->recovery == TCP_FAST_RECOVERY;

	undo_if_spurious(c, s, a);
	if (c->recovery && !seq_lt(c->snd_una, c->recover))
		leave_recovery(c);
	if (c->sack_ok)
		detect_with_sack(c, s, a);
	detect_by_acks(c, a);
	if (a->lost && c->recovery == TCP_NO_RECOVERY)
		enter_fast_recovery(c, a->prior_pipe);
	if (c->recovery == TCP_FAST_RECOVERY && (a->delivered || a->lost))
		prr(c, a);
	else if (a->acked && !repairing && !a->ece) /* RFC 3168 6.1.2 */
		tcp_cc_acked(c, a->acked, a->prior_pipe);
}

/* --- Timers and windows --------------------------------------------------- */

void tcp_recover_timeout(struct tcp_conn *c)
{
	uint32_t flight = c->sent.bytes - c->sent.sacked_bytes;

	/* RFC 5682 2.1 step 1: not where one timeout follows another. */
	c->frto =
	    c->recovery == TCP_LOSS_RECOVERY ? TCP_FRTO_OFF : TCP_FRTO_FIRST;
	/* RFC 5681 (4): once for a segment, not at each of its timeouts. */
	if (c->frto || c->timeout_una != c->snd_una)
		reduce_undoably(c, flight, TCP_CC_TIMEOUT);
	c->timeout_una = c->snd_una;
	c->cwnd = c->mss;
	c->recovery = TCP_LOSS_RECOVERY;
	c->recover = c->snd_nxt;
	c->dup_acks = 0;
	c->dup_bytes = 0;
	c->rtt_start_ns = 0;
	c->tlp_out = false;
	tcp_timer_disarm(c, TCP_TIMER_REO);
	tcp_sent_lose_all(&c->sent);
}

void tcp_recover_reordered(struct tcp_conn *c)
{
	struct tcp_ack a = { .prior_pipe = tcp_pipe(c) };

	a.lost = tcp_rack_detect(c);
	if (!a.lost)
		return;
	if (c->recovery == TCP_NO_RECOVERY)
		enter_fast_recovery(c, a.prior_pipe);
	if (c->recovery == TCP_FAST_RECOVERY)
		prr(c, &a);
}

void tcp_recover_window_opened(struct tcp_conn *c)
{
	/* Younger segments may still get there: a peer that closes and opens
	 * its window with each ACK gets nothing twice (SHLD-16). */
	tcp_sent_lose_older(&c->sent, clock_ns() - c->rack.min_rtt_ns);
}
