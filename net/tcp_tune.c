/* SPDX-License-Identifier: MIT */
/*
 * Buffers that follow their use.  The receive buffer becomes twice what the
 * application drained in a round trip (dynamic right-sizing: Fisk and Feng,
 * 2001), four times while that still grows, since the peer may be in slow
 * start; the send buffer two congestion windows.  All growth together stays
 * within a budget of the stack; a size that the user set is not touched.
 */
#include "net/tcp_internal.h"

#include "net/sock_internal.h"
#include "net/stack.h"

#define AUTO_MAX (TCP_WINDOW_MAX << 6)

static const struct sock *owner(const struct tcp_conn *c)
{
	return c->sock ? c->sock : c->listener;
}

/* A share of the bytes that all chunks hold. */
static uint32_t chunk_bytes(const struct stack *st, uint32_t divisor)
{
	uint64_t bytes = (uint64_t)st->chunks.total * BYTEQ_CHUNK_ROOM;

	bytes /= divisor;
	return bytes > AUTO_MAX ? AUTO_MAX : (uint32_t)bytes;
}

/* --- Receiving ----------------------------------------------------------- */

uint32_t tcp_rcvbuf(const struct tcp_conn *c)
{
	const struct sock *s = owner(c);

	if (!s)
		return TCP_WINDOW_MAX;
	return s->rcvbuf.bytes + (s->rcvbuf.fixed ? 0 : c->rcv_extra);
}

uint32_t tcp_rcvbuf_max(const struct tcp_conn *c)
{
	const struct sock *s = owner(c);

	if (!s || s->rcvbuf.fixed)
		return tcp_rcvbuf(c);
	return min_u32(s->rcvbuf.bytes + chunk_bytes(c->stack, 4), AUTO_MAX);
}

/* Half of what is left of the budget goes to who asks now. */
static void grow(struct tcp_conn *c, uint64_t want)
{
	struct stack *st = c->stack;
	uint64_t budget = (uint64_t)st->chunks.total * BYTEQ_CHUNK_ROOM / 4;
	uint64_t left =
	    budget > st->tcp.rcv_extra ? budget - st->tcp.rcv_extra : 0;
	uint32_t have = tcp_rcvbuf(c), max = tcp_rcvbuf_max(c);

	if (want > max)
		want = max;
	if (want <= have || pool_available(&st->chunks) < st->chunks.total / 4)
		return;
	want -= have;
	if (want > left / 2)
		want = left / 2;
	c->rcv_extra += (uint32_t)want;
	st->tcp.rcv_extra += want;
}

/* Not for what is only read after the end: who would give it back? */
static bool may_grow(const struct tcp_conn *c)
{
	return c->wscale_ok && !c->fin_received && c->state != TCP_CLOSED &&
	       c->state != TCP_TIME_WAIT && !owner(c)->rcvbuf.fixed;
}

void tcp_tune_drained(struct tcp_conn *c, uint32_t bytes)
{
	uint64_t now = clock_ns(), elapsed = now - c->drained_since_ns;
	uint64_t rtt = c->srtt_ns < NS_PER_MS ? NS_PER_MS : c->srtt_ns;
	uint64_t drained;

	c->drained += bytes;
	if (elapsed < rtt) {
		/* More than in the last one: not first when it is over, or what
		 * was on its way by then would find the window closed. */
		if (may_grow(c) && c->drained > c->drained_before)
			grow(c, 4ull * c->drained);
		return;
	}
	/* In microseconds, so that the product fits. */
	drained = c->drained * (rtt / 1000) / (elapsed / 1000);
	if (may_grow(c))
		grow(
		    c, drained > c->drained_before ? 4 * drained : 2 * drained);
	c->drained_before = drained;
	c->drained = 0;
	c->drained_since_ns = now;
}

void tcp_tune_end(struct tcp_conn *c)
{
	c->stack->tcp.rcv_extra -= c->rcv_extra;
	c->rcv_extra = 0;
}

/* --- Sending ------------------------------------------------------------- */

uint32_t tcp_sndbuf(const struct tcp_conn *c)
{
	const struct sock_buf *b = &c->sock->sndbuf;

	return b->fixed ? b->bytes : max_u32(b->bytes, c->snd_want);
}

void tcp_tune_acked(struct tcp_conn *c)
{
	uint32_t want = min_u32(c->cwnd, AUTO_MAX / 2) * 2;

	want = min_u32(want, chunk_bytes(c->stack, 8));
	if (c->snd_want < want)
		c->snd_want = want;
}
