/* SPDX-License-Identifier: MIT */
/* Congestion avoidance of RFC 5681. */
#include "net/tcp_internal.h"

static void reno_init(struct tcp_conn *c)
{
	c->cc_state.reno.acked = 0;
}

/* RFC 3465 2.1: by one segment for each window acknowledged. */
static void reno_acked(struct tcp_conn *c, uint32_t acked)
{
	uint32_t *counted = &c->cc_state.reno.acked;

	*counted += acked;
	if (*counted >= c->cwnd) {
		*counted -= c->cwnd;
		c->cwnd += c->mss;
	}
}

/* RFC 5681 (4): half of what is in flight. */
static uint32_t reno_ssthresh(
    struct tcp_conn *c, uint32_t flight, enum tcp_cc_event why)
{
	c->cc_state.reno.acked = 0;
	return max_u32(flight / 2, 2u * c->mss);
}

static void reno_undo(struct tcp_conn *c)
{
	c->cc_state.reno.acked = 0;
}

static void reno_idle(struct tcp_conn *c, uint64_t idle_ns)
{
}

const struct tcp_cc_ops tcp_cc_reno = { .name = "reno",
	.init = reno_init,
	.acked = reno_acked,
	.ssthresh = reno_ssthresh,
	.undo = reno_undo,
	.idle = reno_idle };
