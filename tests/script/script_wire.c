/* SPDX-License-Identifier: MIT */
/* Packet scripts: what is sent and received. */
#include "tests/script/script_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "arch/host/arch_host.h"
#include "sched/thread.h"
#include "tests/support/net_fixture.h"

/* --- What was sent ------------------------------------------------------- */

/* Reads a frame; absolute numbers. */
static void read_frame(const struct fx_frame *f, struct script_segment *s)
{
	const struct ip_hdr *ip = (const struct ip_hdr *)(f->bytes + 14);
	size_t head = sizeof(*ip), total = be16_get(ip->total_len);
	const char *error;

	if (be16_get(*(const be16 *)(f->bytes + 12)) != 0x0800 ||
	    f->len < 14 + head || total < head || total > f->len - 14 ||
	    ip->proto != IP_PROTO_TCP)
		script_wrong(
		    "sent a frame of %zu bytes that is no segment", f->len);
	if (fx_checksum(ip, head, 0) != 0)
		script_wrong("sent a wrong IP checksum");
	error = script_parse_segment(f->bytes + 14 + head, total - head,
	    be32_get(ip->src), be32_get(ip->dst), s);
	if (error != NULL)
		script_wrong("%s", error);
}

/* As fx_next; what we ask or tell of addresses is none of a script's. */
static const struct fx_frame *next_frame(uint64_t within_ms)
{
	const struct fx_frame *f;

	do {
		f = fx_next(within_ms);
	} while (f != NULL && f->bytes[12] == 8 && f->bytes[13] == 6);
	return f;
}

struct peer *script_peer_of(const struct script_segment *s)
{
	for (unsigned i = 0; i < PEERS; i++)
		if (sc.peers[i].port == s->dst_port)
			return &sc.peers[i];
	return sc.peer;
}

/* Numbers relative to the connection's; our first SYN tells our ISN. */
static void relate(struct script_segment *s)
{
	struct peer *p = script_peer_of(s);

	if (s->flags & TCP_SYN && !p->known) {
		p->n.isn = s->seq;
		p->known = true;
	}
	s->seq -= p->n.isn;
	if (s->flags & TCP_ACK)
		s->ack -= p->n.peer_isn;
	if (s->opt.present & SCRIPT_TS) {
		p->n.last_ts = s->opt.ts_val;
		if (s->len && (int32_t)(s->seq - p->n.top) >= 0) {
			p->n.first_ts = s->opt.ts_val;
			p->n.top = s->seq + s->len;
		}
	}
	for (unsigned i = 0; i < s->opt.sacks; i++) {
		s->opt.sack[i][0] -= p->n.peer_isn;
		s->opt.sack[i][1] -= p->n.peer_isn;
	}
}

static void take(const struct fx_frame *f, struct script_segment *s)
{
	char text[160];

	read_frame(f, s);
	relate(s);
	script_print_segment(s, text, sizeof(text));
	script_remember('>', f->at_ns, text);
}

void script_nothing_waits(void)
{
	const struct fx_frame *f = next_frame(0);
	struct script_segment s;

	if (f == NULL)
		return;
	take(f, &s);
	script_wrong("expected nothing to be sent before this line");
}

static uint64_t whole_ms(uint64_t ns)
{
	return (ns + NS_PER_MS - 1) / NS_PER_MS;
}

/* Moves the clock to base_ns + from_ns; nothing may leave on the way. */
void script_wait_for_time(void)
{
	uint64_t until_ns = sc.base_ns + sc.from_ns;

	script_nothing_waits();
	if (arch_clock_ns() < until_ns)
		thread_sleep_until(until_ns);
	script_nothing_waits();
	sc.base_ns = arch_clock_ns();
}

/* --- Segments ------------------------------------------------------------ */

static void read_segment(struct script_segment *s, bool expect)
{
	const char *error = script_read_segment(s, sc.word + sc.at,
	    sc.words - sc.at, sc.options, &sc.peer->n, expect);

	if (error != NULL)
		script_wrong("%s", error);
}

static void inject(void)
{
	static const uint8_t everybody[6] = { 255, 255, 255, 255, 255, 255 };
	uint8_t bytes[1600];
	struct script_segment s;
	char text[160];
	size_t len;

	read_segment(&s, false);
	s.src_port = s.src_port >= 0 ? s.src_port : sc.peer->port;
	s.dst_port = s.dst_port >= 0 ? s.dst_port : sc.peer->our_port;
	s.from = s.from ? s.from : FX_PEER;
	s.to = s.to ? s.to : FX_IP;
	len = script_build_segment(&s, &sc.peer->n, bytes);
	script_print_segment(&s, text, sizeof(text));
	script_remember('<', arch_clock_ns(), text);
	for (uint32_t i = 0; i < sc.times; i++)
		inject_ip((struct fx_ip){ .src = s.from,
		    .dst = s.to,
		    .eth_dst = s.to == FX_BCAST ? everybody : NULL,
		    .proto = IP_PROTO_TCP,
		    .payload = bytes,
		    .len = len });
	sc.at = sc.words;
}

static void check_place(
    const struct script_segment *want, const struct script_segment *sent)
{
	int32_t src = want->src_port >= 0 ? want->src_port : sc.peer->our_port;
	int32_t dst = want->dst_port >= 0 ? want->dst_port : sc.peer->port;

	if (sent->src_port != src || sent->dst_port != dst)
		script_wrong("sent from port %d to %d, expected %d to %d",
		    sent->src_port, sent->dst_port, src, dst);
	if (sent->from != FX_IP || sent->to != (want->to ? want->to : FX_PEER))
		script_wrong("sent from or to another address");
}

void script_check_time(uint64_t at_ns)
{
	double after = ((double)at_ns - (double)sc.base_ns) / NS_PER_MS;

	if (at_ns < sc.base_ns + sc.from_ns || at_ns > sc.base_ns + sc.to_ns)
		script_wrong(
		    "sent %.3f ms after the line before, expected %.3f to "
		    "%.3f",
		    after, (double)sc.from_ns / NS_PER_MS,
		    (double)sc.to_ns / NS_PER_MS);
}

static void expect_one(void)
{
	uint64_t end_ns = sc.base_ns + sc.to_ns, now = arch_clock_ns();
	struct script_segment want, sent;
	const struct fx_frame *f;
	const char *differs;
	char text[160];

	f = next_frame(sc.timed && end_ns > now ? whole_ms(end_ns - now) : 0);
	if (f == NULL && !sc.timed) {
		sched_poll();
		f = next_frame(0);
	}
	read_segment(&want, true);
	script_print_segment(&want, text, sizeof(text));
	if (f == NULL)
		script_wrong("expected %s, seen nothing", text);
	take(f, &sent);
	check_place(&want, &sent);
	differs = script_compare(&want, &sent);
	if (differs != NULL)
		script_wrong("%s: expected %s, seen %s", differs, text,
		    sc.history[(sc.seen - 1) % HISTORY] + 15);
	script_check_time(f->at_ns);
	sc.base_ns = f->at_ns;
}

static void expect(void)
{
	char *word[WORDS];
	char line[256], options[256];

	/* The words are cut up as they are read, so each time needs its own. */
	for (uint32_t i = 0; i < sc.times; i++) {
		size_t used = 0;

		memcpy(word, sc.word, sizeof(word));
		for (unsigned k = sc.at; k < sc.words; k++) {
			size_t len = strlen(word[k]) + 1;

			memcpy(line + used, word[k], len);
			sc.word[k] = line + used;
			used += len;
		}
		if (sc.options != NULL) {
			char *kept = sc.options;

			snprintf(options, sizeof(options), "%s", kept);
			sc.options = options;
			expect_one();
			sc.options = kept;
		} else {
			expect_one();
		}
		memcpy(sc.word, word, sizeof(word));
	}
	sc.at = sc.words;
}

const struct script_statement script_wires[] = {
	{ "<", inject, false },
	{ ">", expect, true },
	{ NULL, NULL, false },
};
