/* SPDX-License-Identifier: MIT */
#include "net/byteq.h"

#include "lib/assert.h"
#include "lib/string.h"
#include "net/stack.h"

/* A node is the head of a chunk, its bytes behind it, or a reference alone. */
struct byteq_node {
	struct byteq_node *next;
	const uint8_t *data;
	uint32_t len;
	bool borrowed;
};

static_assert(sizeof(struct byteq_node) == BYTEQ_CHUNK_BYTES - BYTEQ_CHUNK_ROOM,
    "head of a chunk");

const size_t byteq_ref_bytes = sizeof(struct byteq_node);

static void append_node(struct byteq *q, struct byteq_node *n)
{
	n->next = NULL;
	if (q->tail)
		q->tail->next = n;
	else
		q->head = n;
	q->tail = n;
}

/* Where the next byte of a node would go, and how many may. */
static uint8_t *node_end(struct byteq_node *n)
{
	return (uint8_t *)n + (n->data + n->len - (const uint8_t *)n);
}

static uint32_t node_room(struct byteq_node *n)
{
	if (!n || n->borrowed)
		return 0;
	return (uint32_t)((uint8_t *)n + BYTEQ_CHUNK_BYTES - node_end(n));
}

static struct byteq_node *writable_tail(struct stack *st, struct byteq *q)
{
	struct byteq_node *n = q->tail;

	if (node_room(n))
		return n;
	n = pool_get(&st->chunks);
	if (!n)
		return NULL;
	n->data = (const uint8_t *)(n + 1);
	n->len = 0;
	n->borrowed = false;
	append_node(q, n);
	q->chunks++;
	return n;
}

uint32_t byteq_write(
    struct stack *st, struct byteq *q, const void *data, uint32_t len)
{
	const uint8_t *src = data;
	uint32_t done = 0;

	while (done < len) {
		struct byteq_node *n = writable_tail(st, q);
		uint32_t take = len - done;

		if (!n)
			break;
		if (take > node_room(n))
			take = node_room(n);
		memcpy(node_end(n), src + done, take);
		n->len += take;
		done += take;
	}
	q->len += done;
	return done;
}

void byteq_move(struct stack *st, struct byteq *to, struct byteq *from)
{
	while (
	    from->head && from->head->len - from->skip <= node_room(to->tail)) {
		uint32_t n = from->head->len - from->skip;

		byteq_write(st, to, from->head->data + from->skip, n);
		byteq_drop(st, from, n);
	}
	if (!from->head)
		return;
	from->head->data += from->skip;
	from->head->len -= from->skip;
	if (to->tail)
		to->tail->next = from->head;
	else
		to->head = from->head;
	to->tail = from->tail;
	to->len += from->len;
	to->chunks += from->chunks;
	*from = (struct byteq){ 0 };
}

bool byteq_append_ref(
    struct stack *st, struct byteq *q, const uint8_t *data, uint32_t len)
{
	struct byteq_node *n = pool_get(&st->refs);

	if (!n)
		return false;
	n->data = data;
	n->len = len;
	n->borrowed = true;
	append_node(q, n);
	q->len += len;
	return true;
}

struct byteq_run byteq_at(struct byteq *q, uint32_t off)
{
	struct byteq_node *n = q->head;
	uint32_t start = 0; /* of n, from the first byte of head */
	uint32_t want = q->skip + off;

	assert(off < q->len);
	/* Segments are built in order: start where the last one ended. */
	if (q->cursor && want >= q->cursor_off) {
		n = q->cursor;
		start = q->cursor_off;
	}
	while (want - start >= n->len) {
		start += n->len;
		n = n->next;
	}
	q->cursor = n;
	q->cursor_off = start;
	off = want - start;
	return (struct byteq_run){ n->data + off, n->len - off, n->borrowed };
}

uint32_t byteq_peek(struct byteq *q, void *dst, uint32_t len)
{
	uint8_t *out = dst;
	uint32_t done = 0;

	if (len > q->len)
		len = q->len;
	while (done < len) {
		struct byteq_run r = byteq_at(q, done);

		if (r.len > len - done)
			r.len = len - done;
		memcpy(out + done, r.data, r.len);
		done += r.len;
	}
	return len;
}

static void free_node(struct stack *st, struct byteq *q, struct byteq_node *n)
{
	q->chunks -= !n->borrowed;
	pool_put(n->borrowed ? &st->refs : &st->chunks, n);
	if (!list_empty(&st->chunk_waiters.entries))
		waitq_wake(&st->chunk_waiters, 0);
}

void byteq_drop(struct stack *st, struct byteq *q, uint32_t len)
{
	assert(len <= q->len);
	q->len -= len;
	q->skip += len;
	while (q->head && q->skip >= q->head->len) {
		struct byteq_node *n = q->head;

		q->skip -= n->len;
		q->head = n->next;
		if (!q->head)
			q->tail = NULL;
		if (q->cursor == n)
			q->cursor = NULL;
		q->cursor_off -= n->len; /* good while there is a cursor */
		free_node(st, q, n);
	}
}
