/* SPDX-License-Identifier: MIT */
#include "tests/sim/oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/host/arch_host.h"
#include "lib/checksum.h"
#include "net/ip.h"
#include "net/sock_internal.h"
#include "net/stack.h"
#include "net/tcp_internal.h"

#define BUCKETS    1024
#define RANGES     512
#define SYNS       4
#define RING_FIRST (1u << 14)
#define OPTION_MAX 40
#define RTO_CAP_NS (59 * NS_PER_S)

/* What came of the peer's numbers, [left, right), in order. */
struct range {
	uint32_t left, right;
};

/* One side's view of a connection. */
struct oracle_flow {
	struct oracle_flow *next;
	struct oracle *o;
	unsigned side;
	struct tcp_tuple t;

	/* Sent by this side. */
	bool open, fin, reset; /* our SYN, FIN, RST was sent */
	uint32_t isn, top, una, fin_seq;
	uint32_t high_sack; /* what the peer told of, at most */
	uint32_t edge;      /* of the peer's window, as far as it ever was */
	bool edge_known;
	unsigned dups;         /* ACKs without progress since the last with */
	uint32_t resent_below; /* top when something was last sent again */
	bool resent;
	uint8_t *ring; /* the bytes in flight, by sequence number */
	uint32_t ring_size;
	uint8_t scale_out, scale_in; /* of our windows, of the peer's */
	bool scale_offered, scale_agreed, sack_offered, sack_agreed;
	bool peer_has_scale, peer_sack_ok; /* its last SYN */
	uint8_t peer_scale;

	/* Told by this side. */
	bool acked;
	uint32_t base, ack, told_edge;
	uint32_t ts_val;
	bool ts_sent;

	/* Received by this side. */
	uint32_t syn[SYNS];
	unsigned syns;
	struct range range[RANGES];
	unsigned ranges;
	bool peer_fin;
	uint32_t peer_fin_end;
	bool forgot; /* too many ranges: no more is said about them */
	uint32_t ts_came;
	bool ts_seen;

	/* Timeouts in a row; probes of the tail without an answer. */
	unsigned timeouts, probes;
	uint64_t timeout_ns, timeout_gap_ns, received_ns;

	/* The connection's inside, as it was last. */
	uint32_t cwnd, cwnd_max, rcvbuf_max;
};

/* A segment with its options. */
struct seen {
	struct wire_segment s;
	uint32_t end; /* behind data, SYN and FIN */
	bool has_ts, sack_ok, has_scale;
	uint8_t scale;
	uint32_t ts_val, ts_ecr;
	unsigned sacks;
	struct range sack[4];
};

/* --- Saying it ----------------------------------------------------------- */

static void wrong(struct oracle_flow *f, const struct seen *g, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

static void wrong(
    struct oracle_flow *f, const struct seen *g, const char *fmt, ...)
{
	char text[256];
	int n = snprintf(text, sizeof(text),
	    "oracle: side %u port %u seq %u len %zu ack %u: ", f->side,
	    f->t.local.port, g->s.seq - f->isn, g->s.len,
	    f->acked ? g->s.ack - f->base : 0);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	f->o->fail(f->o->ctx, text);
}

/* --- Reading ------------------------------------------------------------- */

static uint32_t word_at(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | b[2] << 8 | b[3];
}

static void read_option(struct seen *g, const uint8_t *b)
{
	if (b[0] == 3 && b[1] == 3) {
		g->has_scale = true;
		g->scale = b[2] > 14 ? 14 : b[2];
	} else if (b[0] == 4 && b[1] == 2) {
		g->sack_ok = true;
	} else if (b[0] == 8 && b[1] == 10) {
		g->has_ts = true;
		g->ts_val = word_at(b + 2);
		g->ts_ecr = word_at(b + 6);
	} else if (b[0] == 5 && b[1] % 8 == 2) {
		for (unsigned i = 2; i < b[1] && g->sacks < 4; i += 8)
			g->sack[g->sacks++] = (struct range){ word_at(b + i),
				word_at(b + i + 4) };
	}
}

static void read_options(struct seen *g, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len && b[i] != 0;) {
		if (b[i] == 1) {
			i++;
			continue;
		}
		if (i + 1 >= len || b[i + 1] < 2 || b[i + 1] > len - i)
			return;
		read_option(g, b + i);
		i += b[i + 1];
	}
}

/* False for what is no segment, or was damaged on the way. */
static bool read_segment(const uint8_t *frame, size_t len, struct seen *g)
{
	const struct ip_hdr *ip = (const struct ip_hdr *)(frame + 14);
	const uint8_t *tcp = (const uint8_t *)(ip + 1);
	size_t total;
	uint32_t sum;

	memset(g, 0, sizeof(*g));
	if (!wire_parse(frame, len, &g->s) || ip->version_ihl != 0x45)
		return false;
	total = be16_get(ip->total_len);
	if (total > len - 14 ||
	    checksum_finish(checksum_add(0, ip, sizeof(*ip))) != 0)
		return false;
	total -= sizeof(*ip);
	sum = ip_pseudo_sum(
	    g->s.src_ip, g->s.dst_ip, IP_PROTO_TCP, (uint32_t)total);
	if (checksum_finish(checksum_add(sum, tcp, total)) != 0)
		return false;
	g->end = g->s.seq + (uint32_t)g->s.len + !!(g->s.flags & TCP_SYN) +
	         !!(g->s.flags & TCP_FIN);
	read_options(g, tcp + sizeof(struct tcp_hdr),
	    (size_t)(g->s.data - tcp) - sizeof(struct tcp_hdr));
	return true;
}

static struct oracle_flow *flow_of(struct oracle *o, unsigned side,
    struct sock_addr local, struct sock_addr peer)
{
	uint32_t hash = (uint32_t)local.port * 31 + peer.port * 17 + side;
	struct oracle_flow **at = &o->flows[hash % BUCKETS];
	struct oracle_flow *f;

	for (f = *at; f != NULL; f = f->next)
		if (f->side == side && f->t.local.port == local.port &&
		    f->t.peer.port == peer.port && f->t.local.ip == local.ip &&
		    f->t.peer.ip == peer.ip)
			return f;
	f = calloc(1, sizeof(*f));
	f->next = *at;
	f->o = o;
	f->side = side;
	f->t = (struct tcp_tuple){ local, peer };
	return *at = f;
}

/* --- The connection's inside --------------------------------------------- */

struct view {
	uint32_t cwnd, mss, una, recover, ooo, recvq, rcvbuf;
	bool in_recovery, repairing, frto, synchronized, open;
};

static bool look(const struct oracle_flow *f, struct view *v)
{
	struct stack *st = &f->o->stack[f->side];
	const struct tcp_conn *c = tcp_conn_find(st, &f->t);

	if (c == NULL)
		return false;
	*v = (struct view){ .cwnd = c->cwnd,
		.mss = c->mss,
		.una = c->snd_una,
		.recover = c->recover,
		.ooo = c->ooo_len,
		.recvq = c->recvq.len,
		.rcvbuf = tcp_rcvbuf(c),
		.repairing = c->recovery != TCP_NO_RECOVERY,
		.frto = c->frto == TCP_FRTO_NEW,
		.open = c->snd_wnd != 0,
		.in_recovery = c->recovery == TCP_FAST_RECOVERY,
		.synchronized = tcp_is_synchronized(c) };
	return true;
}

/* --- What came ----------------------------------------------------------- */

static void remove_range(struct oracle_flow *f, unsigned i)
{
	memmove(&f->range[i], &f->range[i + 1],
	    (--f->ranges - i) * sizeof(f->range[0]));
}

static void add_range(struct oracle_flow *f, uint32_t left, uint32_t right)
{
	unsigned i = 0;

	if (left == right)
		return;
	while (i < f->ranges) {
		const struct range r = f->range[i];

		if (seq_lt(right, r.left) || seq_lt(r.right, left)) {
			i++;
			continue;
		}
		if (seq_lt(r.left, left))
			left = r.left;
		if (seq_lt(right, r.right))
			right = r.right;
		remove_range(f, i);
	}
	if (f->ranges == RANGES) {
		f->forgot = true;
		f->ranges = 0;
	}
	f->range[f->ranges++] = (struct range){ left, right };
}

/* Whether all of [left, right) came. */
static bool came(const struct oracle_flow *f, uint32_t left, uint32_t right)
{
	if (f->forgot || left == right)
		return true;
	for (unsigned i = 0; i < f->ranges; i++)
		if (seq_le(f->range[i].left, left) &&
		    seq_le(right, f->range[i].right))
			return true;
	return false;
}

static void received_window(struct oracle_flow *f, const struct seen *g)
{
	bool scaled = f->scale_agreed && !(g->s.flags & TCP_SYN);
	uint32_t wnd = (uint32_t)g->s.window << (scaled ? f->scale_in : 0);
	uint32_t edge = g->s.ack + wnd;

	if (!f->edge_known || seq_lt(f->edge, edge))
		f->edge = edge;
	f->edge_known = true;
}

static void received_ack(struct oracle_flow *f, const struct seen *g)
{
	if (!seq_le(f->una, g->s.ack) || !seq_le(g->s.ack, f->top))
		return;
	f->dups = g->s.ack == f->una ? f->dups + 1 : 0;
	received_window(f, g);
	f->una = g->s.ack;
	for (unsigned i = 0; i < g->sacks; i++)
		if (seq_lt(f->high_sack, g->sack[i].right) &&
		    seq_le(g->sack[i].right, f->top))
			f->high_sack = g->sack[i].right;
	if (seq_lt(f->high_sack, f->una))
		f->high_sack = f->una;
	if (f->resent && !seq_lt(f->una, f->resent_below))
		f->resent = false;
}

/* What both SYNs said. */
static void agree(struct oracle_flow *f)
{
	f->scale_in = f->peer_scale;
	f->scale_agreed = f->scale_offered && f->peer_has_scale;
	f->sack_agreed = f->sack_offered && f->peer_sack_ok;
}

static void received_syn(struct oracle_flow *f, const struct seen *g)
{
	f->syn[f->syns++ % SYNS] = g->s.seq;
	/* What was answered stands; a later try may offer less. */
	if (f->acked && g->s.seq + 1 == f->base)
		return;
	f->peer_has_scale = g->has_scale;
	f->peer_scale = g->scale;
	f->peer_sack_ok = g->sack_ok;
	/* One in the middle of a connection changes nothing of it. */
	if (!f->acked)
		agree(f);
	/* The window of a SYN alone counts from our first byte on. */
	if (!(g->s.flags & TCP_ACK) && !f->edge_known)
		f->edge = g->s.window;
}

static void received(struct oracle_flow *f, const struct seen *g)
{
	struct view v;

	f->timeouts = f->probes = 0;
	f->received_ns = arch_clock_ns();
	if (look(f, &v))
		f->cwnd = v.cwnd;
	add_range(f, g->s.seq, g->end);
	if (g->s.flags & TCP_RST)
		return;
	if (g->s.flags & TCP_FIN)
		f->peer_fin_end = g->end;
	f->peer_fin |= g->s.flags & TCP_FIN;
	if (g->has_ts && (!f->ts_seen || (int32_t)(g->ts_val - f->ts_came) > 0))
		f->ts_came = g->ts_val;
	f->ts_seen |= g->has_ts;
	if (g->s.flags & TCP_SYN)
		received_syn(f, g);
	if (g->s.flags & TCP_ACK && f->open)
		received_ack(f, g);
}

/* After the stack has processed it. */
static void processed(
    struct oracle_flow *f, const struct seen *g, uint32_t una_before)
{
	uint32_t acked = f->una - una_before, most;
	struct view v;

	if (!look(f, &v) || !v.synchronized)
		return;
	if (v.in_recovery && seq_lt(v.recover, v.una))
		wrong(f, g, "recovery goes on beyond its end");
	/* A reduction may be undone (RFC 4015): what was had before is had. */
	most = f->cwnd > f->cwnd_max ? f->cwnd : f->cwnd_max;
	most += 2 * acked + 4 * v.mss;
	if (f->cwnd != 0 && v.cwnd > most)
		wrong(f, g, "cwnd grew from %u to %u for %u bytes", f->cwnd,
		    v.cwnd, acked);
	if (v.cwnd > f->cwnd_max)
		f->cwnd_max = v.cwnd;
	if (v.cwnd == 0)
		wrong(f, g, "cwnd is 0");
	if (v.rcvbuf > f->rcvbuf_max)
		f->rcvbuf_max = v.rcvbuf;
	if (v.ooo > TCP_OOO_MAX || v.recvq > f->rcvbuf_max)
		wrong(f, g, "%u out of order, %u of %u bytes to read", v.ooo,
		    v.recvq, f->rcvbuf_max);
}

/* --- What is sent: the ACK field ----------------------------------------- */

/* The first ACK tells which SYN is meant. */
static bool find_base(struct oracle_flow *f, const struct seen *g)
{
	uint32_t best = UINT32_MAX;

	for (unsigned i = 0; i < f->syns && i < SYNS; i++)
		if (g->s.ack - (f->syn[i] + 1) < best)
			best = g->s.ack - (f->syn[i] + 1);
	if (best > 1u << 30) {
		wrong(f, g, "acknowledges a SYN that never came");
		return false;
	}
	f->base = f->ack = f->told_edge = g->s.ack - best;
	f->acked = true;
	return true;
}

static void sent_window(struct oracle_flow *f, const struct seen *g)
{
	bool syn = g->s.flags & TCP_SYN;
	unsigned shift = f->scale_agreed && !syn ? f->scale_out : 0;
	uint32_t edge = g->s.ack + ((uint32_t)g->s.window << shift);

	/* Behind the peer's FIN nobody needs a window. */
	if (f->peer_fin && g->s.ack == f->peer_fin_end)
		return;
	if (seq_lt(edge + (1u << shift) - 1, f->told_edge))
		wrong(f, g, "the right edge moved left by %u",
		    f->told_edge - edge);
	if (seq_lt(f->told_edge, edge))
		f->told_edge = edge;
}

static void sent_sack(struct oracle_flow *f, const struct seen *g)
{
	for (unsigned i = 0; i < g->sacks; i++) {
		const struct range b = g->sack[i];

		if (!seq_lt(b.left, b.right) || !came(f, b.left, b.right))
			wrong(f, g, "SACK %u:%u never came", b.left - f->base,
			    b.right - f->base);
		/* Only the first may tell of a duplicate (RFC 2883). */
		if (i > 0 && seq_lt(b.left, g->s.ack))
			wrong(f, g, "SACK %u:%u is acknowledged",
			    b.left - f->base, b.right - f->base);
	}
	if (g->sacks > 0 && !f->sack_agreed)
		wrong(f, g, "SACK was not agreed");
}

static void sent_ack(struct oracle_flow *f, const struct seen *g)
{
	if (!f->acked && !find_base(f, g))
		return;
	if (seq_lt(g->s.ack, f->ack))
		wrong(f, g, "ACK went back by %u", f->ack - g->s.ack);
	if (!came(f, f->base, g->s.ack))
		wrong(f, g, "acknowledges what never came");
	f->ack = g->s.ack;
	sent_window(f, g);
	sent_sack(f, g);
}

static void sent_timestamps(struct oracle_flow *f, const struct seen *g)
{
	if (!g->has_ts)
		return;
	if (f->ts_sent && (int32_t)(g->ts_val - f->ts_val) < 0)
		wrong(f, g, "timestamp went back");
	if (g->s.flags & TCP_ACK && f->ts_seen &&
	    (int32_t)(g->ts_ecr - f->ts_came) > 0)
		wrong(f, g, "echoes a timestamp that never came");
	f->ts_val = g->ts_val;
	f->ts_sent = true;
}

/* --- What is sent: the stream -------------------------------------------- */

static void sent_syn(struct oracle_flow *f, const struct seen *g)
{
	if (!f->open || f->isn != g->s.seq) {
		/* Another connection of the same ports. */
		f->fin = f->reset = f->acked = f->ts_sent = f->edge_known =
		    f->resent = false;
		f->timeouts = f->dups = 0;
		f->cwnd = f->cwnd_max = 0;
		f->scale_offered = f->sack_offered = false;
		f->isn = f->una = f->top = f->high_sack = g->s.seq;
	}
	if (!(g->s.flags & TCP_ACK))
		f->peer_has_scale = f->peer_sack_ok = false;
	f->open = true;
	/* The peer may answer any try. */
	f->scale_offered |= g->has_scale;
	f->sack_offered |= g->sack_ok;
	if (g->has_scale)
		f->scale_out = g->scale;
	agree(f);
	if (!f->edge_known && f->syns > 0) {
		f->edge = g->s.seq + 1 + f->edge;
		f->edge_known = true;
	}
}

/* Makes the ring hold `bytes` from una on. */
static void grow_ring(struct oracle_flow *f, uint32_t bytes)
{
	uint32_t size = f->ring_size ? f->ring_size : RING_FIRST;
	uint8_t *ring;

	if (f->ring_size >= bytes)
		return;
	while (size < bytes)
		size *= 2;
	ring = calloc(1, size);
	for (uint32_t i = 0; i < f->ring_size; i++)
		ring[(f->una + i) % size] =
		    f->ring[(f->una + i) % f->ring_size];
	free(f->ring);
	f->ring = ring;
	f->ring_size = size;
}

/* Bytes that were sent before are the same again. */
static void sent_bytes(struct oracle_flow *f, const struct seen *g)
{
	if (g->s.len > 0 && seq_le(f->una, g->end))
		grow_ring(f, g->end - f->una);
	for (uint32_t i = 0; i < g->s.len; i++) {
		uint32_t seq = g->s.seq + i;
		uint8_t *at = &f->ring[seq % f->ring_size];

		if (seq_lt(seq, f->una))
			continue;
		if (seq_lt(seq, f->top) && *at != g->s.data[i]) {
			wrong(f, g, "byte %u differs when sent again",
			    seq - f->isn);
			return;
		}
		*at = g->s.data[i];
	}
}

static void sent_fin(struct oracle_flow *f, const struct seen *g)
{
	bool fin = g->s.flags & TCP_FIN;
	uint32_t data_end = g->s.seq + (uint32_t)g->s.len;

	if (f->fin && g->s.len > 0 && seq_lt(f->fin_seq, data_end))
		wrong(f, g, "data after FIN");
	if (f->fin && fin && data_end != f->fin_seq)
		wrong(f, g, "FIN moved from %u to %u", f->fin_seq - f->isn,
		    data_end - f->isn);
	if (fin && !f->fin)
		f->fin_seq = data_end;
	f->fin |= fin;
}

/* RFC 5681 3: FlightSize stays within cwnd, but for limited transmit (RFC
 * 3042), a tail loss probe (RFC 8985 7.3), the two segments that ask whether a
 * timeout was needed (RFC 5682 2.1 step 2b), and what duplicates let go in
 * recovery, a segment or two for each that left the path (RFC 6937). */
static void sent_new(struct oracle_flow *f, const struct seen *g)
{
	uint32_t flight = g->s.seq + (uint32_t)g->s.len - f->una;
	const struct wire_end *e = &f->o->wire->end[f->side];
	uint32_t allowed, extra;
	struct view v;

	if (f->edge_known && (int32_t)(g->end - f->edge) > 1)
		wrong(f, g, "%u bytes beyond the peer's window",
		    g->end - f->edge);
	/* A probe of the tail starts the timeout anew (RFC 8985 7.3). */
	if (g->s.len > 0)
		f->timeouts = 0;
	if (g->s.len == 0 || !look(f, &v))
		return;
	allowed = v.cwnd > f->cwnd ? v.cwnd : f->cwnd;
	/* What waited for the card was allowed when it was made. */
	if ((e->out.slots != 0 || f->resent) && f->cwnd_max > allowed)
		allowed = f->cwnd_max;
	extra = f->resent ? 2 * f->dups : f->dups < 2 ? f->dups : 2;
	allowed += (extra + f->sack_agreed + 2 * v.frto) * v.mss;
	/* What lies below the highest SACK may have left the path. */
	if (f->sack_agreed && seq_lt(f->una, f->high_sack))
		allowed += f->high_sack - f->una;
	if (f->cwnd != 0 && flight > allowed && g->s.len > 1)
		wrong(f, g, "%u in flight, %u allowed", flight, allowed);
}

/* RFC 8985 7.2: outside of recovery, and not for what has just come, only a
 * probe of the tail sends something again, and then waits for an ACK. */
static void sent_probe(struct oracle_flow *f, const struct seen *g)
{
	struct view v;

	if (f->received_ns == arch_clock_ns() ||
	    f->o->icmp_ns[f->side] == arch_clock_ns() || !look(f, &v) ||
	    !v.synchronized || !v.open || v.repairing ||
	    f->o->wire->end[f->side].out.slots != 0)
		return;
	if (++f->probes > 1)
		wrong(f, g, "a second probe of the tail without an ACK");
	if (!f->sack_agreed)
		wrong(f, g, "a probe of the tail without SACK");
}

/* RFC 6298 5.5: the first bytes again and again without a word between. */
static void sent_again(struct oracle_flow *f, const struct seen *g)
{
	uint64_t now = arch_clock_ns(), gap = now - f->timeout_ns;

	f->resent = true;
	f->resent_below = f->top;
	if (!seq_le(g->s.seq, f->una))
		return;
	if (f->timeouts >= 2 && gap < f->timeout_gap_ns * 9 / 5 &&
	    gap < RTO_CAP_NS && f->o->wire->end[f->side].out.slots == 0)
		wrong(f, g, "timeouts %llu and %llu ms apart",
		    (unsigned long long)(f->timeout_gap_ns / NS_PER_MS),
		    (unsigned long long)(gap / NS_PER_MS));
	if (f->timeouts >= 1)
		f->timeout_gap_ns = gap;
	f->timeouts++;
	f->timeout_ns = now;
}

static void sent_text(struct oracle_flow *f, const struct seen *g)
{
	bool again = seq_lt(g->s.seq, f->top);

	if (g->end == g->s.seq)
		return;
	if (f->reset && !(g->s.flags & TCP_SYN))
		wrong(f, g, "sends after a reset");
	sent_bytes(f, g);
	sent_fin(f, g);
	if (seq_lt(f->top, g->end) && !(g->s.flags & TCP_SYN))
		sent_new(f, g);
	if (again) {
		sent_again(f, g);
		sent_probe(f, g);
	}
	if (seq_lt(f->top, g->end))
		f->top = g->end;
}

static void sent(struct oracle_flow *f, const struct seen *g)
{
	if (g->s.flags & TCP_RST) {
		/* One that answers an ACK of an older connection stands where
		 * that did, and ends nothing (RFC 9293 3.10.7.3). */
		f->reset |=
		    seq_le(f->isn, g->s.seq) && seq_le(g->s.seq, f->top);
		return;
	}
	if (g->s.flags & TCP_SYN)
		sent_syn(f, g);
	if (!f->open)
		return; /* begun before we looked */
	if (g->s.flags & TCP_ACK)
		sent_ack(f, g);
	sent_timestamps(f, g);
	sent_text(f, g);
}

/* --- The whole ----------------------------------------------------------- */

static bool is_icmp(const uint8_t *frame, size_t len)
{
	const struct ip_hdr *ip = (const struct ip_hdr *)(frame + 14);

	return len >= 14 + sizeof(*ip) && ip->proto == IP_PROTO_ICMP;
}

static void watch(void *ctx, enum wire_moment m, unsigned side,
    const uint8_t *frame, size_t len)
{
	static uint32_t una_before;
	struct oracle *o = ctx;
	struct sock_addr src, dst;
	struct oracle_flow *f;
	struct seen g;

	if (m == WIRE_RECEIVED && is_icmp(frame, len))
		o->icmp_ns[side] = arch_clock_ns();
	if (!read_segment(frame, len, &g))
		return;
	src = (struct sock_addr){ g.s.src_ip, g.s.src_port };
	dst = (struct sock_addr){ g.s.dst_ip, g.s.dst_port };
	o->segments++;
	if (m == WIRE_SENT) {
		sent(flow_of(o, side, src, dst), &g);
		return;
	}
	f = flow_of(o, side, dst, src);
	if (m == WIRE_RECEIVED) {
		una_before = f->una;
		received(f, &g);
	} else {
		processed(f, &g, una_before);
	}
}

void oracle_start(struct oracle *o, struct wire *w, struct stack *stack,
    oracle_fail_fn *fail, void *ctx)
{
	oracle_stop(o);
	*o = (struct oracle){ .stack = stack,
		.wire = w,
		.flows = calloc(BUCKETS, sizeof(struct oracle_flow *)),
		.fail = fail,
		.ctx = ctx };
	w->watch = watch;
	w->watch_ctx = o;
}

void oracle_stop(struct oracle *o)
{
	for (unsigned i = 0; o->flows != NULL && i < BUCKETS; i++)
		while (o->flows[i] != NULL) {
			struct oracle_flow *f = o->flows[i];

			o->flows[i] = f->next;
			free(f->ring);
			free(f);
		}
	free(o->flows);
	o->flows = NULL;
	if (o->wire != NULL)
		o->wire->watch = NULL;
}
