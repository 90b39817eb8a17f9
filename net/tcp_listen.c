/* SPDX-License-Identifier: MIT */
/*
 * A segment for a listener: RFC 9293 3.10.7.2, and what keeps a flood of SYNs
 * (RFC 4987) from doing harm.
 *
 * A SYN takes a connection block while the listener's SYN queue, and the share
 * of all listeners, have room.  When they are full the answer is a SYN cookie
 * and nothing is kept: those who are in the queue stay there, and whoever comes
 * is served.  Only while cookies were given out lately is an ACK looked at as
 * one.
 */
#include "net/tcp_internal.h"

#include "lib/log.h"
#include "lib/string.h"
#include "net/ip.h"
#include "net/sock_internal.h"
#include "net/stack.h"
#include "net/tcp_cookie.h"

/* An honest burst needs room although the backlog is small. */
#define SYN_QUEUE_MIN 64
/* All half-open connections together take at most this part of the blocks. */
#define SYN_SHARE 4

/* --- Half-open connections ----------------------------------------------- */

static bool syn_queue_full(const struct sock *l)
{
	const struct stack *st = l->stack;

	return (l->syn_len >= l->backlog && l->syn_len >= SYN_QUEUE_MIN) ||
	       st->tcp.syn_len >= st->conns.total / SYN_SHARE;
}

/* What the SYN syn makes of c, which has its tuple. */
static void half_open(
    struct tcp_conn *c, struct sock *l, const struct tcp_seg *syn)
{
	c->listener = l;
	c->maxseg = l->maxseg;
	c->state = TCP_SYN_RECEIVED;
	c->snd_una = c->snd_nxt = c->snd_small = c->iss;
	tcp_offer(c);
	tcp_their_syn(c, syn);
}

/* A block for it, in the SYN queue; or NULL. */
static struct tcp_conn *enqueue(
    struct sock *l, const struct tcp_seg *syn, uint32_t iss)
{
	struct tcp_conn *c = tcp_conn_create(l->stack, &syn->t);

	if (!c)
		return NULL;
	c->iss = iss;
	c->stats.segs_in = 1;
	half_open(c, l, syn);
	list_append(&l->syn_queue, &c->listen_node);
	l->syn_len++;
	l->stack->tcp.syn_len++;
	stack_count(l->stack, COUNT_TCP_PASSIVE_OPENS);
	return c;
}

/* --- Cookies ------------------------------------------------------------- */

/* A card that is busy with answers to strangers keeps its last slots for those
 * who are known. */
static bool card_has_room(struct stack *st, const struct tcp_tuple *t)
{
	struct ip_route r;

	return !ip_route(st, t->local.ip, t->peer.ip, &r) && netdev_room(r.dev);
}

static void note_use(struct sock *l)
{
	uint64_t now = clock_ns();

	if (now >= l->cookies_until_ns)
		log_warn("tcp: port %u: many SYNs, answering with cookies",
		    l->local.port);
	l->cookies_until_ns = now + 2 * TCP_COOKIE_PERIOD_NS;
}

/* Answers a SYN and forgets it: c is a sketch of the connection that might be,
 * so that the SYN-ACK is the same as any.  Without timestamps there is no place
 * to remember other options in, so they are not agreed on. */
static void send_cookie(struct sock *l, struct tcp_seg *s)
{
	struct stack *st = l->stack;
	const struct tcp_cookie_key k = { st->key, &s->t, s->seq };
	struct tcp_options opt;
	struct tcp_conn c = { .stack = st, .t = s->t };

	if (!card_has_room(st, &s->t)) {
		s->why = DROP_TCP_BACKLOG;
		return;
	}
	if (!s->opt.has_ts) {
		s->opt.wscale = TCP_NO_WSCALE;
		s->opt.sack_permitted = false;
		s->flags &= (uint8_t) ~(TCP_ECE | TCP_CWR);
	}
	c.iss = tcp_cookie_make(
	    &k, s->opt.mss ? s->opt.mss : TCP_MSS_DEFAULT, clock_ns());
	half_open(&c, l, s);
	tcp_options_clear(&opt);
	tcp_syn_options(&c, &opt);
	if (opt.has_ts)
		opt.ts_val = tcp_cookie_ts_make(opt.ts_val, &s->opt, c.ecn_ok);
	note_use(l);
	stack_count(st, COUNT_TCP_COOKIES_SENT);
	tcp_send_syn_with(&c, &opt);
}

/* The SYN that s, which acknowledges a cookie, must have followed. */
static bool recall_syn(
    struct sock *l, const struct tcp_seg *s, struct tcp_seg *syn)
{
	const struct tcp_cookie_key k = { l->stack->key, &s->t, s->seq - 1 };
	bool ecn = false;

	*syn = *s;
	syn->seq = k.irs;
	syn->opt.mss = tcp_cookie_check(&k, s->ack - 1, clock_ns());
	if (s->opt.has_ts)
		tcp_cookie_ts_read(s->opt.ts_ecr, &syn->opt, &ecn);
	syn->flags = ecn ? TCP_SYN | TCP_ECE | TCP_CWR : TCP_SYN;
	return syn->opt.mss;
}

/*
 * An ACK while cookies are in use.  Deviation: one that is no cookie gets no
 * reset (RFC 9293 3.10.7.2): it may be the second segment of an honest peer
 * whose first one was lost or found the accept queue full, and will come again.
 */
static void take_cookie(struct sock *l, struct tcp_seg *s)
{
	struct tcp_seg syn;
	struct tcp_conn *c;

	if (!recall_syn(l, s, &syn)) {
		s->why = DROP_TCP_COOKIE;
		return;
	}
	if (l->accept_len >= l->backlog) {
		s->why = DROP_TCP_BACKLOG;
		return;
	}
	c = enqueue(l, &syn, s->ack - 1);
	if (!c) {
		s->why = DROP_TCP_NO_MEMORY;
		return;
	}
	c->snd_nxt = s->ack;
	stack_count(l->stack, COUNT_TCP_COOKIES_TAKEN);
	tcp_conn_rx(c, s);
}

/* The first answer was late, so the SYN came again and found room; but the peer
 * goes by the first one. */
bool tcp_listen_prefers_cookie(struct tcp_conn *c, const struct tcp_seg *s)
{
	struct tcp_seg syn;

	if (c->state != TCP_SYN_RECEIVED || !c->listener ||
	    clock_ns() >= c->listener->cookies_until_ns ||
	    (s->flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK ||
	    s->ack == c->snd_nxt || !recall_syn(c->listener, s, &syn))
		return false;
	tcp_conn_end(c, 0);
	return true;
}

/* --- 3.10.7.2 ------------------------------------------------------------ */

/* Third: SYN. */
static void take_syn(
    struct sock *l, struct tcp_seg *s, const uint32_t *isn_after)
{
	uint32_t iss = tcp_choose_isn(l->stack, &s->t);
	struct tcp_conn *c;

	/* A handshake that was begun is always completed, so the place to say
	 * no is here; the peer will ask again. */
	if (l->accept_len >= l->backlog) {
		s->why = DROP_TCP_BACKLOG;
		return;
	}
	/* A cookie cannot come after the old connection's numbers; but who
	 * knows of that connection is no flood. */
	if (syn_queue_full(l) && !isn_after) {
		send_cookie(l, s);
		return;
	}
	if (isn_after && seq_le(iss, *isn_after))
		iss = *isn_after + 1;
	c = enqueue(l, s, iss);
	if (c)
		tcp_send_syn(c);
	else
		s->why = DROP_TCP_NO_MEMORY;
}

void tcp_listen_rx(struct sock *l, struct tcp_seg *s, const uint32_t *isn_after)
{
	/* First: RST.  Second: ACK.  Third: SYN.  Fourth: anything else. */
	if (s->flags & TCP_RST)
		s->why = DROP_TCP_NO_CONN;
	else if (s->flags & TCP_ACK && !(s->flags & TCP_SYN) &&
	         clock_ns() < l->cookies_until_ns)
		take_cookie(l, s);
	else if (s->flags & TCP_ACK)
		tcp_closed_rx(l->stack, s);
	else if (s->flags & TCP_SYN)
		take_syn(l, s, isn_after);
	else
		s->why = DROP_TCP_FLAGS;
}
