/* SPDX-License-Identifier: MIT */
/*
 * What a connection is made from, where segments find it, and what it becomes:
 * the tables, the initial sequence number, TIME-WAIT.
 */
#include "net/tcp.h"

#include "lib/assert.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "net/icmp.h"
#include "net/ip.h"
#include "net/sock_internal.h"
#include "net/stack.h"
#include "net/tcp_internal.h"

/* --- Tables -------------------------------------------------------------- */

static uint64_t tuple_hash(const struct stack *st, const struct tcp_tuple *t)
{
	const uint32_t words[3] = { t->local.ip, t->peer.ip,
		(uint32_t)t->local.port << 16 | t->peer.port };

	return hash_bytes(st->key, words, sizeof(words));
}

static bool tuple_equal(const struct tcp_tuple *a, const struct tcp_tuple *b)
{
	return a->peer.port == b->peer.port && a->peer.ip == b->peer.ip &&
	       a->local.port == b->local.port && a->local.ip == b->local.ip;
}

static struct list *bucket(
    const struct stack *st, struct list *buckets, const struct tcp_tuple *t)
{
	return &buckets[tuple_hash(st, t) & st->tcp.bucket_mask];
}

struct tcp_conn *tcp_conn_find(struct stack *st, const struct tcp_tuple *t)
{
	struct list *n, *b = bucket(st, st->tcp.conn_buckets, t);

	list_for_each(n, b)
	{
		struct tcp_conn *c =
		    container_of(n, struct tcp_conn, hash_node);

		if (tuple_equal(&c->t, t))
			return c;
	}
	return NULL;
}

struct tcp_tw *tcp_tw_find(struct stack *st, const struct tcp_tuple *t)
{
	struct list *n, *b = bucket(st, st->tcp.tw_buckets, t);

	list_for_each(n, b)
	{
		struct tcp_tw *w = container_of(n, struct tcp_tw, hash_node);

		if (tuple_equal(&w->t, t))
			return w;
	}
	return NULL;
}

struct tcp_conn *tcp_conn_create(struct stack *st, const struct tcp_tuple *t)
{
	struct tcp_conn *c;

	if (!pool_available(&st->conns))
		tcp_orphan_reset_oldest(st);
	c = pool_get(&st->conns);
	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->stack = st;
	c->t = *t;
	c->mss = TCP_MSS_DEFAULT;
	c->rcv_mss = TCP_MSS_DEFAULT;
	list_init(&c->listen_node);
	list_init(&c->ooo);
	list_init(&c->ooo_changed);
	tcp_timers_init(c);
	tcp_keep_init(c);
	tcp_sent_init(&c->sent, &st->sent);
	list_append(bucket(st, st->tcp.conn_buckets, t), &c->hash_node);
	return c;
}

/*
 * RFC 6528 section 3: ISN = M + F(localip, localport, remoteip, remoteport,
 * secretkey), M a clock of 4 microseconds.
 */
uint32_t tcp_choose_isn(struct stack *st, const struct tcp_tuple *t)
{
	if (st->tcp.test_isn)
		return *st->tcp.test_isn;
	/* Another half of the hash than the one that picks the bucket. */
	return (uint32_t)(clock_ns() / 4000) +
	       (uint32_t)(tuple_hash(st, t) >> 32);
}

/* --- Ends ---------------------------------------------------------------- */

static void drop_queues(struct tcp_conn *c, bool received_too)
{

	byteq_drop(c->stack, &c->sendq, c->sendq.len);
	tcp_sent_clear(&c->sent);
	if (received_too)
		byteq_drop(c->stack, &c->recvq, c->recvq.len);
	tcp_ooo_drop(c);
}

static void leave_listener(struct tcp_conn *c)
{
	if (!c->listener)
		return;
	if (c->state == TCP_SYN_RECEIVED) {
		c->listener->syn_len--;
		c->stack->tcp.syn_len--;
	} else {
		c->listener->accept_len--;
	}
	list_del(&c->listen_node);
	c->listener = NULL;
}

void tcp_conn_free(struct tcp_conn *c)
{
	drop_queues(c, true);
	pool_put(&c->stack->conns, c);
}

/* Takes the connection out of every table; it keeps what was received. */
static void detach(struct tcp_conn *c, enum tcp_state state)
{
	tcp_timers_stop(c);
	netdev_cancel_wait(&c->room_wait);
	list_del(&c->hash_node);
	leave_listener(c);
	tcp_tune_end(c);
	tcp_orphan_leave(c);
	c->state = (uint8_t)state;
}

void tcp_conn_end(struct tcp_conn *c, int error)
{
	struct sock *s = c->sock;

	detach(c, TCP_CLOSED);
	drop_queues(c, error != 0);
	if (!s) {
		tcp_conn_free(c);
		return;
	}
	if (error)
		s->error = error;
	sock_wake(s, sock_events(s));
}

/* --- TIME-WAIT (RFC 9293 3.6.1) ------------------------------------------ */

static void tw_arm(struct stack *st)
{
	if (list_empty(&st->tcp.tw_age))
		timer_disarm(&st->tcp.tw_timer);
	else
		timer_arm(&st->tcp.tw_timer,
		    container_of(st->tcp.tw_age.next, struct tcp_tw, age_node)
		        ->expires_ns);
}

static void tw_free(struct stack *st, struct tcp_tw *w)
{
	list_del(&w->hash_node);
	list_del(&w->age_node);
	pool_put(&st->time_waits, w);
}

/* All wait equally long, so the list is in order of expiry. */
static void tw_restart(struct stack *st, struct tcp_tw *w)
{
	w->expires_ns = clock_ns() + 2 * st->tcp.msl_ns;
	list_del(&w->age_node);
	list_append(&st->tcp.tw_age, &w->age_node);
	if (!timer_armed(&st->tcp.tw_timer))
		tw_arm(st);
}

static void tw_expire(struct timer *t)
{
	struct stack *st = container_of(t, struct stack, tcp.tw_timer);
	uint64_t now = clock_ns();

	while (!list_empty(&st->tcp.tw_age)) {
		struct tcp_tw *w =
		    container_of(st->tcp.tw_age.next, struct tcp_tw, age_node);

		if (w->expires_ns > now)
			break;
		tw_free(st, w);
	}
	tw_arm(st);
}

static struct tcp_tw *tw_alloc(struct stack *st)
{
	if (!pool_available(&st->time_waits) && !list_empty(&st->tcp.tw_age)) {
		/* Deviation: RFC 9293 3.6.1 wants 2 MSL for every connection;
		 * under churn the oldest gives way (docs/RFC.md). */
		tw_free(st,
		    container_of(st->tcp.tw_age.next, struct tcp_tw, age_node));
		stack_count(st, COUNT_TCP_TW_RECYCLED);
	}
	return pool_get(&st->time_waits);
}

void tcp_conn_time_wait(struct tcp_conn *c)
{
	struct stack *st = c->stack;
	struct tcp_tw *w = tw_alloc(st);
	struct sock *s = c->sock;

	if (w) {
		w->t = c->t;
		w->snd_nxt = c->snd_nxt;
		w->rcv_nxt = c->rcv_nxt;
		w->ts_ok = c->ts_ok;
		w->ts_recent = c->ts_recent;
		w->ts_recent_age_ns = c->ts_recent_age_ns;
		w->ts_offset = c->ts_offset;
		list_init(&w->age_node);
		list_append(
		    bucket(st, st->tcp.tw_buckets, &c->t), &w->hash_node);
		tw_restart(st, w);
	}
	detach(c, TCP_TIME_WAIT);
	drop_queues(c, false);
	if (s)
		sock_wake(s, sock_events(s));
	else
		tcp_conn_free(c);
}

/*
 * RFC 6191 section 2: whether a SYN is surely of a new connection.  By its
 * timestamp, when it is later than all of the old connection (or the old one
 * had none); else by its sequence number (RFC 9293 3.6.1, MAY-2).
 */
static bool tw_may_reopen(const struct tcp_tw *w, const struct tcp_seg *s)
{
	bool beyond = seq_lt(w->rcv_nxt, s->seq);

	if (!s->opt.has_ts)
		return beyond;
	if (!w->ts_ok || seq_lt(w->ts_recent, s->opt.ts_val))
		return true;
	return beyond && s->opt.ts_val == w->ts_recent;
}

/* RFC 7323 5.3 R1, in TIME-WAIT too. */
static bool tw_is_old(const struct tcp_tw *w, const struct tcp_seg *s)
{
	return w->ts_ok && s->opt.has_ts &&
	       tcp_ts_is_old(w->ts_recent, w->ts_recent_age_ns, s->opt.ts_val);
}

/*
 * RFC 9293 3.10.7.4 in state TIME-WAIT.  A RST is ignored (RFC 1337), a SYN
 * that is surely new opens a new connection.
 */
void tcp_tw_rx(struct stack *st, struct tcp_tw *w, struct tcp_seg *s)
{
	struct sock *listener;

	if (s->flags & TCP_RST) {
		s->why = DROP_TCP_FLAGS;
		return;
	}
	listener = tcp_listener_find(st, s->t.local.ip, s->t.local.port);
	if ((s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && listener &&
	    tw_may_reopen(w, s)) {
		tcp_listen_rx(listener, s, &w->snd_nxt);
		/* Without a place for the SYN it will come again, and still
		 * find the numbers that it may not reuse. */
		if (s->why == DROP_COUNT)
			tw_free(st, w);
		return;
	}
	if (tw_is_old(w, s))
		s->why = DROP_TCP_PAWS;
	else if (s->flags & TCP_FIN && s->seq + s->len == w->rcv_nxt)
		tw_restart(st, w);
	else if (!s->len && s->seq == w->rcv_nxt)
		return; /* the last ACK, again */
	else
		s->why = DROP_TCP_SEQUENCE;
	if (tcp_tw_ack_allowed(st))
		tcp_send_tw_ack(st, w);
}

/* --- ICMP errors ---------------------------------------------------------- */

static bool in_flight(const struct tcp_conn *c, uint32_t seq)
{
	return seq - c->snd_una < c->snd_nxt - c->snd_una;
}

/* Before the handshake is done a hard error ends it (SHLD-26).  Deviation: a
 * soft one ends our own open too (MUST-56 would wait), as RFC 5461 2.1
 * describes: a user wants to hear "no route to host" after three seconds, not
 * three minutes. */
static void open_failed(struct tcp_conn *c, const struct icmp_error *e)
{
	bool hard = e->code == ICMP_CODE_PORT || e->code == ICMP_CODE_PROTO;

	if (e->type == ICMP_UNREACHABLE && (hard || c->state == TCP_SYN_SENT))
		tcp_conn_end(c, hard ? -ECONNREFUSED : -EHOSTUNREACH);
}

/*
 * RFC 9293 3.9.2.2 with RFC 5927 section 4: an error counts only when its
 * sequence number is in flight; it never ends a connection that is set up,
 * since anyone could have sent it, but is the reason that is told when the peer
 * stays silent (SHLD-25).
 */
void tcp_error(struct stack *st, const struct icmp_error *e)
{
	const struct tcp_hdr *h = (const struct tcp_hdr *)e->payload;
	const struct tcp_tuple t = { { e->src, be16_get(h->src_port) },
		{ e->dst, be16_get(h->dst_port) } };
	struct tcp_conn *c = tcp_conn_find(st, &t);

	if (!c || !in_flight(c, be32_get(h->seq)))
		stack_count(st, COUNT_TCP_ICMP_IGNORED);
	else if (e->type == ICMP_UNREACHABLE && e->code == ICMP_CODE_TOO_BIG)
		tcp_pmtu_too_big(c, e);
	else if (tcp_is_synchronized(c))
		c->soft_error = -EHOSTUNREACH;
	else
		open_failed(c, e);
}

/* --- The whole ----------------------------------------------------------- */

void tcp_for_each(const struct stack *st,
    void (*fn)(struct tcp_conn *c, void *ctx), void *ctx)
{
	for (uint32_t i = 0; i <= st->tcp.bucket_mask; i++) {
		struct list *n, *next;

		list_for_each_safe(n, next, &st->tcp.conn_buckets[i])
		{
			fn(container_of(n, struct tcp_conn, hash_node), ctx);
		}
	}
}

static void end_if_local(struct tcp_conn *c, void *ctx)
{
	if (c->t.local.ip == *(const uint32_t *)ctx)
		tcp_conn_end(c, -ENETDOWN);
}

void tcp_address_gone(struct stack *st, uint32_t addr)
{
	tcp_for_each(st, end_if_local, &addr);
}

static struct list *make_buckets(struct arena *a, uint32_t count)
{
	struct list *b = arena_alloc(a, count * sizeof(*b), 64);

	for (uint32_t i = 0; b && i < count; i++)
		list_init(&b[i]);
	return b;
}

int tcp_init(struct stack *st, struct arena *a)
{
	uint32_t buckets = 64;

	while (buckets < st->limits.conns)
		buckets *= 2;
	st->tcp.bucket_mask = buckets - 1;
	st->tcp.conn_buckets = make_buckets(a, buckets);
	st->tcp.tw_buckets = make_buckets(a, buckets);
	if (!st->tcp.conn_buckets || !st->tcp.tw_buckets)
		return -ENOMEM;
	for (unsigned i = 0; i < TCP_LISTEN_BUCKETS; i++)
		list_init(&st->tcp.bound[i]);
	list_init(&st->tcp.tw_age);
	list_init(&st->tcp.orphans);
	timer_init(&st->tcp.tw_timer, tw_expire);
	st->tcp.msl_ns = 30 * NS_PER_S;
	st->tcp.cc = &tcp_cc_cubic;
	st->tcp.ecn = TCP_ECN_PASSIVE;
	return 0;
}
