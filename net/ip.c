/* SPDX-License-Identifier: MIT */
#include "net/ip.h"

#include "lib/assert.h"
#include "lib/checksum.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/random.h"
#include "net/stack.h"
#include "net/tables.h"

static_assert(sizeof(struct ip_hdr) == 20, "RFC 791 3.1");

/* --- Addresses ----------------------------------------------------------- */

bool ip_is_own(const struct stack *st, uint32_t addr)
{
	for (uint32_t i = 0; i < st->device_count; i++)
		if (addr && st->device[i]->ip.addr == addr)
			return true;
	return ip_is_loopback(addr);
}

static bool is_subnet_broadcast(const struct netdev *dev, uint32_t addr)
{
	const struct ip_config *c = &dev->ip;

	/* RFC 3021: a /31 has no broadcast address. */
	return c->addr && c->mask < 0xfffffffe && !dev->is_loopback &&
	       (addr & c->mask) == (c->addr & c->mask) &&
	       (addr | c->mask) == IP_ADDR_BROADCAST;
}

/* What a device carries as a broadcast of its link. */
static bool is_broadcast_on(const struct netdev *dev, uint32_t addr)
{
	return addr == IP_ADDR_BROADCAST || is_subnet_broadcast(dev, addr);
}

bool ip_is_broadcast(const struct stack *st, uint32_t addr)
{
	for (uint32_t i = 0; i < st->device_count; i++)
		if (is_broadcast_on(st->device[i], addr))
			return true;
	return false;
}

/* RFC 1122 3.2.1.3: what a source address can never be. */
static bool source_ok(const struct pkt *p, uint32_t src)
{
	if (ip_is_multicast(src) || src >= 0xf0000000)
		return false;
	if (src >> 24 == 0 || ip_is_broadcast(p->stack, src))
		return false;
	return p->loopback ||
	       (!ip_is_loopback(src) && !ip_is_own(p->stack, src));
}

/* RFC 1122 3.3.4.2, strong end system: an address of ours counts only on the
 * device that it belongs to. */
static bool destination_ok(const struct pkt *p, uint32_t dst)
{
	if (p->loopback)
		return ip_is_own(p->stack, dst);
	if (ip_is_loopback(dst) || ip_is_multicast(dst))
		return false;
	/* RFC 2131 4.1: until there is an address, DHCP's answers may come to
	 * the one that is being offered. */
	if (!p->dev->ip.addr)
		return !ip_is_own(p->stack, dst);
	if (is_broadcast_on(p->dev, dst))
		return true;
	/* RFC 1122 3.3.6: not one that the whole link got. */
	return dst == p->dev->ip.addr && !p->link_broadcast;
}

void ip_set_config(struct netdev *dev, const struct ip_config *c)
{
	uint32_t old = dev->ip.addr;

	dev->ip = *c;
	if (old && old != c->addr)
		tcp_address_gone(dev->stack, old);
	if (c->addr && c->addr != old)
		arp_announce(dev);
	waitq_wake(&dev->stack->changed, 0);
}

/* --- Receiving ----------------------------------------------------------- */

uint32_t ip_pseudo_sum(uint32_t src, uint32_t dst, uint8_t proto, uint32_t len)
{
	return (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff) +
	       proto + len;
}

/* RFC 1122 3.2.1, in the order of the header.  Returns DROP_COUNT when the
 * header is sound; then p is [payload], trimmed to the total length. */
static enum drop_reason check_header(struct pkt *p, const struct ip_hdr *h)
{
	size_t header_len = (size_t)(h->version_ihl & 0xf) * 4;
	size_t total = be16_get(h->total_len);

	if (h->version_ihl >> 4 != 4)
		return DROP_IP_VERSION;
	if (header_len < sizeof(*h) || header_len > pkt_linear(p))
		return DROP_IP_HEADER_LEN;
	if (!p->loopback && checksum_finish(checksum_add(0, h, header_len)))
		return DROP_IP_CHECKSUM;
	/* The card takes frames somewhat longer than the link may carry; an
	 * answer of their length could not be sent. */
	if (total < header_len || total > pkt_linear(p) || total > p->dev->mtu)
		return DROP_IP_TOTAL_LEN;
	p->ip_src = be32_get(h->src);
	p->ip_dst = be32_get(h->dst);
	p->ecn = h->tos & IP_ECN_MASK;
	if (!source_ok(p, p->ip_src))
		return DROP_IP_SOURCE;
	if (!destination_ok(p, p->ip_dst))
		return DROP_IP_NOT_FOR_US;
	if (be16_get(h->frag) & (IP_FRAG_MF | IP_FRAG_OFFSET))
		return DROP_IP_FRAGMENT;
	pkt_trim(p, total); /* the link pads short frames */
	pkt_pull(p, header_len);
	return DROP_COUNT;
}

void ip_rx(struct pkt *p)
{
	const struct ip_hdr *h = (const struct ip_hdr *)p->data;
	const struct ip_proto *proto;
	enum drop_reason why;

	if (pkt_linear(p) < sizeof(*h)) {
		pkt_drop(p, DROP_IP_SHORT);
		return;
	}
	p->ip = p->data;
	why = check_header(p, h);
	if (why != DROP_COUNT) {
		pkt_drop(p, why);
		return;
	}
	p->ip_proto = h->proto;
	proto = ip_proto_find(h->proto);
	if (!proto) {
		/* RFC 1122 3.2.2.1: SHOULD generate code 2. */
		icmp_unreachable(p, ICMP_CODE_PROTO);
		pkt_drop(p, DROP_IP_PROTO);
		return;
	}
	proto->rx(p);
}

/* --- Sending ------------------------------------------------------------- */

bool ip_is_on_link(const struct netdev *dev, uint32_t addr)
{
	return !((addr ^ dev->ip.addr) & dev->ip.mask);
}

/* How well a device's routes carry packets from src to dst; 0: not at all.
 * The longest prefix is the greatest mask; a default route's is 0. */
static uint64_t rank_route(const struct netdev *dev, uint32_t src, uint32_t dst)
{
	uint64_t rank = dev->link_up ? 2 : 1;

	if (dev->is_loopback || !dev->ip.addr || (src && src != dev->ip.addr))
		return 0;
	if (ip_is_on_link(dev, dst))
		return rank + ((uint64_t)dev->ip.mask << 2);
	return dev->ip.gateway || dst == IP_ADDR_BROADCAST ? rank : 0;
}

int ip_route(struct stack *st, uint32_t src, uint32_t dst, struct ip_route *r)
{
	struct netdev *best = NULL;
	uint64_t best_rank = 0;
	bool direct;

	if (ip_is_own(st, dst)) {
		*r = (struct ip_route){ &st->loopback, dst, src ? src : dst };
		return 0;
	}
	if (ip_is_loopback(src))
		return -EINVAL; /* RFC 1122 3.2.1.3 (g): never leaves the host
		                 */
	for (uint32_t i = 0; i < st->device_count; i++) {
		uint64_t rank = rank_route(st->device[i], src, dst);

		if (rank > best_rank) {
			best_rank = rank;
			best = st->device[i];
		}
	}
	if (!best)
		return -ENETUNREACH;
	direct = ip_is_on_link(best, dst) || dst == IP_ADDR_BROADCAST;
	*r = (struct ip_route){ best, direct ? dst : best->ip.gateway,
		best->ip.addr };
	return 0;
}

/*
 * RFC 6864 4.1: what nobody may cut needs none.  Else one counter for all would
 * tell any stranger how much we send to others, challenge ACKs too: RFC 7739
 * 5.3, one of several, from a place of its own for each pair of ends.
 */
static uint16_t identification(
    struct pkt *p, uint32_t src, uint32_t dst, uint8_t proto)
{
	const uint32_t words[3] = { src, dst, proto };
	uint64_t hash;

	if (p->dont_fragment)
		return 0;
	hash = hash_bytes(p->stack->key, words, sizeof(words));
	return (uint16_t)(p->stack->ip_ids[hash % IP_IDS]++ + (hash >> 32));
}

static void push_header(
    struct pkt *p, uint32_t src, uint32_t dst, uint8_t proto)
{
	size_t len = pkt_len(p) + sizeof(struct ip_hdr);
	struct ip_hdr *h = pkt_push(p, sizeof(*h));

	h->version_ihl = 0x45;
	h->tos = p->ecn;
	h->total_len = be16_make((uint16_t)len);
	h->id = be16_make(identification(p, src, dst, proto));
	h->frag = be16_make(p->dont_fragment ? IP_FRAG_DF : 0);
	h->ttl = IP_TTL_DEFAULT;
	h->proto = proto;
	h->checksum = be16_make(0);
	h->src = be32_make(src);
	h->dst = be32_make(dst);
	h->checksum =
	    be16_make(checksum_finish(checksum_add(0, h, sizeof(*h))));
}

int ip_tx(struct pkt *p, uint32_t src, uint32_t dst, uint8_t proto)
{
	static const uint8_t no_station[ETH_ADDR_LEN];
	struct ip_route r;
	int rc = ip_route(p->stack, src, dst, &r);

	if (rc) {
		pkt_drop(p, DROP_IP_NO_ROUTE);
		return rc;
	}
	p->dev = r.dev;
	push_header(p, r.src, dst, proto);
	if (r.dev->is_loopback)
		eth_tx(p, no_station, ETH_TYPE_IPV4);
	else if (is_broadcast_on(r.dev, dst))
		eth_tx(p, eth_broadcast, ETH_TYPE_IPV4);
	else
		arp_tx(p, r.next_hop);
	return 0;
}

void ip_tx_broadcast(
    struct pkt *p, struct netdev *dev, uint32_t src, uint8_t proto)
{
	p->dev = dev;
	push_header(p, src, IP_ADDR_BROADCAST, proto);
	eth_tx(p, eth_broadcast, ETH_TYPE_IPV4);
}

#define ICMP_CODE_HOST 1

void ip_doubt(struct stack *st, uint32_t src, uint32_t dst)
{
	struct ip_route r;

	if (!ip_route(st, src, dst, &r) && !r.dev->is_loopback)
		arp_doubt(r.dev, r.next_hop);
}

void ip_tx_failed(const struct pkt *p)
{
	const struct ip_hdr *h = (const struct ip_hdr *)p->data;
	const struct ip_proto *proto = ip_proto_find(h->proto);
	const struct icmp_error e = { .src = be32_get(h->src),
		.dst = be32_get(h->dst),
		.payload = (const uint8_t *)(h + 1),
		.total_len = be16_get(h->total_len),
		.type = ICMP_UNREACHABLE,
		.code = ICMP_CODE_HOST };

	if (proto && proto->error && pkt_linear(p) >= sizeof(*h) + 8)
		proto->error(p->stack, &e);
}
