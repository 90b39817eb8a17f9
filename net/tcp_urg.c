/* SPDX-License-Identifier: MIT */
/*
 * The urgent mechanism: RFC 9293 section 3.8.5 as RFC 6093 reads it.  The
 * pointer tells the number behind the last urgent byte; the bytes themselves
 * stay in line.  What the user sees are SOCK_URGENT (POLLPRI) while urgent
 * bytes remain to be read, and the mark: the place of the last of them, which
 * no single read crosses (sockatmark).  A pointer costs a number and no memory,
 * so one that lies points at most 64 KiB beyond what may be sent.
 */
#include "net/tcp_internal.h"

#include "net/sock_internal.h"
#include "net/stack.h"

/* --- Receiving ----------------------------------------------------------- */

/* Where the user reads next. */
static uint32_t read_seq(const struct tcp_conn *c)
{
	return c->rcv_nxt - c->fin_received - c->recvq.len;
}

bool tcp_urgent_pending(const struct tcp_conn *c)
{
	return c->rcv_urgent && seq_lt(read_seq(c), c->rcv_up);
}

void tcp_urgent_step(struct tcp_conn *c, const struct tcp_seg *s)
{
	uint32_t up = s->seq + s->urgent;

	/* Behind the peer's FIN nothing comes. */
	if (!(s->flags & TCP_URG) || c->fin_received ||
	    (c->sock && c->sock->shut_rd))
		return;
	if (seq_le(up, read_seq(c)) ||
	    (tcp_urgent_pending(c) && seq_le(up, c->rcv_up)))
		return;
	c->rcv_urgent = true;
	c->rcv_up = up;
	if (c->sock)
		sock_wake(c->sock, SOCK_URGENT);
}

void tcp_urgent_fin(struct tcp_conn *c)
{
	uint32_t end = c->rcv_nxt - c->fin_received;

	if (c->rcv_urgent && seq_lt(end, c->rcv_up))
		c->rcv_up = end;
}

void tcp_urgent_read(struct tcp_conn *c)
{
	c->rcv_urgent = tcp_urgent_pending(c);
}

bool tcp_urgent_at_mark(const struct tcp_conn *c)
{
	return tcp_urgent_pending(c) && read_seq(c) == c->rcv_up - 1;
}

uint32_t tcp_urgent_limit(const struct tcp_conn *c, uint32_t len)
{
	uint32_t before = c->rcv_up - 1 - read_seq(c);

	return tcp_urgent_pending(c) && before ? min_u32(len, before) : len;
}

/* --- Sending ------------------------------------------------------------- */

bool tcp_urgent_sending(const struct tcp_conn *c, uint32_t seq)
{
	return c->snd_urgent && seq_lt(seq, c->snd_up);
}

uint16_t tcp_urgent_field(const struct tcp_conn *c, uint32_t seq)
{
	return (uint16_t)min_u32(c->snd_up - seq, UINT16_MAX);
}

void tcp_urgent_acked(struct tcp_conn *c)
{
	c->snd_urgent = tcp_urgent_sending(c, c->snd_una);
}

void tcp_urgent_output(struct tcp_conn *c)
{
	uint32_t before = c->stats.segs_out;

	c->snd_urgent = true;
	c->snd_up = c->snd_una + c->sendq.len;
	tcp_output(c);
	/* The pointer is not subject to windows. */
	if (c->stats.segs_out == before)
		tcp_send_ack(c);
}
