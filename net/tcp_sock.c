/* SPDX-License-Identifier: MIT */
/*
 * The user's calls (RFC 9293 3.9.1, 3.10.1 to 3.10.6), and what the connection
 * tells its socket.
 */
#include "net/tcp_internal.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "net/ip.h"
#include "net/pkt.h"
#include "net/sock_internal.h"
#include "net/stack.h"

#define BACKLOG_MIN 1
#define BACKLOG_MAX 4096
#define WRITE_WORTH (64u << 10) /* bytes, worth waking a writer for */

/* --- Ports --------------------------------------------------------------- */

static struct list *bound_bucket(struct stack *st, uint16_t port)
{
	return &st->tcp.bound[port % TCP_LISTEN_BUCKETS];
}

struct sock *tcp_listener_find(
    const struct stack *st, uint32_t ip, uint16_t port)
{
	const struct list *b = &st->tcp.bound[port % TCP_LISTEN_BUCKETS];
	struct sock *any = NULL;
	struct list *n;

	list_for_each(n, b)
	{
		struct sock *s = container_of(n, struct sock, bind_node);

		if (!s->listening || s->local.port != port)
			continue;
		if (s->local.ip == ip)
			return s;
		if (!s->local.ip)
			any = s;
	}
	return any;
}

_Bool tcp_is_listening(const struct stack *st, uint16_t port)
{
	const struct list *b = &st->tcp.bound[port % TCP_LISTEN_BUCKETS];
	struct list *n;

	list_for_each(n, b)
	{
		const struct sock *s = container_of(n, struct sock, bind_node);

		if (s->listening && s->local.port == port)
			return true;
	}
	return false;
}

static bool port_taken(struct sock *s, uint16_t port)
{
	struct list *n, *b = bound_bucket(s->stack, port);

	list_for_each(n, b)
	{
		struct sock *o = container_of(n, struct sock, bind_node);

		if (o->local.port != port ||
		    (o->local.ip && s->local.ip && o->local.ip != s->local.ip))
			continue;
		if (o->listening || !(o->reuse && s->reuse))
			return true;
	}
	return false;
}

static int tcp_bind(struct sock *s, const struct sock_addr *a)
{
	int rc = sock_take_port(s, a, port_taken);

	if (!rc)
		list_append(
		    bound_bucket(s->stack, s->local.port), &s->bind_node);
	return rc;
}

/* --- Passive open (3.10.1) ----------------------------------------------- */

int tcp_sock_listen(struct sock *s, int backlog)
{
	struct sock_addr any = { 0, 0 };

	if (s->conn)
		return -EINVAL;
	if (!s->local.port) {
		int rc = tcp_bind(s, &any);

		if (rc)
			return rc;
	}
	if (!s->listening &&
	    tcp_listener_find(s->stack, s->local.ip, s->local.port) &&
	    tcp_listener_find(s->stack, s->local.ip, s->local.port)->local.ip ==
	        s->local.ip)
		return -EADDRINUSE;
	if (backlog < BACKLOG_MIN)
		backlog = BACKLOG_MIN;
	if (backlog > BACKLOG_MAX)
		backlog = BACKLOG_MAX;
	if (!s->listening) {
		list_init(&s->syn_queue);
		list_init(&s->accept_queue);
		s->cookies_until_ns = 0;
		s->syn_len = s->accept_len = 0;
	}
	s->backlog = (uint16_t)backlog;
	s->listening = true;
	waitq_wake(&s->stack->changed, 0);
	return 0;
}

static void accept_ready(struct tcp_conn *c)
{
	struct sock *l = c->listener;

	list_del(&c->listen_node);
	l->syn_len--;
	l->stack->tcp.syn_len--;
	list_append(&l->accept_queue, &c->listen_node);
	l->accept_len++;
	sock_wake(l, SOCK_READABLE);
}

void tcp_sock_established(struct tcp_conn *c)
{
	if (c->listener)
		accept_ready(c);
	else if (c->sock)
		sock_wake(c->sock, SOCK_WRITABLE);
}

int tcp_sock_accept(struct sock *s, struct sock **out, struct sock_addr *peer)
{
	struct tcp_conn *c;
	struct sock *n;

	if (!s->listening)
		return -EINVAL;
	if (list_empty(&s->accept_queue))
		return -EAGAIN;
	n = sock_alloc(s->stack, SOCK_TYPE_TCP);
	if (!n)
		return -ENOBUFS;
	c = container_of(
	    list_pop(&s->accept_queue), struct tcp_conn, listen_node);
	s->accept_len--;
	c->listener = NULL;
	c->sock = n;
	n->conn = c;
	n->connect_told = true;
	n->local = c->t.local;
	n->peer = c->t.peer;
	n->nodelay = s->nodelay;
	n->linger = s->linger;
	n->rcvbuf = s->rcvbuf;
	n->sndbuf = s->sndbuf;
	tcp_keep_inherit(n, s);
	tcp_keep_update(c);
	n->maxseg = s->maxseg;
	n->cork = s->cork;
	n->quickack = s->quickack;
	n->cc = s->cc;
	stack_count(s->stack, COUNT_TCP_ACCEPTED);
	*out = n;
	if (peer)
		*peer = c->t.peer;
	return 0;
}

/* --- Active open --------------------------------------------------------- */

/* The outcome of an earlier connect (sock.h). */
static int connect_outcome(struct sock *s)
{
	struct tcp_conn *c = s->conn;

	if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED)
		return -EALREADY;
	if (s->error)
		return sock_take_error(s);
	if (c->state == TCP_CLOSED)
		return -ECONNABORTED;
	if (s->connect_told)
		return -EISCONN;
	s->connect_told = true;
	return 0;
}

/* A port whose four-tuple is free (RFC 6056 3.3.1). */
static bool tuple_taken(struct sock *s, uint16_t port)
{
	const struct tcp_tuple t = { { s->local.ip, port }, s->peer };

	return port_taken(s, port) || tcp_conn_find(s->stack, &t) ||
	       tcp_tw_find(s->stack, &t);
}

static int choose_local(struct sock *s, const struct sock_addr *peer)
{
	struct ip_route r;
	int rc = ip_route(s->stack, s->local.ip, peer->ip, &r);
	uint16_t port = s->local.port;

	if (rc)
		return rc;
	if (ip_is_broadcast(s->stack, peer->ip) || ip_is_multicast(peer->ip))
		return -ENETUNREACH; /* RFC 9293 3.9.2.3, MUST-46 */
	s->peer = *peer;
	if (!s->local.ip)
		s->local.ip = r.src;
	if (!port) {
		port = sock_choose_port(s, tuple_taken);
		if (!port)
			return -EADDRNOTAVAIL;
		s->local.port = port;
		list_append(bound_bucket(s->stack, port), &s->bind_node);
	}
	return 0;
}

static int tcp_connect(struct sock *s, const struct sock_addr *a)
{
	struct tcp_tuple t;
	struct tcp_conn *c;
	int rc;

	if (s->listening)
		return -EINVAL;
	if (s->conn)
		return connect_outcome(s);
	rc = choose_local(s, a);
	if (rc)
		return rc;
	t = (struct tcp_tuple){ s->local, s->peer };
	if (tcp_conn_find(s->stack, &t) || tcp_tw_find(s->stack, &t))
		return -EADDRNOTAVAIL;
	c = tcp_conn_create(s->stack, &t);
	if (!c)
		return -ENOBUFS;
	c->sock = s;
	s->conn = c;
	c->state = TCP_SYN_SENT;
	c->maxseg = s->maxseg;
	c->iss = tcp_choose_isn(s->stack, &t);
	c->snd_una = c->snd_nxt = c->snd_small = c->iss;
	tcp_offer(c);
	tcp_keep_update(c);
	stack_count(s->stack, COUNT_TCP_ACTIVE_OPENS);
	tcp_send_syn(c);
	return -EINPROGRESS;
}

/* --- SEND (3.10.3) ------------------------------------------------------- */

static bool is_connected(const struct sock *s)
{
	return s->conn && s->conn->state != TCP_SYN_SENT &&
	       s->conn->state != TCP_SYN_RECEIVED;
}

static uint32_t send_space(const struct tcp_conn *c)
{
	uint32_t limit = tcp_sndbuf(c);

	return limit > c->sendq.len ? limit - c->sendq.len : 0;
}

/* What stands against sending: 0 or an error. */
static int send_check(struct sock *s)
{
	if (s->error)
		return sock_take_error(s);
	if (s->shut_wr)
		return -EPIPE;
	if (!s->conn)
		return -ENOTCONN;
	if (!is_connected(s))
		return -EAGAIN;
	if (s->conn->state != TCP_ESTABLISHED &&
	    s->conn->state != TCP_CLOSE_WAIT)
		return -EPIPE;
	return 0;
}

/* How much may be copied into the send queue.  The last quarter of the pool is
 * for receiving, and for the first bytes of each sender: a few who do not read
 * cannot silence all others. */
static uint32_t copy_space(const struct tcp_conn *c)
{
	const struct pool *chunks = &c->stack->chunks;
	uint32_t spare = pool_available(chunks), reserve = chunks->total / 4;
	uint64_t bytes;

	if (spare <= reserve)
		return c->sendq.len ? 0 : BYTEQ_CHUNK_ROOM;
	bytes = (uint64_t)(spare - reserve) * BYTEQ_CHUNK_ROOM;
	return bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
}

/* Only once a third of the buffer is free, or as much as is worth it: fewer,
 * larger writes.  (Two thirds of two windows do not last through a recovery,
 * which acknowledges nothing for a round trip.) */
bool tcp_sock_can_write(const struct tcp_conn *c)
{
	return c->sock &&
	       send_space(c) >= min_u32(tcp_sndbuf(c) / 3, WRITE_WORTH) &&
	       !list_linked(&c->sock->chunk_wait.node);
}

/* The pool of chunks was empty and somebody gave one back.  Every writer that
 * waits is told: one that was chosen might not want to write any more. */
static bool chunk_freed(struct wait_entry *e, uint32_t events)
{
	struct sock *s = container_of(e, struct sock, chunk_wait);

	waitq_remove(e);
	sock_wake(s, SOCK_WRITABLE);
	return true;
}

static void wait_for_chunk(struct sock *s)
{
	if (list_linked(&s->chunk_wait.node))
		return;
	s->chunk_wait.wake = chunk_freed;
	s->chunk_wait.exclusive = false;
	waitq_add(&s->stack->chunk_waiters, &s->chunk_wait);
}

static uint32_t copy_in(struct sock *s, const void *data, uint32_t len)
{
	uint32_t max = copy_space(s->conn);
	uint32_t done =
	    byteq_write(s->stack, &s->conn->sendq, data, len < max ? len : max);

	s->stack->count[COUNT_COPIED_TX] += done;
	if (done < len)
		wait_for_chunk(s);
	return done;
}

/* Bytes went into the queue, or none found room. */
static ptrdiff_t sent(struct sock *s, uint32_t done, int flags)
{
	struct tcp_conn *c = s->conn;

	if (!done) {
		c->more = false;
		tcp_output(c);
		return -EAGAIN;
	}
	c->more = flags & SOCK_MORE;
	if (flags & SOCK_OOB)
		tcp_urgent_output(c);
	else
		tcp_output(c);
	return done;
}

/* How much of len the send buffer takes. */
static uint32_t fits(const struct sock *s, size_t len)
{
	uint32_t room = send_space(s->conn);

	return len < room ? (uint32_t)len : room;
}

static ptrdiff_t tcp_send(struct sock *s, const void *data, size_t len,
    int flags, const struct sock_addr *to)
{
	int rc = send_check(s);

	if (rc || !len)
		return rc;
	return sent(s, copy_in(s, data, fits(s, len)), flags);
}

ptrdiff_t tcp_sock_send_ref(
    struct sock *s, const void *data, size_t len, int flags)
{
	int rc = send_check(s);
	uint32_t n;

	if (rc || !len)
		return rc;
	n = fits(s, len);
	/* Its own acknowledgments give references back; when it has none out,
	 * a copy does as well. */
	if (n && !byteq_append_ref(s->stack, &s->conn->sendq, data, n))
		n = copy_in(s, data, n);
	return sent(s, n, flags);
}

/* --- RECEIVE (3.10.4) ---------------------------------------------------- */

/* RFC 9293 3.8.6.2.2: tell the peer once it is worth a segment, which is never
 * before the edge moves (tcp_update_window). */
static void window_opened(struct tcp_conn *c)
{
	uint32_t gain = tcp_window_gain(c);

	if (!tcp_is_synchronized(c) || c->fin_received ||
	    c->state == TCP_TIME_WAIT)
		return;
	if (gain >= max_u32(2u * c->rcv_mss, c->mss) ||
	    gain >= tcp_rcvbuf(c) / 2)
		tcp_send_ack(c);
}

static bool at_end(const struct tcp_conn *c)
{
	return c->fin_received || c->state == TCP_CLOSED ||
	       c->state == TCP_TIME_WAIT;
}

static ptrdiff_t tcp_recv(
    struct sock *s, void *buf, size_t len, int flags, struct sock_addr *from)
{
	struct tcp_conn *c = s->conn;
	uint32_t done;

	if (c && c->recvq.len && !s->shut_rd) {
		done = len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
		done = byteq_peek(&c->recvq, buf, tcp_urgent_limit(c, done));
		if (!(flags & SOCK_PEEK)) {
			byteq_drop(s->stack, &c->recvq, done);
			tcp_urgent_read(c);
			tcp_tune_drained(c, done);
			window_opened(c);
		}
		s->stack->count[COUNT_COPIED_RX] += done;
		if (from)
			*from = s->peer;
		return done;
	}
	if (s->error)
		return sock_take_error(s);
	if (!c)
		return -ENOTCONN;
	return s->shut_rd || at_end(c) ? 0 : -EAGAIN;
}

/* --- CLOSE (3.10.5), ABORT (3.10.6) -------------------------------------- */

/* The user has no more to send: FIN follows the queue. */
static void finish_sending(struct tcp_conn *c)
{
	if (c->fin_queued)
		return;
	c->fin_queued = true;
	c->more = false;
	if (c->state == TCP_ESTABLISHED)
		c->state = TCP_FIN_WAIT_1;
	else if (c->state == TCP_CLOSE_WAIT)
		c->state = TCP_LAST_ACK;
	else
		return; /* goes when the handshake is done */
	tcp_output(c);
}

static void abort_conn(struct tcp_conn *c)
{
	if (c->state != TCP_SYN_SENT)
		tcp_send_rst(c);
	tcp_conn_end(c, 0);
}

static void close_listener(struct sock *s)
{
	while (!list_empty(&s->syn_queue))
		abort_conn(container_of(
		    s->syn_queue.next, struct tcp_conn, listen_node));
	while (!list_empty(&s->accept_queue))
		abort_conn(container_of(
		    s->accept_queue.next, struct tcp_conn, listen_node));
	s->listening = false;
	waitq_wake(&s->stack->changed, 0);
}

static bool unread(const struct tcp_conn *c)
{
	return c->recvq.len || c->ooo_len;
}

bool sock_lingers(const struct sock *s)
{
	const struct tcp_conn *c = s->conn;

	return c && (c->state == TCP_FIN_WAIT_1 || c->state == TCP_CLOSING ||
	                c->state == TCP_LAST_ACK);
}

int sock_begin_close(struct sock *s)
{
	struct tcp_conn *c = s->conn;

	if (s->linger <= 0 || !c || !is_connected(s) || unread(c))
		return 0;
	s->shut_wr = true;
	finish_sending(c);
	return sock_lingers(s) ? s->linger : 0;
}

/* Nobody owns c any more.  RFC 9293 3.6.1 (with RFC 1122 4.2.2.13): data that
 * the user never read makes it a reset. */
static void orphan(struct tcp_conn *c, int linger)
{
	c->sock = NULL;
	if (c->state == TCP_CLOSED || c->state == TCP_TIME_WAIT) {
		tcp_conn_free(c);
		return;
	}
	if (c->state == TCP_SYN_SENT || linger == 0 || unread(c)) {
		abort_conn(c);
		return;
	}
	finish_sending(c);
	tcp_timer_ensure(c);
	tcp_orphan_add(c);
}

static void tcp_close(struct sock *s)
{
	struct tcp_conn *c = s->conn;

	list_del(&s->bind_node);
	if (s->listening)
		close_listener(s);
	else
		list_del(&s->chunk_wait.node);
	s->conn = NULL;
	if (c)
		orphan(c, s->linger);
}

bool tcp_sock_is_connected(const struct sock *s)
{
	return s->conn && tcp_is_synchronized(s->conn);
}

int tcp_sock_shutdown(struct sock *s, enum sock_shut how)
{
	struct tcp_conn *c = s->conn;

	if (!tcp_sock_is_connected(s))
		return -ENOTCONN;
	if (how != SOCK_SHUT_WR) {
		s->shut_rd = true;
		byteq_drop(s->stack, &c->recvq, c->recvq.len);
		c->rcv_urgent = false;
		window_opened(c);
	}
	if (how != SOCK_SHUT_RD) {
		s->shut_wr = true;
		finish_sending(c);
	}
	sock_wake(s, sock_events(s));
	return 0;
}

/* --- Events -------------------------------------------------------------- */

void tcp_sock_readable(struct tcp_conn *c)
{
	/* A FIN may be the end of both directions. */
	if (c->sock)
		sock_wake(c->sock,
		    c->fin_received ? sock_events(c->sock) : SOCK_READABLE);
}

void tcp_sock_writable(struct tcp_conn *c)
{
	/* The first bytes of a queue may use the last chunks. */
	if (c->sock && !c->sendq.len && pool_available(&c->stack->chunks))
		waitq_remove(&c->sock->chunk_wait);
	if (tcp_sock_can_write(c))
		sock_wake(c->sock, SOCK_WRITABLE);
}

static uint32_t conn_events(const struct sock *s, const struct tcp_conn *c)
{
	uint32_t events = 0;

	if (c->recvq.len || at_end(c) || s->shut_rd)
		events |= SOCK_READABLE;
	if (at_end(c) || s->shut_rd)
		events |= SOCK_PEER_SHUT;
	if (tcp_urgent_pending(c))
		events |= SOCK_URGENT;
	if (s->shut_wr || tcp_sock_can_write(c) || c->state == TCP_CLOSED)
		events |= SOCK_WRITABLE;
	if ((at_end(c) && s->shut_wr) || c->state == TCP_CLOSED ||
	    c->state == TCP_TIME_WAIT)
		events |= SOCK_HANGUP;
	return events;
}

static uint32_t tcp_events(const struct sock *s)
{
	uint32_t events = 0;

	if (s->listening)
		return list_empty(&s->accept_queue) ? 0 : SOCK_READABLE;
	if (s->error)
		events |= SOCK_ERROR | SOCK_READABLE | SOCK_WRITABLE;
	if (!s->conn)
		return events | SOCK_HANGUP | SOCK_WRITABLE;
	if (s->conn->state == TCP_SYN_SENT ||
	    s->conn->state == TCP_SYN_RECEIVED)
		return events;
	return events | conn_events(s, s->conn);
}

const struct sock_ops tcp_sock_ops = {
	.bind = tcp_bind,
	.connect = tcp_connect,
	.send = tcp_send,
	.recv = tcp_recv,
	.close = tcp_close,
	.events = tcp_events,
};
