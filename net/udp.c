/* SPDX-License-Identifier: MIT */
#include "net/udp.h"

#include "lib/assert.h"
#include "lib/checksum.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "net/icmp.h"
#include "net/ip.h"
#include "net/sock_internal.h"
#include "net/stack.h"

static_assert(sizeof(struct udp_hdr) == 8, "RFC 768");

static struct list *bucket_of(struct stack *st, uint16_t port)
{
	return &st->udp.buckets[port % UDP_BUCKETS];
}

/* How well a socket fits a datagram: 0 not at all; a socket bound to the
 * address, and one connected to the sender, come before others. */
static int match(const struct sock *s, uint32_t dst, uint16_t dst_port,
    uint32_t src, uint16_t src_port)
{
	int score = 1;

	if (s->local.port != dst_port)
		return 0;
	if (s->local.ip) {
		if (s->local.ip != dst)
			return 0;
		score++;
	}
	if (s->peer.port) {
		if (s->peer.ip != src || s->peer.port != src_port)
			return 0;
		score += 2;
	}
	return score;
}

static struct sock *find(struct stack *st, uint32_t dst, uint16_t dst_port,
    uint32_t src, uint16_t src_port)
{
	struct list *n, *b = bucket_of(st, dst_port);
	struct sock *best = NULL;
	int best_score = 0;

	list_for_each(n, b)
	{
		struct sock *s = container_of(n, struct sock, bind_node);
		int score = match(s, dst, dst_port, src, src_port);

		if (score > best_score) {
			best = s;
			best_score = score;
		}
	}
	return best;
}

/* --- Receiving ----------------------------------------------------------- */

/* RFC 768: a checksum of zero means that the sender made none. */
static bool checksum_ok(const struct pkt *p, const struct udp_hdr *h)
{
	uint32_t sum;

	if (p->loopback || !be16_get(h->checksum))
		return true;
	sum =
	    ip_pseudo_sum(p->ip_src, p->ip_dst, IP_PROTO_UDP, be16_get(h->len));
	return !checksum_finish(checksum_add(sum, h, be16_get(h->len)));
}

static void deliver(struct pkt *p, struct sock *s, uint16_t src_port)
{
	struct pkt *copy;

	if (s->rx_count == UDP_QUEUE_MAX || s->shut_rd) {
		pkt_drop(p, DROP_UDP_QUEUE_FULL);
		return;
	}
	copy = pkt_keep(p);
	if (!copy) {
		pkt_drop(p, DROP_NO_BUFFER);
		return;
	}
	copy->src_port = src_port;
	p->stack->count[COUNT_COPIED_RX] += pkt_linear(copy);
	stack_count(p->stack, COUNT_UDP_RX);
	pkt_delivered(p);
	list_append(&s->rx_queue, &copy->node);
	s->rx_count++;
	sock_wake(s, SOCK_READABLE);
}

void udp_rx(struct pkt *p)
{
	const struct udp_hdr *h = (const struct udp_hdr *)p->data;
	uint16_t src_port, dst_port;
	struct sock *s;

	if (pkt_linear(p) < sizeof(*h) || be16_get(h->len) < sizeof(*h) ||
	    be16_get(h->len) > pkt_linear(p)) {
		pkt_drop(p, DROP_UDP_SHORT);
		return;
	}
	if (!checksum_ok(p, h)) {
		pkt_drop(p, DROP_UDP_CHECKSUM);
		return;
	}
	src_port = be16_get(h->src_port);
	dst_port = be16_get(h->dst_port);
	s = find(p->stack, p->ip_dst, dst_port, p->ip_src, src_port);
	if (!s) {
		/* RFC 1122 4.1.3.1 */
		icmp_unreachable(p, ICMP_CODE_PORT);
		pkt_drop(p, DROP_UDP_NO_PORT);
		return;
	}
	pkt_trim(p, be16_get(h->len));
	pkt_pull(p, sizeof(*h));
	deliver(p, s, src_port);
}

/* RFC 1122 4.1.3.3: the application is told, as a pending error. */
void udp_error(struct stack *st, const struct icmp_error *e)
{
	const struct udp_hdr *h = (const struct udp_hdr *)e->payload;
	struct sock *s = find(
	    st, e->src, be16_get(h->src_port), e->dst, be16_get(h->dst_port));

	/* Only a connected socket can tell whom the error concerns. */
	if (!s || !s->peer.port)
		return;
	s->error = e->type == ICMP_UNREACHABLE && e->code == ICMP_CODE_PORT
	               ? -ECONNREFUSED
	               : -EHOSTUNREACH;
	sock_wake(s, SOCK_READABLE | SOCK_WRITABLE | SOCK_ERROR);
}

/* --- Sending ------------------------------------------------------------- */

void udp_push_header(struct pkt *p, uint32_t src, uint32_t dst,
    uint16_t src_port, uint16_t dst_port)
{
	size_t len = pkt_linear(p) + sizeof(struct udp_hdr);
	struct udp_hdr *h = pkt_push(p, sizeof(*h));
	uint16_t sum;

	h->src_port = be16_make(src_port);
	h->dst_port = be16_make(dst_port);
	h->len = be16_make((uint16_t)len);
	h->checksum = be16_make(0);
	sum = checksum_finish(checksum_add(
	    ip_pseudo_sum(src, dst, IP_PROTO_UDP, (uint32_t)len), h, len));
	/* RFC 768: a computed zero is sent as all ones. */
	h->checksum = be16_make(sum ? sum : 0xffff);
}

/* --- Socket calls -------------------------------------------------------- */

static bool port_taken(struct sock *s, uint16_t port)
{
	struct list *n, *b = bucket_of(s->stack, port);

	list_for_each(n, b)
	{
		struct sock *o = container_of(n, struct sock, bind_node);

		if (o->local.port == port && !(o->reuse && s->reuse) &&
		    (!o->local.ip || !s->local.ip ||
		        o->local.ip == s->local.ip))
			return true;
	}
	return false;
}

static int udp_bind(struct sock *s, const struct sock_addr *a)
{
	int rc = sock_take_port(s, a, port_taken);

	if (rc)
		return rc;
	list_append(bucket_of(s->stack, s->local.port), &s->bind_node);
	waitq_wake(&s->stack->changed, 0);
	return 0;
}

_Bool udp_is_bound(const struct stack *st, uint16_t port)
{
	const struct list *n, *b = &st->udp.buckets[port % UDP_BUCKETS];

	list_for_each(n, b)
	{
		if (container_of(n, struct sock, bind_node)->local.port == port)
			return true;
	}
	return false;
}

static int bind_if_needed(struct sock *s)
{
	struct sock_addr any = { 0, 0 };

	return s->local.port ? 0 : udp_bind(s, &any);
}

/* The socket's address, unless it is bound to a broadcast address to hear it
 * (RFC 1122 3.2.1.3: cannot be a source); an answer's is the one that was asked
 * (RFC 1123 2.3).  0: the route's. */
static uint32_t source_for(const struct sock *s, const struct sock_addr *to)
{
	if (s->local.ip)
		return ip_is_broadcast(s->stack, s->local.ip) ? 0 : s->local.ip;
	if (to->ip != s->heard_from.ip || to->port != s->heard_from.port ||
	    !ip_is_own(s->stack, s->heard_at))
		return 0;
	return s->heard_at;
}

static int udp_connect(struct sock *s, const struct sock_addr *a)
{
	struct ip_route r;
	int rc = ip_route(s->stack, source_for(s, a), a->ip, &r);

	if (!rc)
		rc = bind_if_needed(s);
	if (rc)
		return rc;
	s->peer = *a;
	return 0;
}

static ptrdiff_t udp_send(struct sock *s, const void *data, size_t len,
    int flags, const struct sock_addr *to)
{
	struct ip_route r;
	struct pkt *p;
	int rc;

	if (s->error)
		return sock_take_error(s);
	if (s->shut_wr)
		return -EPIPE;
	if (!to)
		to = &s->peer;
	if (!to->port)
		return -EDESTADDRREQ;
	rc = ip_route(s->stack, source_for(s, to), to->ip, &r);
	if (!rc && ip_is_broadcast(s->stack, to->ip) && !s->broadcast)
		rc = -EACCES;
	if (!rc &&
	    len > r.dev->mtu - sizeof(struct ip_hdr) - sizeof(struct udp_hdr))
		rc = -EMSGSIZE;
	if (!rc)
		rc = bind_if_needed(s);
	if (rc)
		return rc;
	p = pkt_alloc(s->stack);
	if (!p)
		return -ENOBUFS;
	memcpy(pkt_put(p, len), data, len);
	s->stack->count[COUNT_COPIED_TX] += len;
	udp_push_header(p, r.src, to->ip, s->local.port, to->port);
	stack_count(s->stack, COUNT_UDP_TX);
	rc = ip_tx(p, r.src, to->ip, IP_PROTO_UDP);
	return rc ? rc : (ptrdiff_t)len;
}

static ptrdiff_t udp_recv(
    struct sock *s, void *buf, size_t len, int flags, struct sock_addr *from)
{
	struct pkt *p;

	if (s->error)
		return sock_take_error(s);
	if (list_empty(&s->rx_queue))
		return s->shut_rd ? 0 : -EAGAIN;
	p = container_of(s->rx_queue.next, struct pkt, node);
	if (len > pkt_linear(p))
		len = pkt_linear(p);
	memcpy(buf, p->data, len);
	if (from)
		*from = (struct sock_addr){ p->ip_src, p->src_port };
	if (!(flags & SOCK_PEEK)) {
		s->heard_from = (struct sock_addr){ p->ip_src, p->src_port };
		s->heard_at = p->ip_dst;
		s->rx_count--;
		pkt_free(p);
	}
	return (ptrdiff_t)len;
}

static void udp_close(struct sock *s)
{
	while (!list_empty(&s->rx_queue))
		pkt_free(container_of(s->rx_queue.next, struct pkt, node));
	list_del(&s->bind_node);
}

static uint32_t udp_events(const struct sock *s)
{
	uint32_t events = SOCK_WRITABLE;

	if (!list_empty(&s->rx_queue) || s->shut_rd)
		events |= SOCK_READABLE;
	if (s->error)
		events |= SOCK_ERROR | SOCK_READABLE;
	if (s->shut_rd)
		events |= SOCK_PEER_SHUT;
	if (s->shut_rd && s->shut_wr)
		events |= SOCK_HANGUP;
	return events;
}

int udp_sock_get_opt(const struct sock *s, enum sock_opt opt, int *value)
{
	if (opt != SOCK_OPT_INQ && opt != SOCK_OPT_OUTQ)
		return -ENOPROTOOPT;
	*value = 0;
	if (opt == SOCK_OPT_INQ && !list_empty(&s->rx_queue))
		*value = (int)pkt_len(
		    container_of(s->rx_queue.next, struct pkt, node));
	return 0;
}

const struct sock_ops udp_sock_ops = {
	.bind = udp_bind,
	.connect = udp_connect,
	.send = udp_send,
	.recv = udp_recv,
	.close = udp_close,
	.events = udp_events,
};

void udp_init(struct stack *st)
{
	for (unsigned i = 0; i < UDP_BUCKETS; i++)
		list_init(&st->udp.buckets[i]);
}
