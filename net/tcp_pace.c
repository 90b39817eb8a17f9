/* SPDX-License-Identifier: MIT */
/*
 * Pacing: what the windows allow at once leaves bit by bit.  ACKs clock what a
 * sender sends, but not when it had to wait (for its user, for the window of a
 * peer that has a gap, for an ACK that many were joined into): then a large
 * part of the window is allowed in one moment, and a burst of it overflows
 * queues that the same bytes, spread over the round trip, do not even fill (RFC
 * 6582 3.2 step 3, RFC 7661 4.3).
 *
 * As RFC 9002 7.7 has it: N * cwnd / srtt, with N above 1, so that it is the
 * window that limits, and 2 in slow start, which doubles it in a round trip; an
 * initial window may go at once.  What is counted is not the time between
 * segments but the bytes that left ahead of that rate, so that a late timer
 * costs nothing, one expiry lets several go, and a rate that changes counts for
 * all of them.
 */
#include "net/tcp_internal.h"

/* As much as timers are coarse (sched/timer.h), twice.  Round trips below this
 * are not paced: no burst of a window would wait. */
#define SLACK_NS (2 * NS_PER_MS)

/* N, in quarters. */
#define QUARTERS_SLOW_START 8
#define QUARTERS_AVOIDANCE  5

bool tcp_pace_active(const struct tcp_conn *c)
{
	return c->srtt_ns >= SLACK_NS;
}

/* What the rate lets go in four round trips. */
static uint64_t four_round_trips(const struct tcp_conn *c)
{
	uint64_t quarters =
	    c->cwnd < c->ssthresh ? QUARTERS_SLOW_START : QUARTERS_AVOIDANCE;

	return quarters * max_u32(c->cwnd, c->mss);
}

/* In this time, which is less than a round trip. */
static uint32_t bytes_in(const struct tcp_conn *c, uint64_t ns)
{
	return (uint32_t)(four_round_trips(c) * ns / (4 * c->srtt_ns));
}

/* By how much the sender is ahead of the rate now. */
static uint32_t ahead(const struct tcp_conn *c)
{
	uint64_t passed_ns = clock_ns() - c->last_sent_ns;
	uint32_t let_go;

	if (passed_ns >= c->srtt_ns)
		return 0;
	let_go = bytes_in(c, passed_ns);
	return c->pace_ahead - min_u32(let_go, c->pace_ahead);
}

bool tcp_pace_allows(struct tcp_conn *c)
{
	uint64_t wait_ns;
	uint32_t now, most;

	/* Recovery is clocked by what arrives, and begins at once; so does what
	 * a timeout sends, at a rate that has just become tiny. */
	if (!tcp_pace_active(c) || c->recovery == TCP_FAST_RECOVERY ||
	    !tcp_pipe(c))
		return true;
	now = ahead(c);
	most = tcp_cc_initial_window(c) + bytes_in(c, SLACK_NS);
	if (now <= most)
		return true;
	wait_ns = 4 * c->srtt_ns * (now - most) / four_round_trips(c);
	if (wait_ns > c->srtt_ns) /* nobody is ahead for longer */
		wait_ns = c->srtt_ns;
	tcp_timer_arm(c, TCP_TIMER_PACE, clock_ns() + wait_ns);
	return false;
}

void tcp_pace_sent(struct tcp_conn *c, uint32_t bytes)
{
	c->pace_ahead = tcp_pace_active(c) ? ahead(c) + bytes : 0;
}
