/* SPDX-License-Identifier: MIT */
#include "net/icmp.h"

#include "lib/assert.h"
#include "lib/checksum.h"
#include "lib/random.h"
#include "lib/string.h"
#include "net/ip.h"
#include "net/stack.h"
#include "net/tables.h"

static_assert(sizeof(struct icmp_hdr) == 8, "RFC 792");

/* RFC 1122 3.2.2: the header and at least 8 bytes of what was wrong. */
#define QUOTE_PAYLOAD 8

/* What came since the last time goes in. */
static void refill(struct rate_limit *r, uint32_t per_s, uint32_t burst)
{
	uint64_t now = clock_ns();
	uint64_t step = NS_PER_S / per_s;
	uint64_t earned = (now - r->last_ns) / step;

	if (!r->last_ns || earned >= burst) {
		r->tokens = (int32_t)burst;
		r->last_ns = now ? now : 1;
	} else if (earned) {
		r->tokens += (int32_t)earned;
		if (r->tokens > (int32_t)burst)
			r->tokens = (int32_t)burst;
		r->last_ns += earned * step;
	}
}

_Bool rate_limit_ok(struct rate_limit *r, uint32_t per_s, uint32_t burst)
{
	refill(r, per_s, burst);
	if (r->tokens <= 0)
		return false;
	r->tokens--;
	return true;
}

_Bool rate_limit_vague_ok(
    struct rate_limit *r, struct random *rng, uint32_t per_s, uint32_t burst)
{
	refill(r, per_s, burst);
	if (r->tokens <= 0)
		return false;
	r->tokens -= (int32_t)random_below(rng, 3);
	return true;
}

static void send_icmp(struct pkt *p, uint32_t src, uint32_t dst)
{
	struct icmp_hdr *h = (struct icmp_hdr *)p->data;

	h->checksum = be16_make(0);
	h->checksum =
	    be16_make(checksum_finish(checksum_add(0, h, pkt_linear(p))));
	ip_tx(p, src, dst, IP_PROTO_ICMP);
}

/* RFC 1122 3.2.2.6: the same data back, from the address that was asked. */
static void echo_rx(struct pkt *p)
{
	struct pkt *reply;

	if (ip_is_broadcast(p->stack, p->ip_dst)) {
		pkt_drop(p, DROP_ICMP_BROADCAST); /* MAY be discarded */
		return;
	}
	reply = pkt_clone(p);
	if (!reply) {
		pkt_drop(p, DROP_NO_BUFFER);
		return;
	}
	pkt_delivered(p);
	((struct icmp_hdr *)reply->data)->type = ICMP_ECHO_REPLY;
	stack_count(p->stack, COUNT_ICMP_ECHO);
	send_icmp(reply, p->ip_dst, p->ip_src);
}

/* Tells the protocol whose packet is quoted.  In: [icmp][ip][8 bytes]. */
static void error_rx(struct pkt *p)
{
	const struct icmp_hdr *icmp = pkt_pull(p, sizeof(*icmp));
	const struct ip_hdr *h = (const struct ip_hdr *)p->data;
	size_t header_len = 0;
	const struct ip_proto *proto;
	struct icmp_error e;

	if (pkt_linear(p) >= sizeof(*h))
		header_len = (size_t)(h->version_ihl & 0xf) * 4;
	if (header_len < sizeof(*h) ||
	    pkt_linear(p) < header_len + QUOTE_PAYLOAD) {
		pkt_drop(p, DROP_ICMP_SHORT);
		return;
	}
	stack_count(p->stack, COUNT_ICMP_ERRORS_RECEIVED);
	pkt_delivered(p);
	proto = ip_proto_find(h->proto);
	e = (struct icmp_error){ .src = be32_get(h->src),
		.dst = be32_get(h->dst),
		.payload = p->data + header_len,
		.total_len = be16_get(h->total_len),
		.mtu = (uint16_t)be32_get(icmp->rest),
		.type = icmp->type,
		.code = icmp->code };
	if (proto && proto->error)
		proto->error(p->stack, &e);
}

void icmp_rx(struct pkt *p)
{
	const struct icmp_hdr *h = (const struct icmp_hdr *)p->data;

	if (pkt_linear(p) < sizeof(*h)) {
		pkt_drop(p, DROP_ICMP_SHORT);
		return;
	}
	if (checksum_finish(checksum_add(0, h, pkt_linear(p)))) {
		pkt_drop(p, DROP_ICMP_CHECKSUM);
		return;
	}
	switch (h->type) {
	case ICMP_ECHO:
		echo_rx(p);
		break;
	case ICMP_UNREACHABLE:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETER:
		error_rx(p);
		break;
	default:
		pkt_drop(p, DROP_ICMP_TYPE);
	}
}

/* RFC 1122 3.2.2: about which packets no error may be sent. */
static bool error_allowed(const struct pkt *p)
{
	if (p->link_broadcast || ip_is_broadcast(p->stack, p->ip_dst))
		return false;
	return p->ip_proto != IP_PROTO_ICMP && ip_is_own(p->stack, p->ip_dst);
}

void icmp_unreachable(const struct pkt *p, uint8_t code)
{
	struct stack *st = p->stack;
	const struct ip_hdr *ip = (const struct ip_hdr *)p->ip;
	size_t quote = (size_t)(ip->version_ihl & 0xf) * 4 + QUOTE_PAYLOAD;
	size_t have = (size_t)(p->tail - p->ip);
	struct icmp_hdr *h;
	struct pkt *n;

	if (!error_allowed(p))
		return;
	if (!rate_limit_vague_ok(&st->icmp_errors, st->rng, ICMP_ERRORS_PER_S,
	        ICMP_ERRORS_BURST)) {
		stack_count(st, COUNT_ICMP_ERRORS_LIMITED);
		return;
	}
	n = pkt_alloc(st);
	if (!n)
		return;
	h = pkt_put(n, sizeof(*h));
	memset(h, 0, sizeof(*h));
	h->type = ICMP_UNREACHABLE;
	h->code = code;
	if (quote > have)
		quote = have;
	memcpy(pkt_put(n, quote), ip, quote);
	stack_count(st, COUNT_ICMP_ERRORS_SENT);
	send_icmp(n, p->ip_dst, p->ip_src);
}
