/* SPDX-License-Identifier: MIT */
/*
 * When received text is acknowledged (RFC 9293 3.8.6.3, RFC 5681 4.2).  At once
 * when there is more than a full segment of it, which is every second full
 * segment at least; else an answer of the application may carry the ACK, and
 * how long that is waited for follows what the application does:
 * - twice as long as its last answer took, 2 to 40 ms; 2 ms where answers come
 *   too late to carry an ACK;
 * - 2 ms for the first segments of a connection, after a pause, after a loss,
 *   and when an ACK that had waited in vain made the peer send more: then the
 *   peer holds text back by Nagle's rule until it has our ACK.
 * So a peer with Nagle's rule that writes a request in two pieces loses 2 ms,
 * not 40.  TCP_QUICKACK sets either way.
 */
#include "net/tcp_internal.h"

#include "lib/assert.h"
#include "net/sock_internal.h"
#include "net/stack.h"

#define QUICK_SEGMENTS 16

static_assert(TCP_DELACK_NS < NS_PER_S / 2, "RFC 9293 MUST-40");

void tcp_ack_init(struct tcp_conn *c)
{
	c->quick_acks = QUICK_SEGMENTS;
	c->ack_delay_ns = TCP_DELACK_NS;
}

void tcp_ack_quickly(struct tcp_conn *c)
{
	c->quick_acks = QUICK_SEGMENTS;
}

static enum sock_quickack wish(const struct tcp_conn *c)
{
	return c->sock ? c->sock->quickack : SOCK_QUICKACK_AUTO;
}

bool tcp_ack_is_quick(const struct tcp_conn *c)
{
	if (wish(c) != SOCK_QUICKACK_AUTO)
		return wish(c) == SOCK_QUICKACK_ON;
	return c->quick_acks || c->ack_delay_ns <= TCP_DELACK_QUICK_NS;
}

/* What the arrival of text says about the peer. */
static void learn_from_peer(struct tcp_conn *c, uint64_t now)
{
	/* After a pause it may be in slow start. */
	bool pause = c->text_ns && now - c->text_ns > c->rto_ns;

	/* Our ACK, not an answer, made it send this. */
	if (pause || (c->late_ack && !c->answered &&
	                 now - c->late_ack_ns <= 2 * c->srtt_ns + NS_PER_MS))
		tcp_ack_quickly(c);
	c->late_ack = false;
	c->answered = false;
	c->text_ns = now;
}

static uint64_t delay(const struct tcp_conn *c)
{
	if (wish(c) == SOCK_QUICKACK_OFF)
		return TCP_DELACK_NS;
	return c->quick_acks ? TCP_DELACK_QUICK_NS : c->ack_delay_ns;
}

void tcp_ack_text(struct tcp_conn *c, uint32_t len)
{
	uint64_t now = clock_ns();

	learn_from_peer(c, now);
	if (len > c->rcv_mss)
		c->rcv_mss = (uint16_t)len;
	if (c->rcv_nxt - c->last_ack_sent > c->rcv_mss ||
	    wish(c) == SOCK_QUICKACK_ON)
		c->ack_now = true;
	if (!c->ack_now && !tcp_timer_armed(c, TCP_TIMER_DELACK))
		tcp_timer_arm(c, TCP_TIMER_DELACK, now + delay(c));
	if (c->quick_acks)
		c->quick_acks--;
}

void tcp_ack_answered(struct tcp_conn *c)
{
	uint64_t took;

	if (!c->text_ns || c->answered)
		return;
	took = clock_ns() - c->text_ns;
	c->answered = true;
	c->ack_delay_ns = TCP_DELACK_QUICK_NS;
	if (took <= TCP_DELACK_NS && 2 * took > TCP_DELACK_QUICK_NS)
		c->ack_delay_ns =
		    2 * took < TCP_DELACK_NS ? 2 * took : TCP_DELACK_NS;
}
