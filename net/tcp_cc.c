/* SPDX-License-Identifier: MIT */
#include "net/tcp_cc.h"

#include "lib/string.h"
#include "net/sock_internal.h"
#include "net/stack.h"
#include "net/tcp_internal.h"

static const struct tcp_cc_ops *const algorithm[] = { &tcp_cc_cubic,
	&tcp_cc_reno };

const struct tcp_cc_ops *tcp_cc_find(const char *name)
{
	for (size_t i = 0; i < sizeof(algorithm) / sizeof(algorithm[0]); i++)
		if (!strcmp(algorithm[i]->name, name))
			return algorithm[i];
	return NULL;
}

uint32_t tcp_cc_initial_window(const struct tcp_conn *c)
{
	return min_u32(10u * c->mss, max_u32(2u * c->mss, 14600));
}

void tcp_cc_init(struct tcp_conn *c)
{
	const struct sock *owner = c->sock ? c->sock : c->listener;

	c->cc = owner && owner->cc ? owner->cc : c->stack->tcp.cc;
	c->cwnd = tcp_cc_initial_window(c);
	c->ssthresh = UINT32_MAX;
	c->recover = c->reduced.end = c->iss;
	c->rack.fack = c->rack.end_seq = c->iss;
	c->cc_seen_ns = clock_ns();
	tcp_hystart_init(c);
	c->cc->init(c);
}

/* RFC 5681 3.1, RFC 6928 section 2: a path that lost SYNs gets one segment;
 * RFC 6298 5.7: and three seconds. */
void tcp_cc_opened(struct tcp_conn *c)
{
	if (!c->backoff)
		return;
	if (c->backoff > 1)
		c->cwnd = c->mss;
	if (c->rto_ns < TCP_RTO_AFTER_SYN_NS)
		c->rto_ns = TCP_RTO_AFTER_SYN_NS;
	c->backoff = 0;
}

/* The time since this was asked last. */
static uint64_t since_last(struct tcp_conn *c, uint64_t now)
{
	uint64_t before_ns = c->cc_seen_ns;

	c->cc_seen_ns = now;
	return now - before_ns;
}

/* RFC 5681 4.1: what was known of the path has grown old. */
void tcp_cc_idle(struct tcp_conn *c)
{
	uint64_t now;

	if (c->snd_nxt != c->snd_una || !c->last_sent_ns)
		return;
	now = clock_ns();
	if (now - c->last_sent_ns > c->rto_ns) {
		c->cwnd = min_u32(c->cwnd, tcp_cc_initial_window(c));
		tcp_hystart_init(c);
	}
	c->cc->idle(c, since_last(c, now));
}

bool tcp_cc_told_by_ecn(const struct tcp_conn *c)
{
	return c->reduced.by_ecn && seq_lt(c->snd_una, c->reduced.end);
}

void tcp_cc_reduce(struct tcp_conn *c, uint32_t flight, enum tcp_cc_event why)
{
	/* RFC 3168 6.1.2: once for a window: what is lost of one in which the
	 * network said that it would be too much says nothing new. */
	if (why == TCP_CC_LOSS && tcp_cc_told_by_ecn(c))
		return;
	c->ssthresh = c->cc->ssthresh(c, flight, why);
	c->reduced = (struct tcp_reduced){ .end = c->snd_nxt,
		.by_ecn = why == TCP_CC_ECN,
		.cwr_due = c->ecn_ok };
	c->reductions[why]++;
}

/* RFC 7661: a window that was not used proves nothing about the path.  In slow
 * start half of it has to be, since it doubles while the ACKs of one flight
 * come; later all but the segment that does not fit.  What counts is the most
 * of a round trip (its pipeACK): a user who answers what comes with the ACKs
 * fills the window when all of them have been seen. */
static bool window_was_used(struct tcp_conn *c, uint32_t flight)
{
	c->flight_max = max_u32(c->flight_max, flight);
	if (c->cwnd < c->ssthresh)
		return c->flight_max >= c->cwnd / 2;
	return c->flight_max + c->mss > c->cwnd;
}

/* RFC 5681 3.1 (2): by min (N, SMSS) for each ACK. */
static void slow_start(struct tcp_conn *c, uint32_t acked, bool used)
{
	if (c->ssthresh == UINT32_MAX)
		tcp_hystart_acked(c, acked, used);
	else if (used)
		c->cwnd += min_u32(acked, c->mss);
}

void tcp_cc_acked(struct tcp_conn *c, uint32_t acked, uint32_t flight)
{
	bool used = window_was_used(c, flight);
	uint64_t ns = since_last(c, clock_ns());

	if (!used || c->cwnd < c->ssthresh)
		c->cc->idle(c, ns);
	if (c->cwnd < c->ssthresh)
		slow_start(c, acked, used);
	else if (used)
		c->cc->acked(c, acked);
	c->cwnd = min_u32(c->cwnd, TCP_CWND_MAX);
}
