/* SPDX-License-Identifier: MIT */
/*
 * How many challenge ACKs are sent (RFC 5961 section 7).  One fixed limit that
 * all connections share can be counted by a stranger on a connection of his
 * own: what is missing there was sent on the one that he guesses at (CVE-2016-
 * 5696).  So each connection has a limit of its own, too small to be felt by
 * others, and the limit of all is another one each second.
 */
#include "net/tcp_internal.h"

#include "lib/random.h"
#include "net/stack.h"

/* Of one connection: RFC 5961 section 7 suggests 10 in 5 seconds. */
#define CONN_PER_S 2
#define CONN_BURST 10
/* Of all: so many a second, and up to as many again by chance. */
#define ALL_MIN 500
/* Of all in TIME-WAIT, where nothing is left to guess. */
#define TIME_WAIT_PER_S 100

static bool all_allow(struct stack *st)
{
	struct tcp *t = &st->tcp;
	uint64_t now = clock_ns();

	if (now >= t->challenge_end_ns) {
		t->challenge_end_ns = now + NS_PER_S;
		t->challenges_left = ALL_MIN + random_below(st->rng, ALL_MIN);
	}
	if (!t->challenges_left)
		return false;
	t->challenges_left--;
	return true;
}

static bool counted(struct stack *st, bool allowed)
{
	stack_count(st,
	    allowed ? COUNT_TCP_CHALLENGE_ACKS : COUNT_TCP_CHALLENGE_LIMITED);
	return allowed;
}

bool tcp_challenge_allowed(struct tcp_conn *c)
{
	return counted(
	    c->stack, rate_limit_ok(&c->challenges, CONN_PER_S, CONN_BURST) &&
	                  all_allow(c->stack));
}

bool tcp_tw_ack_allowed(struct stack *st)
{
	return counted(st,
	    rate_limit_ok(&st->tcp.tw_acks, TIME_WAIT_PER_S, TIME_WAIT_PER_S));
}
