/* SPDX-License-Identifier: MIT */
/*
 * Address resolution (RFC 826): a cache that ages, packets that wait for an
 * answer, and limits on everything a stranger can make us do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"
#include "net/eth.h"
#include "net/icmp.h"
#include "sched/timer.h"

struct arena;
struct netdev;
struct pkt;
struct stack;
struct text;

#define ARP_BUCKETS   64
#define ARP_QUEUE_MAX 4 /* packets that wait for one address */

/* New addresses asked for: at most this many a second, with this burst. */
#define ARP_ASKS_PER_S 500
#define ARP_ASKS_BURST 250

struct arp {
	struct list buckets[ARP_BUCKETS];
	struct list age;    /* who has an address, least recently used first */
	struct list asking; /* who has none yet, the oldest first */
	struct rate_limit asks;
	struct list unused;
	struct timer tick;
};

extern const size_t arp_entry_bytes; /* the size of a neighbour's entry */

/* Makes room for `entries` neighbours.  Returns 0 or -ENOMEM. */
int arp_init(struct stack *st, uint32_t entries, struct arena *a);

/* In: [arp], arp at data.  Borrows p.  Context: bottom half.
 * Drops: ARP_BAD, ARP_NOT_FOR_US. */
void arp_rx(struct pkt *p);

/* Sends the IPv4 packet p through p->dev to the neighbour next_hop, now or
 * when its address is known.  Takes p.  Drops: ARP_QUEUE_FULL, ARP_FAILED,
 * ARP_LIMITED. */
void arp_tx(struct pkt *p, uint32_t next_hop);

/* Who sends to the neighbour hears nothing from there: is it still where it
 * was?
 */
void arp_doubt(struct netdev *dev, uint32_t ip);

/* Tells the link that the device's address is ours (RFC 5227 2.3). */
void arp_announce(struct netdev *dev);

/* Asks who has ip, with sender address 0 (RFC 5227 2.1.1 probe). */
void arp_probe(struct netdev *dev, uint32_t ip);

/* Forgets every neighbour of the device; what waited is dropped. */
void arp_flush(struct netdev *dev);

/* Packets that wait now, and a table for people. */
void arp_print(struct stack *st, struct text *t);
