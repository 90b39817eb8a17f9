/* SPDX-License-Identifier: MIT */
/*
 * Watches every segment of a simulation, on the wire, and says when one breaks
 * a rule that holds whatever the wire does:
 *
 *	ACKs cover only what came, and never go back     RFC 9293 3.10.7.4
 *	the right edge never moves left                  SHLD-14
 *	nothing is sent beyond the peer's window,        RFC 9293 3.8.6
 *	  but a probe's byte
 *	in flight: no more than the congestion window    RFC 5681 3
 *	the congestion window grows only with ACKs       RFC 5681 3.1, RFC 3465
 *	bytes sent again are the same bytes              RFC 9293 3.4
 *	nothing follows a FIN, which keeps its number    RFC 9293 3.10.7.4
 *	timeouts in a row double                         RFC 6298 5.5
 *	one tail loss probe, then an ACK                 RFC 8985 7.2
 *	recovery ends when all it began with came        RFC 6582, RFC 6675
 *	SACK blocks tell what came, above the ACK,       RFC 2018 4, RFC 2883
 *	  or what came twice
 *	timestamps do not go back, echoes were sent      RFC 7323 4
 *	queues stay within their limits
 *
 * What it needs of a connection's inside is in one function, `look`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/wire.h"

struct stack;

/* Called with what is wrong; may return. */
typedef void oracle_fail_fn(void *ctx, const char *text);

struct oracle {
	struct stack *stack; /* two of them */
	struct wire *wire;
	struct oracle_flow **flows; /* a table by ports */
	oracle_fail_fn *fail;
	void *ctx;
	uint64_t segments;   /* looked at */
	uint64_t icmp_ns[2]; /* when a side last received ICMP */
};

/* Watches the wire between two stacks. */
void oracle_start(struct oracle *o, struct wire *w, struct stack *stack,
    oracle_fail_fn *fail, void *ctx);
void oracle_stop(struct oracle *o);
