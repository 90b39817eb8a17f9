/* SPDX-License-Identifier: MIT */
/*
 * Text that arrived before what precedes it, and what SACK tells of it (RFC
 * 2018, RFC 2883).  It is kept as runs: contiguous bytes in chunks of the pool,
 * in order, no two of which touch.  So tiny segments side by side share chunks,
 * and when a gap is filled the chunks move to the receive queue uncopied.  What
 * was told is never dropped.
 */
#include "net/tcp_internal.h"

#include "net/pkt.h"
#include "net/sock_internal.h"
#include "net/stack.h"

static struct tcp_run *run_at(struct list *n)
{
	return container_of(n, struct tcp_run, node);
}

static struct tcp_run *next_run(const struct tcp_conn *c, struct tcp_run *r)
{
	return r->node.next == &c->ooo ? NULL : run_at(r->node.next);
}

static struct tcp_run *first_run(const struct tcp_conn *c)
{
	return list_empty(&c->ooo) ? NULL : run_at(c->ooo.next);
}

static struct tcp_run *changed_at(struct list *n)
{
	return container_of(n, struct tcp_run, changed_node);
}

static void note_change(struct tcp_conn *c, struct tcp_run *r)
{
	list_del(&r->changed_node);
	list_prepend(&c->ooo_changed, &r->changed_node);
}

static void free_run(struct tcp_conn *c, struct tcp_run *r)
{
	byteq_drop(c->stack, &r->data, r->data.len);
	list_del(&r->node);
	list_del(&r->changed_node);
	c->ooo_len--;
	pool_put(&c->stack->runs, r);
}

void tcp_ooo_drop(struct tcp_conn *c)
{
	while (!list_empty(&c->ooo))
		free_run(c, first_run(c));
}

/* --- Duplicates (RFC 2883) ----------------------------------------------- */

static uint32_t seq_min(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? a : b;
}

/* RFC 2883 section 4: the first part of a segment that was there already. */
void tcp_note_duplicate(struct tcp_conn *c, uint32_t start, uint32_t end)
{
	if (!c->sack_ok || c->dsack_due || !seq_lt(start, end))
		return;
	c->dsack = (struct tcp_sack_block){ start, end };
	c->dsack_due = true;
}

void tcp_ooo_overlap(struct tcp_conn *c, uint32_t end)
{
	const struct tcp_run *r = first_run(c);

	if (r)
		tcp_note_duplicate(c, r->start, seq_min(end, r->end));
}

/* --- Keeping ------------------------------------------------------------- */

/* The last eighth of the chunks is for text in order.  Of the rest a
 * connection may have as many runs as four times would still be free: one
 * glutton gets half of what many share. */
static bool may_keep(const struct tcp_conn *c)
{
	const struct pool *chunks = &c->stack->chunks;
	uint32_t spare = pool_available(chunks), low = chunks->total / 8;

	return spare > low && c->ooo_len < TCP_OOO_MAX &&
	       c->ooo_len <= (spare - low) / 4;
}

/* A run of nothing yet, behind r (NULL: the first). */
static struct tcp_run *add_run(
    struct tcp_conn *c, struct tcp_run *r, uint32_t seq)
{
	struct list *pos = r ? r->node.next : c->ooo.next;
	struct tcp_run *n = pool_get(&c->stack->runs);

	if (!n)
		return NULL;
	*n = (struct tcp_run){ .start = seq, .end = seq };
	list_init(&n->changed_node);
	list_insert(pos, &n->node);
	c->ooo_len++;
	return n;
}

/* The last run that starts at seq or before it, or the list's head.  Most of
 * what comes lies behind all the rest; what is sent again, close to what came
 * last. */
static struct list *last_before(struct tcp_conn *c, uint32_t seq)
{
	struct list *at = c->ooo.prev;

	if (at == &c->ooo || seq_le(run_at(at)->start, seq))
		return at;
	at = &changed_at(c->ooo_changed.next)->node;
	while (seq_le(run_at(at)->start, seq))
		at = at->next;
	while (at != &c->ooo && seq_lt(seq, run_at(at)->start))
		at = at->prev;
	return at;
}

/* The run that seq lies in or continues; a new one when there is none. */
static struct tcp_run *run_for(struct tcp_conn *c, uint32_t seq)
{
	struct list *at = last_before(c, seq);

	if (at == &c->ooo)
		return add_run(c, NULL, seq);
	if (seq_le(seq, run_at(at)->end))
		return run_at(at);
	return add_run(c, run_at(at), seq);
}

/* r reaches the next run: one of both. */
static void join(struct tcp_conn *c, struct tcp_run *r, struct tcp_run *next)
{
	byteq_move(c->stack, &r->data, &next->data);
	r->end = next->end;
	r->fin = next->fin;
	free_run(c, next);
}

/* Adds the bytes of [seq, end) that are not there.  False when memory ends. */
static bool extend(struct tcp_conn *c, struct tcp_run *r, const uint8_t *data,
    uint32_t seq, uint32_t end)
{
	while (seq_lt(r->end, end) && !r->fin) {
		struct tcp_run *next = next_run(c, r);
		uint32_t stop = next ? seq_min(end, next->start) : end;
		uint32_t want = stop - r->end;
		uint32_t done = byteq_write(
		    c->stack, &r->data, data + (r->end - seq), want);

		r->end += done;
		c->stack->count[COUNT_COPIED_RX] += done;
		if (done < want)
			return false;
		if (next && next->start == r->end) {
			tcp_note_duplicate(
			    c, next->start, seq_min(end, next->end));
			join(c, r, next);
		}
	}
	return true;
}

bool tcp_ooo_keep(struct tcp_conn *c, const struct tcp_seg *s)
{
	uint32_t end = s->seq + (uint32_t)pkt_linear(s->p);
	struct tcp_run *r = may_keep(c) ? run_for(c, s->seq) : NULL;
	bool all;

	if (!r)
		return false;
	stack_count(c->stack, COUNT_TCP_OOO);
	c->stats.out_of_order++;
	note_change(c, r);
	tcp_note_duplicate(c, s->seq, seq_min(end, r->end));
	all = extend(c, r, s->p->data, s->seq, end);
	if (s->flags & TCP_FIN && r->end == end)
		r->fin = true;
	if (r->start == r->end && !r->fin)
		free_run(c, r);
	return all;
}

/* --- Taking -------------------------------------------------------------- */

bool tcp_ooo_take(struct tcp_conn *c, bool *fin)
{
	struct tcp_run *r = first_run(c);

	if (!r || seq_lt(c->rcv_nxt, r->start))
		return false;
	if (seq_lt(c->rcv_nxt, r->end)) {
		byteq_drop(c->stack, &r->data, c->rcv_nxt - r->start);
		if (!c->sock || !c->sock->shut_rd)
			byteq_move(c->stack, &c->recvq, &r->data);
		c->stats.bytes_received += r->end - c->rcv_nxt;
		c->rcv_nxt = r->end;
	}
	*fin = r->fin && r->end == c->rcv_nxt;
	free_run(c, r);
	return true;
}

/* --- Telling ------------------------------------------------------------- */

uint8_t tcp_sack_count(const struct tcp_conn *c)
{
	uint32_t max = c->ts_ok ? TCP_SACK_MAX - 1 : TCP_SACK_MAX;
	uint32_t n = c->sack_ok ? c->ooo_len + c->dsack_due : 0;

	return (uint8_t)(n < max ? n : max);
}

/* RFC 2018 section 4: the latest first; RFC 2883 section 4: a duplicate before
 * all, once, and behind it the run that it lies in. */
void tcp_sack_option(const struct tcp_conn *c, struct tcp_options *o)
{
	uint8_t count = tcp_sack_count(c);
	struct list *n;

	if (count && c->dsack_due)
		o->sack[o->sack_count++] = c->dsack;
	list_for_each(n, &c->ooo_changed)
	{
		const struct tcp_run *r = changed_at(n);

		if (o->sack_count >= count)
			return;
		o->sack[o->sack_count++] =
		    (struct tcp_sack_block){ r->start, r->end + r->fin };
	}
}
