/* SPDX-License-Identifier: MIT */
/*
 * An entry is born when we ask for an address or are asked for ours (RFC 826:
 * a stranger's packet to somebody else only updates what we already know).
 *
 *	INCOMPLETE  asked up to ARP_TRIES times, a second apart; packets wait
 *	REACHABLE   used for ARP_REACHABLE_NS after the last word from it
 *	PROBING     still used, asked again by unicast; forgotten unanswered
 *
 * The table has a fixed size; a new entry takes the place of the oldest one
 * that nobody has answered for, or else of the one that was unused for longest.
 * So strangers' addresses, to which answers must go, never push out a
 * neighbour; and how many are asked for in a second is limited.
 */
#include "net/arp.h"

#include "lib/assert.h"
#include "lib/errno.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "net/ip.h"
#include "net/stack.h"

#define ARP_HW_ETHERNET  1
#define ARP_OP_REQUEST   1
#define ARP_OP_REPLY     2
#define ARP_TRIES        3
#define ARP_INTERVAL_NS  NS_PER_S
#define ARP_DEFEND_NS    (10 * NS_PER_S) /* RFC 5227 DEFEND_INTERVAL */
#define ARP_REACHABLE_NS (60 * NS_PER_S)

struct arp_hdr {
	be16 hw_type, proto_type;
	uint8_t hw_len, proto_len;
	be16 op;
	uint8_t sender_mac[ETH_ADDR_LEN];
	be32 sender_ip;
	uint8_t target_mac[ETH_ADDR_LEN];
	be32 target_ip;
};

static_assert(sizeof(struct arp_hdr) == 28, "RFC 826");

enum arp_state { ARP_INCOMPLETE, ARP_REACHABLE, ARP_PROBING };

struct arp_entry {
	struct list hash_node, age_node;
	struct netdev *dev;
	uint32_t ip;
	uint8_t mac[ETH_ADDR_LEN];
	uint8_t state, tries;
	uint64_t confirmed_ns, asked_ns;
	struct list waiting; /* struct pkt, owned */
	uint32_t waiting_len;
};

const size_t arp_entry_bytes = sizeof(struct arp_entry);

/* --- The table ----------------------------------------------------------- */

static struct list *bucket_of(struct stack *st, uint32_t ip)
{
	return &st->arp.buckets[hash_bytes(st->key, &ip, sizeof(ip)) %
	                        ARP_BUCKETS];
}

static struct arp_entry *find(struct netdev *dev, uint32_t ip)
{
	struct list *n, *b = bucket_of(dev->stack, ip);

	list_for_each(n, b)
	{
		struct arp_entry *e =
		    container_of(n, struct arp_entry, hash_node);

		if (e->ip == ip && e->dev == dev)
			return e;
	}
	return NULL;
}

/* What waited learns that nobody answered (RFC 1122 2.3.2.2). */
static void forget(struct stack *st, struct arp_entry *e)
{
	struct list *n;

	while ((n = list_pop(&e->waiting))) {
		struct pkt *p = container_of(n, struct pkt, node);

		ip_tx_failed(p);
		pkt_drop(p, DROP_ARP_FAILED);
	}
	list_del(&e->hash_node);
	list_del(&e->age_node);
	list_append(&st->arp.unused, &e->age_node);
}

static void watch(struct stack *st)
{
	if (!timer_armed(&st->arp.tick))
		timer_arm(&st->arp.tick, clock_ns() + ARP_INTERVAL_NS);
}

static void make_room(struct stack *st)
{
	const struct list *from =
	    list_empty(&st->arp.asking) ? &st->arp.age : &st->arp.asking;

	forget(st, container_of(from->next, struct arp_entry, age_node));
}

static struct arp_entry *create(struct netdev *dev, uint32_t ip)
{
	struct stack *st = dev->stack;
	struct arp_entry *e;

	if (list_empty(&st->arp.unused))
		make_room(st);
	e = container_of(list_pop(&st->arp.unused), struct arp_entry, age_node);
	memset(e, 0, sizeof(*e));
	e->dev = dev;
	e->ip = ip;
	list_init(&e->waiting);
	list_append(bucket_of(st, ip), &e->hash_node);
	list_append(&st->arp.asking, &e->age_node);
	return e;
}

/* Behind all others that have an address. */
static void touch(struct stack *st, struct arp_entry *e)
{
	list_del(&e->age_node);
	list_append(&st->arp.age, &e->age_node);
}

/* --- Sending ------------------------------------------------------------- */

struct arp_fields {
	uint16_t op;
	uint32_t sender_ip, target_ip;
	const uint8_t *target_mac; /* NULL: unknown */
};

static void send(
    struct netdev *dev, const uint8_t *to, const struct arp_fields *f)
{
	struct pkt *p = pkt_alloc(dev->stack);
	struct arp_hdr *h;

	if (!p)
		return;
	h = pkt_put(p, sizeof(*h));
	memset(h, 0, sizeof(*h));
	h->hw_type = be16_make(ARP_HW_ETHERNET);
	h->proto_type = be16_make(ETH_TYPE_IPV4);
	h->hw_len = ETH_ADDR_LEN;
	h->proto_len = 4;
	h->op = be16_make(f->op);
	memcpy(h->sender_mac, dev->mac, ETH_ADDR_LEN);
	h->sender_ip = be32_make(f->sender_ip);
	h->target_ip = be32_make(f->target_ip);
	if (f->target_mac)
		memcpy(h->target_mac, f->target_mac, ETH_ADDR_LEN);
	stack_count(dev->stack, f->op == ARP_OP_REQUEST
	                            ? COUNT_ARP_REQUESTS_SENT
	                            : COUNT_ARP_REPLIES_SENT);
	p->dev = dev;
	eth_tx(p, to, ETH_TYPE_ARP);
}

static void ask(struct arp_entry *e)
{
	struct arp_fields f = { ARP_OP_REQUEST, e->dev->ip.addr, e->ip, NULL };

	e->asked_ns = clock_ns();
	e->tries++;
	watch(e->dev->stack);
	send(e->dev, e->state == ARP_PROBING ? e->mac : eth_broadcast, &f);
}

void arp_announce(struct netdev *dev)
{
	struct arp_fields f = { ARP_OP_REQUEST, dev->ip.addr, dev->ip.addr,
		NULL };

	if (!dev->is_loopback)
		send(dev, eth_broadcast, &f);
}

void arp_probe(struct netdev *dev, uint32_t ip)
{
	struct arp_fields f = { ARP_OP_REQUEST, 0, ip, NULL };

	send(dev, eth_broadcast, &f);
}

/* Asks the neighbour itself, and goes on to use what is known meanwhile. */
static void confirm(struct arp_entry *e)
{
	e->state = ARP_PROBING;
	e->tries = 0;
	ask(e);
}

void arp_doubt(struct netdev *dev, uint32_t ip)
{
	struct arp_entry *e = find(dev, ip);

	if (e && e->state == ARP_REACHABLE)
		confirm(e);
}

void arp_tx(struct pkt *p, uint32_t next_hop)
{
	struct stack *st = p->stack;
	struct arp_entry *e = find(p->dev, next_hop);
	uint64_t now = clock_ns();

	if (!e) {
		if (!rate_limit_ok(
		        &st->arp.asks, ARP_ASKS_PER_S, ARP_ASKS_BURST)) {
			pkt_drop(p, DROP_ARP_LIMITED);
			return;
		}
		e = create(p->dev, next_hop);
		ask(e);
	}
	if (e->state != ARP_INCOMPLETE) {
		if (st->arp.age.prev != &e->age_node)
			touch(st, e);
		if (e->state == ARP_REACHABLE &&
		    now - e->confirmed_ns > ARP_REACHABLE_NS)
			confirm(e);
		eth_tx(p, e->mac, ETH_TYPE_IPV4);
		return;
	}
	/* RFC 1122 2.3.2.2: at least the latest packet is kept, unless the
	 * pool is short. */
	if (!e->waiting_len && !pkt_may_keep(st)) {
		pkt_drop(p, DROP_ARP_QUEUE_FULL);
		return;
	}
	if (e->waiting_len == ARP_QUEUE_MAX ||
	    (e->waiting_len && !pkt_may_keep(st))) {
		pkt_drop(container_of(list_pop(&e->waiting), struct pkt, node),
		    DROP_ARP_QUEUE_FULL);
		e->waiting_len--;
	}
	list_append(&e->waiting, &p->node);
	e->waiting_len++;
}

/* --- Receiving ----------------------------------------------------------- */

static bool acceptable(const struct arp_hdr *h)
{
	uint32_t sender = be32_get(h->sender_ip);

	return be16_get(h->hw_type) == ARP_HW_ETHERNET &&
	       be16_get(h->proto_type) == ETH_TYPE_IPV4 &&
	       h->hw_len == ETH_ADDR_LEN && h->proto_len == 4 &&
	       (be16_get(h->op) == ARP_OP_REQUEST ||
	           be16_get(h->op) == ARP_OP_REPLY) &&
	       !(h->sender_mac[0] & 1) && sender != IP_ADDR_BROADCAST &&
	       !ip_is_multicast(sender) && !ip_is_loopback(sender);
}

/* Whom packets may be sent to; a gateway need not be in our network. */
static bool is_neighbour(const struct netdev *dev, uint32_t ip)
{
	return ip && (ip_is_on_link(dev, ip) || ip == dev->ip.gateway);
}

static void learn(struct arp_entry *e, const uint8_t *mac)
{
	struct list *n;

	memcpy(e->mac, mac, ETH_ADDR_LEN);
	if (e->state == ARP_INCOMPLETE)
		touch(e->dev->stack, e);
	e->state = ARP_REACHABLE;
	e->tries = 0;
	e->confirmed_ns = clock_ns();
	while ((n = list_pop(&e->waiting))) {
		e->waiting_len--;
		eth_tx(
		    container_of(n, struct pkt, node), e->mac, ETH_TYPE_IPV4);
	}
}

/* RFC 5227 2.4: somebody else says that our address is his. */
static bool is_conflict(const struct pkt *p, const struct arp_hdr *h)
{
	return p->dev->ip.addr && be32_get(h->sender_ip) == p->dev->ip.addr &&
	       memcmp(h->sender_mac, p->dev->mac, ETH_ADDR_LEN);
}

/* RFC 5227 2.4 (b): defended once; when it comes again within ten seconds, the
 * address is given up if we have it from DHCP, and kept if a user gave it. */
static void note_conflict(struct pkt *p, const struct arp_hdr *h)
{
	struct netdev *dev = p->dev;
	uint64_t now = clock_ns();

	stack_count(p->stack, COUNT_ARP_CONFLICTS);
	pkt_delivered(p);
	if (!dev->defended_ns || now - dev->defended_ns > ARP_DEFEND_NS) {
		dev->defended_ns = now ? now : 1;
		arp_announce(dev);
	} else {
		dhcp_conflict(dev, be32_get(h->sender_ip));
	}
}

void arp_rx(struct pkt *p)
{
	const struct arp_hdr *h = pkt_pull(p, sizeof(*h));
	struct netdev *dev = p->dev;
	uint32_t sender, target;
	struct arp_entry *e;

	if (!h || !acceptable(h)) {
		pkt_drop(p, DROP_ARP_BAD);
		return;
	}
	sender = be32_get(h->sender_ip);
	target = be32_get(h->target_ip);
	if (is_conflict(p, h)) {
		note_conflict(p, h);
		return;
	}
	/* A probe's or announcement's address may be one that we are testing
	 * (RFC 5227 2.1.1), before it is ours. */
	if (!dev->ip.addr && memcmp(h->sender_mac, dev->mac, ETH_ADDR_LEN))
		dhcp_conflict(dev, sender ? sender : target);
	e = sender ? find(dev, sender) : NULL;
	if (e)
		learn(e, h->sender_mac);
	if (!dev->ip.addr || target != dev->ip.addr) {
		if (e)
			pkt_delivered(p);
		else
			pkt_drop(p, DROP_ARP_NOT_FOR_US);
		return;
	}
	if (be16_get(h->op) == ARP_OP_REQUEST) {
		struct arp_fields f = { ARP_OP_REPLY, dev->ip.addr, sender,
			h->sender_mac };

		if (!e && is_neighbour(dev, sender))
			learn(create(dev, sender), h->sender_mac);
		send(dev, h->sender_mac, &f);
	}
	pkt_delivered(p);
}

/* --- Time ---------------------------------------------------------------- */

/* Whether it still waits for an answer. */
static bool age(struct stack *st, struct arp_entry *e, uint64_t now)
{
	if (e->state == ARP_REACHABLE)
		return false;
	if (now - e->asked_ns < ARP_INTERVAL_NS)
		return true;
	if (e->tries >= ARP_TRIES) {
		forget(st, e);
		return false;
	}
	ask(e);
	return true;
}

typedef void entry_fn(struct stack *st, struct arp_entry *e, void *ctx);

/* fn may forget the entry that it is given. */
static void for_each(struct stack *st, entry_fn *fn, void *ctx)
{
	struct list *const lists[] = { &st->arp.asking, &st->arp.age };
	struct list *n, *next;

	for (unsigned i = 0; i < 2; i++)
		list_for_each_safe(n, next, lists[i])
		{
			fn(st, container_of(n, struct arp_entry, age_node),
			    ctx);
		}
}

/* *ctx: whether somebody is still being asked. */
static void tick_entry(struct stack *st, struct arp_entry *e, void *ctx)
{
	if (age(st, e, clock_ns()))
		*(bool *)ctx = true;
}

/* Runs while an entry waits for an answer; else it costs nothing. */
static void tick(struct timer *t)
{
	struct stack *st = container_of(t, struct stack, arp.tick);
	bool waiting = false;

	for_each(st, tick_entry, &waiting);
	if (waiting)
		timer_arm(t, clock_ns() + ARP_INTERVAL_NS);
}

static void flush_entry(struct stack *st, struct arp_entry *e, void *ctx)
{
	if (e->dev == ctx)
		forget(st, e);
}

void arp_flush(struct netdev *dev)
{
	for_each(dev->stack, flush_entry, dev);
}

static void print_entry(struct stack *st, struct arp_entry *e, void *ctx)
{
	static const char *const state[] = { "incomplete", "reachable",
		"probing" };

	fmt_add(ctx, "%pI %pM %s\n", (const void *)&e->ip, (const void *)e->mac,
	    state[e->state]);
}

void arp_print(struct stack *st, struct text *t)
{
	for_each(st, print_entry, t);
}

int arp_init(struct stack *st, uint32_t entries, struct arena *a)
{
	struct arp_entry *e = arena_alloc(a, entries * sizeof(*e), 16);

	if (!e)
		return -ENOMEM;
	list_init(&st->arp.age);
	list_init(&st->arp.asking);
	list_init(&st->arp.unused);
	for (unsigned i = 0; i < ARP_BUCKETS; i++)
		list_init(&st->arp.buckets[i]);
	for (uint32_t i = 0; i < entries; i++)
		list_append(&st->arp.unused, &e[i].age_node);
	timer_init(&st->arp.tick, tick);
	return 0;
}
