/* SPDX-License-Identifier: MIT */
/*
 * Any frames, one behind another, into a stack that listens, connects, echoes
 * and asks for an address.  The input is a sequence of
 *
 *	2 bytes  the frame's length, big-endian; RAW: exactly as it stands
 *	1 byte   what happens before the next one: time goes by, and more
 *	the frame, without its FCS
 *
 * Unless RAW is set the checksums are put right, a unicast frame is addressed
 * to our station, our first address becomes the present one, and a DHCP reply
 * gets the transaction's number, so that mutations reach what lies behind these
 * checks.  Initial sequence numbers are ISN, and an acknowledgment of COOKIE is
 * one of the last SYN-ACK, whose number may be a cookie.  What the stack sends
 * must be sound; in the end every pool is full and every frame has one fate.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/netinet/tcp_info.h"
#include "lib/checksum.h"
#include "lib/fmt.h"
#include "lib/pool.h"
#include "lib/random.h"
#include "net/eth.h"
#include "net/icmp.h"
#include "net/ip.h"
#include "net/netdev.h"
#include "net/sock.h"
#include "net/stack.h"
#include "net/tcp.h"
#include "net/udp.h"
#include "sched/thread.h"
#include "tests/support/host_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUR_IP   0x0a000001u
#define PEER_IP  0x0a000002u
#define ISN      0x10000000u
#define COOKIE   0x0c00c1e5u
#define RAW      0x8000
#define LEN_MASK 0x07ff
#define SOCKS    6

/* Of the third byte. */
#define TIME_MASK 0x1f /* 2^(n-1) ms, at most a minute */
#define LINK_LOST 0x20
#define NOT_READ  0x40 /* the application looks away */
#define CARD_FULL 0x80

static struct {
	struct stack st;
	struct random rng;
	struct netdev dev;
	bool full;
	uint32_t cookie; /* of the last SYN-ACK */
	struct sock *listener, *udp, *active, *conn[SOCKS];
} f;

static const uint8_t our_mac[6] = { 0x52, 0x54, 0, 0, 0, 1 };
static const uint32_t isn = ISN;

#define check(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,     \
			    #condition);                                       \
			abort();                                               \
		}                                                              \
	} while (0)

/* --- What is sent -------------------------------------------------------- */

static uint16_t sum_of(const struct ip_hdr *h, const void *payload, size_t len)
{
	uint32_t pseudo = h->proto == IP_PROTO_ICMP
	                      ? 0
	                      : ip_pseudo_sum(be32_get(h->src),
	                            be32_get(h->dst), h->proto, (uint32_t)len);

	return checksum_finish(checksum_add(pseudo, payload, len));
}

static void note_cookie(const struct tcp_hdr *h)
{
	if (h->flags & TCP_SYN && h->flags & TCP_ACK)
		f.cookie = be32_get(h->seq);
}

static void check_sent(const uint8_t *b, size_t len)
{
	const struct ip_hdr *h = (const struct ip_hdr *)(b + 14);

	check(len >= 14 + 20 && len <= 1514);
	check(!memcmp(b + 6, our_mac, 6));
	if (b[12] == 8 && b[13] == 6)
		return;
	check(b[12] == 8 && b[13] == 0);
	check(h->version_ihl == 0x45 && be16_get(h->total_len) == len - 14);
	check(!checksum_finish(checksum_add(0, h, sizeof(*h))));
	check(!ip_is_loopback(be32_get(h->src)));
	check(!ip_is_loopback(be32_get(h->dst)));
	check(!sum_of(h, h + 1, len - 34));
	if (h->proto == IP_PROTO_TCP)
		note_cookie((const struct tcp_hdr *)(h + 1));
}

static bool card_tx(struct netdev *dev, struct pkt *p)
{
	uint8_t bytes[1600];

	if (f.full)
		return false;
	check(pkt_len(p) <= sizeof(bytes));
	pkt_copy_out(p, bytes);
	check_sent(bytes, pkt_len(p));
	pkt_free(p);
	return true;
}

static int card_poll(struct netdev *dev, int budget)
{
	return 0;
}

/* --- What is received ---------------------------------------------------- */

static void fix_dhcp(uint8_t *b, size_t len)
{
	if (len < 34)
		return;
	b[4] = (uint8_t)(f.dev.dhcp.xid >> 24);
	b[5] = (uint8_t)(f.dev.dhcp.xid >> 16);
	b[6] = (uint8_t)(f.dev.dhcp.xid >> 8);
	b[7] = (uint8_t)f.dev.dhcp.xid;
	memcpy(b + 28, our_mac, 6);
}

static void fix_ack(struct tcp_hdr *h)
{
	if (be32_get(h->ack) == COOKIE)
		h->ack = be32_make(f.cookie + 1);
}

/* The place of the checksum in a protocol's header, or 0. */
static size_t checksum_at(uint8_t proto)
{
	switch (proto) {
	case IP_PROTO_TCP:
		return offsetof(struct tcp_hdr, checksum);
	case IP_PROTO_UDP:
		return offsetof(struct udp_hdr, checksum);
	case IP_PROTO_ICMP:
		return offsetof(struct icmp_hdr, checksum);
	}
	return 0;
}

static void fix_payload(const struct ip_hdr *h, uint8_t *b, size_t len)
{
	size_t at = checksum_at(h->proto);
	be16 sum;

	if (!at || len < at + 2)
		return;
	if (h->proto == IP_PROTO_UDP && len >= 8 && b[2] == 0 && b[3] == 68)
		fix_dhcp(b + 8, len - 8);
	if (h->proto == IP_PROTO_TCP)
		fix_ack((struct tcp_hdr *)b);
	memset(b + at, 0, 2);
	sum = be16_make(sum_of(h, b, len));
	memcpy(b + at, &sum, 2);
}

static void fix_ip(uint8_t *b, size_t len)
{
	struct ip_hdr *h = (struct ip_hdr *)b;
	size_t header_len, total;

	if (len < sizeof(*h))
		return;
	header_len = (size_t)(h->version_ihl & 0xf) * 4;
	total = be16_get(h->total_len);
	if (header_len < sizeof(*h) || header_len > len)
		return;
	if (be32_get(h->dst) == OUR_IP && f.dev.ip.addr)
		h->dst = be32_make(f.dev.ip.addr);
	h->checksum = be16_make(0);
	h->checksum =
	    be16_make(checksum_finish(checksum_add(0, h, header_len)));
	if (total >= header_len && total <= len)
		fix_payload(h, b + header_len, total - header_len);
}

static void fix_frame(uint8_t *b, size_t len)
{
	if (len < 14)
		return;
	if (!(b[0] & 1))
		memcpy(b, our_mac, 6);
	if (b[12] == 8 && b[13] == 0)
		fix_ip(b + 14, len - 14);
}

/* --- The applications ---------------------------------------------------- */

/* Options that a peer has the application set. */
static const struct {
	uint8_t wish;
	enum sock_opt opt;
	int value;
} options[] = {
	{ 'b', SOCK_OPT_RCVBUF, 2048 },
	{ 'b', SOCK_OPT_SNDBUF, 2048 },
	{ 'b', SOCK_OPT_NODELAY, 1 },
	{ 'c', SOCK_OPT_CORK, 1 },
	{ 'k', SOCK_OPT_KEEPALIVE, 1 },
	{ 'k', SOCK_OPT_KEEPIDLE, 1 },
	{ 'k', SOCK_OPT_KEEPINTVL, 1 },
	{ 'k', SOCK_OPT_KEEPCNT, 2 },
	{ 'l', SOCK_OPT_QUICKACK, 0 },
	{ 't', SOCK_OPT_USER_TIMEOUT, 3000 },
};

/* What a peer asks the application to do with the connection: its first byte.
 * Returns whether the connection is still there. */
static bool obey(struct sock **s, uint8_t wish)
{
	static const uint8_t file[5000];
	struct tcp_info info;
	int value = 0;

	switch (wish) {
	case 'q':
		sock_close(*s);
		*s = NULL;
		return false;
	case 's':
		sock_shutdown(*s, SOCK_SHUT_WR);
		break;
	case 'r':
		sock_shutdown(*s, SOCK_SHUT_RD);
		break;
	case 'f':
		sock_send_ref(*s, file, sizeof(file), 0);
		break;
	case 'm':
		sock_send(*s, file, 100, SOCK_MORE, NULL);
		break;
	case 'u':
		sock_send(*s, file, 10, SOCK_OOB, NULL);
		break;
	case 'n':
		sock_set_congestion(*s, "reno");
		break;
	}
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].wish == wish)
			sock_set_opt(*s, options[i].opt, options[i].value);
	sock_get_opt(*s, SOCK_OPT_ATMARK, &value);
	check(sock_tcp_info(*s, &info) == 0);
	return true;
}

static void echo(struct sock **s)
{
	uint8_t buf[700];
	ptrdiff_t n = 0;

	for (unsigned i = 0; *s && i < 20; i++) {
		if (!(sock_events(*s) & SOCK_WRITABLE))
			return;
		n = sock_recv(*s, buf, sizeof(buf), 0, NULL);
		if (n <= 0)
			break;
		check(n <= (ptrdiff_t)sizeof(buf));
		check(sock_send(*s, buf, (size_t)n, 0, NULL) <= n);
		if (!obey(s, buf[0]))
			return;
	}
	if (*s && n == 0 && (sock_events(*s) & (SOCK_PEER_SHUT | SOCK_ERROR))) {
		sock_close(*s);
		*s = NULL;
	}
}

static void echo_datagrams(void)
{
	uint8_t buf[1600];
	struct sock_addr from;
	ptrdiff_t n;

	while ((n = sock_recv(f.udp, buf, sizeof(buf), 0, &from)) >= 0) {
		/* To somebody, or to ourselves, through the loopback. */
		if (n > 0 && buf[0] == 'l')
			from.ip = IP_ADDR_LOOPBACK;
		if (n > 4 && buf[0] == 'd')
			from.ip = (uint32_t)buf[1] << 24 | buf[2] << 16 |
			          buf[3] << 8 | buf[4];
		if (from.port && n < 1000)
			sock_send(f.udp, buf, (size_t)n, 0, &from);
	}
}

static void serve(void)
{
	for (unsigned i = 0; i < SOCKS; i++) {
		if (!f.conn[i])
			sock_accept(f.listener, &f.conn[i], NULL);
		echo(&f.conn[i]);
	}
	echo(&f.active);
	echo_datagrams();
}

static struct sock *bound(enum sock_type type, uint16_t port)
{
	struct sock *s = NULL;

	check(sock_create(&f.st, type, &s) == 0);
	check(sock_bind(s, &(struct sock_addr){ 0, port }) == 0);
	return s;
}

/* --- Life ---------------------------------------------------------------- */

static void run_ms(uint64_t ms)
{
	thread_sleep_until(clock_ns() + ms * NS_PER_MS);
}

static void start(void)
{
	static const struct netdev_ops ops = { .poll = card_poll,
		.tx = card_tx };
	static const struct stack_limits limits = { .packets = 48,
		.chunks = 24,
		.conns = 10,
		.time_waits = 3,
		.socks = 12,
		.sent = 256,
		.neighbours = 4 };
	const struct ip_config config = {
		.addr = OUR_IP, .mask = 0xffffff00, .gateway = PEER_IP
	};
	struct arena *a = host_test_start(2, 1u << 20);

	memset(&f, 0, sizeof(f));
	random_add(&f.rng, "fuzz_frame", 10, 128);
	check(stack_init(&f.st, &limits, a, &f.rng) == 0);
	f.st.tcp.test_isn = &isn;
	f.st.tcp.ecn = TCP_ECN_ON;
	memcpy(f.dev.mac, our_mac, 6);
	memcpy(f.dev.name, "f0", 3);
	f.dev.ops = &ops;
	f.dev.mtu = 1500;
	netdev_register(&f.st, &f.dev);
	netdev_set_link(&f.dev, true);
	ip_set_config(&f.dev, &config);
	check(dhcp_start(&f.dev, "fuzz") == 0);
	f.listener = bound(SOCK_TYPE_TCP, 7);
	check(sock_listen(f.listener, 4) == 0);
	f.udp = bound(SOCK_TYPE_UDP, 7);
	f.active = bound(SOCK_TYPE_TCP, 5000);
	sock_connect(f.active, &(struct sock_addr){ PEER_IP, 80 });
}

static void abort_sock(struct sock *s)
{
	if (!s)
		return;
	sock_set_opt(s, SOCK_OPT_LINGER, 0);
	sock_close(s);
}

static void stop(void)
{
	const struct pool *pools[] = { &f.st.packets, &f.st.chunks, &f.st.refs,
		&f.st.conns, &f.st.time_waits, &f.st.socks, &f.st.sent };
	struct dhcp *d = &f.dev.dhcp;

	netdev_tx_done(&f.dev);
	for (unsigned i = 0; i < SOCKS; i++)
		abort_sock(f.conn[i]);
	abort_sock(f.active);
	abort_sock(f.listener);
	sock_close(f.udp);
	d->state = DHCP_OFF;
	timer_disarm(&d->timer);
	timer_disarm(&d->local_timer);
	waitq_remove(&f.st.dhcp_port.wait);
	sock_close(f.st.dhcp_port.sock);
	for (unsigned i = 0; i < 200; i++)
		if (f.st.packets.in_use || f.st.conns.in_use ||
		    f.st.time_waits.in_use)
			run_ms(5000);
	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
		check(pools[i]->in_use == 0);
}

/* What people and scripts read must come out whatever happened. */
static void print_all(void)
{
	static char buf[32768];
	struct text t = { .buf = buf, .size = sizeof(buf) };

	stack_print(&f.st, &t);
	arp_print(&f.st, &t);
	tcp_print(&f.st, &t);
	tcp_print_sockets(&f.st, &t);
	check(!t.truncated);
}

static void check_ledger(void)
{
	uint64_t fates = f.st.count[COUNT_RX_DELIVERED];

	for (unsigned i = 0; i <= DROP_NO_BUFFER; i++)
		fates += f.st.drop[i];
	check(f.st.drop[DROP_UNDECIDED] == 0);
	check(f.st.count[COUNT_RX_FRAMES] == fates);
}

static void receive(const uint8_t *data, size_t len, bool raw)
{
	uint8_t *frame = malloc(len ? len : 1);

	memcpy(frame, data, len);
	if (!raw)
		fix_frame(frame, len);
	netdev_rx(&f.dev, frame, len);
	free(frame);
}

static void between(uint8_t what)
{
	unsigned n = what & TIME_MASK;

	f.full = what & CARD_FULL;
	if (what & LINK_LOST) {
		netdev_set_link(&f.dev, false);
		netdev_set_link(&f.dev, true);
	}
	if (!(what & NOT_READ))
		serve();
	if (n)
		run_ms(1u << (n > 17 ? 16 : n - 1));
	if (f.full) {
		f.full = false;
		netdev_tx_done(&f.dev);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0;

	start();
	while (size - at >= 3) {
		unsigned head = (unsigned)data[at] << 8 | data[at + 1];
		uint8_t what = data[at + 2];
		size_t len = head & LEN_MASK;

		at += 3;
		if (len > size - at)
			len = size - at;
		receive(data + at, len, head & RAW);
		between(what);
		check_ledger();
		at += len;
	}
	print_all();
	stop();
	check_ledger();
	return 0;
}
