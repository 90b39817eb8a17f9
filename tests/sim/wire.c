/* SPDX-License-Identifier: MIT */
#include "tests/sim/wire.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch/host/arch_host.h"
#include "lib/assert.h"
#include "lib/checksum.h"
#include "net/eth.h"
#include "net/ip.h"
#include "net/pkt.h"
#include "net/tcp.h"

/* --- Captures ------------------------------------------------------------ */

static void put32(FILE *f, uint32_t v)
{
	fwrite(&v, sizeof(v), 1, f);
}

static void pcap_path(
    const struct wire *w, const char *which, char *path, size_t size)
{
	snprintf(
	    path, size, "%s/%s.%s.pcap", getenv("SIM_PCAP"), w->name, which);
}

static FILE *pcap_open(const struct wire *w, const char *which)
{
	char path[256];
	FILE *f;

	if (getenv("SIM_PCAP") == NULL)
		return NULL;
	pcap_path(w, which, path, sizeof(path));
	f = fopen(path, "wb");
	if (f == NULL)
		return NULL;
	put32(f, 0xa1b23c4d); /* stamps in nanoseconds */
	put32(f, 2 | 4 << 16);
	put32(f, 0);
	put32(f, 0);
	put32(f, 65535);
	put32(f, 1); /* Ethernet */
	return f;
}

static void pcap_add(FILE *f, const uint8_t *frame, size_t len)
{
	if (f == NULL)
		return;
	put32(f, (uint32_t)(arch_clock_ns() / NS_PER_S));
	put32(f, (uint32_t)(arch_clock_ns() % NS_PER_S));
	put32(f, (uint32_t)len);
	put32(f, (uint32_t)len);
	fwrite(frame, 1, len, f);
	fflush(f);
}

static void pcap_forget(const struct wire *w, const char *which, FILE *f)
{
	char path[256];

	if (f == NULL || getenv("SIM_PCAP_KEEP") != NULL)
		return;
	pcap_path(w, which, path, sizeof(path));
	unlink(path);
}

/* --- Chance -------------------------------------------------------------- */

static uint64_t chance_next(struct wire_end *e)
{
	uint64_t z = e->chance += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* Always draws, so that one kind of mishap does not shift the others. */
static bool happens(struct wire_end *e, uint32_t ppm)
{
	return chance_next(e) % 1000000 < ppm;
}

/* --- Arrival ------------------------------------------------------------- */

static void arrive(void *arg)
{
	struct wire_frame *f = arg;
	struct wire_end *to = f->to;

	list_del(&f->node);
	if (to->wire->cut) {
		free(f);
		return;
	}
	list_append(&to->arrived, &f->node);
	netdev_schedule(&to->dev);
}

static void tell(
    struct wire_end *e, enum wire_moment m, const uint8_t *frame, size_t len)
{
	struct wire *w = e->wire;

	if (w->watch != NULL)
		w->watch(w->watch_ctx, m, e == &w->end[1], frame, len);
}

static int poll(struct netdev *dev, int budget)
{
	struct wire_end *e = container_of(dev, struct wire_end, dev);
	struct list *node;
	int done = 0;

	while (done < budget && (node = list_pop(&e->arrived)) != NULL) {
		struct wire_frame *f =
		    container_of(node, struct wire_frame, node);

		pcap_add(e->wire->got, f->data, f->len);
		e->stats.delivered++;
		tell(e, WIRE_RECEIVED, f->data, f->len);
		netdev_rx(dev, f->data, f->len);
		tell(e, WIRE_PROCESSED, f->data, f->len);
		free(f);
		done++;
	}
	netdev_tx_done(dev);
	return done;
}

static struct wire_frame *make_frame(
    struct wire_end *to, const uint8_t *data, size_t len)
{
	struct wire_frame *f = malloc(sizeof(*f));

	assert(f != NULL && len <= WIRE_FRAME_MAX);
	f->to = to;
	f->len = len;
	memcpy(f->data, data, len);
	list_append(&to->wire->flying, &f->node);
	return f;
}

void wire_inject(struct wire *w, unsigned to, const void *frame, size_t len)
{
	host_at(arch_clock_ns(), arrive, make_frame(&w->end[to], frame, len));
}

/* --- Rules and filters --------------------------------------------------- */

bool wire_parse(const uint8_t *frame, size_t len, struct wire_segment *s)
{
	const struct eth_hdr *eth = (const struct eth_hdr *)frame;
	const struct ip_hdr *ip = (const struct ip_hdr *)(frame + sizeof(*eth));
	const struct tcp_hdr *tcp = (const struct tcp_hdr *)(ip + 1);
	size_t options, head;

	if (len < sizeof(*eth) + sizeof(*ip) + sizeof(*tcp) ||
	    be16_get(eth->type) != ETH_TYPE_IPV4 || ip->proto != IP_PROTO_TCP)
		return false;
	if (tcp->offset >> 4 < sizeof(*tcp) / 4)
		return false;
	options = (tcp->offset >> 4) * 4u - sizeof(*tcp);
	head = sizeof(*ip) + sizeof(*tcp) + options;
	if (be16_get(ip->total_len) < head || sizeof(*eth) + head > len)
		return false;
	*s = (struct wire_segment){ .src_ip = be32_get(ip->src),
		.dst_ip = be32_get(ip->dst),
		.src_port = be16_get(tcp->src_port),
		.dst_port = be16_get(tcp->dst_port),
		.seq = be32_get(tcp->seq),
		.ack = be32_get(tcp->ack),
		.flags = tcp->flags,
		.window = be16_get(tcp->window),
		.data = frame + sizeof(*eth) + head,
		.len = be16_get(ip->total_len) - head };
	tcp_options_parse(&s->opt, (const uint8_t *)(tcp + 1), options);
	return true;
}

void wire_lose(struct wire *w, struct wire_rule rule)
{
	assert(w->rules < WIRE_RULES_MAX);
	w->rule[w->rules++] = rule;
}

static bool rule_wants(
    struct wire_rule *r, unsigned from, const struct wire_segment *s)
{
	if (r->from != from || (s->flags & r->mask) != r->flags ||
	    (r->data >= 0 && (s->len > 0) != (r->data > 0)) || r->lose == 0)
		return false;
	if (r->skip > 0) {
		r->skip--;
		return false;
	}
	r->lose--;
	r->lost++;
	return true;
}

/* Whether a rule or the case's own filter takes the frame away. */
static bool filtered(
    struct wire *w, unsigned from, const uint8_t *data, size_t len)
{
	struct wire_segment s;

	if (w->rules > 0 && wire_parse(data, len, &s))
		for (unsigned i = 0; i < w->rules; i++)
			if (rule_wants(&w->rule[i], from, &s))
				return true;
	return w->filter != NULL && w->filter(w->filter_ctx, from, data, len);
}

/* --- Mishaps ------------------------------------------------------------- */

static bool is_arp(const uint8_t *frame)
{
	const struct eth_hdr *eth = (const struct eth_hdr *)frame;

	return be16_get(eth->type) == ETH_TYPE_ARP;
}

static void corrupt(struct wire_end *e, struct wire_frame *f)
{
	uint64_t bit = chance_next(e) % (f->len * 8);

	f->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	e->stats.corrupted++;
}

/* When a frame arrives that leaves at leave_ns. */
static uint64_t arrival(struct wire_end *e, uint64_t leave_ns, bool reordered)
{
	uint64_t at_ns = leave_ns + e->out.delay_ns;

	if (e->out.jitter_ns != 0)
		at_ns += chance_next(e) % e->out.jitter_ns;
	if (reordered)
		return at_ns + e->out.reorder_ns;
	if (at_ns < e->last_ns)
		at_ns = e->last_ns;
	e->last_ns = at_ns;
	return at_ns;
}

static void fly(
    struct wire_end *e, const uint8_t *data, size_t len, uint64_t leave_ns)
{
	struct wire_end *to = &e->wire->end[e == &e->wire->end[0]];
	struct wire_frame *f = make_frame(to, data, len);
	bool reordered = happens(e, e->out.reorder_ppm);

	if (happens(e, e->out.corrupt_ppm) && !is_arp(data))
		corrupt(e, f);
	e->stats.reordered += reordered;
	host_at(arrival(e, leave_ns, reordered), arrive, f);
}

/* A frame enters the wire; it has left the card at leave_ns. */
static void launch(
    struct wire_end *e, const uint8_t *data, size_t len, uint64_t leave_ns)
{
	struct wire *w = e->wire;
	unsigned from = e == &w->end[1];

	e->stats.frames++;
	if (filtered(w, from, data, len)) {
		e->stats.filtered++;
		return;
	}
	if ((happens(e, e->out.loss_ppm) && !is_arp(data)) || w->cut) {
		e->stats.lost++;
		return;
	}
	fly(e, data, len, leave_ns);
	if (happens(e, e->out.duplicate_ppm)) {
		e->stats.duplicated++;
		fly(e, data, len, leave_ns);
	}
}

/* --- Sending ------------------------------------------------------------- */

static void leave_queue(void *arg)
{
	struct wire_end *e = arg;

	e->in_queue--;
}

static void leave_slot(void *arg)
{
	struct wire_end *e = arg;

	e->in_slots--;
	netdev_schedule(&e->dev);
}

/* The time at which so many bytes have left, one frame after the other. */
static uint64_t serialize(struct wire_end *e, size_t len)
{
	uint64_t now_ns = arch_clock_ns();

	if (e->out.bits_per_s == 0)
		return now_ns;
	if (e->free_ns < now_ns)
		e->free_ns = now_ns;
	/* 24: preamble, checksum and gap. */
	e->free_ns += (len + 24) * 8 * NS_PER_S / e->out.bits_per_s;
	return e->free_ns;
}

static bool queue_full(const struct wire_end *e)
{
	return e->out.queue_frames != 0 && e->in_queue >= e->out.queue_frames;
}

static void set_ecn(uint8_t *frame, uint8_t ecn)
{
	struct ip_hdr *ip = (struct ip_hdr *)(frame + sizeof(struct eth_hdr));

	ip->tos = (uint8_t)((ip->tos & ~IP_ECN_MASK) | ecn);
	ip->checksum = be16_make(0);
	ip->checksum =
	    be16_make(checksum_finish(checksum_add(0, ip, sizeof(*ip))));
}

static bool wants_mark(const struct wire_end *e)
{
	return e->out.mark_frames && e->in_queue >= e->out.mark_frames;
}

/* What queues and boxes on the way do to the ECN field. */
static void touch_ecn(struct wire_end *e, uint8_t *frame)
{
	const struct eth_hdr *eth = (const struct eth_hdr *)frame;
	const struct ip_hdr *ip = (const struct ip_hdr *)(eth + 1);

	if (be16_get(eth->type) != ETH_TYPE_IPV4 || !(ip->tos & IP_ECN_MASK))
		return;
	if (e->out.bleach) {
		set_ecn(frame, IP_ECN_NOT_ECT);
	} else if (wants_mark(e)) {
		set_ecn(frame, IP_ECN_CE);
		e->stats.marked++;
	}
}

static bool tx(struct netdev *dev, struct pkt *p)
{
	struct wire_end *e = container_of(dev, struct wire_end, dev);
	uint8_t data[WIRE_FRAME_MAX];
	size_t len = pkt_len(p);
	uint64_t leave_ns;

	if (e->out.slots != 0 && e->in_slots == e->out.slots)
		return false;
	assert(len <= sizeof(data));
	pkt_copy_out(p, data);
	pkt_free(p);
	pcap_add(e->wire->sent, data, len);
	tell(e, WIRE_SENT, data, len);
	if (queue_full(e)) {
		e->stats.overflowed++;
		return true;
	}
	touch_ecn(e, data);
	leave_ns = serialize(e, len);
	e->in_queue++;
	host_at(leave_ns, leave_queue, e);
	if (e->out.slots != 0) {
		e->in_slots++;
		host_at(leave_ns, leave_slot, e);
	}
	launch(e, data, len, leave_ns);
	return true;
}

static const struct netdev_ops wire_ops = { .poll = poll, .tx = tx };

/* --- Start and stop ------------------------------------------------------ */

static void start_end(struct wire *w, unsigned i, uint64_t seed)
{
	struct wire_end *e = &w->end[i];

	e->wire = w;
	e->chance = seed * 2 + i;
	list_init(&e->arrived);
	snprintf(e->dev.name, sizeof(e->dev.name), "wire%u", i);
	e->dev.ops = &wire_ops;
	e->dev.mac[0] = 2;
	e->dev.mac[5] = (uint8_t)(i + 1);
	e->dev.mtu = 1500;
	e->dev.link_up = true;
}

void wire_start(struct wire *w, const char *name, uint64_t seed,
    const struct wire_params out[2])
{
	memset(w, 0, sizeof(*w));
	list_init(&w->flying);
	snprintf(w->name, sizeof(w->name), "%s", name);
	for (unsigned i = 0; i < 2; i++) {
		start_end(w, i, seed);
		w->end[i].out = out[i];
	}
	w->sent = pcap_open(w, "sent");
	w->got = pcap_open(w, "got");
}

static void free_frames(struct list *frames)
{
	struct list *node;

	while ((node = list_pop(frames)) != NULL) {
		struct wire_frame *f =
		    container_of(node, struct wire_frame, node);

		host_cancel(arrive, f);
		free(f);
	}
}

void wire_abandon(struct wire *w)
{
	free_frames(&w->flying);
	for (unsigned i = 0; i < 2; i++)
		free_frames(&w->end[i].arrived);
	if (w->sent != NULL)
		fclose(w->sent);
	if (w->got != NULL)
		fclose(w->got);
}

void wire_stop(struct wire *w)
{
	pcap_forget(w, "sent", w->sent);
	pcap_forget(w, "got", w->got);
	wire_abandon(w);
}

void wire_set_link(struct wire *w, bool up)
{
	netdev_set_link(&w->end[0].dev, up);
	netdev_set_link(&w->end[1].dev, up);
}

/* --- Segments ------------------------------------------------------------ */

static void fill_ip(struct ip_hdr *ip, const struct wire_segment *s, size_t len)
{
	ip->version_ihl = 0x45;
	ip->total_len = be16_make((uint16_t)(sizeof(*ip) + len));
	ip->ttl = IP_TTL_DEFAULT;
	ip->proto = IP_PROTO_TCP;
	ip->src = be32_make(s->src_ip);
	ip->dst = be32_make(s->dst_ip);
	ip->checksum =
	    be16_make(checksum_finish(checksum_add(0, ip, sizeof(*ip))));
}

/* Returns the segment's length. */
static size_t fill_tcp(struct tcp_hdr *tcp, const struct wire_segment *s)
{
	size_t head =
	    sizeof(*tcp) + tcp_options_write(&s->opt, (uint8_t *)(tcp + 1));
	size_t len = head + s->len;
	uint32_t sum =
	    ip_pseudo_sum(s->src_ip, s->dst_ip, IP_PROTO_TCP, (uint32_t)len);

	tcp->src_port = be16_make(s->src_port);
	tcp->dst_port = be16_make(s->dst_port);
	tcp->seq = be32_make(s->seq);
	tcp->ack = be32_make(s->ack);
	tcp->offset = (uint8_t)(head / 4 << 4);
	tcp->flags = s->flags;
	tcp->window = be16_make(s->window);
	if (s->len > 0)
		memcpy((uint8_t *)tcp + head, s->data, s->len);
	tcp->checksum = be16_make(checksum_finish(checksum_add(sum, tcp, len)));
	return len;
}

void wire_inject_segment(
    struct wire *w, unsigned to, const struct wire_segment *s)
{
	struct {
		struct eth_hdr eth;
		struct ip_hdr ip;
		struct tcp_hdr tcp;
		uint8_t rest[TCP_OPTIONS_MAX + 1460];
	} f = { 0 };
	size_t len;

	assert(s->len <= 1460);
	memcpy(f.eth.dst, w->end[to].dev.mac, sizeof(f.eth.dst));
	memcpy(f.eth.src, w->end[!to].dev.mac, sizeof(f.eth.src));
	f.eth.type = be16_make(ETH_TYPE_IPV4);
	len = fill_tcp(&f.tcp, s);
	fill_ip(&f.ip, s, len);
	wire_inject(w, to, &f, sizeof(f.eth) + sizeof(f.ip) + len);
}
