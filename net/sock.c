/* SPDX-License-Identifier: MIT */
#include "net/sock.h"

#include "lib/assert.h"
#include "lib/errno.h"
#include "lib/random.h"
#include "lib/string.h"
#include "net/ip.h"
#include "net/sock_internal.h"
#include "net/stack.h"

/* RFC 6056 3.2: the whole range above the well-known ports that are registered
 * for servers. */
#define EPHEMERAL_FIRST 32768u
#define EPHEMERAL_COUNT (65536u - EPHEMERAL_FIRST)

#define SOCK_BUF_DEFAULT 65535u
#define SOCK_BUF_MIN     2048
#define SOCK_BUF_MAX     (4 << 20)

struct sock *sock_alloc(struct stack *st, enum sock_type type)
{
	struct sock *s = pool_get(&st->socks);

	if (!s)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->stack = st;
	s->type = (uint8_t)type;
	s->head.ops = type == SOCK_TYPE_TCP ? &tcp_sock_ops : &udp_sock_ops;
	s->linger = -1;
	s->rcvbuf.bytes = s->sndbuf.bytes = SOCK_BUF_DEFAULT;
	tcp_keep_defaults(s);
	waitq_init(&s->wq);
	list_init(&s->bind_node);
	if (type == SOCK_TYPE_UDP)
		list_init(&s->rx_queue);
	else
		list_init(&s->chunk_wait.node);
	return s;
}

void sock_wake(struct sock *s, uint32_t events)
{
	waitq_wake(&s->wq, events);
}

uint16_t sock_choose_port(
    struct sock *s, bool (*taken)(struct sock *s, uint16_t port))
{
	/* RFC 6056 3.3.1: a random start, then the next free one. */
	uint32_t start = random_below(s->stack->rng, EPHEMERAL_COUNT);

	for (uint32_t i = 0; i < EPHEMERAL_COUNT; i++) {
		uint16_t port =
		    (uint16_t)(EPHEMERAL_FIRST + (start + i) % EPHEMERAL_COUNT);

		if (!taken(s, port))
			return port;
	}
	return 0;
}

int sock_take_port(struct sock *s, const struct sock_addr *a,
    bool (*taken)(struct sock *s, uint16_t port))
{
	uint16_t port = a->port;

	s->local.ip = a->ip;
	if (!port)
		port = sock_choose_port(s, taken);
	else if (taken(s, port))
		port = 0;
	if (!port) {
		s->local.ip = 0;
		return -EADDRINUSE;
	}
	s->local.port = port;
	return 0;
}

int sock_create(struct stack *st, enum sock_type type, struct sock **out)
{
	if (type != SOCK_TYPE_TCP && type != SOCK_TYPE_UDP)
		return -EPROTONOSUPPORT;
	*out = sock_alloc(st, type);
	return *out ? 0 : -ENOBUFS;
}

int sock_bind(struct sock *s, const struct sock_addr *a)
{
	if (s->local.port)
		return -EINVAL;
	if (a->ip && !ip_is_own(s->stack, a->ip) &&
	    !(s->type == SOCK_TYPE_UDP && ip_is_broadcast(s->stack, a->ip)))
		return -EADDRNOTAVAIL;
	return s->head.ops->bind(s, a);
}

int sock_listen(struct sock *s, int backlog)
{
	if (s->type != SOCK_TYPE_TCP)
		return -EOPNOTSUPP;
	return tcp_sock_listen(s, backlog);
}

int sock_accept(struct sock *s, struct sock **out, struct sock_addr *peer)
{
	if (s->type != SOCK_TYPE_TCP)
		return -EOPNOTSUPP;
	return tcp_sock_accept(s, out, peer);
}

int sock_connect(struct sock *s, const struct sock_addr *a)
{
	if (!a->port)
		return -EINVAL;
	return s->head.ops->connect(s, a);
}

ptrdiff_t sock_send_ref(struct sock *s, const void *data, size_t len, int flags)
{
	if (s->type != SOCK_TYPE_TCP)
		return -EOPNOTSUPP;
	return tcp_sock_send_ref(s, data, len, flags);
}

int sock_shutdown(struct sock *s, enum sock_shut how)
{
	if (s->type == SOCK_TYPE_TCP)
		return tcp_sock_shutdown(s, how);
	if (!s->peer.port)
		return -ENOTCONN;
	s->shut_rd |= how != SOCK_SHUT_WR;
	s->shut_wr |= how != SOCK_SHUT_RD;
	sock_wake(s, sock_events(s));
	return 0;
}

void sock_close(struct sock *s)
{
	assert(list_empty(&s->wq.entries));
	s->head.ops->close(s);
	pool_put(&s->stack->socks, s);
}

uint32_t sock_events(const struct sock *s)
{
	return s->head.ops->events(s);
}

struct waitq *sock_waitq(struct sock *s)
{
	return &s->wq;
}

int sock_get_local(const struct sock *s, struct sock_addr *out)
{
	*out = s->local;
	return 0;
}

int sock_get_peer(const struct sock *s, struct sock_addr *out)
{
	bool connected = s->type == SOCK_TYPE_TCP ? tcp_sock_is_connected(s)
	                                          : s->peer.port != 0;

	if (!connected)
		return -ENOTCONN;
	*out = s->peer;
	return 0;
}

static int set_buf(struct sock_buf *b, int value)
{
	if (value < 0)
		return -EINVAL;
	if (value < SOCK_BUF_MIN)
		value = SOCK_BUF_MIN;
	if (value > SOCK_BUF_MAX)
		value = SOCK_BUF_MAX;
	*b = (struct sock_buf){ .bytes = (uint32_t)value, .fixed = true };
	return 0;
}

int sock_set_opt(struct sock *s, enum sock_opt opt, int value)
{
	switch (opt) {
	case SOCK_OPT_REUSEADDR:
		s->reuse = value != 0;
		return 0;
	case SOCK_OPT_BROADCAST:
		s->broadcast = value != 0;
		return 0;
	case SOCK_OPT_LINGER:
		s->linger = value < 0 ? -1 : value;
		return 0;
	case SOCK_OPT_RCVBUF:
		return set_buf(&s->rcvbuf, value);
	case SOCK_OPT_SNDBUF:
		return set_buf(&s->sndbuf, value);
	case SOCK_OPT_KEEPALIVE:
	case SOCK_OPT_KEEPIDLE:
	case SOCK_OPT_KEEPINTVL:
	case SOCK_OPT_KEEPCNT:
	case SOCK_OPT_USER_TIMEOUT:
		return tcp_keep_set_opt(s, opt, value);
	default:
		return s->type == SOCK_TYPE_TCP
		           ? tcp_sock_set_opt(s, opt, value)
		           : -ENOPROTOOPT;
	}
}

int sock_get_opt(struct sock *s, enum sock_opt opt, int *value)
{
	switch (opt) {
	case SOCK_OPT_REUSEADDR:
		*value = s->reuse;
		return 0;
	case SOCK_OPT_BROADCAST:
		*value = s->broadcast;
		return 0;
	case SOCK_OPT_LINGER:
		*value = s->linger;
		return 0;
	case SOCK_OPT_RCVBUF:
		*value = s->rcvbuf.bytes;
		return 0;
	case SOCK_OPT_SNDBUF:
		*value = s->sndbuf.bytes;
		return 0;
	case SOCK_OPT_ERROR:
		*value = -sock_take_error(s);
		return 0;
	case SOCK_OPT_ACCEPTCONN:
		*value = s->listening;
		return 0;
	case SOCK_OPT_TYPE:
		*value = s->type;
		return 0;
	case SOCK_OPT_KEEPALIVE:
	case SOCK_OPT_KEEPIDLE:
	case SOCK_OPT_KEEPINTVL:
	case SOCK_OPT_KEEPCNT:
	case SOCK_OPT_USER_TIMEOUT:
		return tcp_keep_get_opt(s, opt, value);
	default:
		return s->type == SOCK_TYPE_TCP
		           ? tcp_sock_get_opt(s, opt, value)
		           : udp_sock_get_opt(s, opt, value);
	}
}
