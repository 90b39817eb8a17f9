/* SPDX-License-Identifier: MIT */
/*
 * DHCP client.  Deviations: no random delay before the first DISCOVER (RFC 2131
 * 4.4.1: a power cut would otherwise let all start at once; an appliance that
 * boots in a tenth of a second should not wait ten), and an offered address is
 * announced and defended rather than probed for seconds first (2.2).
 */
#include "net/dhcp.h"

#include "lib/assert.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/random.h"
#include "lib/string.h"
#include "net/arp.h"
#include "net/ip.h"
#include "net/netdev.h"
#include "net/pkt.h"
#include "net/sock.h"
#include "net/stack.h"
#include "net/udp.h"

#define DHCP_SERVER_PORT   67
#define DHCP_CLIENT_PORT   68
#define DHCP_MAGIC         0x63825363u
#define DHCP_BROADCAST     0x8000
#define DHCP_REQUEST_TRIES 4
#define MASK_DEFAULT       0xffffff00u
#define NAK_PAUSE_NS       (2 * NS_PER_S)  /* of ours */
#define DECLINE_PAUSE_NS   (10 * NS_PER_S) /* RFC 2131 3.1 step 5 */
#define BOOTP_MIN          300 /* RFC 1542 2.1: relays may drop less */

enum dhcp_op { BOOTREQUEST = 1, BOOTREPLY = 2 };

/* RFC 2132 9.6 */
enum dhcp_type { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK };

/* RFC 2132 */
enum dhcp_option {
	OPT_PAD = 0,
	OPT_MASK = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_HOSTNAME = 12,
	OPT_REQUESTED_IP = 50,
	OPT_LEASE = 51,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_PARAMETERS = 55,
	OPT_T1 = 58,
	OPT_T2 = 59,
	OPT_END = 255
};

struct dhcp_hdr {
	uint8_t op, hw_type, hw_len, hops;
	be32 xid;
	be16 secs, flags;
	be32 ciaddr, yiaddr, siaddr, giaddr;
	uint8_t chaddr[16];
	uint8_t sname[64], file[128];
	be32 magic;
};

static_assert(sizeof(struct dhcp_hdr) == 240, "RFC 2131 2");

/* What we use of a reply. */
struct dhcp_reply {
	uint8_t type;
	uint8_t overload; /* options in `file` (1), `sname` (2) */
	uint32_t yiaddr, server;
	struct ip_config ip;
	uint32_t lease_s, t1_s, t2_s; /* 0: absent */
};

/* --- Sending ------------------------------------------------------------- */

/* Whether a message speaks from the leased address. */
static bool has_lease(const struct dhcp *d)
{
	return d->state == DHCP_RENEWING || d->state == DHCP_REBINDING;
}

static void put_option(
    struct pkt *p, uint8_t code, const void *data, uint8_t len)
{
	uint8_t *o = pkt_put(p, 2u + len);

	o[0] = code;
	o[1] = len;
	memcpy(o + 2, data, len);
}

static void put_address(struct pkt *p, uint8_t code, uint32_t addr)
{
	be32 a = be32_make(addr);

	put_option(p, code, &a, sizeof(a));
}

static void put_header(const struct dhcp *d, struct pkt *p, uint8_t type)
{
	struct dhcp_hdr *h = pkt_put(p, sizeof(*h));

	memset(h, 0, sizeof(*h));
	h->op = BOOTREQUEST;
	h->hw_type = 1;
	h->hw_len = ETH_ADDR_LEN;
	h->xid = be32_make(d->xid);
	memcpy(h->chaddr, d->dev->mac, ETH_ADDR_LEN);
	h->magic = be32_make(DHCP_MAGIC);
	if (type == DECLINE)
		return;
	h->secs = be16_make(d->secs);
	if (has_lease(d))
		h->ciaddr = be32_make(d->dev->ip.addr);
	else
		h->flags = be16_make(DHCP_BROADCAST);
}

/* RFC 2131 table 5: which field says what in which state. */
static void put_options(const struct dhcp *d, struct pkt *p, uint8_t type)
{
	static const uint8_t wanted[] = { OPT_MASK, OPT_ROUTER, OPT_DNS,
		OPT_LEASE, OPT_T1, OPT_T2 };
	put_option(p, OPT_TYPE, &type, 1);
	if (type == DECLINE || (type == REQUEST && !has_lease(d)))
		put_address(p, OPT_REQUESTED_IP, d->offered);
	if (type == DECLINE || d->state == DHCP_REQUESTING)
		put_address(p, OPT_SERVER, d->server);
	if (type != DECLINE) {
		put_option(p, OPT_PARAMETERS, wanted, sizeof(wanted));
		if (d->hostname[0])
			put_option(p, OPT_HOSTNAME, d->hostname,
			    (uint8_t)strlen(d->hostname));
	}
	*(uint8_t *)pkt_put(p, 1) = OPT_END;
	if (pkt_linear(p) < BOOTP_MIN) {
		size_t pad = BOOTP_MIN - pkt_linear(p);

		memset(pkt_put(p, pad), OPT_PAD, pad);
	}
}

/* By hand, since a socket would speak for the whole machine: from this device,
 * and broadcasts whatever the routes. */
static void send(struct dhcp *d, uint8_t type)
{
	bool renews = d->state == DHCP_RENEWING;
	uint32_t src = has_lease(d) ? d->dev->ip.addr : 0;
	uint32_t dst = renews ? d->server : IP_ADDR_BROADCAST;
	struct pkt *p = pkt_alloc(d->dev->stack);

	if (!p)
		return; /* as if it were lost: the timer repeats it */
	put_header(d, p, type);
	put_options(d, p, type);
	stack_count(d->dev->stack, COUNT_DHCP_SENT);
	udp_push_header(p, src, dst, DHCP_CLIENT_PORT, DHCP_SERVER_PORT);
	if (renews)
		ip_tx(p, src, dst, IP_PROTO_UDP);
	else
		ip_tx_broadcast(p, d->dev, src, IP_PROTO_UDP);
}

/* RFC 2131 3.1 step 3: a REQUEST tells the same as its DISCOVER. */
static void count_secs(struct dhcp *d)
{
	uint64_t secs = (clock_ns() - d->started_ns) / NS_PER_S;

	d->secs = secs > UINT16_MAX ? UINT16_MAX : (uint16_t)secs;
}

/* A new exchange: answers to the old one do not count any more. */
static void new_exchange(struct dhcp *d, enum dhcp_state state)
{
	d->state = state;
	d->tries = 0;
	d->started_ns = clock_ns();
	d->secs = 0;
	d->xid = random_u32(d->dev->stack->rng);
}

/* RFC 2131 4.1: 4, 8, 16, 32, 64 s, each give or take a second. */
static uint64_t retry_delay(const struct dhcp *d)
{
	uint32_t exponent = d->tries > 4 ? 4 : d->tries;
	uint64_t base = (4 * NS_PER_S) << exponent;

	return base - NS_PER_S +
	       (uint64_t)random_below(d->dev->stack->rng, 2000) * NS_PER_MS;
}

static void discover(struct dhcp *d)
{
	if (d->state != DHCP_SELECTING)
		new_exchange(d, DHCP_SELECTING);
	count_secs(d);
	send(d, DISCOVER);
	timer_arm(&d->timer, clock_ns() + retry_delay(d));
	d->tries++;
}

/* Nobody is asked before the pause is over. */
static void pause_then_discover(struct dhcp *d, uint64_t pause_ns)
{
	new_exchange(d, DHCP_SELECTING);
	timer_arm(&d->timer, clock_ns() + pause_ns);
}

static void request(struct dhcp *d)
{
	send(d, REQUEST);
	timer_arm(&d->timer, clock_ns() + retry_delay(d));
	d->tries++;
}

/* --- The link-local fallback (RFC 3927) ----------------------------------- */

/* RFC 3927 section 9 */
#define LOCAL_PROBES        3
#define LOCAL_PROBE_NS      NS_PER_S /* PROBE_MIN; PROBE_MAX is twice that */
#define LOCAL_ANNOUNCE_NS   (2 * NS_PER_S)
#define LOCAL_NET           0xa9fe0000u /* 169.254/16 */
#define LOCAL_MASK          0xffff0000u
#define LOCAL_FIRST         0x0100u /* 2.1: not the first and last 256 */
#define LOCAL_COUNT         0xfe00u
#define LOCAL_MAX_CONFLICTS 10
#define LOCAL_RATE_LIMIT_NS (60 * NS_PER_S)
/* Probes begin so early that they end when DHCP has had its time. */
#define LOCAL_BEGIN_NS (DHCP_FALLBACK_NS - LOCAL_PROBES * 2 * LOCAL_PROBE_NS)

/* 2.1: the same choice after a restart, so made from the MAC address. */
static uint32_t choose_candidate(const struct dhcp *d)
{
	const struct hash_key fixed = { 3927, d->conflicts };
	uint64_t h = hash_bytes(fixed, d->dev->mac, ETH_ADDR_LEN);

	return LOCAL_NET + LOCAL_FIRST + (uint32_t)(h % LOCAL_COUNT);
}

static void local_start(struct dhcp *d, uint64_t delay_ns)
{
	d->candidate = 0;
	d->probes = 0;
	timer_arm(&d->local_timer, clock_ns() + delay_ns);
}

/* 2.2.1: three probes a second or two apart, then two seconds of silence; and
 * not before DHCP has had its time.  Returns when to go on. */
static uint64_t local_probe(struct dhcp *d)
{
	uint64_t now = clock_ns();
	uint64_t next =
	    now + LOCAL_PROBE_NS +
	    (uint64_t)random_below(d->dev->stack->rng, 1000) * NS_PER_MS;

	if (!d->candidate)
		d->candidate = choose_candidate(d);
	arp_probe(d->dev, d->candidate);
	if (++d->probes < LOCAL_PROBES)
		return next;
	next = now + LOCAL_ANNOUNCE_NS;
	return next > d->local_from_ns ? next : d->local_from_ns;
}

/* 2.4: the second announcement comes with the next tick. */
static void local_claim(struct dhcp *d)
{
	const struct ip_config c = { d->candidate, LOCAL_MASK, 0, 0 };

	d->candidate = 0;
	log_warn("%s: no DHCP server answers; using %pI", d->dev->name,
	    (const void *)&c.addr);
	ip_set_config(d->dev, &c);
	timer_arm(&d->local_timer, clock_ns() + LOCAL_ANNOUNCE_NS);
}

static void local_tick(struct timer *t)
{
	struct dhcp *d = container_of(t, struct dhcp, local_timer);

	if (d->dev->ip.addr)
		arp_announce(d->dev);
	else if (!d->dev->link_up)
		local_start(d, LOCAL_PROBE_NS); /* probes would be lost */
	else if (d->probes < LOCAL_PROBES)
		timer_arm(t, local_probe(d));
	else
		local_claim(d);
}

static bool is_link_local(uint32_t addr)
{
	return (addr & LOCAL_MASK) == LOCAL_NET;
}

static void local_fall_back(struct dhcp *d)
{
	d->conflicts = 0;
	d->local_from_ns = clock_ns() + DHCP_FALLBACK_NS;
	local_start(d, LOCAL_BEGIN_NS);
}

static void drop_address(struct dhcp *d)
{
	const struct ip_config none = { 0, 0, 0, 0 };

	ip_set_config(d->dev, &none);
}

static void lose_address(struct dhcp *d)
{
	drop_address(d);
	local_fall_back(d);
}

void dhcp_conflict(struct netdev *dev, uint32_t addr)
{
	struct dhcp *d = &dev->dhcp;

	if (d->state == DHCP_OFF || !addr)
		return;
	if (addr == d->candidate) {
		/* 2.2.1: another one; slowly after many conflicts. */
		d->conflicts++;
		local_start(d, d->conflicts > LOCAL_MAX_CONFLICTS
		                   ? LOCAL_RATE_LIMIT_NS
		                   : LOCAL_PROBE_NS);
		return;
	}
	if (addr != dev->ip.addr)
		return;
	log_warn("%s: another station uses our address %pI", dev->name,
	    (const void *)&addr);
	if (is_link_local(addr)) {
		/* RFC 3927 2.5: another one, at once. */
		d->conflicts++;
		drop_address(d);
		local_start(d, 0);
		return;
	}
	/* RFC 2131 3.1 step 5: decline, wait at least ten seconds. */
	d->offered = addr;
	d->state = DHCP_REQUESTING; /* it is broadcast, from no address */
	send(d, DECLINE);
	lose_address(d);
	pause_then_discover(d, DECLINE_PAUSE_NS);
}

/* --- Receiving ----------------------------------------------------------- */

static uint32_t address_at(const uint8_t *o)
{
	return (uint32_t)o[0] << 24 | (uint32_t)o[1] << 16 |
	       (uint32_t)o[2] << 8 | o[3];
}

static void take_option(
    struct dhcp_reply *r, uint8_t code, const uint8_t *o, uint8_t len)
{
	if (code == OPT_TYPE && len == 1)
		r->type = o[0];
	if (code == OPT_OVERLOAD && len == 1)
		r->overload = o[0];
	if (len < 4)
		return;
	switch (code) {
	case OPT_MASK:
		r->ip.mask = address_at(o);
		break;
	case OPT_ROUTER:
		r->ip.gateway = address_at(o);
		break;
	case OPT_DNS:
		r->ip.dns = address_at(o);
		break;
	case OPT_LEASE:
		r->lease_s = address_at(o);
		break;
	case OPT_SERVER:
		r->server = address_at(o);
		break;
	case OPT_T1:
		r->t1_s = address_at(o);
		break;
	case OPT_T2:
		r->t2_s = address_at(o);
		break;
	}
}

/* RFC 2131 3, RFC 2132 2: false when the list runs out of the message. */
static bool parse_options(struct dhcp_reply *r, const uint8_t *o, size_t len)
{
	size_t i = 0;

	while (i < len && o[i] != OPT_END) {
		if (o[i] == OPT_PAD) {
			i++;
			continue;
		}
		if (len - i < 2 || len - i - 2 < o[i + 1])
			return false;
		take_option(r, o[i], o + i + 2, o[i + 1]);
		i += 2u + o[i + 1];
	}
	return i < len; /* the last option is always END */
}

static bool parse(
    const struct dhcp *d, struct dhcp_reply *r, const uint8_t *data, size_t len)
{
	const struct dhcp_hdr *h = (const struct dhcp_hdr *)data;

	memset(r, 0, sizeof(*r));
	r->ip.mask = MASK_DEFAULT;
	if (len < sizeof(*h) || h->op != BOOTREPLY ||
	    be32_get(h->xid) != d->xid || be32_get(h->magic) != DHCP_MAGIC ||
	    memcmp(h->chaddr, d->dev->mac, ETH_ADDR_LEN))
		return false;
	r->yiaddr = be32_get(h->yiaddr);
	if (!parse_options(r, data + sizeof(*h), len - sizeof(*h)))
		return false;
	/* RFC 2131 4.1: options, then file, then sname. */
	if (r->overload & 1 && !parse_options(r, h->file, sizeof(h->file)))
		return false;
	if (r->overload & 2 && !parse_options(r, h->sname, sizeof(h->sname)))
		return false;
	return r->type != 0;
}

/* An address that a host can have, in a mask that makes sense; and not one that
 * another device of ours has: two networks may both number from the start. */
static bool usable(const struct dhcp *d, const struct dhcp_reply *r)
{
	uint32_t host = ~r->ip.mask;

	if (r->yiaddr != d->dev->ip.addr &&
	    ip_is_own(d->dev->stack, r->yiaddr)) {
		log_warn("%s: DHCP offers %pI, which another card has already",
		    d->dev->name, (const void *)&r->yiaddr);
		return false;
	}

	if (!r->ip.mask || host & (host + 1) || r->yiaddr >> 24 == 0 ||
	    ip_is_loopback(r->yiaddr) || r->yiaddr >= 0xe0000000)
		return false;
	return host < 3 || ((r->yiaddr & host) && (r->yiaddr & host) != host);
}

static uint64_t after_s(uint64_t from_ns, uint32_t s)
{
	/* RFC 2132 9.2: all ones is "for ever"; 136 years come close. */
	return from_ns + (uint64_t)s * NS_PER_S;
}

static void bind(struct dhcp *d, const struct dhcp_reply *r)
{
	struct ip_config c = r->ip;
	uint32_t lease = r->lease_s ? r->lease_s : 3600;
	bool news = r->yiaddr != d->dev->ip.addr;
	uint64_t now = clock_ns();
	/* RFC 2131 4.4.5: T1 after a half, T2 after seven eighths. */
	uint32_t t1 = r->t1_s && r->t1_s < lease ? r->t1_s : lease - lease / 2;
	uint32_t t2 = lease - lease / 8;

	if (r->t2_s > t1 && r->t2_s < lease)
		t2 = r->t2_s;
	d->state = DHCP_BOUND;
	d->tries = 0;
	if (r->server)
		d->server = r->server;
	d->t1_ns = after_s(now, t1);
	d->t2_ns = after_s(now, t2);
	d->expires_ns = after_s(now, lease);
	d->candidate = 0;
	timer_disarm(&d->local_timer);
	timer_arm(&d->timer, d->t1_ns);
	c.addr = r->yiaddr;
	if (news)
		log_info("%s: DHCP lease of %pI for %u s", d->dev->name,
		    (const void *)&c.addr, lease);
	ip_set_config(d->dev, &c);
}

/* RFC 2131 table 3: both name the server; while one was chosen, that one. */
static bool is_verdict(const struct dhcp *d, const struct dhcp_reply *r)
{
	if (d->state == DHCP_REQUESTING && r->server != d->server)
		return false;
	return d->state >= DHCP_REQUESTING && d->state != DHCP_BOUND &&
	       (r->type == NAK || (r->type == ACK && usable(d, r)));
}

static void reply_rx(struct dhcp *d, struct dhcp_reply *r)
{
	if (d->state == DHCP_SELECTING && r->type == OFFER && r->server &&
	    usable(d, r)) {
		d->offered = r->yiaddr;
		d->server = r->server;
		d->state = DHCP_REQUESTING;
		d->tries = 0;
		request(d);
	} else if (!is_verdict(d, r)) {
		stack_count(d->dev->stack, COUNT_DHCP_IGNORED);
	} else if (r->type == ACK) {
		bind(d, r);
	} else {
		log_warn("%s: DHCP server refuses the address", d->dev->name);
		if (d->state != DHCP_REQUESTING)
			lose_address(d);
		/* Not at once: it might offer the same for ever. */
		pause_then_discover(d, NAK_PAUSE_NS);
	}
}

/* RFC 2131 4.1: whose exchange is it?  Transaction and hardware address tell,
 * whichever device it came through. */
static struct dhcp *addressee(
    struct stack *st, struct dhcp_reply *r, const uint8_t *data, size_t len)
{
	for (uint32_t i = 0; i < st->device_count; i++) {
		struct dhcp *d = &st->device[i]->dhcp;

		if (d->state != DHCP_OFF && parse(d, r, data, len))
			return d;
	}
	return NULL;
}

static bool datagram_came(struct wait_entry *e, uint32_t events)
{
	struct stack *st = container_of(e, struct stack, dhcp_port.wait);
	uint8_t buf[PKT_DATA_BYTES];
	struct dhcp_reply r;
	ptrdiff_t len;

	while ((len = sock_recv(
	            st->dhcp_port.sock, buf, sizeof(buf), 0, NULL)) >= 0) {
		struct dhcp *d = addressee(st, &r, buf, (size_t)len);

		stack_count(st, COUNT_DHCP_RECEIVED);
		if (d)
			reply_rx(d, &r);
		else
			stack_count(st, COUNT_DHCP_IGNORED);
	}
	return true;
}

/* --- Time ---------------------------------------------------------------- */

/* RFC 2131 4.4.5: again after half of the time that is left, but not within a
 * minute. */
static void renew(struct dhcp *d, uint64_t until_ns)
{
	uint64_t now = clock_ns();
	uint64_t wait = (until_ns - now) / 2;

	send(d, REQUEST);
	if (wait < 60 * NS_PER_S)
		wait = 60 * NS_PER_S;
	timer_arm(&d->timer, now + wait < until_ns ? now + wait : until_ns);
}

static void lease_tick(struct dhcp *d)
{
	uint64_t now = clock_ns();

	if (now >= d->expires_ns) {
		log_warn("%s: DHCP lease has expired", d->dev->name);
		lose_address(d);
		discover(d);
		return;
	}
	if (d->state == DHCP_BOUND)
		new_exchange(d, DHCP_RENEWING);
	count_secs(d);
	d->state = now >= d->t2_ns ? DHCP_REBINDING : DHCP_RENEWING;
	renew(d, d->state == DHCP_RENEWING ? d->t2_ns : d->expires_ns);
}

/* RFC 2131 3.2: nobody answered INIT-REBOOT; the lease still holds. */
static void lease_goes_on(struct dhcp *d)
{
	d->state = DHCP_BOUND;
	timer_arm(&d->timer, d->t1_ns);
}

static void tick(struct timer *t)
{
	struct dhcp *d = container_of(t, struct dhcp, timer);
	bool again = d->tries < DHCP_REQUEST_TRIES;

	if (d->state == DHCP_REQUESTING || d->state == DHCP_REBOOTING) {
		if (again)
			request(d);
		else if (d->state == DHCP_REQUESTING)
			discover(d);
		else
			lease_goes_on(d);
	} else if (d->state == DHCP_SELECTING) {
		discover(d);
	} else {
		lease_tick(d);
	}
}

void dhcp_link_up(struct netdev *dev)
{
	struct dhcp *d = &dev->dhcp;

	if (d->state == DHCP_OFF)
		return;
	if (d->state < DHCP_REBOOTING) {
		new_exchange(d, DHCP_SELECTING);
		discover(d);
		return;
	}
	/* Perhaps another network: who is there shall say ACK or NAK. */
	new_exchange(d, DHCP_REBOOTING);
	d->offered = dev->ip.addr;
	request(d);
}

/* The first client opens the port on which all of them listen. */
static int open_port(struct stack *st)
{
	const struct sock_addr any = { 0, DHCP_CLIENT_PORT };
	struct dhcp_port *port = &st->dhcp_port;
	int rc;

	if (port->sock)
		return 0;
	rc = sock_create(st, SOCK_TYPE_UDP, &port->sock);
	if (rc)
		return rc;
	sock_bind(port->sock, &any);
	port->wait.wake = datagram_came;
	port->wait.exclusive = false;
	waitq_add(sock_waitq(port->sock), &port->wait);
	return 0;
}

int dhcp_start(struct netdev *dev, const char *hostname)
{
	struct dhcp *d = &dev->dhcp;
	int rc = open_port(dev->stack);

	if (rc)
		return rc;
	d->dev = dev;
	str_copy(d->hostname, sizeof(d->hostname), hostname);
	timer_init(&d->timer, tick);
	timer_init(&d->local_timer, local_tick);
	local_fall_back(d);
	discover(d);
	return 0;
}
