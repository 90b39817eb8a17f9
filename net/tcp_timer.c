/* SPDX-License-Identifier: MIT */
/*
 * TCP's timers.  A connection has several (enum tcp_timer), which share one of
 * the wheel: it is armed for the first of them.  TCP_TIMER_REXMT serves
 * retransmission (RFC 6298), zero-window probes (RFC 9293 3.8.6.1) and the end
 * of an orphan in FIN-WAIT-2.
 */
#include "net/tcp_internal.h"

#include "lib/errno.h"
#include "net/ip.h"
#include "net/stack.h"

/* --- Several timers out of one -------------------------------------------- */

static enum tcp_timer first_due(const struct tcp_conn *c)
{
	enum tcp_timer first = 0;

	for (enum tcp_timer t = 1; t < TCP_TIMERS; t++)
		if (c->due_ns[t] < c->due_ns[first])
			first = t;
	return first;
}

static void arm_first(struct tcp_conn *c)
{
	uint64_t at_ns = c->due_ns[first_due(c)];

	if (at_ns == TCP_NEVER)
		timer_disarm(&c->timer);
	else if (!timer_armed(&c->timer) || c->timer.expires_ns != at_ns)
		timer_arm(&c->timer, at_ns);
}

void tcp_timer_arm(struct tcp_conn *c, enum tcp_timer t, uint64_t at_ns)
{
	c->due_ns[t] = at_ns;
	arm_first(c);
}

void tcp_timer_disarm(struct tcp_conn *c, enum tcp_timer t)
{
	if (tcp_timer_armed(c, t))
		tcp_timer_arm(c, t, TCP_NEVER);
}

void tcp_timers_stop(struct tcp_conn *c)
{
	for (enum tcp_timer t = 0; t < TCP_TIMERS; t++)
		c->due_ns[t] = TCP_NEVER;
	timer_disarm(&c->timer);
}

/* --- Retransmission --------------------------------------------------------
 */

static uint64_t clamp_rto(uint64_t rto_ns)
{
	return rto_ns > TCP_RTO_MAX_NS ? TCP_RTO_MAX_NS : rto_ns;
}

/* RFC 6298 5.5: doubled at each expiry. */
uint64_t tcp_current_rto_ns(const struct tcp_conn *c)
{
	return clamp_rto(c->rto_ns << (c->backoff > 10 ? 10 : c->backoff));
}

void tcp_rtt_sample_ns(struct tcp_conn *c, uint64_t r)
{
	uint64_t delta;

	c->backoff = 0;
	if (!c->srtt_ns) {
		c->srtt_ns = r ? r : 1;
		c->rttvar_ns = r / 2;
	} else {
		delta = r > c->srtt_ns ? r - c->srtt_ns : c->srtt_ns - r;
		c->rttvar_ns = (3 * c->rttvar_ns + delta) / 4;
		c->srtt_ns = (7 * c->srtt_ns + r) / 8;
	}
	delta = 4 * c->rttvar_ns;
	if (delta < TCP_RTO_MIN_NS)
		delta = TCP_RTO_MIN_NS;
	c->rto_ns = clamp_rto(c->srtt_ns + delta);
}

void tcp_rtt_sample(struct tcp_conn *c)
{
	uint64_t rtt_ns = clock_ns() - c->rtt_start_ns;

	c->flight_max = 0;
	if (!c->rtt_start_ns)
		return;
	c->rtt_start_ns = 0;
	tcp_rtt_sample_ns(c, rtt_ns);
	tcp_rack_rtt(c, rtt_ns);
}

bool tcp_something_waits(const struct tcp_conn *c)
{
	return c->snd_nxt != c->snd_una || c->sendq.len ||
	       (c->fin_queued && !c->fin_acked);
}

/* Nagle's rule, silly window avoidance, the user, or lack of packets holds all
 * there is back. */
static bool held_back(const struct tcp_conn *c)
{
	return tcp_is_synchronized(c) && c->snd_nxt == c->snd_una &&
	       c->sendq.len && c->snd_wnd && !c->ecn_hold;
}

/* From the first try to its timeout; not longer than the user waits. */
static uint64_t first_wait_ns(const struct tcp_conn *c)
{
	uint64_t rto_ns = tcp_current_rto_ns(c);

	return c->user_timeout_ns && c->user_timeout_ns < rto_ns
	           ? c->user_timeout_ns
	           : rto_ns;
}

/* When to try again; not later than the user gives up. */
static uint64_t next_try(const struct tcp_conn *c, uint64_t now)
{
	uint64_t at = now + first_wait_ns(c);
	uint64_t end = c->silent_since_ns + c->user_timeout_ns;

	return c->silent_since_ns && c->user_timeout_ns && end < at ? end : at;
}

/* RFC 8985 7.2: a tail loss probe goes first, counted from the last sending. */
static void arm_rexmt(struct tcp_conn *c)
{
	uint64_t at_ns = c->rto_at_ns, probe_ns = c->rexmt_from_ns;

	c->probing = tcp_tlp_allowed(c);
	if (c->probing) {
		if (c->last_sent_ns > probe_ns)
			probe_ns = c->last_sent_ns;
		probe_ns += tcp_tlp_pto_ns(c);
		if (probe_ns < at_ns)
			at_ns = probe_ns;
	}
	tcp_timer_arm(c, TCP_TIMER_REXMT, at_ns);
}

void tcp_timer_ensure(struct tcp_conn *c)
{
	bool runs = tcp_timer_armed(c, TCP_TIMER_REXMT);

	if (c->state == TCP_CLOSED)
		return;
	if (tcp_something_waits(c)) {
		/* What was held back is out now. */
		if (c->overriding && !held_back(c))
			runs = false;
		if (!runs) {
			uint64_t now = clock_ns();

			c->overriding = held_back(c);
			c->rexmt_from_ns = now;
			c->rto_at_ns = c->overriding ? now + TCP_OVERRIDE_NS
			                             : next_try(c, now);
		}
		if (!runs || c->probing)
			arm_rexmt(c);
	} else if (!runs && c->state == TCP_FIN_WAIT_2 && tcp_is_orphan(c)) {
		c->probing = false;
		tcp_timer_arm(
		    c, TCP_TIMER_REXMT, clock_ns() + TCP_FIN_WAIT_2_NS);
	}
}

void tcp_timer_restart(struct tcp_conn *c)
{
	c->backoff = 0;
	c->silent_since_ns = 0;
	tcp_timer_disarm(c, TCP_TIMER_REXMT);
}

/* The backed-off timeout stays until a segment that was sent once gives a
 * sample (RFC 6298 section 5, Karn's second half).  Deviation: while a window
 * is being sent again there is no such segment, and where every fifth is lost
 * the timeout would stay at a minute; so progress there halves the exponent. */
void tcp_timer_progress(struct tcp_conn *c)
{
	if (seq_lt(c->snd_una, c->recover))
		c->backoff /= 2;
	c->silent_since_ns = 0;
	tcp_timer_disarm(c, TCP_TIMER_REXMT);
	tcp_timer_ensure(c);
}

static bool patience_ends(const struct tcp_conn *c)
{
	uint64_t silent_ns = clock_ns() - c->silent_since_ns;

	if (c->user_timeout_ns) /* MUST-21 */
		return silent_ns >= c->user_timeout_ns;
	if (c->silent_tries < TCP_R2_TRIES)
		return false;
	return silent_ns >= (c->state == TCP_SYN_RECEIVED && c->listener
	                            ? TCP_R2_PASSIVE_NS
	                            : TCP_R2_NS);
}

/* RFC 9293 3.8.3: R1, in retransmissions without an answer: the way may be
 * broken nearby.  R2, in time since the first unanswered try; but a timeout
 * that was backed off far before must still get its tries. */
static bool gave_up(struct tcp_conn *c)
{
	if (!c->silent_since_ns) {
		c->silent_since_ns = clock_ns() - first_wait_ns(c);
		if (!c->silent_since_ns)
			c->silent_since_ns = 1;
		c->silent_tries = 0;
	}
	if (c->silent_tries < TCP_R2_TRIES &&
	    ++c->silent_tries == TCP_R1_TRIES + 1)
		ip_doubt(c->stack, c->t.local.ip, c->t.peer.ip);
	if (!patience_ends(c))
		return false;
	stack_count(c->stack, COUNT_TCP_GAVE_UP);
	if (tcp_is_synchronized(c))
		tcp_send_rst(c);
	tcp_conn_end(c, c->soft_error ? c->soft_error : -ETIMEDOUT);
	return true;
}

static void rexmt_expired(struct tcp_conn *c)
{
	if (!tcp_something_waits(c)) {
		if (c->state == TCP_FIN_WAIT_2 && tcp_is_orphan(c))
			tcp_conn_end(c, 0);
		return;
	}
	if (c->probing) {
		/* The timeout starts anew (RFC 8985 7.3). */
		tcp_send_tlp(c);
		c->probing = false;
		tcp_timer_ensure(c);
		return;
	}
	if (held_back(c)) {
		tcp_output_forced(c);
		tcp_timer_ensure(c);
		return;
	}
	if (gave_up(c))
		return;
	c->ecn_hold = false; /* RFC 3168 6.1.2 */
	if (c->backoff < 16)
		c->backoff++;
	c->stats.timeouts++;
	if (!tcp_is_synchronized(c)) {
		stack_count(c->stack, COUNT_TCP_TIMEOUTS);
		tcp_send_syn(c);
	} else if (!c->snd_wnd && c->sendq.len) {
		tcp_send_probe(c);
	} else {
		if (c->snd_nxt != c->snd_una) {
			stack_count(c->stack, COUNT_TCP_TIMEOUTS);
			tcp_pmtu_timeout(c);
			tcp_recover_timeout(c);
		}
		tcp_output(c);
	}
	tcp_timer_ensure(c);
}

/* --- The others, and all together ------------------------------------------
 */

static void delack_expired(struct tcp_conn *c)
{
	c->late_ack = true;
	c->late_ack_ns = clock_ns();
	tcp_send_ack(c);
}

static void reo_expired(struct tcp_conn *c)
{
	tcp_recover_reordered(c);
	tcp_output(c);
}

static void room_again(struct netdev_waiter *w)
{
	tcp_output(container_of(w, struct tcp_conn, room_wait));
}

/* What is called may free c; so what else is due has its turn next time. */
static void expired(struct timer *timer)
{
	static void (*const fn[TCP_TIMERS])(struct tcp_conn *) = {
		[TCP_TIMER_REXMT] = rexmt_expired,
		[TCP_TIMER_DELACK] = delack_expired,
		[TCP_TIMER_REO] = reo_expired,
		[TCP_TIMER_KEEP] = tcp_keep_expired,
		[TCP_TIMER_PACE] = tcp_output,
	};
	struct tcp_conn *c = container_of(timer, struct tcp_conn, timer);
	enum tcp_timer t = first_due(c);

	tcp_timer_disarm(c, t);
	fn[t](c);
}

void tcp_timers_init(struct tcp_conn *c)
{
	timer_init(&c->timer, expired);
	tcp_timers_stop(c);
	netdev_waiter_init(&c->room_wait, room_again);
	c->rto_ns = TCP_RTO_INITIAL_NS;
	tcp_ack_init(c);
}
