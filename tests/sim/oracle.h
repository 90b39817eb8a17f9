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
 *	sent again is what something sent later passed   RFC 8985 6.2, RFC 5681
 *	  on its way, or a timeout took for lost
 *	recovery waits for what may be reordered         RFC 8985 6.2
 *	what was SACKed is not sent again                RFC 2018 5, RFC 6675
 *	recovery ends when all it began with came        RFC 6582, RFC 6675
 *	the window is reduced once for a window of data  RFC 6582, RFC 3168
 *	ECE reduces it, CWR says so; CE is echoed        RFC 3168 6.1
 *	  until then
 *	an ACK for two full segments, within 500 ms      SHLD-19, MUST-40
 *	text beyond a gap, or in one, is answered        RFC 5681 4.2
 *	SACK blocks tell what came, above the ACK,       RFC 2018 4, RFC 2883
 *	  or what came twice; what came twice is told
 *	timestamps do not go back, echoes were sent      RFC 7323 4
 *	queues stay within their limits
 *
 * What it needs of a connection's inside is in one function, `look_inside`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/wire.h"

struct stack;
struct oracle_flow;
struct view;

/* Tells of a connection's inside.  False when there is none. */
typedef bool oracle_look_fn(struct oracle_flow *f, struct view *v);

/* Called with what is wrong; may return. */
typedef void oracle_fail_fn(void *ctx, const char *text);

struct oracle {
	struct stack *stack; /* two of them */
	struct wire *wire;
	struct oracle_flow **flows; /* a table by ports */
	oracle_look_fn *look;       /* into the stacks */
	oracle_fail_fn *fail;
	void *ctx;
	uint64_t segments; /* looked at */
};

/* Watches the wire between two stacks. */
void oracle_start(struct oracle *o, struct wire *w, struct stack *stack,
    oracle_fail_fn *fail, void *ctx);
void oracle_stop(struct oracle *o);
