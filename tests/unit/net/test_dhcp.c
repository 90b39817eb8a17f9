/* SPDX-License-Identifier: MIT */
/*
 * The DHCP client (RFC 2131, RFC 2132) and its link-local fallback (RFC 3927).
 * The test is the server, and whoever else is on the link.
 */
#include "tests/support/net_fixture.h"

#include "net/dhcp.h"
#include "net/eth.h"

#define SERVER FX_GATEWAY
#define OTHER  0x0a0000fdu /* another server */
#define LEASED FX_IP

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK };

static const uint8_t mac_b[6] = { 2, 0, 0, 0, 0, 0xb };

static int setup(void **state)
{
	const struct ip_config no_address = { 0 };

	fx_setup(state);
	ip_set_config(&fx.dev, &no_address);
	fx_run_ms(10);
	assert_int_equal(dhcp_start(&fx.dev, "ringlet"), 0);
	fx_mark();
	return 0;
}

static int teardown(void **state)
{
	struct dhcp *d = &fx.dev.dhcp;

	d->state = DHCP_OFF;
	timer_disarm(&d->timer);
	timer_disarm(&d->local_timer);
	waitq_remove(&fx.st.dhcp_port.wait);
	sock_close(fx.st.dhcp_port.sock);
	return fx_teardown(state);
}

#define dhcp_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* --- What the client says ------------------------------------------------ */

struct message {
	uint8_t type;
	uint32_t src, dst;
	bool broadcast; /* by the link */
	uint16_t flags, secs;
	uint32_t xid, ciaddr, requested, server;
	char hostname[80];
	uint8_t wanted[32];
	size_t wanted_len, len;
	uint64_t at_ms;
};

/* ARP packets met on the way to the next message. */
static struct {
	uint32_t target, sender;
	uint64_t at_ms;
} arps[256];
static unsigned arp_count;

static uint32_t get32(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	       (uint32_t)b[2] << 8 | b[3];
}

static void read_option(
    struct message *m, uint8_t code, const uint8_t *o, uint8_t len)
{
	if (code == 53)
		m->type = o[0];
	if (code == 50)
		m->requested = get32(o);
	if (code == 54)
		m->server = get32(o);
	if (code == 12)
		memcpy(m->hostname, o, len);
	if (code == 55) {
		memcpy(m->wanted, o, len);
		m->wanted_len = len;
	}
}

static void read_options(struct message *m, const uint8_t *o, size_t len)
{
	size_t i = 0;

	while (o[i] != 255) {
		if (o[i] == 0) {
			i++;
			continue;
		}
		read_option(m, o[i], o + i + 2, o[i + 1]);
		i += 2u + o[i + 1];
		assert_true(i < len); /* END comes last */
	}
}

static struct message read_message(const struct fx_frame *f)
{
	const uint8_t *ip = f->bytes + 14, *udp = ip + 20, *b = udp + 8;
	size_t len = f->len - 42;
	struct message m = { .len = len, .at_ms = f->at_ns / NS_PER_MS };

	assert_int_equal(ip[9], 17);
	assert_int_equal(get32(udp), 68u << 16 | 67);
	assert_int_equal(udp[4] << 8 | udp[5], len + 8);
	m.src = get32(ip + 12);
	m.dst = get32(ip + 16);
	assert_int_equal(
	    fx_checksum(udp, len + 8, fx_pseudo(m.src, m.dst, 17, len + 8)), 0);
	m.broadcast = memcmp(f->bytes, eth_broadcast, 6) == 0;
	assert_true(len >= 300); /* RFC 1542 2.1 */
	assert_memory_equal(b, "\1\1\6\0", 4);
	m.xid = get32(b + 4);
	m.secs = (uint16_t)(b[8] << 8 | b[9]);
	m.flags = (uint16_t)(b[10] << 8 | b[11]);
	m.ciaddr = get32(b + 12);
	for (size_t i = 16; i < 28; i++)
		assert_int_equal(b[i], 0); /* yiaddr, siaddr, giaddr */
	assert_memory_equal(b + 28, f->dev->mac, 6);
	assert_int_equal(get32(b + 236), 0x63825363);
	read_options(&m, b + 240, len - 240);
	return m;
}

static void note_arp(const struct fx_frame *f)
{
	if (arp_count == 256)
		fail_msg("a flood of ARP packets");
	arps[arp_count].target = get32(f->bytes + 38);
	arps[arp_count].sender = get32(f->bytes + 28);
	arps[arp_count++].at_ms = f->at_ns / NS_PER_MS;
}

/* The next message within ms; type 0 when none comes. */
static struct message next_message(uint64_t ms)
{
	uint64_t end = fx_now_ms() + ms;
	const struct fx_frame *f;

	arp_count = 0;
	for (;;) {
		uint64_t now = fx_now_ms();

		f = fx_next(now < end ? end - now : 0);
		if (f == NULL)
			return (struct message){ 0 };
		if (f->bytes[13] == 0)
			return read_message(f);
		note_arp(f);
	}
}

static struct message says(uint8_t type, uint64_t within_ms)
{
	struct message m = next_message(within_ms);

	if (m.type != type)
		fail_msg("expected message %u, got %u at %llu ms", type, m.type,
		    (unsigned long long)fx_now_ms());
	return m;
}

static void says_nothing(uint64_t ms)
{
	assert_int_equal(next_message(ms).type, 0);
}

/* --- What a server says -------------------------------------------------- */

struct reply {
	uint8_t type;
	uint32_t yiaddr, mask, router, dns, server;
	uint32_t lease, t1, t2; /* 0: absent, as the others */
	uint32_t xid;           /* 0: the client's */
	const uint8_t *chaddr;  /* NULL: the client's */
	uint8_t op;             /* 0: BOOTREPLY */
	uint32_t magic;
	const uint8_t *first; /* raw options before the others */
	size_t first_len;
	const char *file, *sname; /* raw options there */
	size_t cut;               /* bytes missing at the end */
	bool unicast, usual;
};

static uint32_t their_xid;

static void put32(uint8_t *b, uint32_t v)
{
	b[0] = (uint8_t)(v >> 24);
	b[1] = (uint8_t)(v >> 16);
	b[2] = (uint8_t)(v >> 8);
	b[3] = (uint8_t)v;
}

static size_t put_option(uint8_t *o, uint8_t code, uint32_t value)
{
	if (!value)
		return 0;
	o[0] = code;
	o[1] = 4;
	put32(o + 2, value);
	return 6;
}

static void fill_in(struct reply *r)
{
	r->yiaddr = r->yiaddr ? r->yiaddr : LEASED;
	r->mask = r->mask ? r->mask : 0xffffff00;
	r->server = r->server ? r->server : SERVER;
	r->lease = r->lease ? r->lease : 1000;
	r->router = FX_GATEWAY;
	r->dns = 0x09090909;
}

/* Returns the length of the message in b. */
static size_t build(uint8_t *b, const struct reply *what)
{
	struct reply filled = *what, *r = &filled;
	size_t n = 240;

	if (r->usual)
		fill_in(r);
	memset(b, 0, 240);
	b[0] = r->op ? r->op : 2;
	b[1] = 1;
	b[2] = 6;
	put32(b + 4, r->xid ? r->xid : their_xid);
	put32(b + 16, r->yiaddr);
	memcpy(b + 28, r->chaddr ? r->chaddr : fx.at->mac, 6);
	if (r->sname)
		memcpy(b + 44, r->sname, 10);
	if (r->file)
		memcpy(b + 108, r->file, 10);
	put32(b + 236, r->magic ? r->magic : 0x63825363);
	if (r->first_len)
		memcpy(b + n, r->first, r->first_len);
	n += r->first_len;
	memcpy(b + n, (const uint8_t[]){ 53, 1, r->type }, 3);
	n += 3;
	n += put_option(b + n, 54, r->server);
	n += put_option(b + n, 51, r->lease);
	n += put_option(b + n, 58, r->t1);
	n += put_option(b + n, 59, r->t2);
	n += put_option(b + n, 1, r->mask);
	n += put_option(b + n, 3, r->router);
	n += put_option(b + n, 6, r->dns);
	b[n++] = 255;
	return n - r->cut;
}

static void inject_bytes(const uint8_t *b, size_t len, bool unicast)
{
	inject_udp((struct fx_udp){ .src = SERVER,
	    .dst = unicast ? LEASED : 0xffffffff,
	    .eth_dst = unicast ? fx.at->mac : eth_broadcast,
	    .src_port = 67,
	    .dst_port = 68,
	    .data = b,
	    .len = len });
}

static void inject_reply(struct reply r)
{
	uint8_t b[600];
	size_t len = build(b, &r);

	inject_bytes(b, len, r.unicast);
}

#define reply(...) inject_reply((struct reply){ __VA_ARGS__ })

/* The usual offer; fields that are said otherwise stay so. */
#define OFFERED .usual = true

/* Up to the REQUEST for what was offered. */
static struct message requested(void)
{
	struct message m = says(DISCOVER, 5000);

	their_xid = m.xid;
	reply(.type = OFFER, OFFERED);
	return says(REQUEST, 0);
}

static void bound_for(uint32_t lease)
{
	requested();
	reply(.type = ACK, OFFERED, .lease = lease);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	fx_forget_frames();
	fx_mark();
}

static uint64_t since_mark_ms(void)
{
	return fx_now_ms() - fx.mark_ns / NS_PER_MS;
}

/* --- The exchange -------------------------------------------------------- */

/* RFC 2131 table 5 */
static void first_message_is_a_discover(void **state)
{
	struct message m = says(DISCOVER, 0);

	assert_int_equal(m.src, 0);
	assert_int_equal(m.dst, 0xffffffff);
	assert_true(m.broadcast);
	assert_int_equal(m.flags, 0x8000);
	assert_int_equal(m.secs, 0);
	assert_int_equal(m.ciaddr, 0);
	assert_int_equal(m.requested | m.server, 0);
	assert_string_equal(m.hostname, "ringlet");
	for (size_t i = 0; i < 3; i++)
		assert_non_null(memchr(m.wanted, "\1\3\6"[i], m.wanted_len));
	assert_count(DHCP_SENT, 1);
}

static void offer_is_requested_and_bound(void **state)
{
	struct message d = says(DISCOVER, 0), r;

	their_xid = d.xid;
	fx_run_ms(100);
	reply(.type = OFFER, OFFERED);
	r = says(REQUEST, 0);
	assert_int_equal(r.xid, d.xid);
	assert_int_equal(r.requested, LEASED);
	assert_int_equal(r.server, SERVER);
	assert_int_equal(r.ciaddr, 0);
	assert_int_equal(r.src, 0);
	assert_true(r.broadcast && r.flags == 0x8000);
	assert_int_equal(fx.dev.ip.addr, 0);
	reply(.type = ACK, OFFERED);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	assert_int_equal(fx.dev.ip.mask, 0xffffff00);
	assert_int_equal(fx.dev.ip.gateway, FX_GATEWAY);
	assert_int_equal(fx.dev.ip.dns, 0x09090909);
	assert_int_equal(fx.dev.dhcp.state, DHCP_BOUND);
	says_nothing(400 * 1000);
	assert_in_range(arp_count, 1, 3);
	for (unsigned i = 0; i < arp_count; i++) { /* announced */
		assert_int_equal(arps[i].target, LEASED);
		assert_int_equal(arps[i].sender, LEASED);
	}
	assert_count(DHCP_IGNORED, 0);
	assert_count(DHCP_RECEIVED, 2);
}

/* A server may answer to the address that it offers (flags permitting). */
static void unicast_answers_are_taken(void **state)
{
	struct message d = says(DISCOVER, 0);

	their_xid = d.xid;
	reply(.type = OFFER, OFFERED, .unicast = true);
	says(REQUEST, 0);
	reply(.type = ACK, OFFERED, .unicast = true);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	fx_forget_frames();
}

static bool noted(struct wait_entry *e, uint32_t events)
{
	fx.c.received++;
	return true;
}

static void new_address_wakes_who_waits_for_it(void **state)
{
	struct wait_entry e = { .wake = noted };

	requested();
	waitq_add(&fx.st.changed, &e);
	reply(.type = ACK, OFFERED);
	assert_true(fx.c.received > 0);
	waitq_remove(&e);
	fx_forget_frames();
}

/* --- Losses -------------------------------------------------------------- */

/* RFC 2131 4.1: 4, 8, 16, 32, 64 s, each give or take one. */
static void discover_backs_off(void **state)
{
	static const unsigned base[] = { 4, 8, 16, 32, 64, 64, 64 };
	uint64_t last = says(DISCOVER, 0).at_ms, whole = 0;

	for (size_t i = 0; i < 7; i++) {
		struct message m = says(DISCOVER, 70 * 1000);

		assert_in_range(m.at_ms - last, (base[i] - 1) * 1000,
		    (base[i] + 1) * 1000 + 2);
		whole += (m.at_ms - last) % 1000 == 0;
		last = m.at_ms;
		assert_int_equal(m.src, 0);
	}
	assert_true(whole < 4); /* drawn at random */
	fx_forget_frames();
}

static void secs_tell_since_when_and_do_not_wrap(void **state)
{
	struct message m = says(DISCOVER, 0), n = says(DISCOVER, 6000);

	assert_int_equal(n.xid, m.xid);
	assert_in_range(n.secs, 3, 5);
	fx.card_silent = true;
	fx_run_ms(19ull * 3600 * 1000);
	fx.card_silent = false;
	n = says(DISCOVER, 70 * 1000);
	assert_int_equal(n.secs, 65535);
	fx_forget_frames();
}

/* RFC 2131 3.1 step 3: MUST use the same value of secs as the DISCOVER. */
static void request_has_the_secs_of_the_discover(void **state)
{
	struct message d, r;

	says(DISCOVER, 0);
	d = says(DISCOVER, 6000);
	their_xid = d.xid;
	fx_run_ms(2500);
	reply(.type = OFFER, OFFERED);
	r = says(REQUEST, 0);
	assert_int_equal(r.secs, d.secs);
	r = says(REQUEST, 6000);
	assert_int_equal(r.secs, d.secs);
	fx_forget_frames();
}

/* RFC 2131 3.1 step 5: perhaps four times in all, then from the start. */
static void unanswered_request_starts_anew(void **state)
{
	static const unsigned base[] = { 4, 8, 16 };
	struct message first = requested(), m;
	uint64_t last = first.at_ms;

	for (size_t i = 0; i < 3; i++) {
		m = says(REQUEST, 20 * 1000);
		assert_int_equal(m.requested, LEASED);
		assert_int_equal(m.xid, first.xid);
		assert_in_range(m.at_ms - last, (base[i] - 1) * 1000,
		    (base[i] + 1) * 1000 + 2);
		last = m.at_ms;
	}
	m = says(DISCOVER, 40 * 1000);
	assert_int_not_equal(m.xid, first.xid);
	assert_int_equal(m.requested, 0);
	fx_forget_frames();
}

static void empty_packet_pool_is_a_loss(void **state)
{
	says(DISCOVER, 0);
	fx_hoard(&fx.st.packets);
	fx_run_ms(6000);
	fx_hoard_give(&fx.st.packets, FX_ANY);
	says(DISCOVER, 15 * 1000);
	fx_forget_frames();
}

static void no_socket_is_an_error(void **state)
{
	fx_setup(state);
	fx_hoard(&fx.st.socks);
	assert_int_equal(dhcp_start(&fx.dev, "x"), -ENOBUFS);
	assert_int_equal(fx.dev.dhcp.state, DHCP_OFF);
	fx_hoard_give(&fx.st.socks, FX_ANY);
}

static void long_hostname_is_cut(void **state)
{
	static const char name[] =
	    "a123456789b123456789c123456789d123456789e123456789f12345678"
	    "9g123456789";

	teardown(state);
	fx_setup(state);
	ip_set_config(&fx.dev, &(struct ip_config){ 0 });
	assert_int_equal(dhcp_start(&fx.dev, name), 0);
	assert_int_equal(strlen(says(DISCOVER, 0).hostname), 63);
}

/* --- NAK ----------------------------------------------------------------- */

static void nak_starts_anew(void **state)
{
	struct message r = requested(), d;

	reply(.type = NAK, .server = SERVER);
	d = says(DISCOVER, 6000);
	assert_int_not_equal(d.xid, r.xid);
	their_xid = d.xid;
	reply(.type = OFFER, OFFERED);
	says(REQUEST, 0);
	reply(.type = ACK, OFFERED);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	fx_forget_frames();
}

/* A server that offers and refuses for ever must not keep the link busy. */
static void nak_after_nak_is_no_storm(void **state)
{
	uint64_t end = fx_now_ms() + 60 * 1000;
	unsigned turns = 0;

	while (fx_now_ms() < end) {
		requested();
		reply(.type = NAK, .server = SERVER);
		turns++;
	}
	assert_in_range(turns, 2, 61);
	fx_forget_frames();
}

/* --- The lease ----------------------------------------------------------- */

/* RFC 2131 4.4.5: T1 is half of the lease: unicast to its server. */
static void lease_is_renewed_at_half_time(void **state)
{
	struct message m;

	bound_for(1000);
	m = says(REQUEST, 510 * 1000);
	assert_in_range(since_mark_ms(), 499000, 501000);
	assert_int_equal(m.src, LEASED);
	assert_int_equal(m.dst, SERVER);
	assert_false(m.broadcast);
	assert_int_equal(m.ciaddr, LEASED);
	assert_int_equal(m.requested | m.server, 0); /* MUST NOT */
	assert_int_equal(m.flags, 0);
	their_xid = m.xid;
	reply(.type = ACK, OFFERED, .unicast = true);
	assert_int_equal(fx.dev.dhcp.state, DHCP_BOUND);
	fx_mark();
	says(REQUEST, 510 * 1000);
	assert_in_range(since_mark_ms(), 499000, 501000);
	assert_int_equal(fx.dev.ip.addr, LEASED);
}

static void server_may_set_both_times(void **state)
{
	struct message m;

	requested();
	reply(.type = ACK, OFFERED, .t1 = 100, .t2 = 150);
	fx_mark();
	m = says(REQUEST, 110 * 1000);
	assert_in_range(since_mark_ms(), 99000, 101000);
	assert_int_equal(m.dst, SERVER);
	m = says(REQUEST, 60 * 1000);
	assert_in_range(since_mark_ms(), 149000, 151000);
	assert_true(m.broadcast);
}

/* RFC 2131 4.4.5: T2 after 7/8: broadcast, to whoever is there. */
static void lease_is_rebound_by_anybody(void **state)
{
	struct message m;
	uint64_t last;

	bound_for(10000);
	last = says(REQUEST, 5010 * 1000).at_ms;
	for (;;) {
		m = says(REQUEST, 3000 * 1000);
		/* half of what is left, but not within a minute */
		if (m.broadcast)
			break;
		assert_true(m.at_ms - last >= 60 * 1000);
		assert_int_equal(m.dst, SERVER);
		last = m.at_ms;
	}
	assert_in_range(since_mark_ms(), 8749000, 8752000);
	assert_int_equal(m.dst, 0xffffffff);
	assert_int_equal(m.src, LEASED);
	assert_int_equal(m.ciaddr, LEASED);
	assert_int_equal(m.requested | m.server, 0);
	their_xid = m.xid;
	reply(.type = ACK, .yiaddr = LEASED, .mask = 0xffffff00,
	    .server = OTHER, .lease = 1000);
	assert_int_equal(fx.dev.dhcp.state, DHCP_BOUND);
	assert_int_equal(fx.dev.dhcp.server, OTHER);
	assert_int_equal(fx.dev.ip.addr, LEASED);
}

static void expired_lease_is_given_up(void **state)
{
	struct message m;

	bound_for(400);
	do
		m = next_message(500 * 1000);
	while (m.type == REQUEST);
	assert_int_equal(m.type, DISCOVER);
	assert_in_range(since_mark_ms(), 399000, 402000);
	assert_int_equal(fx.dev.ip.addr, 0);
	assert_int_equal(m.ciaddr, 0);
	assert_int_equal(m.src, 0);
	says(DISCOVER, 6000);
	fx_run_ms(10000);
	assert_int_equal(fx.dev.ip.addr >> 16, 0xa9fe);
	fx_forget_frames();
}

static void refused_renewal_takes_the_address(void **state)
{
	bound_for(1000);
	their_xid = says(REQUEST, 510 * 1000).xid;
	reply(.type = NAK, .server = SERVER);
	assert_int_equal(fx.dev.ip.addr, 0);
	says(DISCOVER, 6000);
	fx_forget_frames();
}

/* RFC 2132 9.2: all ones is for ever. */
static void endless_lease_is_left_in_peace(void **state)
{
	bound_for(0xffffffff);
	fx_skip_ms(1000);
	says_nothing(100ull * 24 * 3600 * 1000);
	assert_int_equal(fx.dev.ip.addr, LEASED);
}

static void missing_options_have_defaults(void **state)
{
	requested();
	reply(.type = ACK, .yiaddr = LEASED, .server = SERVER);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	assert_int_equal(fx.dev.ip.mask, 0xffffff00);
	assert_int_equal(fx.dev.ip.gateway, 0);
	fx_forget_frames();
}

/* Leases of a second, from a broken server: no storm. */
static void shortest_lease_is_no_storm(void **state)
{
	unsigned n = 0;

	requested();
	reply(.type = ACK, OFFERED, .lease = 1);
	for (uint64_t end = fx_now_ms() + 10000; fx_now_ms() < end; n++) {
		struct message m = next_message(1000);

		if (n > 100)
			fail_msg("100 messages within %llu ms",
			    (unsigned long long)since_mark_ms());
		their_xid = m.xid;
		if (m.type == REQUEST)
			reply(.type = ACK, OFFERED, .lease = 1);
		if (m.type == DISCOVER)
			reply(.type = OFFER, OFFERED, .lease = 1);
	}
	fx_forget_frames();
}

/* --- What is not believed ------------------------------------------------ */

static void replies_to_others_are_ignored(void **state)
{
	struct message d = says(DISCOVER, 0);

	their_xid = d.xid;
	reply(.type = OFFER, OFFERED, .xid = d.xid + 1);
	reply(.type = OFFER, OFFERED, .chaddr = mac_b);
	reply(.type = OFFER, OFFERED, .op = 1);
	reply(.type = OFFER, OFFERED, .magic = 0x63825364);
	reply(.type = ACK, OFFERED);
	reply(.type = NAK, .server = SERVER);
	reply(.type = OFFER, .yiaddr = LEASED, .mask = 0xffffff00);
	for (unsigned type = 0; type < 256; type++)
		if (type != OFFER)
			reply(.type = (uint8_t)type, OFFERED);
	says_nothing(2000);
	assert_int_equal(fx.dev.dhcp.state, DHCP_SELECTING);
	assert_int_equal(fx.dev.ip.addr, 0);
	assert_count(DHCP_IGNORED, 7 + 255);
	reply(.type = OFFER, OFFERED);
	says(REQUEST, 0);
	reply(.type = ACK, OFFERED, .xid = d.xid + 1);
	reply(.type = ACK, OFFERED, .chaddr = mac_b);
	reply(.type = OFFER, OFFERED, .server = OTHER);
	says_nothing(1000);
	assert_int_equal(fx.dev.dhcp.state, DHCP_REQUESTING);
	assert_int_equal(fx.dev.ip.addr, 0);
}

/* RFC 2131 4.4.1: the ACK, or NAK, of the selected server. */
static void other_servers_have_no_say(void **state)
{
	requested();
	reply(.type = ACK, OFFERED, .server = OTHER);
	assert_int_equal(fx.dev.ip.addr, 0);
	reply(.type = NAK, .server = OTHER);
	assert_int_equal(fx.dev.dhcp.state, DHCP_REQUESTING);
	reply(.type = ACK, OFFERED);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	fx_forget_frames();
}

static void duplicates_change_nothing(void **state)
{
	requested();
	reply(.type = OFFER, OFFERED);
	says_nothing(0);
	reply(.type = ACK, OFFERED);
	fx_forget_frames();
	reply(.type = ACK, OFFERED, .yiaddr = LEASED + 1);
	reply(.type = NAK, .server = SERVER);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	assert_int_equal(fx.dev.dhcp.state, DHCP_BOUND);
	says_nothing(100 * 1000);
}

/* RFC 2131 3: the last option must always be END, so any cut shows. */
static void cut_replies_are_not_believed(void **state)
{
	static const struct reply offer = { .type = OFFER, OFFERED },
	                          ack = { .type = ACK, OFFERED };
	uint8_t b[600];
	size_t whole;

	their_xid = says(DISCOVER, 0).xid;
	whole = build(b, &offer);
	for (size_t len = 0; len < whole; len++)
		inject_bytes(b, len, false);
	says_nothing(0);
	assert_int_equal(fx.dev.dhcp.state, DHCP_SELECTING);
	inject_bytes(b, whole, false);
	says(REQUEST, 0);
	whole = build(b, &ack);
	for (size_t len = 0; len < whole; len++)
		inject_bytes(b, len, false);
	assert_int_equal(fx.dev.dhcp.state, DHCP_REQUESTING);
	assert_int_equal(fx.dev.ip.addr, 0);
	inject_bytes(b, whole, false);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	fx_forget_frames();
}

/* RFC 2131 4.1: the option field first, then file, then sname. */
static void overloaded_fields_are_read(void **state)
{
	static const char file[] = "\1\4\377\377\0\0\377xyz";
	static const char sname[] = "\3\4\12\0\0\3\377xyz";
	static const char no_end[10] = "\1\4\377\377\0\0";
	static const uint8_t both[] = { 52, 1, 3 }, one[] = { 52, 1, 1 };

	requested();
	reply(.type = ACK, .yiaddr = LEASED, .server = SERVER, .first = both,
	    .first_len = 3, .file = no_end, .sname = sname);
	assert_int_equal(fx.dev.ip.addr, 0);
	reply(.type = ACK, .yiaddr = LEASED, .server = SERVER, .first = both,
	    .first_len = 3, .file = file, .sname = sname);
	assert_int_equal(fx.dev.ip.mask, 0xffff0000);
	assert_int_equal(fx.dev.ip.gateway, 0x0a000003);
	teardown(state);
	setup(state);
	requested();
	reply(.type = ACK, .yiaddr = LEASED, .server = SERVER, .first = one,
	    .first_len = 3, .file = file, .sname = sname);
	assert_int_equal(fx.dev.ip.mask, 0xffff0000);
	assert_int_equal(fx.dev.ip.gateway, 0);
	fx_forget_frames();
}

static void option_lengths_are_checked(void **state)
{
	static const uint8_t odd[] = { 0, 0, /* padding */
		224, 3, 1, 2, 3,             /* nobody knows it */
		1, 3, 255, 255, 0,           /* a mask of three bytes */
		53, 0,                       /* a type of none */
		51, 2, 0, 1,                 /* a lease of two */
		3, 8, 10, 0, 0, 254, 10, 0, 0, 253, 61, 0 };

	requested();
	reply(.type = ACK, .yiaddr = LEASED, .server = SERVER, .first = odd,
	    .first_len = sizeof(odd));
	assert_int_equal(fx.dev.ip.addr, LEASED);
	assert_int_equal(fx.dev.ip.mask, 0xffffff00);
	assert_int_equal(fx.dev.ip.gateway, FX_GATEWAY); /* the first */
	fx_forget_frames();
}

/* Whatever a server says, we end with a usable address or none. */
static void impossible_addresses_are_refused(void **state)
{
	static const uint32_t bad[][2] = { { 0, 0xffffff00 },
		{ 0x00000001, 0xff000000 }, { 0x7f000001, 0xff000000 },
		{ 0xe0000001, 0xf0000000 }, { 0xf0000001, 0xffffff00 },
		{ 0xffffffff, 0xffffff00 }, { 0x0a0000ff, 0xffffff00 },
		{ 0x0a000000, 0xffffff00 }, { 0x0a000003, 0xfffffffc },
		{ 0x0a000000, 0xfffffffc }, { 0x0a000001, 0xff00ff00 },
		{ 0x0a000001, 0x00ffffff }, { 0x0a000001, 1 },
		{ 0x0a000001, 0x7fffffff } };

	their_xid = says(DISCOVER, 0).xid;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		reply(.type = OFFER, .server = SERVER, .yiaddr = bad[i][0],
		    .mask = bad[i][1]);
	says_nothing(0);
	reply(.type = OFFER, OFFERED);
	says(REQUEST, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		reply(.type = ACK, .server = SERVER, .yiaddr = bad[i][0],
		    .mask = bad[i][1]);
	assert_int_equal(fx.dev.ip.addr, 0);
	assert_int_equal(fx.dev.dhcp.state, DHCP_REQUESTING);
}

static void smallest_networks_are_accepted(void **state)
{
	static const uint32_t mask[] = { 0xfffffffc, 0xfffffffe, 0xffffffff,
		0xff000000 };

	for (size_t i = 0; i < 4; i++) {
		if (i > 0)
			teardown(state), setup(state);
		requested();
		reply(.type = ACK, OFFERED, .mask = mask[i]);
		assert_int_equal(fx.dev.ip.addr, LEASED);
		assert_int_equal(fx.dev.ip.mask, mask[i]);
		fx_forget_frames();
	}
}

static void random_damage_does_no_harm(void **state)
{
	static const struct reply ack = { .type = ACK, OFFERED };
	uint8_t b[600];

	requested();
	for (unsigned i = 0; i < 20000; i++) {
		size_t whole = build(b, &ack);

		for (unsigned k = random_below(&fx.rng, 4) + 1; k > 0; k--)
			b[random_below(&fx.rng, 3)
			        ? 236 + random_below(
			                    &fx.rng, (uint32_t)whole - 236)
			        : random_below(&fx.rng, 28)] =
			    (uint8_t)random_u32(&fx.rng);
		inject_bytes(b, whole - random_below(&fx.rng, 2), false);
		if (fx.dev.ip.addr) {
			uint32_t host = ~fx.dev.ip.mask;

			assert_int_equal(host & (host + 1), 0);
			assert_in_range(fx.dev.ip.addr, 0x01000000, 0xdfffffff);
			fx.dev.dhcp.state = DHCP_REQUESTING;
			ip_set_config(&fx.dev, &(struct ip_config){ 0 });
		}
		fx.dev.dhcp.xid = their_xid;
		fx.dev.dhcp.state = DHCP_REQUESTING;
		fx.dev.dhcp.server = SERVER;
		fx_forget_frames();
	}
}

/* --- The link-local fallback (RFC 3927) ---------------------------------- */

static bool is_candidate(uint32_t addr)
{
	return addr >= 0xa9fe0100 && addr <= 0xa9fefeff;
}

/* Runs for ms, keeping the ARP packets and no messages. */
static void watch_arp(uint64_t ms)
{
	uint64_t end = fx_now_ms() + ms;
	const struct fx_frame *f;

	arp_count = 0;
	while (fx_now_ms() < end)
		if ((f = fx_next(end - fx_now_ms())) != NULL && f->bytes[13])
			note_arp(f);
}

/* How many of what was watched were probes for addr. */
static unsigned probes_for(uint32_t addr)
{
	unsigned n = 0;

	for (unsigned i = 0; i < arp_count; i++)
		n += arps[i].sender == 0 && arps[i].target == addr;
	return n;
}

static void without_a_server_an_address_is_chosen(void **state)
{
	watch_arp(11000);
	assert_true(is_candidate(fx.dev.ip.addr));
	assert_int_equal(fx.dev.ip.mask, 0xffff0000);
	assert_int_equal(fx.dev.ip.gateway, 0);
	assert_int_equal(probes_for(fx.dev.ip.addr), 3);
	for (unsigned i = 1; i < 3; i++)
		assert_in_range(arps[i].at_ms - arps[i - 1].at_ms, 999, 2003);
	/* DESIGN.md: after 10 s; announced when it is ours */
	assert_true(arp_count > 3);
	assert_int_equal(arps[3].sender, fx.dev.ip.addr);
	assert_int_equal(arps[3].target, fx.dev.ip.addr);
	assert_in_range(arps[3].at_ms - fx.mark_ns / NS_PER_MS, 9990, 10050);
	says(DISCOVER, 70 * 1000); /* goes on */
	fx_forget_frames();
}

/* RFC 3927 section 9: PROBE_MIN to PROBE_MAX, ANNOUNCE_WAIT, ANNOUNCE_NUM. */
static void probes_and_announcements_keep_their_times(void **state)
{
	unsigned whole = 0;

	watch_arp(20000);
	assert_int_equal(arp_count, 5);
	for (unsigned i = 1; i < 3; i++) {
		uint64_t gap = arps[i].at_ms - arps[i - 1].at_ms;

		assert_in_range(gap, 1000, 2003);
		whole += gap <= 1001;
	}
	assert_true(whole < 2);
	assert_true(arps[3].at_ms - arps[2].at_ms >= 2000);
	assert_int_equal(arps[4].sender, fx.dev.ip.addr);
	assert_in_range(arps[4].at_ms - arps[3].at_ms, 1990, 2010);
}

static void choice_depends_on_the_station(void **state)
{
	uint32_t first, second;

	watch_arp(11000);
	first = fx.dev.ip.addr;
	teardown(state);
	setup(state);
	watch_arp(11000);
	assert_int_equal(fx.dev.ip.addr, first); /* 2.1: SHOULD be stable */
	teardown(state);
	fx_setup(state);
	ip_set_config(&fx.dev, &(struct ip_config){ 0 });
	fx.dev.mac[5] ^= 1;
	dhcp_start(&fx.dev, "");
	watch_arp(11000);
	second = fx.dev.ip.addr;
	assert_true(is_candidate(second));
	assert_int_not_equal(second, first);
	fx_forget_frames();
}

/* Until the first probe; returns its target. */
static uint32_t first_probe(uint64_t within_ms)
{
	uint64_t end = fx_now_ms() + within_ms;
	const struct fx_frame *f;

	while (fx_now_ms() < end)
		if ((f = fx_next(end - fx_now_ms())) != NULL &&
		    f->bytes[13] == 6 && get32(f->bytes + 28) == 0)
			return get32(f->bytes + 38);
	fail_msg("no probe within %u ms", (unsigned)within_ms);
	return 0;
}

/* 2.2.1: an answer, or anybody's use of the address. */
static void defended_candidate_is_not_taken(void **state)
{
	uint32_t first = first_probe(9000), second;

	inject_arp((struct fx_arp){ .op = 2,
	    .sender_mac = mac_b,
	    .sender_ip = first,
	    .target_mac = fx_mac });
	second = first_probe(9000);
	assert_true(is_candidate(second));
	assert_int_not_equal(second, first);
	watch_arp(9000);
	assert_int_equal(fx.dev.ip.addr, second);
	assert_int_equal(probes_for(second), 2);
	assert_int_equal(probes_for(first), 0);
	fx_forget_frames();
}

static void candidate_that_another_probes_is_not_taken(void **state)
{
	uint32_t first = first_probe(9000), second;

	inject_arp((struct fx_arp){ .op = 1,
	    .eth_dst = eth_broadcast,
	    .sender_mac = mac_b,
	    .sender_ip = 0,
	    .target_ip = first });
	second = first_probe(9000);
	assert_int_not_equal(second, first);
	fx_forget_frames();
}

/* A hub or a switch may bring our own probe back. */
static void own_probe_is_no_conflict(void **state)
{
	uint32_t first = first_probe(9000);

	inject_arp((struct fx_arp){ .op = 1,
	    .eth_dst = eth_broadcast,
	    .sender_mac = fx_mac,
	    .sender_ip = 0,
	    .target_ip = first });
	/* and questions about it from others are none either */
	inject_arp((struct fx_arp){ .op = 1,
	    .eth_dst = eth_broadcast,
	    .sender_mac = mac_b,
	    .sender_ip = FX_PEER,
	    .target_ip = first });
	watch_arp(9000);
	assert_int_equal(fx.dev.ip.addr, first);
	fx_forget_frames();
}

/* Nobody can have the address 0, and nothing of ours depends on it. */
static void packet_about_no_address_is_no_conflict(void **state)
{
	says(DISCOVER, 0);
	inject_arp((struct fx_arp){ .op = 1,
	    .eth_dst = eth_broadcast,
	    .sender_mac = mac_b,
	    .sender_ip = 0,
	    .target_ip = 0 });
	reply(.type = OFFER, OFFERED);
	says(REQUEST, 0);
	fx_forget_frames();
}

/* 2.2.1: after ten conflicts at most one new address a minute. */
static void hostile_defender_slows_us_down(void **state)
{
	uint64_t at[20] = { 0 };

	for (unsigned i = 0; i < 16; i++) {
		uint32_t probed = first_probe(70 * 1000);

		at[i] = fx_now_ms();
		inject_arp((struct fx_arp){ .op = 2,
		    .sender_mac = mac_b,
		    .sender_ip = probed,
		    .target_mac = fx_mac });
	}
	for (unsigned i = 12; i < 16; i++)
		assert_true(at[i] - at[i - 1] >= 59000);
	assert_int_equal(fx.dev.ip.addr, 0);
	fx_forget_frames();
}

static void conflict(uint32_t addr)
{
	inject_arp((struct fx_arp){ .op = 1,
	    .eth_dst = eth_broadcast,
	    .sender_mac = mac_b,
	    .sender_ip = addr,
	    .target_ip = addr });
}

/* 2.5: defended once in ten seconds; then another one at once. */
static void lost_link_local_address_is_replaced(void **state)
{
	uint32_t first, second;

	watch_arp(15000);
	first = fx.dev.ip.addr;
	fx_forget_frames();
	conflict(first);
	expect_arp((struct fx_arp){ .op = 1,
	               .eth_dst = eth_broadcast,
	               .sender_ip = first,
	               .target_ip = first },
	    0);
	assert_int_equal(fx.dev.ip.addr, first);
	fx_run_ms(3000);
	conflict(first);
	assert_int_equal(fx.dev.ip.addr, 0);
	second = first_probe(2000);
	assert_int_not_equal(second, first);
	watch_arp(10000);
	assert_int_equal(fx.dev.ip.addr, second);
	fx_forget_frames();
}

static void late_server_replaces_the_fallback(void **state)
{
	struct message m;

	fx_run_ms(12000);
	assert_true(is_candidate(fx.dev.ip.addr));
	fx_forget_frames();
	m = says(DISCOVER, 20 * 1000);
	assert_int_equal(m.src, 0);
	assert_int_equal(m.ciaddr, 0);
	their_xid = m.xid;
	reply(.type = OFFER, OFFERED);
	m = says(REQUEST, 0);
	assert_int_equal(m.src, 0);
	reply(.type = ACK, OFFERED);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	assert_int_equal(fx.dev.ip.gateway, FX_GATEWAY);
	watch_arp(30000);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	assert_int_equal(probes_for(LEASED), 0);
}

static void early_server_ends_the_fallback(void **state)
{
	fx_run_ms(8500); /* two probes have left */
	fx_forget_frames();
	their_xid = fx.dev.dhcp.xid;
	reply(.type = OFFER, OFFERED);
	says(REQUEST, 0);
	reply(.type = ACK, OFFERED);
	watch_arp(20000);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	for (unsigned i = 0; i < arp_count; i++)
		assert_int_equal(arps[i].target, LEASED);
}

/* --- Conflicts with a lease ---------------------------------------------- */

/* RFC 2131 3.1 step 5, table 5, RFC 5227 2.4 (b) */
static void stolen_address_is_declined(void **state)
{
	struct message m;

	bound_for(1000);
	conflict(LEASED);
	assert_int_equal(fx.dev.ip.addr, LEASED); /* defended once */
	fx_forget_frames();
	fx_run_ms(2000);
	conflict(LEASED);
	assert_int_equal(fx.dev.ip.addr, 0);
	m = says(DECLINE, 0);
	assert_int_equal(m.requested, LEASED);
	assert_int_equal(m.server, SERVER);
	assert_int_equal(m.ciaddr, 0);
	assert_int_equal(m.src, 0);
	assert_true(m.broadcast);
	assert_int_equal(m.wanted_len, 0);
	fx_mark();
	m = says(DISCOVER, 15000);
	assert_true(since_mark_ms() >= 9999); /* SHOULD wait ten seconds */
	fx_forget_frames();
}

/* Table 5: secs and flags are 0 in a DECLINE. */
static void decline_has_empty_fields(void **state)
{
	struct message m;

	bound_for(1000);
	fx_run_ms(30000);
	conflict(LEASED);
	fx_forget_frames();
	conflict(LEASED);
	m = says(DECLINE, 0);
	assert_int_equal(m.secs, 0);
	assert_int_equal(m.flags, 0);
	fx_forget_frames();
}

/* What is left of the old exchange does not end the pause. */
static void late_offer_does_not_end_the_pause(void **state)
{
	bound_for(1000);
	conflict(LEASED);
	conflict(LEASED);
	fx_forget_frames();
	reply(.type = OFFER, OFFERED);
	says_nothing(9000);
	says(DISCOVER, 3000);
	fx_forget_frames();
}

static void conflict_from_time_to_time_is_defended(void **state)
{
	bound_for(0xffffffff);
	for (unsigned i = 0; i < 10; i++) {
		conflict(LEASED);
		fx_run_ms(11000);
	}
	assert_int_equal(fx.dev.ip.addr, LEASED);
	assert_count(ARP_CONFLICTS, 10);
	fx_forget_frames();
}

/* --- The link ------------------------------------------------------------ */

static void link_that_comes_back_asks_at_once(void **state)
{
	fx_run_ms(100);
	netdev_set_link(&fx.dev, false);
	fx_run_ms(60 * 1000);
	fx_forget_frames();
	netdev_set_link(&fx.dev, true);
	their_xid = says(DISCOVER, 100).xid;
	reply(.type = OFFER, OFFERED);
	says(REQUEST, 0);
	reply(.type = ACK, OFFERED);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	fx_forget_frames();
}

/* RFC 2131 3.7: the lease is verified; the address stays meanwhile. */
static void lease_is_verified_after_a_link_change(void **state)
{
	struct message m;

	bound_for(10000);
	netdev_set_link(&fx.dev, false);
	fx_run_ms(1000);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	netdev_set_link(&fx.dev, true);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	m = says(REQUEST, 100);
	/* table 4, INIT-REBOOT: so that another network's server says NAK */
	assert_true(m.broadcast);
	assert_int_equal(m.src | m.ciaddr | m.server, 0);
	assert_int_equal(m.requested, LEASED);
	their_xid = m.xid;
	reply(.type = ACK, OFFERED, .lease = 10000);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	assert_int_equal(fx.dev.dhcp.state, DHCP_BOUND);
	fx_forget_frames();
}

static void other_network_refuses_the_lease(void **state)
{
	bound_for(10000);
	netdev_set_link(&fx.dev, false);
	netdev_set_link(&fx.dev, true);
	their_xid = says(REQUEST, 100).xid;
	reply(.type = NAK, .server = OTHER);
	assert_int_equal(fx.dev.ip.addr, 0);
	says(DISCOVER, 6000);
	fx_forget_frames();
}

/* Ports of switches stay deaf for a while: the question is repeated soon. */
static void verification_survives_a_loss(void **state)
{
	bound_for(86400);
	netdev_set_link(&fx.dev, false);
	netdev_set_link(&fx.dev, true);
	says(REQUEST, 100);
	says(REQUEST, 60 * 1000);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	fx_forget_frames();
}

/* RFC 2131 3.2: the lease may be used for what is left of it. */
static void unanswered_verification_leaves_the_lease(void **state)
{
	unsigned n = 0;
	struct message m;

	bound_for(1000);
	netdev_set_link(&fx.dev, false);
	netdev_set_link(&fx.dev, true);
	while ((m = next_message(100 * 1000)).type == REQUEST && !m.ciaddr)
		n++;
	assert_int_equal(n, 4);
	assert_int_equal(m.type, 0);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	m = says(REQUEST, 500 * 1000);
	assert_in_range(since_mark_ms(), 499000, 501000); /* T1 */
	assert_int_equal(m.dst, SERVER);
}

/* RFC 3927 2.2: probed whenever the link comes up. */
static void fallback_is_probed_when_the_link_comes(void **state)
{
	netdev_set_link(&fx.dev, false);
	fx_run_ms(60 * 1000);
	fx_forget_frames();
	netdev_set_link(&fx.dev, true);
	watch_arp(15000);
	assert_true(is_candidate(fx.dev.ip.addr));
	assert_int_equal(probes_for(fx.dev.ip.addr), 3);
}

static void other_devices_do_not_matter(void **state)
{
	bound_for(10000);
	dhcp_conflict(&fx.st.loopback, LEASED);
	dhcp_link_up(&fx.st.loopback);
	dhcp_conflict(&fx.dev, LEASED + 1);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	says_nothing(1000);
}

/* --- Two devices --------------------------------------------------------- */

#define LEASED_SECOND 0xac100009u

/* What a device says next, whatever others say meanwhile. */
static struct message says_by(
    struct netdev *dev, uint8_t type, uint64_t within_ms)
{
	uint64_t end = fx_now_ms() + within_ms;

	for (;;) {
		uint64_t now = fx_now_ms();
		const struct fx_frame *f = fx_next(now < end ? end - now : 0);

		if (f == NULL)
			fail_msg("%s said no message %u", dev->name, type);
		else if (f->dev == dev && f->bytes[13] == 0)
			return read_message(f);
	}
}

static void start_second(void)
{
	fx_plug_in_second();
	assert_int_equal(dhcp_start(&fx.second, "ringlet"), 0);
	fx.at = &fx.second;
}

static void stop_second(void)
{
	fx.second.dhcp.state = DHCP_OFF;
	timer_disarm(&fx.second.dhcp.timer);
	timer_disarm(&fx.second.dhcp.local_timer);
	fx.at = &fx.dev;
}

static void bind_second(void)
{
	their_xid = says_by(&fx.second, DISCOVER, 5000).xid;
	reply(.type = OFFER, OFFERED, .yiaddr = LEASED_SECOND);
	says_by(&fx.second, REQUEST, 0);
	reply(.type = ACK, OFFERED, .yiaddr = LEASED_SECOND, .lease = 100);
	assert_int_equal(fx.second.ip.addr, LEASED_SECOND);
}

static void each_device_has_a_lease_of_its_own(void **state)
{
	struct message m;

	bound_for(10000);
	start_second();
	bind_second();
	assert_int_equal(fx.dev.ip.addr, LEASED);
	assert_int_equal(fx.dev.dhcp.state, DHCP_BOUND);
	/* Its renewal speaks from its own address, through its own card. */
	inject_arp((struct fx_arp){
	    .op = 1, .sender_ip = FX_GATEWAY, .target_ip = LEASED_SECOND });
	m = says_by(&fx.second, REQUEST, 60 * 1000);
	assert_int_equal(m.src, LEASED_SECOND);
	assert_int_equal(m.ciaddr, LEASED_SECOND);
	/* Refused: the other lease is not concerned. */
	their_xid = m.xid;
	reply(.type = NAK, .server = SERVER);
	assert_int_equal(fx.second.ip.addr, 0);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	stop_second();
}

static void both_may_ask_at_once(void **state)
{
	uint32_t first_xid;

	start_second();
	first_xid = says_by(&fx.dev, DISCOVER, 5000).xid;
	bind_second();
	assert_int_equal(fx.dev.ip.addr, 0);
	assert_int_equal(fx.dev.dhcp.state, DHCP_SELECTING);
	fx.at = &fx.dev;
	their_xid = first_xid;
	reply(.type = OFFER, OFFERED);
	reply(.type = ACK, OFFERED);
	assert_int_equal(fx.dev.ip.addr, LEASED);
	assert_int_equal(fx.second.ip.addr, LEASED_SECOND);
	fx_forget_frames();
	stop_second();
}

static void an_address_is_not_taken_twice(void **state)
{
	bound_for(10000);
	start_second();
	their_xid = says_by(&fx.second, DISCOVER, 5000).xid;
	reply(.type = OFFER, OFFERED);
	assert_int_equal(fx.second.dhcp.state, DHCP_SELECTING);
	assert_count(DHCP_IGNORED, 1);
	stop_second();
}

static void without_a_link_one_device_waits_and_the_other_goes_on(void **state)
{
	netdev_set_link(&fx.dev, false);
	start_second();
	fx_forget_frames();
	fx_run_ms(15000);
	assert_int_equal(fx.dev.ip.addr, 0);
	assert_true(is_candidate(fx.second.ip.addr));
	fx_forget_frames();
	stop_second();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		dhcp_test(first_message_is_a_discover),
		dhcp_test(offer_is_requested_and_bound),
		dhcp_test(unicast_answers_are_taken),
		dhcp_test(new_address_wakes_who_waits_for_it),
		dhcp_test(discover_backs_off),
		dhcp_test(secs_tell_since_when_and_do_not_wrap),
		dhcp_test(request_has_the_secs_of_the_discover),
		dhcp_test(unanswered_request_starts_anew),
		dhcp_test(empty_packet_pool_is_a_loss),
		cmocka_unit_test_teardown(no_socket_is_an_error, fx_teardown),
		dhcp_test(long_hostname_is_cut),
		dhcp_test(nak_starts_anew),
		dhcp_test(nak_after_nak_is_no_storm),
		dhcp_test(lease_is_renewed_at_half_time),
		dhcp_test(server_may_set_both_times),
		dhcp_test(lease_is_rebound_by_anybody),
		dhcp_test(expired_lease_is_given_up),
		dhcp_test(refused_renewal_takes_the_address),
		dhcp_test(endless_lease_is_left_in_peace),
		dhcp_test(missing_options_have_defaults),
		dhcp_test(shortest_lease_is_no_storm),
		dhcp_test(replies_to_others_are_ignored),
		dhcp_test(other_servers_have_no_say),
		dhcp_test(duplicates_change_nothing),
		dhcp_test(cut_replies_are_not_believed),
		dhcp_test(overloaded_fields_are_read),
		dhcp_test(option_lengths_are_checked),
		dhcp_test(impossible_addresses_are_refused),
		dhcp_test(smallest_networks_are_accepted),
		dhcp_test(random_damage_does_no_harm),
		dhcp_test(without_a_server_an_address_is_chosen),
		dhcp_test(probes_and_announcements_keep_their_times),
		dhcp_test(choice_depends_on_the_station),
		dhcp_test(defended_candidate_is_not_taken),
		dhcp_test(candidate_that_another_probes_is_not_taken),
		dhcp_test(own_probe_is_no_conflict),
		dhcp_test(packet_about_no_address_is_no_conflict),
		dhcp_test(hostile_defender_slows_us_down),
		dhcp_test(lost_link_local_address_is_replaced),
		dhcp_test(late_server_replaces_the_fallback),
		dhcp_test(early_server_ends_the_fallback),
		dhcp_test(stolen_address_is_declined),
		dhcp_test(decline_has_empty_fields),
		dhcp_test(late_offer_does_not_end_the_pause),
		dhcp_test(conflict_from_time_to_time_is_defended),
		dhcp_test(link_that_comes_back_asks_at_once),
		dhcp_test(lease_is_verified_after_a_link_change),
		dhcp_test(other_network_refuses_the_lease),
		dhcp_test(verification_survives_a_loss),
		dhcp_test(unanswered_verification_leaves_the_lease),
		dhcp_test(fallback_is_probed_when_the_link_comes),
		dhcp_test(other_devices_do_not_matter),
		dhcp_test(each_device_has_a_lease_of_its_own),
		dhcp_test(both_may_ask_at_once),
		dhcp_test(an_address_is_not_taken_twice),
		dhcp_test(
		    without_a_link_one_device_waits_and_the_other_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
