/* SPDX-License-Identifier: MIT */
/*
 * The send map: one record for each range of sequence numbers that is out, with
 * the time of its last transmission and what became of it.  It is the
 * scoreboard of RFC 6675 and the list of segments of RFC 8985; the bytes
 * themselves stay in the send queue.
 *
 * A record is on two lists, whatever its state: by sequence number, and by the
 * time of its last transmission.  Neighbours that the peer has become one
 * record.
 *
 * Records come from a pool; a connection has one of its own, so that it can
 * always send, and never more than TCP_SENT_MAX.  Without a record the map gets
 * coarser and stays right: new bytes widen the newest record, part of a record
 * that the peer says it has is not noted, and of a record that is sent again in
 * part the rest goes to the next one that is lost, or else counts as sent
 * again. (What is lost is then told by duplicate ACKs, one segment for a round
 * trip: tcp_recover.c.)
 *
 * A peer says what is lost and what is not, of thousands of records and in any
 * order: so no change of state moves a record, and none is put in its place by
 * a search.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/list.h"

struct pool;

#define TCP_SENT_MAX 4096

enum tcp_sent_state {
	TCP_SENT_FLYING,
	TCP_SENT_LOST,  /* and not sent again since */
	TCP_SENT_SACKED /* the peer has it, beyond a gap */
};

struct tcp_sent {
	struct list seq_node, time_node;
	uint32_t seq, end;
	uint64_t xmit_ns; /* of the last transmission */
	uint8_t state;
	bool retransmitted; /* ever */
	bool in_part;       /* and then not all of it */
};

struct tcp_sent_map {
	struct list by_seq;      /* all, the lowest first */
	struct list by_time;     /* all, by their last transmission */
	struct tcp_sent *lost;   /* the lowest that is, or NULL */
	struct tcp_sent *cursor; /* where the last search ended, or NULL */
	struct pool *pool;
	uint32_t bytes, lost_bytes, sacked_bytes;
	uint16_t records;
	bool own_used;
	bool coarse; /* a part could not be told from the rest; the user clears
	              * this */
	struct tcp_sent own;
};

/* A record that has just been delivered, still as it was before. */
typedef void tcp_sent_fn(void *ctx, const struct tcp_sent *r);

/* Borrows pool (of struct tcp_sent) for ever. */
void tcp_sent_init(struct tcp_sent_map *m, struct pool *pool);
void tcp_sent_clear(struct tcp_sent_map *m);

/* [seq, end) leaves for the first time; it follows all that is out. */
void tcp_sent_add(
    struct tcp_sent_map *m, uint32_t seq, uint32_t end, uint64_t now_ns);

/* r leaves again up to end, which may lie within it or, when it is the last
 * one, beyond it. */
void tcp_sent_again(
    struct tcp_sent_map *m, struct tcp_sent *r, uint32_t end, uint64_t now_ns);

/* The last record, cut to its last n bytes where there is a record to cut it.
 * NULL when nothing is out. */
struct tcp_sent *tcp_sent_tail(struct tcp_sent_map *m, uint32_t n);

/* Everything before una has arrived.  Calls fn for each record that is complete
 * with it and was not known to have arrived.  Returns the bytes that were not
 * known to. */
uint32_t tcp_sent_ack(
    struct tcp_sent_map *m, uint32_t una, tcp_sent_fn *fn, void *ctx);

/* The peer has [start, end), of which any part may lie outside the map.  Calls
 * fn for each record that is new to it.  Returns their bytes. */
uint32_t tcp_sent_sack(struct tcp_sent_map *m, uint32_t start, uint32_t end,
    tcp_sent_fn *fn, void *ctx);

/* r, which flies, is lost. */
void tcp_sent_lose(struct tcp_sent_map *m, struct tcp_sent *r);

/* What flies in records of more than len bytes is lost. */
void tcp_sent_lose_larger(struct tcp_sent_map *m, uint32_t len);

/* What flies since then or before is lost. */
void tcp_sent_lose_older(struct tcp_sent_map *m, uint64_t then_ns);

/* All that the peer is not known to have is lost (RFC 6298 5.4 with RFC 6675
 * 5.1).  When it is said to have the first record and does not acknowledge it,
 * it has reneged (RFC 2018 section 8): then all that it said is forgotten. */
void tcp_sent_lose_all(struct tcp_sent_map *m);

/* The loss was a mistake: what has not been sent again flies still. */
void tcp_sent_unlose(struct tcp_sent_map *m);

static inline struct tcp_sent *tcp_sent_first(const struct tcp_sent_map *m)
{
	return list_empty(&m->by_seq)
	           ? NULL
	           : container_of(m->by_seq.next, struct tcp_sent, seq_node);
}

static inline struct tcp_sent *tcp_sent_last(const struct tcp_sent_map *m)
{
	return list_empty(&m->by_seq)
	           ? NULL
	           : container_of(m->by_seq.prev, struct tcp_sent, seq_node);
}

/* The lost record to send next, or NULL. */
static inline struct tcp_sent *tcp_sent_first_lost(const struct tcp_sent_map *m)
{
	return m->lost;
}

static inline struct tcp_sent *tcp_sent_by_time(struct list *n)
{
	return container_of(n, struct tcp_sent, time_node);
}

/* RFC 6675 "pipe": what is believed to be on its way. */
static inline uint32_t tcp_sent_pipe(const struct tcp_sent_map *m)
{
	return m->bytes - m->lost_bytes - m->sacked_bytes;
}
