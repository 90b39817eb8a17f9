/* SPDX-License-Identifier: MIT */
/*
 * CUBIC (RFC 9438).  Behind a reduction the window follows
 *
 *	W_cubic(t) = C (t - K)^3 + W_max
 *
 * fast towards the window that was too large, slowly around it, fast beyond it;
 * and never below W_est, where Reno would be (section 4.3).
 *
 * Integers only.  Windows are bytes, t and K milliseconds.  K is rounded down:
 * by less than 1 ms, which is 3 C K^2 / 1000 segments at t = 0, a fifth of one
 * for a window of 4 MiB.  W_cubic is rounded by less than a byte.  Growth that
 * is no byte yet is kept.
 */
#include "net/tcp_internal.h"

#define BETA_TENTHS 7 /* section 4.6 */
/* 4.3: alpha = 3 (1 - beta) / (1 + beta), in 1/65536. */
#define EST_ONE   65536u
#define EST_ALPHA (EST_ONE * 9 / 17)
/* Beyond so far from K (131 s) every window has its bounds: C t^3 is 900,000
 * segments. */
#define T_MAX_MS (1 << 17)

uint32_t tcp_cubic_root(uint64_t n)
{
	uint64_t root = 0;

	/* Binary digits from above: (2r + 1)^3 - (2r)^3 = 3 * 2r (2r + 1) + 1
	 * tells whether the next one is set. */
	for (int shift = 63; shift >= 0; shift -= 3) {
		uint64_t step;

		root *= 2;
		step = 3 * root * (root + 1) + 1;
		if (n >> shift >= step) {
			n -= step << shift;
			root++;
		}
	}
	return (uint32_t)root;
}

static void cubic_init(struct tcp_conn *c)
{
	c->cc_state = (union tcp_cc_state){ 0 };
}

/* --- Growth --------------------------------------------------------------- */

/* A stage of congestion avoidance begins.  4.8, 4.10: without a W_max above the
 * window it begins at the plateau. */
static void begin_stage(struct tcp_conn *c, struct tcp_cubic *s)
{
	s->in_stage = true;
	s->epoch_ns = clock_ns();
	s->credit = 0;
	s->w_est = (uint64_t)c->cwnd * EST_ONE;
	s->k_ms = 0;
	if (s->w_max <= c->cwnd)
		s->w_max = c->cwnd;
	else /* 4.2: K = cbrt((W_max - cwnd_epoch) / C), C = 0.4 */
		s->k_ms = tcp_cubic_root(
		    (uint64_t)(s->w_max - c->cwnd) * 2500000000u / c->mss);
}

/* 4.2, equation 1. */
static uint64_t w_cubic(
    const struct tcp_conn *c, const struct tcp_cubic *s, uint64_t t_ms)
{
	bool below = t_ms < s->k_ms;
	uint64_t d = below ? s->k_ms - t_ms : t_ms - s->k_ms;

	if (d > T_MAX_MS)
		d = T_MAX_MS;
	d = d * d * d / 1000 * 2 * c->mss / 5000000;
	if (!below)
		return s->w_max + d;
	return d < s->w_max ? s->w_max - d : 0;
}

/* 4.3: as Reno with the same beta would grow; as Reno itself once it is back
 * where the window was. */
static uint32_t grow_estimate(
    const struct tcp_conn *c, struct tcp_cubic *s, uint32_t acked)
{
	bool back = s->w_est >= (uint64_t)s->cwnd_prior * EST_ONE;
	uint64_t alpha = back ? EST_ONE : EST_ALPHA;

	s->w_est += alpha * acked * c->mss / c->cwnd;
	return (uint32_t)(s->w_est / EST_ONE);
}

static void cubic_acked(struct tcp_conn *c, uint32_t acked)
{
	struct tcp_cubic *s = &c->cc_state.cubic.now;
	uint64_t t_ns, target, credit;
	uint32_t estimate;

	if (!s->in_stage)
		begin_stage(c, s);
	t_ns = clock_ns() - s->epoch_ns;
	estimate = grow_estimate(c, s, acked);
	if (w_cubic(c, s, t_ns / NS_PER_MS) < estimate) {
		c->cwnd = max_u32(c->cwnd, estimate);
		return;
	}
	/* 4.2, 4.4, 4.5: towards where the curve is in a round trip, but not
	 * down and not by more than half. */
	target = w_cubic(c, s, (t_ns + c->srtt_ns) / NS_PER_MS);
	if (target < c->cwnd)
		return;
	if (target > c->cwnd + c->cwnd / 2)
		target = c->cwnd + c->cwnd / 2;
	credit = s->credit + (target - c->cwnd) * acked;
	s->credit = (uint32_t)(credit % c->cwnd);
	c->cwnd += (uint32_t)(credit / c->cwnd);
}

/* --- Reduction ------------------------------------------------------------ */

/* 4.6, 4.7; 4.8 after a timeout: no curve leads back to a W_max. */
static uint32_t cubic_ssthresh(
    struct tcp_conn *c, uint32_t flight, enum tcp_cc_event why)
{
	struct tcp_cubic *s = &c->cc_state.cubic.now;

	c->cc_state.cubic.before = *s;
	c->cc_state.cubic.before.epoch_ns = clock_ns() - s->epoch_ns;
	if (why == TCP_CC_TIMEOUT)
		s->w_max = 0;
	else if (c->cwnd < s->w_max) /* somebody else needs room */
		s->w_max = (uint32_t)((uint64_t)c->cwnd * 17 / 20);
	else
		s->w_max = c->cwnd;
	s->cwnd_prior = c->cwnd;
	s->in_stage = false;
	return max_u32(
	    (uint32_t)((uint64_t)flight * BETA_TENTHS / 10), 2u * c->mss);
}

/* 4.9: the curve goes on where it was left. */
static void cubic_undo(struct tcp_conn *c)
{
	struct tcp_cubic *s = &c->cc_state.cubic.now;

	*s = c->cc_state.cubic.before;
	s->epoch_ns = clock_ns() - s->epoch_ns;
	c->cc_seen_ns = clock_ns(); /* that is counted now */
}

/* 4.2, 5.8: t does not count time in which the window was not used.  Slow start
 * ends a stage. */
static void cubic_idle(struct tcp_conn *c, uint64_t idle_ns)
{
	struct tcp_cubic *s = &c->cc_state.cubic.now;

	s->epoch_ns += idle_ns;
	if (c->cwnd < c->ssthresh)
		s->in_stage = false;
}

const struct tcp_cc_ops tcp_cc_cubic = { .name = "cubic",
	.init = cubic_init,
	.acked = cubic_acked,
	.ssthresh = cubic_ssthresh,
	.undo = cubic_undo,
	.idle = cubic_idle };
