/* SPDX-License-Identifier: MIT */
/*
 * Orphans: connections whose user has closed and that only the peer can still
 * end.  Peers that do not cooperate would fill the tables with them.  So they
 * may have a quarter of the connections.  Deviation: beyond that, and when
 * somebody else finds no block, the one that was closed first is reset,
 * although RFC 9293 3.10.5 would go on delivering.  When they hold more than a
 * quarter of the chunks, one whose peer has gone silent is; the others give
 * them back by themselves.
 */
#include "net/tcp_internal.h"

#include "net/stack.h"

#define ORPHAN_SHARE 4
/* The oldest: who makes progress is gone soon. */
#define LOOK_AT 16

static bool is_listed(const struct tcp_conn *c)
{
	return tcp_is_orphan(c) && list_linked(&c->listen_node);
}

static void reset(struct tcp_conn *c)
{
	stack_count(c->stack, COUNT_TCP_ORPHANS_RESET);
	tcp_send_rst(c);
	tcp_conn_end(c, 0);
}

bool tcp_orphan_reset_oldest(struct stack *st)
{
	if (list_empty(&st->tcp.orphans))
		return false;
	reset(container_of(st->tcp.orphans.next, struct tcp_conn, listen_node));
	return true;
}

/* An old one whose peer does not answer, or keeps its window closed. */
static struct tcp_conn *find_silent(struct stack *st)
{
	struct list *n = st->tcp.orphans.next;

	for (unsigned i = 0; i < LOOK_AT && n != &st->tcp.orphans; i++) {
		struct tcp_conn *c =
		    container_of(n, struct tcp_conn, listen_node);

		if (c->silent_since_ns && c->sendq.chunks)
			return c;
		n = n->next;
	}
	return NULL;
}

static void free_chunks(struct stack *st)
{
	struct tcp_conn *c;

	while (st->tcp.orphan_chunks > st->chunks.total / ORPHAN_SHARE &&
	       (c = find_silent(st)))
		reset(c);
}

void tcp_orphan_add(struct tcp_conn *c)
{
	struct stack *st = c->stack;

	list_append(&st->tcp.orphans, &c->listen_node);
	st->tcp.orphan_count++;
	st->tcp.orphan_chunks += c->sendq.chunks;
	if (st->tcp.orphan_count > st->conns.total / ORPHAN_SHARE)
		tcp_orphan_reset_oldest(st);
	free_chunks(st);
}

void tcp_orphan_leave(struct tcp_conn *c)
{
	if (!is_listed(c))
		return;
	list_del(&c->listen_node);
	c->stack->tcp.orphan_count--;
	c->stack->tcp.orphan_chunks -= c->sendq.chunks;
}

void tcp_drop_acked(struct tcp_conn *c, uint32_t bytes)
{
	uint32_t before = c->sendq.chunks;

	byteq_drop(c->stack, &c->sendq, bytes);
	if (is_listed(c))
		c->stack->tcp.orphan_chunks -= before - c->sendq.chunks;
}
