/* SPDX-License-Identifier: MIT */
/*
 * One network stack: all state of net/ hangs off this structure.  The kernel
 * has one; a test makes as many as it likes, under one clock.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/hash.h"
#include "lib/list.h"
#include "lib/pool.h"
#include "net/arp.h"
#include "net/dhcp.h"
#include "net/history.h"
#include "net/icmp.h"
#include "net/netdev.h"
#include "net/pkt.h"
#include "net/tcp.h"
#include "net/udp.h"
#include "sched/wait.h"

struct random;
struct text;

enum counter {
#define COUNT(id, name) COUNT_##id,
#include "net/counters.def"
#undef COUNT
	COUNTERS
};

/* How many of each object a stack has. */
struct stack_limits {
	uint32_t packets, chunks, conns, time_waits, socks, neighbours;
	uint32_t sent;
};

#define STACK_DEVICES_MAX 5   /* the loopback device and four cards */
#define IP_IDS            256 /* counters of identifications, ip.c */

struct stack {
	struct stack_limits limits;
	struct pool packets, chunks, refs, runs, conns, time_waits, socks;
	struct pool sent;    /* struct tcp_sent */
	struct random *rng;  /* borrowed */
	struct hash_key key; /* for tables and sequence numbers */
	uint64_t count[COUNTERS];
	uint64_t drop[DROP_COUNT];

	/* In order of registration; the first is the loopback device. */
	struct netdev *device[STACK_DEVICES_MAX];
	uint32_t device_count;
	struct netdev loopback;
	struct list loopback_backlog;
	uint32_t loopback_len;
	struct history history; /* of all devices */

	struct arp arp;
	struct udp udp;
	struct tcp tcp;
	struct dhcp_port dhcp_port;
	struct rate_limit icmp_errors;
	uint16_t ip_ids[IP_IDS];

	/* Woken when an address, a link or the set of listeners changes. */
	struct waitq changed;
	/* Senders that found the chunk pool empty. */
	struct waitq chunk_waiters;
};

/* Shares for a machine that can give the stack so much memory (lib/limits.h).
 */
void stack_limits_for(size_t bytes, struct stack_limits *l);

/* Makes the stack with its pools in the arena, and its loopback device.
 * Borrows rng.  Returns 0 or -ENOMEM. */
int stack_init(struct stack *st, const struct stack_limits *l, struct arena *a,
    struct random *rng);

/* Prints every counter, pool and drop reason as "name value" lines. */
void stack_print(struct stack *st, struct text *t);

static inline void stack_count(struct stack *st, enum counter c)
{
	st->count[c]++;
}
