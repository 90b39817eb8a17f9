/* SPDX-License-Identifier: MIT */
/*
 * What the two ends of a connection agree on in their SYNs: window scale (RFC
 * 7323 section 2), timestamps (section 3) and selective acknowledgment (RFC
 * 2018 section 2).  An option holds when it stood in the SYNs of both sides.
 */
#include "net/tcp_internal.h"

#include "net/stack.h"

/* RFC 7323 2.2: a window of 16 bits and the shift must reach the largest buffer
 * that the connection may get. */
static uint8_t shift_for(uint32_t bytes)
{
	uint8_t shift = 0;

	while (shift < TCP_WSCALE_MAX && TCP_WINDOW_MAX << shift < bytes)
		shift++;
	return shift;
}

void tcp_offer(struct tcp_conn *c)
{
	c->rcv_wscale = shift_for(tcp_rcvbuf_max(c));
	c->ts_offset = tcp_ts_offset(c->stack, &c->t);
}

/* RFC 7323 2.3: more than 14 is taken as 14. */
static uint8_t shift_of(struct tcp_conn *c, const struct tcp_options *theirs)
{
	if (theirs->wscale <= TCP_WSCALE_MAX)
		return (uint8_t)theirs->wscale;
	stack_count(c->stack, COUNT_TCP_BAD_WSCALE);
	return TCP_WSCALE_MAX;
}

void tcp_agree(struct tcp_conn *c, const struct tcp_options *theirs)
{
	c->wscale_ok = theirs->wscale != TCP_NO_WSCALE;
	c->snd_wscale = c->wscale_ok ? shift_of(c, theirs) : 0;
	if (!c->wscale_ok)
		c->rcv_wscale = 0;
	c->sack_ok = theirs->sack_permitted;
	c->ts_ok = theirs->has_ts;
	if (c->ts_ok)
		tcp_ts_set_recent(c, theirs->ts_val);
}

/* A path that loses every SYN may be one that dislikes options, and a
 * connection without them is better than none. */
#define SYN_TRIES_WITH_OPTIONS 3

void tcp_syn_options(const struct tcp_conn *c, struct tcp_options *o)
{
	bool first = c->state == TCP_SYN_SENT; /* else their SYN was here */

	if (first && c->backoff >= SYN_TRIES_WITH_OPTIONS)
		return;
	if (first || c->wscale_ok)
		o->wscale = (int8_t)c->rcv_wscale;
	o->sack_permitted = first || c->sack_ok;
	if (first || c->ts_ok)
		tcp_ts_option(o, c->ts_offset, c->ts_recent);
}
