/* SPDX-License-Identifier: MIT */
#include "tests/support/net_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "arch/host/arch_host.h"
#include "net/eth.h"
#include "net/sock_internal.h"
#include "net/tcp_cc.h"
#include "net/tcp_internal.h"
#include "sched/thread.h"
#include "tests/support/host_test.h"

#define ARENA_BYTES (8u << 20)
#define SETTLE_NS   (600 * NS_PER_S)

const uint8_t fx_mac[6] = { 0x52, 0x54, 0, 0, 0, 1 };
const uint8_t fx_second_mac[6] = { 0x52, 0x54, 0, 0, 0, 3 };
const uint8_t fx_peer_mac[6] = { 0x52, 0x54, 0, 0, 0, 2 };

const struct stack_limits fx_limits = { .packets = 128,
	.chunks = 160,
	.conns = 32,
	.time_waits = 8,
	.socks = 32,
	.sent = 256,
	.neighbours = 8 };

struct fx fx;

struct hoarded {
	struct hoarded *next;
};

static struct hoarded *hoard;

/* --- The card ------------------------------------------------------------ */

static struct fx_frame *slot(uint32_t i)
{
	return &fx.frame[(fx.head + i) % FX_FRAMES];
}

static void capture(struct netdev *dev, const struct pkt *p)
{
	struct fx_frame *f;

	if (fx.count == FX_FRAMES)
		fail_msg("more than %d frames and nobody looked", FX_FRAMES);
	f = slot(fx.count++);
	f->dev = dev;
	f->at_ns = arch_clock_ns();
	f->len = pkt_len(p);
	assert_in_range(f->len, sizeof(struct eth_hdr), 1514);
	pkt_copy_out(p, f->bytes);
	waitq_wake(&fx.captured, 1);
}

/* The neighbours answer in the bottom half, as a card's interrupt would. */
static bool answered_by_neighbour(struct netdev *dev, const struct pkt *p)
{
	const uint8_t *b = p->data;
	uint32_t target;

	if (fx.arp_by_hand || dev != &fx.dev || pkt_len(p) < 42 || b[12] != 8 ||
	    b[13] != 6 || b[21] != 1)
		return false;
	target =
	    (uint32_t)b[38] << 24 | (uint32_t)b[39] << 16 | b[40] << 8 | b[41];
	if (target != FX_PEER && target != FX_GATEWAY)
		return false;
	if (fx.arp_owed_count < 8)
		fx.arp_owed[fx.arp_owed_count++] = target;
	netdev_schedule(dev);
	return true;
}

static bool card_tx(struct netdev *dev, struct pkt *p)
{
	if (fx.card_full)
		return false;
	assert_int_equal((uintptr_t)p->data % 4, 0);
	if (!answered_by_neighbour(dev, p) && !fx.card_silent)
		capture(dev, p);
	if (fx.keeps_frames)
		list_append(&fx.card, &p->node);
	else
		pkt_free(p);
	return true;
}

static int card_poll(struct netdev *dev, int budget)
{
	struct netdev *at = fx.at;
	int done = 0;

	fx.at = dev;
	while (fx.arp_owed_count > 0) {
		inject_arp((struct fx_arp){ .op = 2,
		    .sender_ip = fx.arp_owed[--fx.arp_owed_count],
		    .target_mac = fx_mac,
		    .target_ip = FX_IP });
		done++;
	}
	fx.at = at;
	return done;
}

void fx_card_done(void)
{
	struct list *n;

	while ((n = list_pop(&fx.card)) != NULL)
		pkt_free(container_of(n, struct pkt, node));
	netdev_tx_done(&fx.dev);
}

/* --- Life ---------------------------------------------------------------- */

static const struct netdev_ops card_ops = { .poll = card_poll, .tx = card_tx };

static void plug_in(struct netdev *dev, const char *name, const uint8_t mac[6])
{
	memcpy(dev->mac, mac, 6);
	strcpy(dev->name, name);
	dev->ops = &card_ops;
	dev->mtu = 1500;
	netdev_register(&fx.st, dev);
	netdev_set_link(dev, true);
}

void fx_plug_in_second(void)
{
	plug_in(&fx.second, "fx1", fx_second_mac);
}

int fx_setup_limits(const struct stack_limits *l)
{
	const struct ip_config config = {
		.addr = FX_IP, .mask = 0xffffff00, .gateway = FX_GATEWAY
	};
	struct arena *a = host_test_start(8, ARENA_BYTES);
	struct fx_frame *frames = fx.frame;

	if (frames == NULL)
		frames = malloc(FX_FRAMES * sizeof(*frames));
	memset(&fx, 0, sizeof(fx));
	hoard = NULL;
	fx.frame = frames;
	waitq_init(&fx.captured);
	list_init(&fx.card);
	fx.c = (struct fx_conn){ .ip = FX_IP,
		.peer_ip = FX_PEER,
		.port = 80,
		.peer_port = 40000,
		.peer_isn = 0x70000000 };
	random_add(&fx.rng, "net_fixture", 11, 128);
	host_clock_advance(NS_PER_S);
	assert_int_equal(stack_init(&fx.st, l, a, &fx.rng), 0);
	fx.st.tcp.cc = &tcp_cc_reno; /* scripts know its windows by heart */
	fx.at = &fx.dev;
	plug_in(&fx.dev, "fx0", fx_mac);
	ip_set_config(&fx.dev, &config);
	/* The peer and the gateway introduce themselves. */
	inject_arp((struct fx_arp){
	    .op = 1, .sender_ip = FX_PEER, .target_ip = FX_IP });
	inject_arp((struct fx_arp){
	    .op = 1, .sender_ip = FX_GATEWAY, .target_ip = FX_IP });
	fx_forget_frames();
	memset(fx.st.count, 0, sizeof(fx.st.count));
	return 0;
}

int fx_setup(void **state)
{
	return fx_setup_limits(&fx_limits);
}

void fx_check_ledger(void)
{
	uint64_t fates = fx.st.count[COUNT_RX_DELIVERED];

	for (unsigned i = 0; i <= DROP_NO_BUFFER; i++)
		fates += fx.st.drop[i];
	assert_drop(UNDECIDED, 0);
	assert_int_equal(fx.st.count[COUNT_RX_FRAMES], fates);
}

static bool busy(void)
{
	return fx.st.conns.in_use || fx.st.time_waits.in_use ||
	       fx.st.packets.in_use;
}

int fx_teardown(void **state)
{
	uint64_t end_ns = arch_clock_ns() + SETTLE_NS;
	const struct pool *pools[] = { &fx.st.packets, &fx.st.chunks,
		&fx.st.runs, &fx.st.refs, &fx.st.conns, &fx.st.time_waits,
		&fx.st.socks, &fx.st.sent };

	fx.card_silent = true;
	fx.card_full = fx.keeps_frames = false;
	fx_card_done();
	while (busy() && arch_clock_ns() < end_ns)
		fx_run_ms(1000);
	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
		if (pools[i]->in_use)
			fail_msg("%u %s are still in use", pools[i]->in_use,
			    pools[i]->name);
	fx_check_ledger();
	return 0;
}

/* --- Time ---------------------------------------------------------------- */

void fx_run_ms(uint64_t ms)
{
	thread_sleep_until(arch_clock_ns() + ms * NS_PER_MS);
}

void fx_skip_ms(uint64_t ms)
{
	host_clock_advance(ms * NS_PER_MS);
}

uint64_t fx_now_ms(void)
{
	return arch_clock_ns() / NS_PER_MS;
}

void fx_mark(void)
{
	fx.mark_ns = arch_clock_ns();
}

uint64_t fx_since_mark_ms(void)
{
	return (fx.last_ns - fx.mark_ns) / NS_PER_MS;
}

void fx_expect_time(uint64_t from_ms, uint64_t to_ms)
{
	assert_in_range(fx_since_mark_ms(), from_ms, to_ms);
}

/* --- Frames -------------------------------------------------------------- */

void fx_inject(const void *frame, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	memcpy(copy, frame, len);
	netdev_rx(fx.at, copy, len);
	free(copy);
}

const struct fx_frame *fx_next(uint64_t within_ms)
{
	uint64_t end_ns = arch_clock_ns() + within_ms * NS_PER_MS;
	const struct fx_frame *f;

	while (!fx.count)
		if (within_ms == 0 ||
		    waitq_wait(&fx.captured, end_ns) == -ETIMEDOUT)
			break;
	if (!fx.count)
		return NULL;
	f = slot(0);
	fx.head = (fx.head + 1) % FX_FRAMES;
	fx.count--;
	fx.last_ns = f->at_ns;
	return f;
}

void fx_forget_frames(void)
{
	fx.count = 0;
}

static const struct fx_frame *must_get(const char *what, uint64_t within_ms)
{
	const struct fx_frame *f = fx_next(within_ms);

	if (f == NULL)
		fail_msg("no %s within %llu ms", what,
		    (unsigned long long)within_ms);
	if (f->dev != fx.at)
		fail_msg("the %s left by %s", what, f->dev->name);
	return f;
}

/* --- ARP ----------------------------------------------------------------- */

struct arp_frame {
	struct eth_hdr eth;
	be16 hw_type, proto_type;
	uint8_t hw_len, proto_len;
	be16 op;
	uint8_t sender_mac[6];
	be32 sender_ip;
	uint8_t target_mac[6];
	be32 target_ip;
};

void inject_arp(struct fx_arp a)
{
	struct arp_frame f = { 0 };

	if (!a.sender_mac)
		a.sender_mac = fx_peer_mac;
	memcpy(f.eth.dst, a.eth_dst ? a.eth_dst : fx.at->mac, 6);
	memcpy(f.eth.src, a.sender_mac, 6);
	f.eth.type = be16_make(ETH_TYPE_ARP);
	f.hw_type = be16_make(a.hw_type ? a.hw_type : 1);
	f.proto_type = be16_make(a.proto_type ? a.proto_type : ETH_TYPE_IPV4);
	f.hw_len = a.hw_len ? a.hw_len : 6;
	f.proto_len = a.proto_len ? a.proto_len : 4;
	f.op = be16_make(a.op);
	memcpy(f.sender_mac, a.sender_mac, 6);
	f.sender_ip = be32_make(a.sender_ip);
	if (a.target_mac)
		memcpy(f.target_mac, a.target_mac, 6);
	f.target_ip = be32_make(a.target_ip);
	fx_inject(&f, sizeof(f) - a.cut);
}

void expect_arp(struct fx_arp a, uint64_t within_ms)
{
	const struct arp_frame *f =
	    (const struct arp_frame *)must_get("ARP packet", within_ms)->bytes;

	assert_int_equal(be16_get(f->eth.type), ETH_TYPE_ARP);
	assert_memory_equal(f->eth.src, fx.at->mac, 6);
	if (a.eth_dst)
		assert_memory_equal(f->eth.dst, a.eth_dst, 6);
	assert_int_equal(be16_get(f->hw_type), 1);
	assert_int_equal(be16_get(f->proto_type), ETH_TYPE_IPV4);
	assert_int_equal(f->hw_len, 6);
	assert_int_equal(f->proto_len, 4);
	assert_int_equal(be16_get(f->op), a.op);
	assert_memory_equal(f->sender_mac, fx.at->mac, 6);
	assert_int_equal(be32_get(f->sender_ip), a.sender_ip);
	if (a.target_mac)
		assert_memory_equal(f->target_mac, a.target_mac, 6);
	assert_int_equal(be32_get(f->target_ip), a.target_ip);
}

/* --- IPv4 ---------------------------------------------------------------- */

/* RFC 1071, written for the test's own use: the code has another. */
uint16_t fx_checksum(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *b = data;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint32_t fx_pseudo(uint32_t src, uint32_t dst, uint8_t proto, size_t len)
{
	return (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff) +
	       proto + (uint32_t)len;
}

void inject_ip(struct fx_ip d)
{
	uint8_t frame[1600] = { 0 };
	struct eth_hdr *eth = (struct eth_hdr *)frame;
	struct ip_hdr *h = (struct ip_hdr *)(eth + 1);
	size_t header_len = sizeof(*h) + d.options_len;
	size_t total = header_len + d.len;

	memcpy(eth->dst, d.eth_dst ? d.eth_dst : fx.at->mac, 6);
	memcpy(eth->src, fx_peer_mac, 6);
	eth->type = be16_make(ETH_TYPE_IPV4);
	h->version_ihl =
	    d.version_ihl ? d.version_ihl : (uint8_t)(0x40 | header_len / 4);
	h->tos = d.tos;
	h->total_len = be16_make(d.total_len ? d.total_len : (uint16_t)total);
	h->id = be16_make(0x1234);
	h->frag = be16_make(d.frag);
	h->ttl = d.ttl ? d.ttl : 64;
	h->proto = d.proto;
	h->src = be32_make(d.src || d.zero_src ? d.src : FX_PEER);
	h->dst = be32_make(d.dst ? d.dst : FX_IP);
	if (d.options_len)
		memcpy(h + 1, d.options, d.options_len);
	h->checksum = be16_make((uint16_t)(fx_checksum(h, header_len, 0) ^
	                                   (d.bad_checksum ? 0x0100 : 0)));
	if (d.len)
		memcpy((uint8_t *)h + header_len, d.payload, d.len);
	fx_inject(frame, sizeof(*eth) + total + d.padding);
}

struct fx_datagram expect_ip(uint8_t proto, uint64_t within_ms)
{
	const struct fx_frame *f = must_get("IPv4 datagram", within_ms);
	const struct eth_hdr *eth = (const struct eth_hdr *)f->bytes;
	const struct ip_hdr *h = (const struct ip_hdr *)(eth + 1);
	size_t total = be16_get(h->total_len);

	assert_int_equal(be16_get(eth->type), ETH_TYPE_IPV4);
	assert_memory_equal(eth->src, fx.at->mac, 6);
	assert_int_equal(h->version_ihl, 0x45);
	assert_int_equal(total, f->len - sizeof(*eth));
	assert_int_equal(fx_checksum(h, sizeof(*h), 0), 0);
	assert_int_equal(h->proto, proto);
	fx.df = be16_get(h->frag) == IP_FRAG_DF;
	assert_true(fx.df ? proto == IP_PROTO_TCP : !be16_get(h->frag));
	return (struct fx_datagram){ .src = be32_get(h->src),
		.dst = be32_get(h->dst),
		.proto = h->proto,
		.ttl = h->ttl,
		.eth_dst = eth->dst,
		.ip = (const uint8_t *)h,
		.payload = (const uint8_t *)(h + 1),
		.len = total - sizeof(*h) };
}

void expect_icmp_error(uint8_t type, uint8_t code)
{
	struct fx_datagram d = expect_ip(IP_PROTO_ICMP, 0);
	const struct icmp_hdr *h = (const struct icmp_hdr *)d.payload;

	assert_int_equal(fx_checksum(d.payload, d.len, 0), 0);
	assert_int_equal(h->type, type);
	assert_int_equal(h->code, code);
	assert_int_equal(be32_get(h->rest), 0);
	/* RFC 1122 3.2.2: the header and at least 8 bytes, unchanged. */
	assert_true(d.len >= sizeof(*h) + sizeof(struct ip_hdr) + 8);
	assert_int_equal(d.payload[sizeof(*h)] >> 4, 4);
	assert_int_equal(
	    fx_checksum(h + 1, (d.payload[sizeof(*h)] & 0xf) * 4u, 0), 0);
}

/* --- UDP ----------------------------------------------------------------- */

void inject_udp(struct fx_udp u)
{
	uint8_t bytes[1600] = { 0 };
	struct udp_hdr *h = (struct udp_hdr *)bytes;
	uint16_t len = u.udp_len ? u.udp_len : (uint16_t)(sizeof(*h) + u.len);
	uint16_t sum;

	u.src = u.src ? u.src : FX_PEER;
	u.dst = u.dst ? u.dst : FX_IP;
	h->src_port = be16_make(u.src_port);
	h->dst_port = be16_make(u.dst_port);
	h->len = be16_make(len);
	if (u.len)
		memcpy(h + 1, u.data, u.len);
	sum = fx_checksum(bytes, len < sizeof(bytes) ? len : sizeof(bytes),
	    fx_pseudo(u.src, u.dst, 17, len));
	if (!u.no_checksum)
		h->checksum = be16_make((
		    uint16_t)((sum ? sum : 0xffff) ^ (u.bad_checksum ? 1 : 0)));
	memset(bytes + sizeof(*h) + u.len, 0xee, u.trailing);
	inject_ip((struct fx_ip){ .eth_dst = u.eth_dst,
	    .src = u.src,
	    .dst = u.dst,
	    .proto = IP_PROTO_UDP,
	    .payload = bytes,
	    .len = sizeof(*h) + u.len + u.trailing });
}

void expect_udp(struct fx_udp u, uint64_t within_ms)
{
	struct fx_datagram d = expect_ip(IP_PROTO_UDP, within_ms);
	const struct udp_hdr *h = (const struct udp_hdr *)d.payload;

	assert_int_equal(d.src, u.src ? u.src : FX_IP);
	assert_int_equal(d.dst, u.dst ? u.dst : FX_PEER);
	if (u.eth_dst)
		assert_memory_equal(d.eth_dst, u.eth_dst, 6);
	assert_int_equal(be16_get(h->len), d.len);
	assert_int_not_equal(be16_get(h->checksum), 0);
	assert_int_equal(
	    fx_checksum(h, d.len, fx_pseudo(d.src, d.dst, 17, d.len)), 0);
	if (u.src_port)
		assert_int_equal(be16_get(h->src_port), u.src_port);
	assert_int_equal(be16_get(h->dst_port), u.dst_port);
	assert_int_equal(d.len - sizeof(*h), u.len);
	if (u.len)
		assert_memory_equal(h + 1, u.data, u.len);
}

/* --- TCP: building ------------------------------------------------------- */

void fx_pattern(uint8_t *buf, bool peer, uint32_t seq, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint32_t place = seq + (uint32_t)i;

		buf[i] = (uint8_t)(place * 7 + (place >> 8) * 13 +
		                   (place >> 16) + (peer ? 101 : 0));
	}
}

static uint8_t *put_u32(uint8_t *at, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		*at++ = (uint8_t)(v >> (24 - 8 * i));
	return at;
}

static uint8_t *put_ts(uint8_t *at, const struct seg *s)
{
	at = put_u32(at, 0x0101080a);
	at = put_u32(at, s->ts_val ? s->ts_val : fx.c.peer_ts);
	return put_u32(at, s->ts_ecr ? s->ts_ecr : fx.c.seen_ts);
}

static size_t put_options(uint8_t *first, const struct seg *s)
{
	uint8_t *at = first;

	if (s->opts_len) {
		memcpy(at, s->opts, s->opts_len);
		return s->opts_len;
	}
	if (s->mss)
		at = put_u32(at, 0x02040000u | s->mss);
	if (s->sack_permitted)
		at = put_u32(at, 0x01010402);
	if (s->wscale)
		at = put_u32(at, 0x01030300u | (s->wscale - 1u));
	if (!s->no_ts && (s->ts || fx.c.ts))
		at = put_ts(at, s);
	if (s->sacks)
		at = put_u32(at, 0x01010502u + 8u * s->sacks);
	for (unsigned i = 0; i < 2u * s->sacks; i++)
		at = put_u32(at, fx.c.isn + s->sack[i]);
	return (size_t)(at - first);
}

static void put_header(struct tcp_hdr *h, const struct seg *s, size_t options)
{
	h->src_port = be16_make(s->src_port ? s->src_port : fx.c.peer_port);
	h->dst_port = be16_make(s->dst_port ? s->dst_port : fx.c.port);
	h->seq = be32_make(s->raw ? s->seq : fx.c.peer_isn + s->seq);
	if (s->flags & A)
		h->ack = be32_make(s->raw ? s->ack : fx.c.isn + s->ack);
	h->offset = (uint8_t)((s->offset ? s->offset : 5 + options / 4) << 4);
	h->flags = s->flags;
	h->window = be16_make(s->wnd == ZERO_WND ? 0
	                      : s->wnd           ? (uint16_t)s->wnd
	                                         : 65535);
	h->urgent = be16_make(s->urgent);
}

void inject_seg(struct seg s)
{
	uint8_t bytes[1600] = { 0 };
	struct tcp_hdr *h = (struct tcp_hdr *)bytes;
	size_t options = put_options(bytes + sizeof(*h), &s);
	size_t header_len = sizeof(*h) + options;
	size_t len = header_len + s.len;
	uint32_t src = s.src_ip ? s.src_ip : fx.c.peer_ip;
	uint32_t dst = s.dst_ip ? s.dst_ip : fx.c.ip;
	uint16_t sum;

	put_header(h, &s, options);
	if (s.data)
		memcpy(bytes + header_len, s.data, s.len);
	else
		fx_pattern(
		    bytes + header_len, true, s.seq + !!(s.flags & S), s.len);
	sum = fx_checksum(bytes, len, fx_pseudo(src, dst, 6, len));
	h->checksum = be16_make((uint16_t)(sum ^ (s.bad_checksum ? 0x10 : 0)));
	inject_ip((struct fx_ip){ .src = src,
	    .dst = dst,
	    .eth_dst = s.eth_dst,
	    .proto = IP_PROTO_TCP,
	    .tos = s.ecn,
	    .payload = bytes,
	    .len = len });
}

/* --- TCP: looking -------------------------------------------------------- */

static const char *flag_text(uint8_t flags)
{
	static char text[4][9];
	static unsigned turn;
	char *at = text[++turn % 4];

	for (unsigned i = 0; i < 8; i++)
		if (flags >> i & 1)
			*at++ = "FSRPAUEC"[i];
	*at = '\0';
	return text[turn % 4];
}

static void wrong(const struct seg *want, const struct seg *got, const char *x)
{
	fail_msg("%s: expected %s seq %u ack %u len %u wnd %d mss %u, "
	         "got %s seq %u ack %u len %u wnd %d mss %u at %llu ms",
	    x, flag_text(want->flags), want->seq, want->ack, want->len,
	    want->wnd, want->mss, flag_text(got->flags), got->seq, got->ack,
	    got->len, got->wnd, got->mss,
	    (unsigned long long)(fx.last_ns / NS_PER_MS));
}

/* The options that a segment of ours may have (MUST-65). */
static void sent_options(
    struct seg *got, const struct tcp_hdr *h, size_t options)
{
	struct tcp_options o;

	tcp_options_parse(&o, (const uint8_t *)(h + 1), options);
	if (!(h->flags & S)) {
		assert_int_equal(o.mss, 0);
		assert_int_equal(o.wscale, TCP_NO_WSCALE);
		assert_false(o.sack_permitted);
	}
	if (h->flags & R)
		assert_int_equal(options, 0);
	got->mss = o.mss;
	got->wscale = (uint8_t)(o.wscale + 1);
	got->sack_permitted = o.sack_permitted;
	got->ts = o.has_ts;
	got->ts_val = o.ts_val;
	got->ts_ecr = o.ts_ecr;
	got->sacks = o.sack_count;
	for (unsigned i = 0; i < o.sack_count; i++) {
		got->sack[2 * i] = o.sack[i].start;
		got->sack[2 * i + 1] = o.sack[i].end;
	}
}

/* Absolute numbers; *data points at the bytes. */
static struct seg parse_seg(const struct fx_datagram *d)
{
	const struct tcp_hdr *h = (const struct tcp_hdr *)d->payload;
	size_t header_len = (size_t)(h->offset >> 4) * 4;
	struct seg got;

	assert_true(d->len >= header_len && header_len >= sizeof(*h));
	assert_int_equal(fx_checksum(d->payload, d->len,
	                     fx_pseudo(d->src, d->dst, 6, d->len)),
	    0);
	assert_int_equal(h->offset & 0xf, 0);
	got = (struct seg){ .seq = be32_get(h->seq),
		.ack = be32_get(h->ack),
		.flags = h->flags,
		.wnd = be16_get(h->window),
		.urgent = be16_get(h->urgent),
		.len = (uint32_t)(d->len - header_len),
		.data = d->payload + header_len,
		.ecn = d->ip[1],
		.src_ip = d->src,
		.dst_ip = d->dst,
		.src_port = be16_get(h->src_port),
		.dst_port = be16_get(h->dst_port) };
	sent_options(&got, h, header_len - sizeof(*h));
	return got;
}

/* Learns our ISN from a SYN; makes the numbers relative. */
static void relate(struct seg *got)
{
	if (got->flags & S)
		fx.c.isn = got->seq;
	got->seq -= fx.c.isn;
	if (got->flags & A)
		got->ack -= fx.c.peer_isn;
	if (got->ts)
		fx.c.seen_ts = got->ts_val;
	for (unsigned i = 0; i < 2u * got->sacks; i++)
		got->sack[i] -= fx.c.peer_isn;
}

static void check_ports(const struct seg *want, const struct seg *got)
{
	uint16_t src = want->src_port ? want->src_port : fx.c.port;
	uint16_t dst = want->dst_port ? want->dst_port : fx.c.peer_port;

	if (got->src_port != src || got->dst_port != dst)
		wrong(want, got, "other ports");
	assert_int_equal(got->src_ip, want->src_ip ? want->src_ip : fx.c.ip);
	assert_int_equal(
	    got->dst_ip, want->dst_ip ? want->dst_ip : fx.c.peer_ip);
}

static void check_data(const struct seg *want, const struct seg *got)
{
	uint8_t expected[1600];

	if (want->data)
		memcpy(expected, want->data, want->len);
	else
		fx_pattern(expected, false, want->seq, want->len);
	assert_memory_equal(got->data, expected, want->len);
}

static void check_sacks(const struct seg *want, const struct seg *got)
{
	if (got->sacks != want->sacks)
		fail_msg("%u SACK blocks for %u, the first %u to %u",
		    got->sacks, want->sacks, got->sack[0], got->sack[1]);
	for (unsigned i = 0; i < 2u * want->sacks; i++)
		assert_int_equal(got->sack[i], want->sack[i]);
}

static void check_options(const struct seg *want, const struct seg *got)
{
	bool ts = want->ts || fx.c.ts;

	if (want->mss && got->mss != want->mss)
		wrong(want, got, "mss");
	if (want->ts_val && got->ts_val != want->ts_val)
		wrong(want, got, "TSval");
	if (want->ts_ecr && got->ts_ecr != want->ts_ecr)
		wrong(want, got, "TSecr");
	if (want->wscale && got->wscale != want->wscale)
		wrong(want, got, "window scale");
	if (want->sack_permitted && !got->sack_permitted)
		wrong(want, got, "SACK-permitted missing");
	if (want->flags & S)
		return;
	if (got->ts != (ts && !want->no_ts && !(want->flags & R)))
		wrong(want, got, "timestamps");
	check_sacks(want, got);
}

static void compare(const struct seg *want, const struct seg *got)
{
	int32_t wnd = want->wnd == ZERO_WND ? 0 : want->wnd;

	if (got->flags != want->flags)
		wrong(want, got, "flags");
	if (got->seq != want->seq)
		wrong(want, got, "seq");
	if (want->flags & A && !want->any_ack && got->ack != want->ack)
		wrong(want, got, "ack");
	if (!(want->flags & A) && got->ack)
		wrong(want, got, "ack number without ACK");
	if (got->ecn != want->ecn)
		wrong(want, got, "ECN field");
	if (got->len != want->len)
		wrong(want, got, "len");
	if (got->urgent != want->urgent)
		wrong(want, got, "urgent pointer");
	if (want->wnd && got->wnd != wnd)
		wrong(want, got, "wnd");
	check_options(want, got);
	check_data(want, got);
}

struct seg fx_any_seg(uint64_t within_ms)
{
	struct fx_datagram d = expect_ip(IP_PROTO_TCP, within_ms);
	struct seg got = parse_seg(&d);

	relate(&got);
	return got;
}

void expect_seg_within(struct seg want, uint64_t ms)
{
	struct fx_datagram d = expect_ip(IP_PROTO_TCP, ms);
	struct seg got = parse_seg(&d);

	check_ports(&want, &got);
	if (!want.raw)
		relate(&got);
	compare(&want, &got);
}

void expect_seg(struct seg want)
{
	expect_seg_within(want, 0);
}

void expect_nothing(uint64_t ms)
{
	const struct fx_frame *f = fx_next(ms);
	struct fx_datagram d;
	struct seg got, none = { 0 };

	if (f == NULL)
		return;
	if (f->bytes[12] != 8 || f->bytes[13] != 0 || f->bytes[23] != 6)
		fail_msg("an unexpected frame of %zu bytes, type %02x%02x",
		    f->len, f->bytes[12], f->bytes[13]);
	fx.head = (fx.head + FX_FRAMES - 1) % FX_FRAMES;
	fx.count++;
	d = expect_ip(IP_PROTO_TCP, 0);
	got = parse_seg(&d);
	relate(&got);
	wrong(&none, &got, "nothing expected");
}

/* --- TCP: sockets -------------------------------------------------------- */

struct sock *fx_listen(uint16_t port, int backlog)
{
	struct sock *s = NULL;

	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_TCP, &s), 0);
	assert_int_equal(sock_bind(s, &(struct sock_addr){ .port = port }), 0);
	assert_int_equal(sock_listen(s, backlog), 0);
	return s;
}

struct sock *fx_accepted(uint16_t mss, int32_t wnd)
{
	struct sock *l = fx_listen(fx.c.port, 4);
	struct sock *s = NULL;

	in(.flags = S, .mss = mss, .wnd = wnd);
	out(.flags = SA, .ack = 1);
	in(.flags = A, .seq = 1, .ack = 1, .wnd = wnd);
	expect_nothing(0);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	sock_close(l);
	expect_nothing(0);
	return s;
}

struct sock *fx_connecting(void)
{
	const struct sock_addr to = { fx.c.peer_ip, fx.c.peer_port };
	struct sock_addr from;
	struct sock *s = NULL;

	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_TCP, &s), 0);
	assert_int_equal(sock_connect(s, &to), -EINPROGRESS);
	sock_get_local(s, &from);
	fx.c.port = from.port;
	out(.flags = S);
	return s;
}

struct sock *fx_connected(uint16_t mss, int32_t wnd)
{
	struct sock *s = fx_connecting();
	const struct sock_addr to = { fx.c.peer_ip, fx.c.peer_port };

	in(.flags = SA, .ack = 1, .mss = mss, .wnd = wnd);
	out(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(sock_connect(s, &to), 0);
	return s;
}

static struct tcp_tuple tuple(void)
{
	return (struct tcp_tuple){ { fx.c.ip, fx.c.port },
		{ fx.c.peer_ip, fx.c.peer_port } };
}

struct tcp_conn *fx_tcp(void)
{
	const struct tcp_tuple t = tuple();

	return tcp_conn_find(&fx.st, &t);
}

void fx_skip(struct sock *s)
{
	const uint32_t n = 0x30000000;

	for (unsigned i = 0; i < 4; i++) {
		struct tcp_conn *c = fx_tcp();

		assert_int_equal(c->snd_una, c->snd_nxt);
		c->snd_una += n;
		c->snd_nxt += n;
		c->snd_small += n;
		c->snd_wl2 += n;
		c->rack.fack += n;
		fx.c.isn += n;
		fx_send(s, 1);
		in(.flags = TCP_ACK, .seq = c->rcv_nxt - fx.c.peer_isn,
		    .ack = c->snd_nxt - fx.c.isn);
	}
	fx_forget_frames();
}

int fx_state(void)
{
	const struct tcp_tuple t = tuple();
	const struct tcp_conn *c = fx_tcp();

	if (c != NULL)
		return c->state;
	return tcp_tw_find(&fx.st, &t) ? TCP_TIME_WAIT : TCP_CLOSED;
}

void fx_next_conn(void)
{
	fx_forget_frames();
	fx.c.peer_port++;
	if (fx.c.peer_port == 65535)
		fx.c.peer_port = 1024;
	fx.c.sent = fx.c.received = 0;
	fx.c.ts = false;
}

void fx_hoard(struct pool *p)
{
	struct hoarded *h;

	assert_null(hoard);
	while ((h = pool_get(p)) != NULL) {
		h->next = hoard;
		hoard = h;
	}
}

void fx_hoard_give(struct pool *p, unsigned n)
{
	while (n-- > 0 && hoard != NULL) {
		struct hoarded *h = hoard;

		hoard = h->next;
		pool_put(p, h);
	}
}

ptrdiff_t fx_send_flags(struct sock *s, size_t len, int flags)
{
	uint8_t *buf = malloc(len);
	ptrdiff_t n;

	fx_pattern(buf, false, fx.c.sent + 1, len);
	n = sock_send(s, buf, len, flags, NULL);
	free(buf);
	if (n > 0)
		fx.c.sent += (uint32_t)n;
	return n;
}

ptrdiff_t fx_send(struct sock *s, size_t len)
{
	return fx_send_flags(s, len, 0);
}

size_t fx_read(struct sock *s, size_t max)
{
	uint8_t got[4096], want[4096];
	size_t total = 0;

	while (total < max) {
		size_t ask = max - total;
		ptrdiff_t n = sock_recv(
		    s, got, ask < sizeof(got) ? ask : sizeof(got), 0, NULL);

		if (n <= 0)
			break;
		fx_pattern(want, true, fx.c.received + 1, (size_t)n);
		assert_memory_equal(got, want, (size_t)n);
		fx.c.received += (uint32_t)n;
		total += (size_t)n;
	}
	return total;
}

ptrdiff_t fx_recv_state(struct sock *s)
{
	uint8_t byte;
	ptrdiff_t n = sock_recv(s, &byte, 1, 0, NULL);

	assert_true(n <= 0);
	return n;
}

void fx_abort(struct sock *s)
{
	bool silent = fx.card_silent;

	fx.card_silent = true;
	sock_set_opt(s, SOCK_OPT_LINGER, 0);
	sock_close(s);
	fx.card_silent = silent;
}
