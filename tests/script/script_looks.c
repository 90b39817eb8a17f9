/* SPDX-License-Identifier: MIT */
/* Packet scripts: what looks at the stack, or sets it up. */
#include "tests/script/script_internal.h"

#include <stdlib.h>

#include "arch/host/arch_host.h"
#include "lib/fmt.h"
#include "sched/thread.h"
#include "tests/support/net_fixture.h"

/* --- Looking -------------------------------------------------------------- */

static void do_events(void)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} bits[] = { { "readable", SOCK_READABLE },
		{ "writable", SOCK_WRITABLE }, { "error", SOCK_ERROR },
		{ "hangup", SOCK_HANGUP }, { "peer_shut", SOCK_PEER_SHUT },
		{ "urgent", SOCK_URGENT }, { "none", 0 } };
	uint32_t seen = sock_events(script_socket()->sock), want = 0;

	while (script_more()) {
		const char *name = script_word("an event");
		unsigned i = 0;

		while (strcmp(bits[i].name, name) != 0)
			if (++i == sizeof(bits) / sizeof(bits[0]))
				script_wrong("no event is called '%s'", name);
		want |= bits[i].bit;
	}
	if (seen != want)
		script_wrong("events: expected %#x, seen %#x", want, seen);
}

static void do_state(void)
{
	static const char *const names[TCP_STATES] = { "closed", "syn-sent",
		"syn-received", "established", "fin-wait-1", "fin-wait-2",
		"close-wait", "closing", "last-ack", "time-wait" };
	const struct tcp_tuple t = { { FX_IP, sc.peer->our_port },
		{ FX_PEER, sc.peer->port } };
	const struct tcp_conn *c = tcp_conn_find(&fx.st, &t);
	const char *want = script_word("a state"), *seen = names[TCP_CLOSED];

	if (c != NULL)
		seen = names[c->state];
	else if (tcp_tw_find(&fx.st, &t) != NULL)
		seen = names[TCP_TIME_WAIT];
	if (strcmp(seen, want) != 0)
		script_wrong("state: expected %s, seen %s", want, seen);
}

/* stat NAME = VALUE: a line of /stats. */
static void do_stat(void)
{
	static char buf[1 << 16];
	struct text t = { .buf = buf, .size = sizeof(buf) };
	const char *name = script_word("a name of /stats");
	size_t len = strlen(name);
	char *at = buf;

	buf[0] = '\0';
	stack_print(&fx.st, &t);
	tcp_print(&fx.st, &t);
	while (at != NULL && (strncmp(at, name, len) != 0 || at[len] != ' ')) {
		at = strchr(at, '\n');
		at = at != NULL ? at + 1 : NULL;
	}
	if (at == NULL)
		script_wrong("/stats has no '%s'", name);
	script_check_result(name, atoll(at + len), 0);
}

/* icmp TYPE CODE quote SEQ [MTU]: an error about our segment. */
static void do_icmp(void)
{
	uint8_t b[8 + 20 + 8] = { (uint8_t)script_number("a type"),
		(uint8_t)script_number("a code") };
	struct ip_hdr *ip = (struct ip_hdr *)(b + 8);
	be16 *port = (be16 *)(ip + 1);
	be32 *seq = (be32 *)(port + 2);
	struct icmp_hdr *icmp = (struct icmp_hdr *)b;

	if (!script_is_next("quote"))
		script_wrong("expected quote SEQ");
	ip->version_ihl = 0x45;
	ip->total_len = be16_make(1500); /* a full segment */
	ip->ttl = 60;
	ip->proto = IP_PROTO_TCP;
	ip->src = be32_make(FX_IP);
	ip->dst = be32_make(FX_PEER);
	port[0] = be16_make(sc.peer->our_port);
	port[1] = be16_make(sc.peer->port);
	*seq = be32_make(sc.peer->n.isn + script_number("a sequence number"));
	if (script_more()) {
		uint32_t mtu = script_number("an MTU");

		b[6] = (uint8_t)(mtu >> 8);
		b[7] = (uint8_t)mtu;
	}
	ip->checksum = be16_make(fx_checksum(ip, sizeof(*ip), 0));
	icmp->checksum = be16_make(fx_checksum(b, sizeof(b), 0));
	inject_ip((struct fx_ip){
	    .proto = IP_PROTO_ICMP, .payload = b, .len = sizeof(b) });
}

static void do_link(void)
{
	bool down = script_is_next("down");

	if (!down && !script_is_next("up"))
		script_wrong("expected down or up");
	netdev_set_link(&fx.dev, !down);
}

/* card full, card room: whether the card takes packets. */
static void do_card(void)
{
	fx.card_full = script_is_next("full");
	if (!fx.card_full && !script_is_next("room"))
		script_wrong("expected full or room");
	if (!fx.card_full)
		netdev_tx_done(&fx.dev);
}

static void do_setting(void)
{
	const char *name = script_word("a setting");
	char *end;

	if (strcmp(name, "tcp.msl") == 0)
		fx.st.tcp.msl_ns = script_duration(script_word("a time"), &end);
	else if (strcmp(name, "mtu") == 0)
		fx.dev.mtu = (uint16_t)script_number("an MTU");
	else if (strcmp(name, "isn") == 0)
		sc.isn = script_number("a number");
	else if (strcmp(name, "peer-isn") == 0)
		sc.peer->n.peer_isn = script_number("a number");
	else
		script_wrong("no setting is called '%s'", name);
}

/* peer N: the lines from here on speak of this one's connection. */
static void do_peer(void)
{
	uint32_t n = script_number("a number");

	if (n >= PEERS)
		script_wrong("there are %d peers", PEERS);
	sc.peer = &sc.peers[n];
}

/* again [N]: a new connection of the same ports; the peer's numbers begin N
 * further on. */
static void do_again(void)
{
	struct peer *p = sc.peer;

	p->n.peer_isn += script_more() ? script_number("a number") : 0;
	p->known = false;
	p->written = p->read = 0;
}

/* hoard POOL: takes all of it; hoard POOL N: gives N back. */
static void do_hoard(void)
{
	const char *name =
	    script_word("packets, chunks, records or connections");
	struct pool *p = strcmp(name, "packets") == 0   ? &fx.st.packets
	                 : strcmp(name, "chunks") == 0  ? &fx.st.chunks
	                 : strcmp(name, "records") == 0 ? &fx.st.sent
	                                                : &fx.st.conns;

	if (sc.hoarded == NULL)
		fx_hoard(sc.hoarded = p);
	else if (sc.hoarded == p && script_more())
		fx_hoard_give(p, script_number("how many"));
	else
		script_wrong("one pool can be taken, once");
}

/* Whatever was sent does not matter. */
static void do_ignore(void)
{
	uint64_t until_ns = sc.base_ns + sc.from_ns;

	if (arch_clock_ns() < until_ns)
		thread_sleep_until(until_ns);
	fx_forget_frames();
	sc.base_ns = arch_clock_ns();
}

static void do_quiet(void)
{
	char *end;

	sc.from_ns = script_duration(script_word("a time"), &end);
	script_wait_for_time();
}

const struct script_statement script_looks[] = {
	{ "events", do_events, false },
	{ "state", do_state, false },
	{ "stat", do_stat, false },
	{ "icmp", do_icmp, false },
	{ "link", do_link, false },
	{ "card", do_card, false },
	{ "setting", do_setting, false },
	{ "peer", do_peer, false },
	{ "again", do_again, false },
	{ "hoard", do_hoard, false },
	{ "ignore", do_ignore, true },
	{ "quiet", do_quiet, true },
	{ NULL, NULL, false },
};
