/* SPDX-License-Identifier: MIT */
/*
 * Packets.  Exactly one owner at any time; head <= data <= tail <= end.
 *
 * Transmit: an owned packet from the stack's pool.  Whoever allocates leaves
 * PKT_HEADROOM, so lower layers push their headers without asking.  Behind the
 * linear bytes may come borrowed fragments of immutable memory (file data).
 * Every *_tx function takes its packet, on success and on failure.
 *
 * Receive: a view, a struct pkt on the driver's stack that points into the
 * receive ring.  *_rx functions borrow it and copy what they keep.  A view has
 * exactly one fate, said by exactly one call: pkt_delivered or pkt_drop, so
 * that received = delivered + dropped (by reason).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"
#include "net/drop_reason.h"

struct netdev;
struct stack;

/* Ethernet 14 + IPv4 20 + TCP 60, rounded so that a frame whose headers are
 * pushed down from here starts 4-byte aligned, as the card's TSAD needs
 * (docs/RTL8139.md, transmit). */
#define PKT_HEADROOM   98
#define PKT_FRAGS_MAX  4
#define PKT_DATA_BYTES 1520 /* room behind the headroom */

struct pkt_frag {
	const uint8_t *data;
	uint32_t len;
};

struct pkt {
	struct list node; /* for the queue of its owner */
	struct stack *stack;
	struct netdev *dev; /* received from, or to be sent through */
	uint8_t *head, *data, *tail, *end;
	struct pkt_frag frag[PKT_FRAGS_MAX];
	uint8_t frag_count;
	bool view;     /* borrowed: not from the pool */
	bool decided;  /* a view whose fate is counted */
	bool loopback; /* came back from ourselves: checksums are trusted */
	bool link_broadcast; /* received for a group address of the link */
	bool dont_fragment;  /* to be sent with DF */
	uint8_t ip_proto;
	uint8_t ecn;             /* IP_ECN_*: as received, or to be sent with */
	uint32_t ip_src, ip_dst; /* host order, once IPv4 accepted it */
	uint8_t *ip;             /* the IPv4 header, for ICMP errors */
	uint16_t src_port;       /* UDP: of a datagram that waits in a socket */
};

/* The size of the pool's object: a packet with its bytes. */
extern const size_t pkt_object_bytes;

/* Returns a packet with PKT_HEADROOM before data and no bytes in it, or NULL
 * (counted) when the pool is empty.  The caller owns it. */
struct pkt *pkt_alloc(struct stack *st);

/* Gives an owned packet back to its pool.  Takes p.  Not for views. */
void pkt_free(struct pkt *p);

/* Makes a view of len bytes at data.  Touches nothing but *view. */
void pkt_init_view(struct pkt *view, struct stack *st, struct netdev *dev,
    const void *data, size_t len);

/* Copies a view or an owned packet, linear and fragments, into a fresh owned
 * linear packet with headroom.  Borrows p.  NULL when the pool is empty. */
struct pkt *pkt_clone(const struct pkt *p);

/* As pkt_clone, for a packet that strangers make us keep: NULL also when less
 * than a quarter of the pool is left, which is for sending. */
struct pkt *pkt_keep(const struct pkt *p);

/* Whether another packet may be kept. */
bool pkt_may_keep(const struct stack *st);

/* Counts the packet's death by reason; frees it when it is owned.  Takes p. */
void pkt_drop(struct pkt *p, enum drop_reason why);

/* Counts a view as handed over.  Borrows p. */
void pkt_delivered(struct pkt *p);

/* Linear bytes, and all bytes with the fragments. */
static inline size_t pkt_linear(const struct pkt *p)
{
	return (size_t)(p->tail - p->data);
}

size_t pkt_len(const struct pkt *p);

/* Takes n bytes off the front and returns where they start, or NULL when the
 * packet is shorter: the only way a parser reaches a header. */
void *pkt_pull(struct pkt *p, size_t n);

/* Cuts the linear bytes to n (no effect when there are no more). */
void pkt_trim(struct pkt *p, size_t n);

/* Makes room for n bytes before data; asserts the headroom. */
void *pkt_push(struct pkt *p, size_t n);

/* Makes room for n bytes behind tail; asserts the tail room. */
void *pkt_put(struct pkt *p, size_t n);

/* Appends a borrowed fragment; false when all PKT_FRAGS_MAX are used. */
bool pkt_add_frag(struct pkt *p, const uint8_t *data, uint32_t len);

/* Copies the fragments behind the linear bytes; asserts the tail room. */
void pkt_linearize(struct pkt *p);

/* Copies the whole frame, linear and fragments, to dst (pkt_len bytes). */
void pkt_copy_out(const struct pkt *p, uint8_t *dst);

const char *drop_name(enum drop_reason why);
const char *drop_text(enum drop_reason why);
