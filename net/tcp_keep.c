/* SPDX-License-Identifier: MIT */
/*
 * How long a peer may be silent: keep-alive (RFC 9293 3.8.4), for connections
 * with nothing to send, and the options that set it and the user timeout (R2 of
 * RFC 9293 3.8.3, which tcp_timer.c keeps).  Off unless the user asks.
 *
 * The timer is not moved by what arrives: when it expires it looks how long ago
 * the peer was heard.
 */
#include "net/tcp_internal.h"

#include "lib/errno.h"
#include "net/sock_internal.h"
#include "net/stack.h"

#define KEEP_IDLE_S  7200 /* MUST-28: at least two hours */
#define KEEP_INTVL_S 75
#define KEEP_CNT     9 /* MUST-29: one lost probe proves nothing */

#define SECONDS_MAX 32767
#define CNT_MAX     127

/* --- Probing ------------------------------------------------------------- */

static bool keeps(const struct tcp_conn *c)
{
	return c->sock && c->sock->keepalive && tcp_is_synchronized(c) &&
	       c->state != TCP_TIME_WAIT;
}

/* The user's patience is measured in time when there is a timeout, else in
 * probes. */
static bool is_dead(const struct tcp_conn *c, uint64_t quiet_ns)
{
	if (c->user_timeout_ns)
		return c->keep_probes && quiet_ns >= c->user_timeout_ns;
	return c->keep_probes >= c->sock->keep_cnt;
}

static uint64_t idle_ns(const struct sock *s)
{
	return s->keep_idle_s * NS_PER_S;
}

static void look_again(struct tcp_conn *c, uint64_t at_ns)
{
	tcp_timer_arm(c, TCP_TIMER_KEEP, at_ns);
}

void tcp_keep_expired(struct tcp_conn *c)
{
	uint64_t now = clock_ns(), quiet_ns = now - c->heard_ns;
	const struct sock *s = c->sock;

	if (!keeps(c))
		return;
	if (tcp_something_waits(c)) {
		/* MUST-26: what is out asks the peer already. */
		look_again(c, now + idle_ns(s));
		return;
	}
	if (!c->keep_probes && quiet_ns < idle_ns(s)) {
		look_again(c, c->heard_ns + idle_ns(s));
		return;
	}
	if (is_dead(c, quiet_ns)) {
		stack_count(c->stack, COUNT_TCP_KEEP_DEAD);
		tcp_send_rst(c);
		tcp_conn_end(c, c->soft_error ? c->soft_error : -ETIMEDOUT);
		return;
	}
	c->keep_probes++;
	tcp_send_keepalive(c);
	look_again(c, now + s->keep_intvl_s * NS_PER_S);
}

void tcp_keep_heard(struct tcp_conn *c)
{
	c->heard_ns = clock_ns();
	c->keep_probes = 0;
	c->soft_error = 0;
}

void tcp_keep_update(struct tcp_conn *c)
{
	c->user_timeout_ns = c->sock->user_timeout_ms * NS_PER_MS;
	if (keeps(c))
		look_again(c, c->heard_ns + idle_ns(c->sock));
	else
		tcp_timer_disarm(c, TCP_TIMER_KEEP);
}

void tcp_keep_init(struct tcp_conn *c)
{
	c->heard_ns = clock_ns();
}

/* --- Options ------------------------------------------------------------- */

void tcp_keep_defaults(struct sock *s)
{
	s->keep_idle_s = KEEP_IDLE_S;
	s->keep_intvl_s = KEEP_INTVL_S;
	s->keep_cnt = KEEP_CNT;
}

void tcp_keep_inherit(struct sock *s, const struct sock *listener)
{
	s->keepalive = listener->keepalive;
	s->keep_idle_s = listener->keep_idle_s;
	s->keep_intvl_s = listener->keep_intvl_s;
	s->keep_cnt = listener->keep_cnt;
	s->user_timeout_ms = listener->user_timeout_ms;
}

static int set(struct sock *s, enum sock_opt opt, int v)
{
	bool seconds_ok = v >= 1 && v <= SECONDS_MAX;

	if (opt == SOCK_OPT_KEEPALIVE)
		s->keepalive = v != 0;
	else if (opt == SOCK_OPT_KEEPIDLE && seconds_ok)
		s->keep_idle_s = (uint16_t)v;
	else if (opt == SOCK_OPT_KEEPINTVL && seconds_ok)
		s->keep_intvl_s = (uint16_t)v;
	else if (opt == SOCK_OPT_KEEPCNT && v >= 1 && v <= CNT_MAX)
		s->keep_cnt = (uint8_t)v;
	else if (opt == SOCK_OPT_USER_TIMEOUT && v >= 0)
		s->user_timeout_ms = (uint32_t)v;
	else
		return -EINVAL;
	return 0;
}

int tcp_keep_set_opt(struct sock *s, enum sock_opt opt, int value)
{
	int rc;

	if (s->type != SOCK_TYPE_TCP)
		return -ENOPROTOOPT;
	rc = set(s, opt, value);
	if (!rc && s->conn)
		tcp_keep_update(s->conn);
	return rc;
}

int tcp_keep_get_opt(const struct sock *s, enum sock_opt opt, int *value)
{
	if (s->type != SOCK_TYPE_TCP)
		return -ENOPROTOOPT;
	if (opt == SOCK_OPT_KEEPALIVE)
		*value = s->keepalive;
	else if (opt == SOCK_OPT_KEEPIDLE)
		*value = s->keep_idle_s;
	else if (opt == SOCK_OPT_KEEPINTVL)
		*value = s->keep_intvl_s;
	else if (opt == SOCK_OPT_KEEPCNT)
		*value = s->keep_cnt;
	else
		*value = (int)s->user_timeout_ms;
	return 0;
}
