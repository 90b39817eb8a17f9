/* SPDX-License-Identifier: MIT */
#include "net/tcp_sent.h"

#include "lib/assert.h"
#include "lib/pool.h"
#include "net/tcp_internal.h"

static struct tcp_sent *by_seq(struct list *n)
{
	return container_of(n, struct tcp_sent, seq_node);
}

static struct tcp_sent *next_of(struct tcp_sent_map *m, struct tcp_sent *r)
{
	return r->seq_node.next == &m->by_seq ? NULL : by_seq(r->seq_node.next);
}

static uint32_t len_of(const struct tcp_sent *r)
{
	return r->end - r->seq;
}

/* --- States -------------------------------------------------------------- */

/* Adds n bytes (or takes, modulo 2^32) to the sums of a state. */
static void account(struct tcp_sent_map *m, uint8_t state, uint32_t n)
{
	if (state == TCP_SENT_LOST)
		m->lost_bytes += n;
	else if (state == TCP_SENT_SACKED)
		m->sacked_bytes += n;
}

/* r is lost no more.  The lowest that still is lies behind the one that was. */
static void find_lost(struct tcp_sent_map *m, struct tcp_sent *r)
{
	if (r != m->lost)
		return;
	do
		r = m->lost_bytes ? next_of(m, r) : NULL;
	while (r && r->state != TCP_SENT_LOST);
	m->lost = r;
}

static void set_state(
    struct tcp_sent_map *m, struct tcp_sent *r, enum tcp_sent_state state)
{
	account(m, r->state, -len_of(r));
	r->state = (uint8_t)state;
	account(m, r->state, len_of(r));
	if (state != TCP_SENT_LOST)
		find_lost(m, r);
	else if (!m->lost || seq_lt(r->seq, m->lost->seq))
		m->lost = r;
}

/* --- Records ------------------------------------------------------------- */

static struct tcp_sent *record_get(struct tcp_sent_map *m)
{
	struct tcp_sent *r = NULL;

	if (!m->own_used) {
		m->own_used = true;
		r = &m->own;
	} else if (m->records < TCP_SENT_MAX) {
		r = pool_get(m->pool);
	}
	if (r)
		m->records++;
	return r;
}

static void record_put(struct tcp_sent_map *m, struct tcp_sent *r)
{
	find_lost(m, r);
	list_del(&r->seq_node);
	list_del(&r->time_node);
	if (m->cursor == r)
		m->cursor = NULL;
	m->records--;
	if (r == &m->own)
		m->own_used = false;
	else
		pool_put(m->pool, r);
}

/* Makes two records of r, the second from `at` on.  Where r was sent again in
 * part, nobody knows how far: so were both then.  False without a record. */
static bool split(struct tcp_sent_map *m, struct tcp_sent *r, uint32_t at)
{
	struct tcp_sent *n = record_get(m);

	if (!n) {
		m->coarse = true;
		return false;
	}
	*n = *r;
	n->seq = r->end = at;
	list_prepend(&r->seq_node, &n->seq_node);
	list_prepend(&r->time_node, &n->time_node);
	return true;
}

/* Cuts r, which is to be sent again up to `at`: the rest becomes a record, or
 * part of the next one when that has to be sent again, too.  False where it has
 * to stay. */
static bool cut(struct tcp_sent_map *m, struct tcp_sent *r, uint32_t at)
{
	struct tcp_sent *n = next_of(m, r);

	if (split(m, r, at))
		return true;
	if (!n || n->state != TCP_SENT_LOST)
		return false;
	account(m, r->state, at - r->end);
	account(m, n->state, r->end - at);
	n->seq = r->end = at;
	n->retransmitted |= r->retransmitted;
	return true;
}

/* --- Sending ------------------------------------------------------------- */

void tcp_sent_init(struct tcp_sent_map *m, struct pool *pool)
{
	*m = (struct tcp_sent_map){ .pool = pool };
	list_init(&m->by_seq);
	list_init(&m->by_time);
}

void tcp_sent_clear(struct tcp_sent_map *m)
{
	while (!list_empty(&m->by_seq))
		record_put(m, by_seq(m->by_seq.next));
	m->bytes = m->lost_bytes = m->sacked_bytes = 0;
}

/* r leaves, again or with more bytes. */
static void leaves(struct tcp_sent_map *m, struct tcp_sent *r, uint64_t now_ns)
{
	r->xmit_ns = now_ns;
	list_del(&r->time_node);
	list_append(&m->by_time, &r->time_node);
	set_state(m, r, TCP_SENT_FLYING);
}

/* r, the last one, gets more bytes. */
static void widen(struct tcp_sent_map *m, struct tcp_sent *r, uint32_t end)
{
	m->bytes += end - r->end;
	account(m, r->state, end - r->end);
	r->end = end;
}

void tcp_sent_add(
    struct tcp_sent_map *m, uint32_t seq, uint32_t end, uint64_t now_ns)
{
	struct tcp_sent *r = record_get(m);

	if (!r) {
		/* Of bytes that the peer has and others that it does not, none
		 * are known to have arrived; what is lost stays so and will be
		 * sent again. */
		r = tcp_sent_last(m);
		widen(m, r, end);
		if (r->state != TCP_SENT_LOST)
			leaves(m, r, now_ns);
		return;
	}
	*r = (struct tcp_sent){ .seq = seq, .end = end, .xmit_ns = now_ns };
	list_append(&m->by_seq, &r->seq_node);
	list_append(&m->by_time, &r->time_node);
	m->bytes += end - seq;
}

void tcp_sent_again(
    struct tcp_sent_map *m, struct tcp_sent *r, uint32_t end, uint64_t now_ns)
{
	if (seq_lt(r->end, end))
		widen(m, r, end);
	r->in_part = end != r->end && !cut(m, r, end);
	r->retransmitted = true;
	leaves(m, r, now_ns);
}

struct tcp_sent *tcp_sent_tail(struct tcp_sent_map *m, uint32_t n)
{
	struct tcp_sent *r = tcp_sent_last(m);

	if (r && len_of(r) > n)
		split(m, r, r->end - n);
	return tcp_sent_last(m);
}

/* --- What arrived -------------------------------------------------------- */

uint32_t tcp_sent_ack(
    struct tcp_sent_map *m, uint32_t una, tcp_sent_fn *fn, void *ctx)
{
	uint32_t news = 0;
	struct tcp_sent *r;

	while ((r = tcp_sent_first(m)) && seq_lt(r->seq, una)) {
		bool whole = seq_le(r->end, una);
		uint32_t n = whole ? len_of(r) : una - r->seq;

		if (r->state != TCP_SENT_SACKED) {
			news += n;
			if (whole)
				fn(ctx, r);
		}
		m->bytes -= n;
		account(m, r->state, -n);
		r->seq += n;
		if (whole)
			record_put(m, r);
	}
	return news;
}

/* The record that holds seq, or the first one after it, or NULL. */
static struct tcp_sent *find(struct tcp_sent_map *m, uint32_t seq)
{
	struct list *n = m->cursor ? &m->cursor->seq_node : m->by_seq.next;

	while (n != &m->by_seq && seq_le(by_seq(n)->end, seq))
		n = n->next;
	while (n->prev != &m->by_seq && seq_lt(seq, by_seq(n->prev)->end))
		n = n->prev;
	m->cursor = n == &m->by_seq ? NULL : by_seq(n);
	return m->cursor;
}

/* Makes one of a and the record after it when the peer has both. */
static void join_next(struct tcp_sent_map *m, struct tcp_sent *a)
{
	struct tcp_sent *b = next_of(m, a);

	if (!b || a->state != TCP_SENT_SACKED || b->state != TCP_SENT_SACKED)
		return;
	a->end = b->end;
	record_put(m, b);
}

/* The peer has all of r.  Returns the record that holds it then. */
static struct tcp_sent *sacked(struct tcp_sent_map *m, struct tcp_sent *r)
{
	uint32_t seq = r->seq;

	set_state(m, r, TCP_SENT_SACKED);
	join_next(m, r);
	if (r->seq_node.prev != &m->by_seq)
		join_next(m, by_seq(r->seq_node.prev));
	return find(m, seq);
}

uint32_t tcp_sent_sack(struct tcp_sent_map *m, uint32_t start, uint32_t end,
    tcp_sent_fn *fn, void *ctx)
{
	struct tcp_sent *r = find(m, start);
	uint32_t news = 0;

	/* Of a record that the block holds in part, the other part stays as it
	 * was; so does all of it when there is no record to tell them apart. */
	if (r && seq_lt(r->seq, start) && r->state != TCP_SENT_SACKED) {
		if (seq_lt(start, end))
			split(m, r, start);
		r = next_of(m, r);
	}
	for (; r && seq_lt(r->seq, end); r = next_of(m, r)) {
		if (r->state == TCP_SENT_SACKED)
			continue;
		if (seq_lt(end, r->end) && !split(m, r, end))
			break;
		news += len_of(r);
		fn(ctx, r);
		r = sacked(m, r);
	}
	return news;
}

/* --- What did not -------------------------------------------------------- */

void tcp_sent_lose(struct tcp_sent_map *m, struct tcp_sent *r)
{
	set_state(m, r, TCP_SENT_LOST);
}

void tcp_sent_lose_larger(struct tcp_sent_map *m, uint32_t len)
{
	struct list *n;

	list_for_each(n, &m->by_seq)
	{
		struct tcp_sent *r = by_seq(n);

		if (r->state == TCP_SENT_FLYING && len_of(r) > len)
			tcp_sent_lose(m, r);
	}
}

void tcp_sent_lose_older(struct tcp_sent_map *m, uint64_t then_ns)
{
	struct list *n;

	list_for_each(n, &m->by_time)
	{
		struct tcp_sent *r = tcp_sent_by_time(n);

		if (r->xmit_ns > then_ns)
			return;
		if (r->state == TCP_SENT_FLYING)
			tcp_sent_lose(m, r);
	}
}

void tcp_sent_lose_all(struct tcp_sent_map *m)
{
	const struct tcp_sent *first = tcp_sent_first(m);
	bool reneged = first && first->state == TCP_SENT_SACKED;
	struct list *n;

	list_for_each(n, &m->by_seq)
	{
		struct tcp_sent *r = by_seq(n);

		if (r->state != TCP_SENT_SACKED || reneged)
			tcp_sent_lose(m, r);
	}
}

void tcp_sent_unlose(struct tcp_sent_map *m)
{
	while (m->lost)
		set_state(m, m->lost, TCP_SENT_FLYING);
}
