/* SPDX-License-Identifier: MIT */
/*
 * Explicit congestion notification (RFC 3168): queues on the way mark packets
 * (CE) instead of losing them, the receiver echoes that (ECE) until the sender
 * says that it has slowed down (CWR).
 *
 * Only new text is sent as ECN-capable (6.1.4 to 6.1.6): not SYNs, plain ACKs,
 * what is sent again, and probes of a closed window.
 */
#include "net/tcp_internal.h"

#include "net/ip.h"
#include "net/pkt.h"
#include "net/stack.h"

#define SETUP (TCP_ECE | TCP_CWR)

/* --- Agreeing (6.1.1) ------------------------------------------------------
 */

/* 6.1.1.1: a box on the way may throw away a SYN that asks, so a second one
 * does not; and who sent one that does not never sends ECT. */
uint8_t tcp_ecn_syn_flags(struct tcp_conn *c)
{
	if (c->state == TCP_SYN_RECEIVED)
		return c->ecn_ok ? TCP_ECE : 0;
	if (c->stack->tcp.ecn == TCP_ECN_ON && !c->backoff) {
		c->ecn_asked = true;
		return SETUP;
	}
	if (c->ecn_asked && !c->ecn_quiet) {
		stack_count(c->stack, COUNT_TCP_ECN_FALLBACKS);
		c->ecn_quiet = true;
	}
	return 0;
}

/* A SYN asks with both flags, a SYN-ACK agrees with ECE alone: one that only
 * mirrors what it got does not. */
void tcp_ecn_agree(struct tcp_conn *c, const struct tcp_seg *s)
{
	uint8_t said = s->flags & SETUP;

	if (s->flags & TCP_ACK)
		c->ecn_ok = c->ecn_asked && said == TCP_ECE;
	else
		c->ecn_ok = c->stack->tcp.ecn != TCP_ECN_OFF && said == SETUP;
}

/* --- Sending ---------------------------------------------------------------
 */

uint8_t tcp_ecn_sent(struct tcp_conn *c, struct pkt *p, bool fresh)
{
	uint8_t flags = c->ecn_echo ? TCP_ECE : 0;

	if (!c->ecn_ok || !fresh)
		return flags;
	if (!c->ecn_quiet)
		p->ecn = IP_ECN_ECT0;
	if (c->reduced.cwr_due)
		flags |= TCP_CWR; /* 6.1.2: the first new packet */
	c->reduced.cwr_due = false;
	return flags;
}

/* --- The sender is told (6.1.2) --------------------------------------------
 */

bool tcp_ecn_ack(
    struct tcp_conn *c, const struct tcp_seg *s, uint32_t prior_pipe)
{
	if (!c->ecn_ok || !(s->flags & TCP_ECE))
		return false;
	/* Once for a window, whatever the reason of the last reduction. */
	if (seq_lt(c->reduced.end, s->ack)) {
		stack_count(c->stack, COUNT_TCP_ECN_REDUCTIONS);
		tcp_cc_reduce(c, prior_pipe, TCP_CC_ECN);
		c->cwnd = min_u32(c->cwnd, c->ssthresh);
	}
	/* RFC 4015 3.2 step 5: whatever that was for, it is not undone now. */
	c->reduced.by_ecn = true;
	/* A window of one segment cannot shrink: the next one waits until the
	 * retransmission timer expires. */
	if (c->cwnd <= c->mss && s->ack == c->snd_nxt)
		c->ecn_hold = true;
	return true;
}

/* --- The receiver sees it (6.1.3) ------------------------------------------
 */

/* 6.1.5: text outside the window does not count; it is cut by now. */
void tcp_ecn_rx(struct tcp_conn *c, const struct tcp_seg *s)
{
	if (!c->ecn_ok || !pkt_linear(s->p))
		return;
	if (s->flags & TCP_CWR)
		c->ecn_echo = false;
	c->ecn_seen |= s->p->ecn != IP_ECN_NOT_ECT;
	if (s->p->ecn != IP_ECN_CE)
		return;
	stack_count(c->stack, COUNT_TCP_ECN_MARKS);
	c->ecn_echo = true;
}
